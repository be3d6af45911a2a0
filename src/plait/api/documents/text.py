"""Texts that several people edit at once: ``body = Text()``, ``note.body.insert(5, "word")``.

What two people write at the same place at the same time stands one behind the other, never
shuffled; what either of them deletes is gone. A view holds no text: it reads and edits the
replica's, and costs nothing to keep.
"""

from datetime import datetime
from typing import Any, Final, Self, overload

from plait.api.documents.access import Access
from plait.api.documents.field import Field, Held, refuse
from plait.api.documents.history import Version, history_of, past_of
from plait.api.documents.naming import names_of
from plait.api.documents.text_blame import Blame, blame_of
from plait.api.documents.text_branch import TextBranch
from plait.api.documents.text_cursors import (
    Cursor,
    Side,
    check_index,
    holds_left,
    index_of,
    token_of,
)
from plait.api.documents.text_editing import EditableText
from plait.api.documents.text_marks import MarkedTextView
from plait.api.documents.text_watching import TextWatch
from plait.api.documents.view import TypedView
from plait.base.errors import BadCall, BadValue
from plait.types.paths import Path
from plait.types.text.state import TextState
from plait.types.text.type import TEXT

BLAME_PAUSE_S: Final = 60.0


class TextView(MarkedTextView, TypedView):
    """A text of a document."""

    __slots__ = ()
    __eq__ = EditableText.__eq__
    __hash__ = None  # type: ignore[assignment]
    __repr__ = EditableText.__repr__
    _type = TEXT

    # ------------------------------------------------------------------ a text

    def __len__(self) -> int:
        state = self._access.state(self._key, self._path)
        return 0 if state is None else len(state)

    def __str__(self) -> str:
        state = self._access.state(self._key, self._path)
        return "" if state is None else state.text()

    @property
    def value(self) -> str:
        """All of it, as a `str`."""
        return str(self)

    def insert(self, index: int, text: str) -> None:
        """Put text before the character at `index`; at the end, if that is the length."""
        if type(text) is not str:  # said here anew for speed: typing is this
            super().insert(index, text)
            return
        try:
            self._access.mutate(self._key, self._path, ("insert", index, text))
        except (BadCall, BadValue) as error:
            raise self._named(error) from None

    def _do(self, *mutation: Any) -> None:
        try:
            self._access.mutate(self._key, self._path, mutation)
        except (BadCall, BadValue) as error:
            raise self._named(error) from None

    def _slice(self, start: int, stop: int) -> str:
        state = self._access.state(self._key, self._path)
        return "" if state is None else state.slice(start, stop)

    def _where(self) -> str:
        return self._access.where(self._key, self._path)

    def _state(self) -> TextState:
        state = self._access.state(self._key, self._path)
        return TEXT.zero() if state is None else state

    # ------------------------------------------------------------------ places

    def cursor(self, index: int, side: Side = "left") -> Cursor:
        """A place that follows everybody's edits: ``cursor.index`` is where it is now, and
        ``cursor.insert("text")`` writes there and goes behind it.

        side: the neighbour that it holds on to. What is inserted right there goes behind a place
        that holds on to its left, and before one that holds on to its right.
        """
        access, key, path = self._access, self._key, self._path
        return Cursor(lambda: access.state(key, path), self.insert, self._where, index, side)

    def anchor(self, index: int, side: Side = "left") -> str:
        """A token for a place, to be stored or sent: see `index_of`."""
        state = self._state()
        left = holds_left(side, self._where)
        check_index(index, len(state), self._where)
        return token_of(state.anchor(index, left))

    def index_of(self, token: str) -> int:
        """Where the place of an anchor is now, at any replica. `HistoryTrimmed` for one that is
        too old, or not known here yet."""
        return index_of(self._state(), token, self._where)

    # ------------------------------------------------------------------ others, and the past

    def watch(self) -> TextWatch:
        """``async for change in note.body.watch()``: ``change.patches`` is what happened to it."""
        return TextWatch(self._access, self._key, self._path)

    def history(self) -> list[Version]:
        """The batches that changed the text, oldest first. `HistoryTrimmed`."""
        names = names_of(self._path)
        return [
            version
            for version in history_of(self._access, self._key)
            if any(path == names[: len(path)] for path in version.paths)
        ]

    def at(self, version: str | datetime) -> Self:
        """The text as of a version (a `Version`'s text) or a time; it cannot be changed."""
        return type(self)(past_of(self._access, version), self._key, self._path)

    def blame(self, pause_s: float = BLAME_PAUSE_S) -> list[Blame]:
        """Who wrote which part of the present text, and when: stretches from `start` to `end` that
        somebody wrote without a longer pause. None where it is so old that nobody knows."""
        return blame_of(self._access, self._key, self._path, self._state(), pause_s)

    # ------------------------------------------------------------------ branches

    def fork(self) -> TextBranch:
        """A copy to be edited apart, in memory; `merge` carries over what was done there."""
        state = None if self._access.is_past else self._access.state(self._key, self._path)
        return TextBranch(self._origin(), str(self), state)

    def merge(self, branch: TextBranch) -> None:
        """Write what was done in a branch of this text since it was forked or merged last, as one
        edit, as if it had been made at the same time as what happened here since."""
        if not isinstance(branch, TextBranch) or branch.origin != self._origin():
            raise BadCall(f"{self._where()} can merge branches that were made by its fork()")
        edits, here = branch.carried(self._state())
        if edits:
            self._do("edit", edits)
        branch.merged(here, self._state())

    def _origin(self) -> tuple[Any, ...]:
        return (self._access.replica, self._key, self._path)


class Text(Field):
    """A field that holds a text."""

    __slots__ = ()
    tag = "x"

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> TextView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | TextView:
        if held is None:
            return self
        place = self.place(held) if self.alias is not None else held._path + self._own
        return TextView(held._access, held._key, place)

    def __set__(self, held: Held, value: TextView) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> TextView:
        """A view."""
        return TextView(access, key, path)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Only its own view, which is what ``+=`` assigns."""
        refuse(
            TextView(access, key, path),
            value,
            "write += or insert(), or give the whole new text to apply_diff()",
        )
