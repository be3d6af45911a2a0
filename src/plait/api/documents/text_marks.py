"""Marks on a text: ``note.body.mark(0, 5, "bold")``, a link, a comment.

A mark is on the characters, wherever they go. Whether it takes in what is typed at its edges is
said when it is put on: `expand` is "after" (what is typed behind it; so bold goes on), "before",
"both" or "none". Names are free. Marks of one name replace each other where they meet, and of
concurrent ones the same one counts at every replica; marks of different names lie over each other.
So comments are called ``comment:<id>``, each its own.
"""

from typing import Any, Final, TypeAlias

from plait.api.documents.text_editing import EditableText, plain_text
from plait.base.errors import BadCall, BadValue
from plait.types.text.marks import Value
from plait.types.text.state import TextState

Attributes: TypeAlias = dict[str, Value]  # by the name of the mark

_CLOSED: Final = ("link", "comment")  # names that do not expand of themselves, and name:...
_REVERSED: Final = {"none": "both", "both": "none"}


class MarkedTextView(EditableText):
    """What `TextView` does with marks."""

    __slots__ = ()

    def _state(self) -> TextState:
        """As it is now."""
        raise NotImplementedError

    def mark(
        self, start: int, stop: int, name: str, value: Value = True, expand: str | None = None
    ) -> None:
        """Put a mark on the characters from `start` to `stop`.

        value: a truth value, a number or a text; `BadValue` for others. expand: None is "none" for
        links and comments, "after" for everything else. `BadCall` for what is not in the text.
        """
        if value is None:
            raise BadValue(f"{self._where()}: unmark() takes a mark away; it cannot be None")
        self._do(
            "mark", start, stop, name, plain_text(value),
            _default(name) if expand is None else expand,
        )  # fmt: skip

    def unmark(self, start: int, stop: int, name: str, expand: str | None = None) -> None:
        """Take the marks of a name away from `start` to `stop`. What is typed at the edges is as
        what stays marked there; unless `expand` says more."""
        default = _default(name)
        self._do(
            "mark", start, stop, name, None,
            _REVERSED.get(default, default) if expand is None else expand,
        )  # fmt: skip

    def marks(self, start: int = 0, stop: int | None = None) -> list[tuple[int, int, Attributes]]:
        """What is marked between two positions, in order: (from, to, values by name)."""
        low, high = self._between(start, stop)
        return [(a, b, values) for a, b, values in self._stretches(low, high) if values]

    def marks_at(self, index: int) -> Attributes:
        """The values by name of the character at `index`."""
        if type(index) is not int or not 0 <= index < len(self):
            raise BadCall(f"{self._where()} has no character {index!r}, but {len(self)} of them")
        return self._stretches(index, index + 1)[0][2]

    def to_delta(self) -> list[dict[str, Any]]:
        """The text with its marks as Quill and its kin read it:
        ``[{"insert": "bold", "attributes": {"bold": True}}, {"insert": " plain"}]``."""
        found: list[dict[str, Any]] = []
        for start, stop, values in self._stretches(0, len(self)):
            piece: dict[str, Any] = {"insert": self._slice(start, stop)}
            if values:
                piece["attributes"] = values
            found.append(piece)
        return found

    def _between(self, start: Any, stop: Any) -> tuple[int, int]:
        length = len(self)
        stop = length if stop is None else stop
        if type(start) is not int or type(stop) is not int or not 0 <= start <= stop <= length:
            raise BadCall(
                f"{self._where()}: from {start!r} to {stop!r} is not all in a text of {length}"
                " characters"
            )
        return start, stop

    def _stretches(self, low: int, high: int) -> list[tuple[int, int, Attributes]]:
        """All between two positions, unmarked stretches too; the values are the reader's."""
        found: list[tuple[int, int, Attributes]] = []
        at = 0
        for size, values in self._state().spans():
            start, stop = max(at, low), min(at + size, high)
            if start < stop:
                found.append((start, stop, dict(values)))
            at += size
        if max(at, low) < high:
            found.append((max(at, low), high, {}))
        return found


def _default(name: Any) -> str:
    kind = name.partition(":")[0] if isinstance(name, str) else ""
    return "none" if kind in _CLOSED else "after"
