"""Free-form documents: what a dict becomes in a graph, and how it is read back.

A member called k is a register at ``r:k`` for scalars and lists, and an object at ``o:k`` for a
dict. A dict also sets ``r:k`` to ``{}``: nesting has no state of its own, and a dict that lost its
last member is still a dict.

Two replicas may assign different kinds of things to k at the same time, and then several
components called k are alive. One is shown, the same at every replica: ``o`` before everything
(work of several people may be inside), then the others in the order of their components. The next
assignment, by somebody who has seen both, clears the other.

Absent: lists that merge by element; a list is one value.
"""

from typing import Any, Protocol, TypeAlias

from plait.base.codec import encode_key, encode_value
from plait.base.errors import BadValue
from plait.graph.event import PATH_MAX
from plait.types.catalogue import type_of
from plait.types.graph_type import Mutation
from plait.types.nesting import NEST
from plait.types.paths import Path, component, name_of, tag_of

VALUE = "r"

Step: TypeAlias = tuple[Path, Mutation | None]  # None: clear everything at and below the path


class Objects(Protocol):
    """What is read: a shelf, a replica, a past."""

    def object(self, key: str, path: Path) -> Any | None:
        """The state of an object."""
        ...

    def children(self, key: str, path: Path) -> list[str]:
        """Components of the children that are alive, sorted."""
        ...


def json_value(objects: Objects, key: str, path: Path = ()) -> dict[str, Any]:
    """The object at `path` (the document: `()`) as plain data."""
    return {
        name: json_member(objects, key, (*path, part))
        for name, part in json_members(objects, key, path).items()
    }


def json_members(objects: Objects, key: str, path: Path) -> dict[str, str]:
    """Which component stands for each name: see the rule at the top."""
    members: dict[str, str] = {}
    for part in objects.children(key, path):
        name = name_of(part)
        if name not in members or tag_of(part) == NEST:
            members[name] = part
    return dict(sorted(members.items()))


def json_member(objects: Objects, key: str, path: Path) -> Any:
    """The value of one member, whatever its type."""
    if tag_of(path[-1]) == NEST:
        return json_value(objects, key, path)
    state = objects.object(key, path)
    type_ = type_of(tag_of(path[-1]))
    return type_.value(type_.zero() if state is None else state)


def json_assign(objects: Objects, key: str, path: Path, name: str, value: Any) -> list[Step]:
    """What to write so that the member `name` of the object at `path` is `value`.

    Raises `BadValue` for what is no JSON-like data; nothing is read but which members there are.
    """
    steps = _clear_others(objects, key, path, name)
    _set(steps, path, name, value)
    return steps


def json_remove(objects: Objects, key: str, path: Path, name: str) -> list[Step]:
    """What to write so that there is no member `name`; a concurrent change inside survives."""
    return [
        ((*path, part), None)
        for part in objects.children(key, path)
        if name_of(part) == name
    ]  # fmt: skip


def json_replace(objects: Objects, key: str, path: Path, value: dict[str, Any]) -> list[Step]:
    """What to write so that the object at `path` is `value`: clear, then set."""
    steps: list[Step] = [(path, None)] if objects.children(key, path) else []
    for name, member in _items(value):
        _set(steps, path, name, member)
    return steps


def _clear_others(objects: Objects, key: str, path: Path, name: str) -> list[Step]:
    mine = component(VALUE, name)
    return [step for step in json_remove(objects, key, path, name) if step[0][-1] != mine]


def _set(steps: list[Step], path: Path, name: str, value: Any) -> None:
    register = (*path, component(VALUE, name))
    if len(register) > PATH_MAX:
        raise BadValue(f"objects nest at most {PATH_MAX} deep")
    if isinstance(value, dict):
        steps.append((register, ("set", {})))
        for inner, member in _items(value):
            _set(steps, (*path, component(NEST, name)), inner, member)
    else:
        encode_value(value)
        steps.append((register, ("set", value)))


def _items(value: dict[str, Any]) -> list[tuple[str, Any]]:
    for name in value:
        if not isinstance(name, str):
            raise BadValue(f"the members of an object are called by a str, not {name!r}")
        if name:
            encode_key(name)
    return list(value.items())
