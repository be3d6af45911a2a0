"""What can be done with a text, wherever it is: in a document, or in a branch of it.

Positions count code points. Reading is as of a `str`, negative positions included. Writing takes
the positions that are in the text and no others: what is out of bounds was meant for another text,
so it is a `BadCall` and nothing happens, where Python's slices would quietly do something else.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any, Self, SupportsIndex, overload

from plait.base.errors import BadCall, BadValue
from plait.types.text.diff import edits_between
from plait.types.text.units import (
    check_text,
    from_utf8,
    from_utf16,
    to_utf8,
    to_utf16,
)


class EditableText:
    """A text that reads like a `str` and is changed in place; it cannot be hashed."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    # ------------------------------------------------------------------ said by who inherits

    def __len__(self) -> int:
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError

    def _slice(self, start: int, stop: int) -> str:
        """The text between two positions that are in it."""
        raise NotImplementedError

    def _do(self, *mutation: Any) -> None:
        """Carry out a mutation of `plait.types.text.type`."""
        raise NotImplementedError

    def _where(self) -> str:
        """What an error message calls the text."""
        raise NotImplementedError

    def _named(self, error: BadCall | BadValue) -> BadCall | BadValue:
        """The error, with the name of the text."""
        return type(error)(f"{self._where()}: {error.message}", **error.details)

    def _checked(self, text: Any) -> str:
        """What can be written, as a `str`. `BadValue`."""
        try:
            return check_text(plain_text(text))
        except BadValue as error:
            raise self._named(error) from None

    # ------------------------------------------------------------------ reading

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> str: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str:
        length = len(self)
        if isinstance(index, slice):
            start, stop, step = index.indices(length)
            return self._slice(start, max(start, stop)) if step == 1 else str(self)[index]
        position = operator.index(index)
        if position < 0:
            position += length
        if not 0 <= position < length:
            raise IndexError(f"{self._where()} has no character {index}, but {length} of them")
        return self._slice(position, position + 1)

    def __iter__(self) -> Iterator[str]:
        """The characters that it has now, whatever happens to it meanwhile."""
        return iter(str(self))

    def __contains__(self, part: object) -> bool:
        return isinstance(part, str | EditableText) and str(part) in str(self)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str | EditableText):
            return len(self) == len(other) and str(self) == str(other)
        return NotImplemented

    def __add__(self, other: "str | EditableText") -> str:
        return str(self) + str(other)

    def __radd__(self, other: str) -> str:
        return other + str(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return repr(str(self))

    def find(self, part: str, start: int = 0) -> int:
        """The first position from `start` on where `part` stands; -1 if nowhere."""
        return str(self).find(str(part), start)

    # ------------------------------------------------------------------ writing

    def insert(self, index: int, text: str) -> None:
        """Put text before the character at `index`; at the end, if that is the length."""
        self._do("insert", index, self._checked(text))

    def delete(self, index: int, n: int = 1) -> None:
        """Take `n` characters away, from `index` on."""
        if type(n) is not int or n < 0:
            raise BadCall(f"{self._where()}: delete() takes how many characters, not {n!r}")
        self._do("delete", index, n)

    def append(self, text: str) -> None:
        """Put text at the end."""
        self._do("insert", len(self), self._checked(text))

    @overload
    def replace(self, old: str, new: str, count: int = -1, /) -> int: ...
    @overload
    def replace(self, index: int, n: int, text: str, /) -> int: ...
    def replace(self, old: str | int, new: str | int, count: int | str = -1, /) -> int:
        """``replace("old", "new")`` wherever it stands, the first `count` times; or
        ``replace(index, n, "new")``, the `n` characters from `index` on. One edit; how many
        places it changed.
        """
        if isinstance(old, int) and isinstance(new, int):
            self._splice(old, new, count)
            return 1
        if not isinstance(old, str | EditableText) or not isinstance(count, int):
            raise BadCall(
                f"{self._where()}: replace() takes (old, new), both text, or (index, n, text)"
            )
        if not old:
            raise BadValue(f"{self._where()}: there is no telling where to replace no text")
        new = self._checked(new)
        places = list(_occurrences(str(self), str(old), count))
        edits: list[Any] = []
        for nth, place in enumerate(places):
            index = place + nth * (len(new) - len(old))
            edits += (index, len(old), index, new) if new else (index, len(old))
        if edits and old != new:
            self._do("edit", edits)
        return len(places)

    def apply_diff(self, text: str) -> None:
        """Become this whole text by one edit that touches as little as possible: what others
        write elsewhere at the same time stays. Words that differ are replaced, or characters in
        them."""
        edits: list[Any] = []
        for index, deleted, inserted in edits_between(str(self), self._checked(text)):
            if deleted:
                edits += (index, deleted)
            if inserted:
                edits += (index, inserted)
        if edits:
            self._do("edit", edits)

    def clear(self) -> None:
        """Take away all that is here; what is written elsewhere meanwhile stays."""
        self._do("delete", 0, len(self))

    def __iadd__(self, text: str) -> Self:  # type: ignore[misc]
        self.append(text)
        return self

    def __setitem__(self, index: SupportsIndex | slice, text: str) -> None:
        start, stop = self._range(index)
        self._splice(start, stop - start, text)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        start, stop = self._range(index)
        self._do("delete", start, stop - start)

    def _splice(self, index: int, n: int, text: Any) -> None:
        """Put text in the place of `n` characters."""
        if n < 0:
            raise BadCall(f"{self._where()}: it cannot have {n} characters to replace")
        self._do("edit", [index, n, index, self._checked(text)])

    def _range(self, index: SupportsIndex | slice) -> tuple[int, int]:
        """From where to where something is written; `BadCall` unless all of that is in the text."""
        length = len(self)
        if not isinstance(index, slice):
            start = operator.index(index)
            start += length if start < 0 else 0
            if not 0 <= start < length:
                raise BadCall(
                    f"{self._where()} has no character {index} to write to, but {length} of them"
                )
            return start, start + 1
        if index.step not in (None, 1):
            raise BadCall(f"{self._where()}: a slice with steps can be read, but not written")
        start = 0 if index.start is None else operator.index(index.start)
        stop = length if index.stop is None else operator.index(index.stop)
        start += length if start < 0 else 0
        stop += length if stop < 0 else 0
        if not (0 <= start <= length and 0 <= stop <= length):
            raise BadCall(
                f"{self._where()}: from {index.start} to {index.stop} is not all in a text of"
                f" {length} characters"
            )
        return start, max(start, stop)

    # ------------------------------------------------------------------ as editors count

    def to_utf16(self, index: int) -> int:
        """UTF-16 units before a position: what JavaScript and most editors count."""
        return self._converted(to_utf16, index)

    def from_utf16(self, offset: int) -> int:
        """The position at an offset in UTF-16 units; `BadValue` inside a character."""
        return self._converted(from_utf16, offset)

    def to_utf8(self, index: int) -> int:
        """UTF-8 bytes before a position."""
        return self._converted(to_utf8, index)

    def from_utf8(self, offset: int) -> int:
        """The position at an offset in UTF-8 bytes; `BadValue` inside a character."""
        return self._converted(from_utf8, offset)

    def _converted(self, convert: Callable[[str, int], int], offset: int) -> int:
        try:
            return convert(self._before(offset), offset)
        except (BadCall, BadValue) as error:
            raise self._named(error) from None

    def _before(self, count: int) -> str:
        """As much of the beginning as `count` characters, units or bytes can reach."""
        return self._slice(0, min(count, len(self))) if type(count) is int and count > 0 else ""


def plain_text(text: Any) -> Any:
    """A `str` itself, for what is one, or is a text; all else as it is."""
    if type(text) is str:
        return text
    return str(text) if isinstance(text, str | EditableText) else text


def _occurrences(text: str, part: str, count: int) -> Iterator[int]:
    """Where a part stands, the first `count` times; negative: always."""
    at = text.find(part)
    while at >= 0 and count:
        yield at
        count -= 1
        at = text.find(part, at + len(part))
