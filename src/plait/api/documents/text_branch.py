"""Branches: a text is copied, edited on its own for a while, and merged.

A branch is in this process's memory and nobody else hears of it; `TextView.merge` writes what was
done there as one edit, as if it had been made at the same time as what others did since. So both
sides' text survives, and what either side deleted is gone.

Invariant: `_base` with the edits of `_state` is the branch; `_base` with the steps of `_here` is
`_there`, the text that it was made from as of step `_step` of its trail.

Where both sides inserted at one place, the branch's comes behind: that is where a walker puts it
(`plait.types.walker.walker`), for what the other side did is a sequence, and all that it inserted
beside a character that is still there stands right behind that one. So no walker is needed.

Absent: branches that are stored, or that several people share; that is what documents are for.
"""

from typing import Any, NamedTuple

from plait.api.documents.text_editing import EditableText
from plait.base.errors import BadCall
from plait.types.text.diff import edits_between
from plait.types.text.state import TextState
from plait.types.walker.records import BASE
from plait.types.walker.tracked import TrackedItems
from plait.types.walker.trail import Step, Trail
from plait.types.walker.walker import Walker


class _Hunk(NamedTuple):
    """What a branch did at one place of its base: deleted from there to there, inserted before."""

    start: int
    stop: int
    text: str


class _Forked(NamedTuple):
    """What became of a text since a step of its trail, up to another."""

    step: int
    end: int
    items: TrackedItems


class TextBranch(EditableText):
    """A copy of a text to be edited apart; made by `TextView.fork`."""

    __slots__ = ("_base", "_here", "_state", "_step", "_there", "_trail", "origin")

    def __init__(self, origin: Any, text: str, followed: TextState | None) -> None:
        self.origin = origin  # which text it is of; compared, never used
        self._base = text
        self._state = TextState(1, text)
        self._here: list[Step] = []  # from the base, made there
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
        for index in range(0, len(edits), 2):
            pos, what = edits[index], edits[index + 1]
            if type(pos) is not int:
                raise BadCall(f"a position is a number, not {pos!r}")
            if type(what) is int:
                self._state.delete(pos, what)
            else:
                self._state.insert(pos, what)

    # ------------------------------------------------------------------ merging

    def carried(self, state: TextState) -> tuple[list[Any], list[Step]]:
        """What was done in the branch, as edits of the text as it is now; and what was done there,
        as steps from the branch to the text with those edits."""
        items = self._tracked(state)
        own = self._own()
        edits: list[Any] = []
        for start, stop, text in reversed(own):  # so that none moves another
            for low, high in reversed(items.ranges([(BASE + start, stop - start)])):
                edits += (low, high - low)
            if text:
                edits += (items.place(BASE + start), text)
        return edits, _steps_there(items, own, len(self._base))

    def merged(self, here: list[Step], state: TextState) -> None:
        """What `carried` gave was written, so what was done in the branch is done."""
        self._base, self._here = str(self), here
        self._state = TextState(1, self._base)
        self._follow(state, state.text())

    def _follow(self, state: TextState | None, text: str) -> None:
        self._there = text
        self._trail: Trail | None = None
        self._step = 0
        if state is not None:
            self._trail = state.follow()
            self._step = self._trail.end

    def _tracked(self, state: TextState) -> TrackedItems:
        """The base, and what became of it there."""
        trail = state.trail
        steps = self._here + self._since(state)
        if self._here or trail is None or trail is not self._trail or not trail.knows(self._step):
            return _followed(TrackedItems(behind=False), steps)
        # of branches that were forked at once each goes on from where the one before ended
        forked = trail.forked
        if not isinstance(forked, _Forked) or forked.step != self._step:
            forked = _Forked(self._step, self._step, TrackedItems(behind=False))
        _followed(forked.items, steps[forked.end - forked.step :])
        trail.forked = forked._replace(end=trail.end)
        return forked.items

    def _since(self, state: TextState) -> list[Step]:
        """What happened to the text since it was last looked at."""
        trail = state.trail
        if trail is not None and trail is self._trail and trail.knows(self._step):
            return trail.since(self._step)
        # so long ago that nobody remembers it, or it was read from the past
        steps: list[Step] = []
        for pos, gone, come in edits_between(self._there, state.text()):
            steps += [(pos, gone, 0)] if gone else []
            steps += [(pos, 0, len(come))] if come else []
        return steps

    def _own(self) -> list[_Hunk]:
        """What was done in the branch: each edit once, and nothing that was taken back."""
        state = self._state
        state.close_run()
        found: list[_Hunk] = []
        at = past = 0  # in the branch, in the base
        text = ""
        for item, size in Walker(state.graph, state.log, state.graph.first, len(state)).present():
            if item < 0:
                start = item - BASE
                if start > past or text:
                    found.append(_Hunk(past, start, text))
                past = start + size
                text = ""
            else:
                text += state.slice(at, at + size)
            at += size
        if past < len(self._base) or text:
            found.append(_Hunk(past, len(self._base), text))
        return found


def _followed(items: TrackedItems, steps: list[Step]) -> TrackedItems:
    for pos, gone, come in steps:
        if gone:
            items.delete(pos, gone)
        else:
            items.insert(pos, come)
    return items


def _steps_there(items: TrackedItems, own: list[_Hunk], length: int) -> list[Step]:
    """What makes of the branch what the text is with the branch's edits.

    items: the base, of so many characters, and what became of it there.
    """
    for start, stop, _ in (*own, _Hunk(length, length, "")):
        for place in (start, stop):
            items.place(BASE + place)  # so nothing reaches over it
    inserted = {hunk.start: len(hunk.text) for hunk in own}
    deleted = {place for hunk in own for place in range(hunk.start, hunk.stop)}
    steps: list[Step] = []
    at = 0  # in the branch
    for item, size, here in items.all():
        if item >= 0:
            if here:
                steps.append((at, 0, size))
            continue
        if item - BASE >= length:
            break
        at += inserted.get(item - BASE, 0)
        if item - BASE not in deleted:
            if not here:
                steps.append((at, size, 0))
            at += size
    return steps[::-1]  # so that none moves another, and what was inserted keeps its neighbours
