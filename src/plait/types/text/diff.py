"""From one whole text to another by few and small edits, as an editor's undo or a merge needs them.

First lines are compared (of long texts), inside what differs words, and inside that characters.
Invariants: the edits, applied one after the other, give the new text exactly; they ascend and do
not touch; equal texts give none; one inserted or removed stretch gives one, at the border of a
word where it could as well stand there. A character with its marks is never parted, unless a text
holds so many in a row that it cannot be told.

Absent: Python's `difflib`. It takes quadratic time for unlike texts, cubic at worst, and what it
finds is not minimal: it keeps the longest match though that may cost many shorter ones, and by
default it ignores what is frequent. Here the work is bounded (see `alignment`), and texts that
differ too much are replaced in larger steps.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from plait.types.text.alignment import Allowance, aligned, common_end, common_start
from plait.types.text.tokens import Cuts, parts_character, parts_word

_LINES_FROM = 20_000  # characters of both texts: longer ones are compared by lines first
_CRUMB_MAX = 4  # characters left standing between two larger changes: no gain, only two edits
_SLIDES_MAX = 1_000  # places at which a repeated stretch might have been inserted
_WORD_MAX = 100  # characters; longer words are cut where they differ

Cut = Callable[[str], list[str]]


class Change(NamedTuple):
    """`old[start:stop]` became `new[new_start:new_stop]`; one of the two may be empty."""

    start: int
    stop: int
    new_start: int
    new_stop: int

    @property
    def size(self) -> int:
        """Characters of the longer side."""
        return max(self.stop - self.start, self.new_stop - self.new_start)

    def moved(self, start: int, new_start: int) -> "Change":
        """The same, in texts that have so much more before it."""
        return Change(
            self.start + start,
            self.stop + start,
            self.new_start + new_start,
            self.new_stop + new_start,
        )


def edits_between(old: str, new: str) -> list[tuple[int, int, str]]:
    """(position, characters deleted there, what is inserted there), one after the other."""
    # all before an edit is new by then, so its place in the new text is where it stands
    return [
        (change.new_start, change.stop - change.start, new[change.new_start : change.new_stop])
        for change in changes_between(old, new)
    ]


def changes_between(old: str, new: str) -> list[Change]:
    """What became of which stretch of the old text, ascending, all in terms of the whole texts."""
    if old == new:
        return []
    start = common_start(old, new)
    shorter = min(len(old), len(new))
    end = common_end(old, new, shorter)
    if start + end >= shorter and (change := _stretch(old, new, start, end)):
        return [change]
    end = min(end, shorter - start)
    start = _apart(old, new, start, start, -1)
    end = len(old) - _apart(old, new, len(old) - end, len(new) - end, 1)
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    cuts = Cuts(old, new)
    levels = [cuts.words, cuts.characters]
    if len(old) + len(new) >= _LINES_FROM:
        levels.insert(0, cuts.lines)
    found = _refined(old, new, levels, Allowance())
    return [change.moved(start, start) for change in found]


def _refined(old: str, new: str, levels: Sequence[Cut], allowance: Allowance) -> list[Change]:
    """Changes by the first level's pieces; those that replace something, by the next levels'."""
    if not levels or not old or not new:
        return [Change(0, len(old), 0, len(new))]
    pieces, new_pieces = levels[0](old), levels[0](new)
    if len(pieces) == len(new_pieces) == 1:
        return _refined(old, new, levels[1:], allowance)
    found: list[Change] = []
    # joined before they are looked into: characters may find better than what words had kept
    for change in _without_crumbs(list(_apart_from_runs(pieces, new_pieces, allowance))):
        start, stop, new_start, new_stop = change
        inner = _refined(old[start:stop], new[new_start:new_stop], levels[1:], allowance)
        found += [each.moved(start, new_start) for each in inner]
    return found


def _apart_from_runs(old: list[str], new: list[str], allowance: Allowance) -> Iterator[Change]:
    """What is left between the pieces that both have, in characters."""
    runs = [*aligned(old, new, allowance), (len(old), len(new), 0)]
    piece = new_piece = at = new_at = 0
    for start, new_start, length in runs:
        stop = at + sum(map(len, old[piece:start]))
        new_stop = new_at + sum(map(len, new[new_piece:new_start]))
        if at < stop or new_at < new_stop:
            yield Change(at, stop, new_at, new_stop)
        piece, new_piece = start + length, new_start + length
        kept = sum(map(len, old[start:piece]))
        at, new_at = stop + kept, new_stop + kept


def _without_crumbs(changes: list[Change]) -> list[Change]:
    """Changes between which too little was kept are one."""
    joined = changes[:1]
    for before, change in pairwise(changes):
        kept = change.start - before.stop
        if kept <= min(before.size, change.size, _CRUMB_MAX):
            last = joined[-1]
            joined[-1] = Change(last.start, change.stop, last.new_start, change.new_stop)
        else:
            joined.append(change)
    return joined


def _stretch(old: str, new: str, start: int, end: int) -> Change | None:
    """The one stretch that was inserted or removed, at the best of the places where it might be.

    None if it cannot be anywhere without parting a character.
    """
    longer, shorter = (new, old) if len(new) > len(old) else (old, new)
    length = len(longer) - len(shorter)
    earliest = max(len(shorter) - end, start - _SLIDES_MAX)

    def merit(at: int) -> tuple[int, int, int]:
        # the worse end decides; of equally good places the last: text is mostly written forward
        seams = _seam(longer, at), _seam(longer, at + length)
        return min(seams), max(seams), at

    best = max(range(earliest, start + 1), key=merit)
    cut_points = (longer, best), (longer, best + length), (shorter, best)
    if any(parts_character(text, at) for text, at in cut_points):
        return None
    if longer is new:
        return Change(best, best, best, best + length)
    return Change(best, best + length, best, best)


def _seam(text: str, at: int) -> int:
    """How natural it is to cut a text there."""
    if parts_character(text, at):
        return -4
    if parts_word(text, at):
        return 0
    return 2 if at in (0, len(text)) or text[at - 1] == "\n" else 1


def _apart(old: str, new: str, at: int, new_at: int, step: int) -> int:
    """Where to cut both texts at the latest so that no word is parted, going by `step`.

    Beyond `_WORD_MAX` only characters are kept whole.
    """
    for moved in range(_WORD_MAX):
        here, there = at + moved * step, new_at + moved * step
        if not parts_word(old, here) and not parts_word(new, there):
            return here
    while parts_character(old, at) or parts_character(new, new_at):
        at, new_at = at + step, new_at + step
    return at
