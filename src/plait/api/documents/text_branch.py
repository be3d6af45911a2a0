"""Branches: a text is copied, edited on its own for a while, and merged.

A branch is in this process's memory and nobody else hears of it; `TextView.merge` writes what was
done there as one edit, as if it had been made at the same time as what others did since. So both
sides' text survives, and what either side deleted is gone.

Invariant: `_base` with the edits of `_state` is the branch; `_base` with those of `_here` is
`_there`, the text that it was made from as of step `_step` of its trail.

Absent: branches that are stored, or that several people share; that is what documents are for.
"""

from collections.abc import Iterable
from typing import Any

from plait.api.documents.text_editing import EditableText
from plait.base.errors import BadCall
from plait.types.text.diff import edits_between
from plait.types.text.state import TextState
from plait.types.text.units import check_text
from plait.types.walker.records import BASE
from plait.types.walker.trail import Step, Trail
from plait.types.walker.walker import Walker


class TextBranch(EditableText):
    """A copy of a text to be edited apart; made by `TextView.fork`."""

    __slots__ = ("_base", "_here", "_state", "_step", "_there", "_trail", "origin")

    def __init__(self, origin: Any, text: str, followed: TextState | None) -> None:
        self.origin = origin  # which text it is of; compared, never used
        self._base = text
        self._state = TextState(1, text)
        self._here: list[Any] = []  # edits of the base, made there
        self._follow(followed, text)

    # ------------------------------------------------------------------ a text

    def __len__(self) -> int:
        return len(self._state)

    def __str__(self) -> str:
        return self._state.text()

    def _slice(self, start: int, stop: int) -> str:
        return self._state.slice(start, stop)

    def _where(self) -> str:
        return "a branch"

    def _do(self, *mutation: Any) -> None:
        edits = list(mutation[1]) if mutation[0] == "edit" else list(mutation[1:])
        if mutation[0] == "insert":
            edits[1] = check_text(edits[1])
        for index in range(0, len(edits), 2):
            pos, what = edits[index], edits[index + 1]
            if type(pos) is not int:
                raise BadCall(f"a position is a number, not {pos!r}")
            if type(what) is int:
                self._state.delete(pos, what)
            else:
                self._state.insert(pos, what)

    # ------------------------------------------------------------------ merging

    def carried(self, state: TextState) -> tuple[list[Any], list[Any]]:
        """What was done in the branch, as edits of the text as it is now; and what was done there,
        as edits of the branch."""
        here, own = [*self._here, *self._since(state)], self._edits()
        return rebased(self._base, here, own), rebased(self._base, own, here, flipped=True)

    def merged(self, here: list[Any], state: TextState) -> None:
        """What `carried` gave was written, so what was done in the branch is done."""
        self._base, self._here = str(self), here
        self._state = TextState(1, self._base)
        self._follow(state, state.text())

    def _follow(self, state: TextState | None, text: str) -> None:
        self._there = text
        self._trail: Trail | None = None
        self._step = 0
        if state is not None:
            if state.trail is None:
                state.trail = Trail()
            self._trail, self._step = state.trail, state.trail.end

    def _since(self, state: TextState) -> list[Any]:
        """Edits of the text as it was when it was last looked at, that make it what it is."""
        trail = state.trail
        if trail is not None and trail is self._trail and trail.knows(self._step):
            return _as_edits(trail.since(self._step))
        # so long ago that nobody remembers it, or it was read from the past
        found = edits_between(self._there, state.text())
        return _as_edits([(pos, gone, len(come)) for pos, gone, come in found])

    def _edits(self) -> list[Any]:
        """What makes the branch of its base: each edit once, and nothing that was taken back."""
        state = self._state
        state.close_run()
        edits: list[Any] = []
        at = past = 0  # in the branch, in the base
        for item, size in Walker(state.graph, state.log, state.graph.first, len(state)).present():
            if item < 0:
                start = item - BASE
                if start > past:
                    edits += (at, start - past)
                past = start + size
            else:
                edits += (at, state.slice(at, at + size))
            at += size
        if past < len(self._base):
            edits += (at, len(self._base) - past)
        return edits


def rebased(base: str, first: list[Any], second: list[Any], flipped: bool = False) -> list[Any]:
    """The second of two concurrent lists of edits of a text, as edits of what the first makes of
    it. `flipped`: where both insert at one place, the second comes first."""
    if not second:
        return []
    text = TextState(0, base)
    if first:
        text.add("b" if flipped else "a", 1, first)
        text.close_run()
    found: list[Any] = []

    def observe(pos: int, gone: int, content: Any) -> None:
        found.extend((pos, gone or content))

    text.observer = observe
    text.add("a" if flipped else "b", 1, second, ())
    text.close_run()
    return found


def _as_edits(steps: Iterable[Step]) -> list[Any]:
    """Edits that do the same, though with other characters: where they are is all that counts."""
    edits: list[Any] = []
    for pos, gone, come in steps:
        if gone:
            edits += (pos, gone)
        if come:
            edits += (pos, " " * come)
    return edits
