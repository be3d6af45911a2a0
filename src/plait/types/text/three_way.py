"""Carrying over what was changed in one text into another that began as the same.

Where only one side changed a stretch its change is taken. Where changes meet, a change outlives a
removal, and else `merging.three_way` decides as it does for registers, by lines and words: two
fixes of the same typo are one, and of two texts for one place both stay: theirs, then mine.

Invariants: what either side inserted is in the result, in its order; equal changes count once;
with no changes of mine there are no edits. The result depends on the three texts alone.

Unlike a merge of whole registers it is local: only the stretches that both sides changed are
compared anew, so a long text with many changes is no worse off than a short one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from plait.types.merging.three_way import merge_text
from plait.types.text.diff import Change, changes_between, edits_between


class _Meeting(NamedTuple):
    """Changes that bear on one stretch of the base: of both sides, or of one where no others do."""

    mine: list[Change]
    theirs: list[Change]


def merge_edits(base: str, mine: str, theirs: str) -> list[tuple[int, int, str]]:
    """Edits for `theirs`, one after the other, that bring in what made `mine` of `base`.

    Each is (position, characters deleted there, what is inserted there).
    """
    edits: list[tuple[int, int, str]] = []
    behind = 0  # what theirs has more than the base, so far
    ahead = 0  # what the edits have added, so far
    for meeting in _meetings(changes_between(base, mine), changes_between(base, theirs)):
        if meeting.mine:
            start, stop = _extent(meeting)
            there = _made_of(base, theirs, meeting.theirs, start, stop)
            wanted = _decided(base, mine, meeting, there)
            for at, deleted, inserted in edits_between(there, wanted):
                edits.append((start + behind + ahead + at, deleted, inserted))
            ahead += len(wanted) - len(there)
        behind += sum(_growth(change) for change in meeting.theirs)
    return edits


def _decided(base: str, mine: str, meeting: _Meeting, there: str) -> str:
    """What a stretch is to be, of which `there` is what theirs is."""
    start, stop = _extent(meeting)
    here = _made_of(base, mine, meeting.mine, start, stop)
    match _wrote(meeting.mine), _wrote(meeting.theirs):
        case True, False:
            return here
        case False, True:
            return there
        case False, False:
            return _left_by(base, (*meeting.mine, *meeting.theirs), start, stop)
    if start < stop:
        return merge_text(base[start:stop], [there, here])
    if here == there:
        return here
    # both wrote at one place: two words do not become one
    gap = " " if _in_word(there[-1]) and _in_word(here[0]) else ""
    return there + gap + here


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _meetings(mine: list[Change], theirs: list[Change]) -> Iterator[_Meeting]:
    """All changes, ascending, those together that bear on one another."""
    sides = [(change, True) for change in mine] + [(change, False) for change in theirs]
    sides.sort(key=lambda side: (side[0].start, side[0].stop))
    meeting, stop = _Meeting([], []), -1
    for change, is_mine in sides:
        if not _meets(meeting, change, stop):
            if stop >= 0:
                yield meeting
            meeting = _Meeting([], [])
        (meeting.mine if is_mine else meeting.theirs).append(change)
        stop = max(stop, change.stop)
    if stop >= 0:
        yield meeting


def _meets(meeting: _Meeting, change: Change, stop: int) -> bool:
    """Whether a change bears on those before it, which end at `stop`.

    Side by side they do not: then their order is clear. Two insertions at one place do.
    """
    if change.start < stop:
        return True
    start = min((other.start for other in (*meeting.mine, *meeting.theirs)), default=-1)
    return start == change.start == change.stop == stop


def _extent(meeting: _Meeting) -> tuple[int, int]:
    changes = (*meeting.mine, *meeting.theirs)
    return min(change.start for change in changes), max(change.stop for change in changes)


def _made_of(base: str, text: str, changes: list[Change], start: int, stop: int) -> str:
    """What one side made of a stretch of the base, by its changes within it."""
    pieces: list[str] = []
    for change in changes:
        pieces += base[start : change.start], text[change.new_start : change.new_stop]
        start = change.stop
    return "".join((*pieces, base[start:stop]))


def _left_by(base: str, changes: tuple[Change, ...], start: int, stop: int) -> str:
    """What nobody removed of a stretch of the base."""
    pieces: list[str] = []
    for change in sorted(changes):
        pieces.append(base[start : change.start])  # nothing, where removals overlap
        start = max(start, change.stop)
    return "".join((*pieces, base[start:stop]))


def _wrote(changes: list[Change]) -> bool:
    return any(change.new_start < change.new_stop for change in changes)


def _growth(change: Change) -> int:
    return change.new_stop - change.new_start - (change.stop - change.start)
