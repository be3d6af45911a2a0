"""Taking marks back: a new mark wherever the old one counts, with what was there without it.

That is where the old one covers the text by now, what was typed into it and behind it too; where
somebody marked anew since, that stays. What is put back stands for what was there, so that this can
be taken back in its turn (`plait.types.text.marked.Restored`).

What is typed at an edge later is as if the old mark had never been: the old one may take that in,
so wherever it does, what was there before does so too, or if it would not have, no mark does.
"""

from typing import Any, NamedTuple

from plait.base.causality import Dot
from plait.types.text.marked import Operation, Restored, ranges_of
from plait.types.text.marking import Marked
from plait.types.text.marks import Ids, Mark, inherited, winners
from plait.types.text.state import TextState

_EXPAND = {
    (False, False): "none",
    (True, False): "before",
    (False, True): "after",
    (True, True): "both",
}


class _Stretch(NamedTuple):
    start: int
    stop: int
    before: Mark | None  # what counted there


def taking_back(state: TextState, dot: Dot) -> tuple[list[Any], list[Operation | None]]:
    """Edits that take back the marks of an operation; none where it does not count any more. And
    for which operations' marks those of the edits stand."""
    marked = state.marked()
    edits: list[Any] = []
    stands_for: list[Operation | None] = []
    if state.marks is None:
        return edits, stands_for
    restored: Restored = state.marks.restored
    own = [mark for mark in marked.marks.values() if dot in (_dot(mark), restored.origin(mark))]
    for mark in own:
        for start, stop, before in _stretches(marked, mark, own):
            at_start, at_end = (_edge(marked, pos, mark, own) for pos in (start, stop))
            size = stop - start
            hidden = at_start.shows_nothing, at_end.shows_nothing
            if before is None or (mark.value is not None and any(hidden)):
                edits += [start, [size, mark.name, None, _EXPAND[hidden]]]
                stands_for.append(None)
            if before is not None:
                expand = _EXPAND[at_start.shows(before), at_end.shows(before)]
                edits += [start, [size, mark.name, before.value, expand]]
                stands_for.append(restored.origin(before))
            for pos, edge, expand in ((start - 1, at_start, "after"), (stop, at_end, "before")):
                winner = edge.winner
                if edge.is_own and winner is not None and _shows_alone(marked, pos, winner, own):
                    edits += [pos, [1, mark.name, winner.value, expand]]
                    stands_for.append(restored.origin(winner))
    return edits, stands_for


def _shows_alone(marked: Marked, pos: int, mark: Mark, own: list[Mark]) -> bool:
    """Whether a character that is beside what is taken back shows what a mark does, so that the
    mark goes on from there."""
    ids = _ids_at(marked, pos)
    if mark.value is None or any(marked.marks[lv] in own for lv in ids):
        return False
    return winners(ids, marked.marks).get(mark.name) is mark


class _Edge(NamedTuple):
    """What is going to be typed at a position."""

    is_own: bool  # marks that are taken back take it in
    winner: Mark | None  # of the others

    @property
    def shows_nothing(self) -> bool:
        return self.is_own and (self.winner is None or self.winner.value is None)

    def shows(self, mark: Mark) -> bool:
        """Whether it shows what a mark does."""
        return self.is_own and self.winner is not None and self.winner.value == mark.value


def _edge(marked: Marked, pos: int, mark: Mark, own: list[Mark]) -> _Edge:
    left, right = (_ids_at(marked, at) for at in (pos - 1, pos))
    taken = [lv for lv in inherited(left, right, marked.marks) if marked.marks[lv] in own]
    left, right = (
        tuple([lv for lv in ids if marked.marks[lv] not in own]) for ids in (left, right)
    )
    others = winners(inherited(left, right, marked.marks), marked.marks)
    return _Edge(bool(taken), others.get(mark.name))


def _ids_at(marked: Marked, pos: int) -> Ids:
    at = 0
    for size, ids in marked.spans:
        if at <= pos < at + size:
            return ids
        at += size
    return ()


def _dot(mark: Mark) -> Operation:
    return mark.author, mark.seq


def _stretches(marked: Marked, mark: Mark, own: list[Mark]) -> list[_Stretch]:
    """Where a mark counts, and what did before it: none of those that are taken back with it, and
    none that came later and was taken back already."""
    found: list[_Stretch] = []
    for start, stop, ids in ranges_of(marked, mark.lv):
        if winners(ids, marked.marks)[mark.name] is not mark:
            continue
        there = [marked.marks[lv] for lv in ids if marked.marks[lv].name == mark.name]
        first = next(one for one in there if one in own)
        others = [one.lv for one in there if one not in own and not one.beats(first)]
        before = winners(others, marked.marks).get(mark.name)
        if found and found[-1].stop == start and found[-1].before is before:
            found[-1] = found[-1]._replace(stop=stop)
        else:
            found.append(_Stretch(start, stop, before))
    return found
