"""Merge functions: named and versioned, so that replicas can tell that they mean the same one.

A merge function gets ``(base, siblings)``: what the authors last agreed on (None if on nothing)
and two or more different values, by (stamp, replica, sequence number). It returns one value.

Law: the result depends on the arguments alone: no clock, no chance, no order of sets or dicts. What
it returns for given arguments changes only together with its version.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from plait.base.errors import BadSettings

Function: TypeAlias = Callable[[Any, Sequence[Any]], Any]


class MergeFunction(msgspec.Struct, frozen=True):
    """A function with the name and version that a collection's settings know it by."""

    name: str
    version: int
    function: Function

    def __call__(self, base: Any, siblings: Sequence[Any]) -> Any:
        """The merged value."""
        return self.function(base, siblings)


_functions: dict[tuple[str, int], MergeFunction] = {}


def register_function(merge: MergeFunction) -> MergeFunction:
    """Make a merge function known in this process. `BadSettings` if it is known as another."""
    known = _functions.setdefault((merge.name, merge.version), merge)
    if known.function is not merge.function and _name(known) != _name(merge):
        raise BadSettings(
            f"merge function {merge.name!r} version {merge.version} is {_name(known)} here, "
            f"not {_name(merge)}; give a changed function another version"
        )
    _functions[merge.name, merge.version] = merge  # a module that was loaded again
    return merge


def find_function(name: str, version: int) -> MergeFunction | None:
    """The merge function of that name and version, if this process knows it."""
    return _functions.get((name, version))


def _name(merge: MergeFunction) -> str:
    kind = merge.function
    return f"{getattr(kind, '__module__', '?')}.{getattr(kind, '__qualname__', repr(kind))}"
