"""Operations on a document's fields, as JSON states them, and merge patches.

``{"op": "insert", "path": ["body"], "kind": "text", "at": 0, "text": "milk"}``. Each operation
names a path; its kind may be left out where something is stored there already. Positions in texts
are code points, or with ``"units": "utf16"`` what JavaScript counts.

What an operation does not fit is `BadValue` that says what there is.
"""

from typing import Any, Literal

import msgspec

from plait.api.documents import (
    Documents,
    GrowCounterView,
    GrowSetView,
    JsonDocument,
    JsonView,
    ListView,
    RegisterView,
    SetView,
    TextView,
)
from plait.api.documents.counters import BoundedCounterView, CounterView
from plait.api.documents.flags import FlagView
from plait.api.documents.kinds import clear_at, kinds_at, view_at
from plait.base.errors import BadValue

DEPTH_MAX = 32

Op = Literal[
    "set", "clear", "remove_document", "add", "subtract", "reset", "remove", "enable", "disable",
    "insert", "append", "delete", "replace", "apply_diff", "mark", "unmark", "move",
]  # fmt: skip


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """One operation."""

    op: Op
    path: list[str] = []
    kind: str | None = None
    value: Any = msgspec.UNSET
    text: str | None = None
    at: int = 0
    count: int = 1
    to: int = 0
    name: str | None = None  # of a mark
    units: Literal["codepoints", "utf16"] = "codepoints"

    def given(self) -> Any:
        """The value; `BadValue` if there is none."""
        if self.value is msgspec.UNSET:
            raise BadValue(f"{self.op!r} needs a value")
        return self.value

    def amount(self) -> int:
        """The value as a number of things to add."""
        value = 1 if self.value is msgspec.UNSET else self.value
        if type(value) is not int:
            raise BadValue(f"{self.op!r} at {self.path} takes a whole number")
        return value


def apply(documents: Documents[JsonDocument], document: JsonDocument, edit: Edit) -> None:
    """Do one operation. `BadValue`, `BadCall` for what cannot be done there."""
    if edit.op == "remove_document":
        del documents[document.key]
        return
    if edit.op == "clear" and edit.kind is None:
        clear_at(document, edit.path)
        return
    view = view_at(document, edit.path, edit.kind)
    match view:
        case RegisterView():
            _register(document, view, edit)
        case GrowCounterView() | CounterView() | BoundedCounterView():
            _counter(view, edit)
        case FlagView():
            _flag(view, edit)
        case GrowSetView():
            _set(view, edit)
        case TextView():
            _text(view, edit)
        case ListView():
            _list(view, edit)
        case JsonView() if edit.op == "set" and isinstance(edit.value, dict):
            view._become(edit.value)
        case JsonView() if edit.op == "clear":
            clear_at(document, edit.path)
        case _:
            raise _unfit(edit)


def _unfit(edit: Edit) -> BadValue:
    return BadValue(f"{edit.op!r} is nothing that can be done to what is at {edit.path}")


def _register(document: JsonDocument, view: RegisterView, edit: Edit) -> None:
    match edit.op:
        case "set" if edit.kind in (None, "register") and isinstance(edit.given(), dict):
            _assign_map(document, edit.path, edit.value)
        case "set":
            view.set(edit.given())
        case "clear":
            view.clear()
        case _:
            raise _unfit(edit)


def _assign_map(document: JsonDocument, path: list[str], value: Any) -> None:
    holder = view_at(document, path[:-1], "map") if path[1:] else document
    holder[path[-1]] = value


def _counter(view: Any, edit: Edit) -> None:
    amount = edit.amount() if edit.op in ("add", "subtract") else 0
    take = getattr(view, "subtract", None) or getattr(view, "spend", None)
    if edit.op == "subtract" or (amount < 0 and take is not None):
        if take is None:
            raise BadValue(f"the counter at {edit.path} only grows")
        take(abs(amount)) if edit.op == "add" else take(amount)
    elif edit.op == "add":
        view.add(amount)
    elif edit.op == "reset" and hasattr(view, "reset"):
        view.reset()
    else:
        raise _unfit(edit)


