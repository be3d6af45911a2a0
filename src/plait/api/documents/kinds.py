"""Fields by the kind that is stored, for whoever has no document class: a door, a tool.

The kind of an object stands in its path, so whoever names it writes to the very field that a class
declares. Where nobody names it, it is what is stored there. Names of kinds are those of the field
classes, in small letters.
"""

from collections.abc import Sequence
from typing import Any, Final

from plait.api.documents.document import JsonDocument
from plait.api.documents.field import Field
from plait.api.documents.fields import (
    AddWinsSet,
    BoundedCounter,
    Counter,
    DisableFlag,
    EnableFlag,
    GrowCounter,
    GrowSet,
    RemoveWinsSet,
    TwoPhaseSet,
)
from plait.api.documents.json import Json
from plait.api.documents.lists import List
from plait.api.documents.registers import Register, RegisterView, untyped
from plait.api.documents.text import Text
from plait.api.documents.trees import Tree
from plait.base.errors import BadValue
from plait.graph.event import PATH_MAX
from plait.types.paths import Path, component, name_of, tag_of

_FIELDS: Final[dict[str, Field]] = {
    "register": untyped("r"),
    "ask": untyped("q"),
    "merge": untyped("m"),
    "counter": Counter(),
    "grow_counter": GrowCounter(),
    "bounded_counter": BoundedCounter(),
    "flag": EnableFlag(),
    "disable_flag": DisableFlag(),
    "add_wins_set": AddWinsSet(),
    "remove_wins_set": RemoveWinsSet(),
    "grow_set": GrowSet(),
    "two_phase_set": TwoPhaseSet(),
    "text": Text(),
    "list": List(),
    "tree": Tree(),
    "map": Json(),
}
KINDS: Final = tuple(_FIELDS)
_BY_TAG: Final = {field.tag: kind for kind, field in _FIELDS.items()}


def kinds_at(document: JsonDocument, names: Sequence[str]) -> list[str]:
    """The kinds of what stands under a path of names; those that are not known here are left
    out."""
    *outer, name = _checked(names)
    path = tuple(component("o", one) for one in outer)
    parts = document._access.children(document.key, path)
    found = {tag_of(part) for part in parts if name_of(part) == name}
    if "o" in found and "r" in found:  # a map, and the leaf that says so when it is empty
        found.discard("r")
    return sorted(_BY_TAG[tag] for tag in found if tag in _BY_TAG)


def view_at(document: JsonDocument, names: Sequence[str], kind: str | None = None) -> Any:
    """What stands under a path of names: the view that a class's field would give, and of a
    register the `RegisterView`.

    kind: one of `KINDS`; None for whatever is there, and a register if nothing is. `BadValue` for
    no such kind, and where several are.
    """
    if kind is None:
        there = kinds_at(document, names)
        if len(there) > 1:
            raise BadValue(f"{'.'.join(names)!r} is of several kinds, say which: {there}")
        kind = there[0] if there else "register"
    field = _FIELDS.get(kind)
    if field is None:
        raise BadValue(f"{kind!r} is none of {', '.join(KINDS)}")
    path = path_of(names, field.tag)
    access, key = document._access, document.key
    if isinstance(field, Register):
        return RegisterView(access, key, path, field)
    return field.at(access, key, path)


def clear_at(document: JsonDocument, names: Sequence[str]) -> None:
    """Remove what stands under a path of names, as far as it was seen."""
    *outer, name = _checked(names)
    path = tuple(component("o", one) for one in outer)
    with document._access.together():
        for part in document._access.children(document.key, path):
            if name_of(part) == name:
                document._access.clear(document.key, (*path, part))


def path_of(names: Sequence[str], tag: str) -> Path:
    """Where an object of that kind stands."""
    *outer, name = _checked(names)
    return (*(component("o", one) for one in outer), component(tag, name))


def _checked(names: Sequence[str]) -> Sequence[str]:
    if not names or not all(isinstance(name, str) for name in names):
        raise BadValue("a path is a list of names, one at least")
    if len(names) > PATH_MAX:
        raise BadValue(f"a path has at most {PATH_MAX} names")
    return names
