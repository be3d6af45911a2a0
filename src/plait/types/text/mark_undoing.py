"""Taking marks back: a new mark wherever the old one counts, with what was there without it.

That is where the old one covers the text by now, what was typed into it and behind it too; where
somebody marked anew since, that stays.
"""

from typing import Any

from plait.base.causality import Dot
from plait.types.text.marked import ranges_of
from plait.types.text.marks import AT_END, AT_START, Mark, Value, winners
from plait.types.text.state import TextState

_EXPAND = {
    (False, False): "none",
    (True, False): "before",
    (False, True): "after",
    (True, True): "both",
}


def taking_back(state: TextState, dot: Dot) -> list[Any]:
    """Edits that take back the marks of an operation; none where it does not count any more."""
    marked = state.marked()
    own = [mark for mark in marked.marks.values() if (mark.author, mark.seq) == dot]
    edits: list[Any] = []
    for mark in own:
        ranges = ranges_of(marked, mark.lv)
        inner = {start for start, _, _ in ranges} & {stop for _, stop, _ in ranges}
        stretches: list[tuple[int, int, Value]] = []
        for start, stop, ids in ranges:
            if winners(ids, marked.marks)[mark.name] is not mark:
                continue
            others = [lv for lv in ids if marked.marks[lv] not in own]
            before = winners(others, marked.marks).get(mark.name)
            value = None if before is None else before.value
            last = stretches[-1] if stretches else None
            if last and last[1] == start and (type(last[2]), last[2]) == (type(value), value):
                stretches[-1] = (last[0], stop, value)
            else:
                stretches.append((start, stop, value))
        for start, stop, value in stretches:
            expand = _expand(mark, start in inner, stop in inner)
            edits += [start, [stop - start, mark.name, value, expand]]
    return edits


def _expand(mark: Mark, at_start: bool, at_end: bool) -> str:
    """As the mark does that is hidden, and wherever it goes on."""
    return _EXPAND[at_start or mark.expand in AT_START, at_end or mark.expand in AT_END]