def _flag(view: Any, edit: Edit) -> None:
    match edit.op:
        case "enable":
            view.enable()
        case "disable":
            view.disable()
        case "set" if isinstance(edit.value, bool):
            (view.enable if edit.value else view.disable)()
        case _:
            raise _unfit(edit)


def _set(view: Any, edit: Edit) -> None:
    match edit.op:
        case "add":
            view.add(hashable(edit.given()))
        case "remove" if isinstance(view, SetView):
            view.discard(hashable(edit.given()))
        case "clear" if isinstance(view, SetView):
            view.clear()
        case _:
            raise _unfit(edit)


def hashable(value: Any) -> Any:
    """A value as an element of a set: lists are tuples there."""
    if isinstance(value, list):
        return tuple(hashable(one) for one in value)
    if isinstance(value, dict):
        raise BadValue("a map is no element of a set")
    return value


def _text(view: TextView, edit: Edit) -> None:
    start, stop = edit.at, edit.at + edit.count
    if edit.units == "utf16" and edit.op not in ("append", "apply_diff", "clear"):
        start, stop = view.from_utf16(edit.at), view.from_utf16(edit.at + edit.count)
    match edit.op:
        case "insert" if edit.text is not None:
            view.insert(start, edit.text)
        case "append" if edit.text is not None:
            view.append(edit.text)
        case "delete":
            view.delete(start, stop - start)
        case "replace" if edit.text is not None:
            view.replace(start, stop - start, edit.text)
        case "apply_diff" if edit.text is not None:
            view.apply_diff(edit.text)
        case "mark" if edit.name is not None:
            view.mark(start, stop, edit.name, edit.given())
        case "unmark" if edit.name is not None:
            view.unmark(start, stop, edit.name)
        case "clear":
            view.clear()
        case _:
            raise _unfit(edit)


def _list(view: ListView[Any], edit: Edit) -> None:
    try:
        match edit.op:
            case "insert":
                view.insert(edit.at, edit.given())
            case "append":
                view.append(edit.given())
            case "set":
                view[edit.at] = edit.given()
            case "delete":
                _check_range(edit, len(view))
                del view[edit.at : edit.at + edit.count]
            case "move":
                view.move(edit.at, edit.to)
            case "clear":
                view.clear()
            case _:
                raise _unfit(edit)
    except IndexError as error:
        raise BadValue(f"the list at {edit.path}: {error}") from None


def _check_range(edit: Edit, size: int) -> None:
    if edit.at < 0 or edit.count < 0 or edit.at + edit.count > size:
        raise BadValue(f"the list at {edit.path} has {size} elements")


# ---------------------------------------------------------------------- merge patches


def merge_patch(document: JsonDocument, patch: dict[str, Any], path: tuple[str, ...] = ()) -> None:
    """RFC 7396: null removes, objects are merged, everything else replaces.

    A field of another kind takes what replaces it in its own way: a text by the differences, a set
    or a list element by element. A counter cannot be replaced: `BadValue`.
    """
    if len(path) > DEPTH_MAX:
        raise BadValue(f"a patch nests at most {DEPTH_MAX} deep")
    for name, value in patch.items():
        names = [*path, name]
        if value is None:
            clear_at(document, names)
        elif isinstance(value, dict) and value:
            merge_patch(document, value, tuple(names))
        else:
            _replace(document, names, value)


def _replace(document: JsonDocument, names: list[str], value: Any) -> None:
    there = kinds_at(document, names)
    view = view_at(document, names, there[0] if there else "register")
    match view:
        case TextView() if isinstance(value, str):
            view.apply_diff(value)
        case FlagView() if isinstance(value, bool):
            (view.enable if value else view.disable)()
        case GrowSetView() if isinstance(value, list):
            view._become([hashable(one) for one in value])
        case ListView() if isinstance(value, list):
            view[:] = value
        case RegisterView() if value == {} and there in ([], ["register"]):
            view.set({})
        case RegisterView():
            view.set(value)
        case JsonView():
            clear_at(document, names)
            view_at(document, names, "register").set(value)
        case _:
            raise BadValue(f"{'.'.join(names)} is a {there[0]}: change it by operations")
