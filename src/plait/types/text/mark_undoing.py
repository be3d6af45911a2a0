"""Taking marks back: a new mark wherever the old one counts, with what was there without it.

That is where the old one covers the text by now, what was typed into it and behind it too; where
somebody marked anew since, that stays. What is put back stands for what was there, so that this can
be taken back in its turn (`plait.types.text.marked.Restored`).
"""

from typing import Any, NamedTuple

from plait.base.causality import Dot
from plait.types.text.marked import Operation, Restored, ranges_of
from plait.types.text.marking import Marked
from plait.types.text.marks import AT_END, AT_START, Mark, winners
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
        ranges = ranges_of(marked, mark.lv)
        inner = {start for start, _, _ in ranges} & {stop for _, stop, _ in ranges}
        for start, stop, before in _stretches(marked, mark, own):
            expand = _expand(mark, start in inner, stop in inner)
            value = None if before is None else before.value
            edits += [start, [stop - start, mark.name, value, expand]]
            stands_for.append(None if before is None else restored.origin(before))
    return edits, stands_for


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


def _expand(mark: Mark, at_start: bool, at_end: bool) -> str:
    """As the mark does that is hidden, and wherever it goes on."""
    return _EXPAND[at_start or mark.expand in AT_START, at_end or mark.expand in AT_END]
