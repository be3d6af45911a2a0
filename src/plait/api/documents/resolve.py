"""How a register's concurrent writes are read: the choices of ``Register(resolve=...)``.

A later write always wins over one that it has seen; these decide only among writes that did not
know of each other, and they are readings: nothing is written back.
"""

from typing import TypeAlias

import msgspec

from plait.base.errors import BadDocument
from plait.types.merging.functions import Function, MergeFunction, register_function


class LastWriterWins(msgspec.Struct, frozen=True):
    """The newest by the clock; the others can be looked at with `losers` until they are stable."""


class Merge(msgspec.Struct, frozen=True):
    """``function(base, siblings)``, computed at every replica from the same arguments.

    It must depend on nothing else. Ready-made: `plait.merge.text`, `json`, `union`, `max`, `min`.
    version: give a function that was changed another one, so that replicas can tell them apart.
    """

    function: Function
    version: int = 1

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise BadDocument(
                f"Merge({self.function!r}) takes a function (base, siblings) -> value"
            )

    def named(self) -> MergeFunction:
        """The function under the name that others know it by; known in this process from now."""
        if isinstance(self.function, MergeFunction):
            return self.function
        name = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        module = getattr(self.function, "__module__", "") or ""
        return register_function(MergeFunction(f"{module}.{name}", self.version, self.function))


class Ask(msgspec.Struct, frozen=True):
    """All are kept, the newest is shown, and the conflict inbox asks a person."""


Resolve: TypeAlias = LastWriterWins | Merge | Ask
