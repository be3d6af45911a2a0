"""Which items two sequences have in common, in order, found with a bounded amount of work.

Short stretches are compared by the shortest edit; long ones are parted first at items that occur
once in either, alone or with those that follow them. Where the allowance of work is used up, a
stretch counts as wholly different.
Invariant: runs ascend in both sequences and never overlap; how much is done depends on the
sequences alone, so the result does too.

Source: Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), the greedy algorithm;
Cohen's patience diff for the parting. `merging.difference` has Myers' algorithm as well: what that
returns is part of a merge function's version, and it is bounded by edits, not by work.
"""

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

_PHRASE = 4  # items that, taken together, part a sequence where no single one does: a power of 2
STEPS_MAX = 2_500_000  # about half a second
_EDITS_MAX = 1_000  # their traces are kept: 4 MB
_SHORT = 4_096  # items of both sides together that are compared without parting them first


class Run(NamedTuple):
    """`one[start : start + length]` equals `other[other_start : other_start + length]`."""

    start: int
    other_start: int
    length: int


class Allowance:
    """How much work is left, in steps of the innermost loops."""

    def __init__(self, steps: int = STEPS_MAX) -> None:
        self.steps = steps


class _Piece(NamedTuple):
    """`one[start:stop]` beside `other[other_start:other_stop]`."""

    start: int
    stop: int
    other_start: int
    other_stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start + self.other_stop - self.other_start


def common_start(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many items both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # slices are compared in C, and halved: linear on the whole
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_end(one: Sequence[Hashable], other: Sequence[Hashable], most: int) -> int:
    """How many items both end with, of at most `most`."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        piece = one[len(one) - middle : len(one) - low]
        if piece == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def aligned(one: Sequence[str], other: Sequence[str], allowance: Allowance) -> list[Run]:
    """Runs of equal items; a longest common subsequence where the sequences are short."""
    numbers: dict[str, int] = {}
    first = [numbers.setdefault(item, len(numbers)) for item in one]
    second = [numbers.setdefault(item, len(numbers)) for item in other]
    runs: list[Run] = []
    pieces = [_Piece(0, len(first), 0, len(second))]
    while pieces:
        piece = pieces.pop()
        found, rest = _of_piece(first, second, piece, allowance)
        runs += found
        pieces += rest
    return sorted(runs)


def _of_piece(
    one: list[int], other: list[int], piece: _Piece, allowance: Allowance
) -> tuple[list[Run], list[_Piece]]:
    """What one piece has in common, and smaller pieces that are still to be looked at."""
    a, b = one[piece.start : piece.stop], other[piece.other_start : piece.other_stop]
    start = common_start(a, b)
    end = common_end(a, b, min(len(a), len(b)) - start)
    runs = [
        Run(piece.start, piece.other_start, start),
        Run(piece.stop - end, piece.other_stop - end, end),
    ]
    inner = _Piece(start, len(a) - end, start, len(b) - end)
    rest: list[_Piece] = []
    if inner.start < inner.stop and inner.other_start < inner.other_stop:
        a, b = a[start : inner.stop], b[start : inner.other_stop]
        found = _shortest(a, b, allowance) if inner.length <= _SHORT else None
        if found is None and allowance.steps > inner.length:
            found = _anchors(a, b, 1, allowance)
            if not found and inner.length > _SHORT:
                found = _anchors(*_phrases(a, b), _PHRASE, allowance)
            if found:
                rest = list(_between(found, len(a), len(b)))
            elif inner.length > _SHORT:
                found = _shortest(a, b, allowance)
        at, other_at = piece.start + start, piece.other_start + start
        runs += [Run(at + i, other_at + j, length) for i, j, length in found or ()]
        rest = [_Piece(at + i, at + k, other_at + j, other_at + n) for i, k, j, n in rest]
    return [run for run in runs if run.length], rest


def _between(anchors: list[Run], length: int, other_length: int) -> Iterator[_Piece]:
    at = other_at = 0
    for start, other_start, run in [*anchors, Run(length, other_length, 0)]:
        if at < start and other_at < other_start:
            yield _Piece(at, start, other_at, other_start)
        at, other_at = start + run, other_start + run


def _anchors(a: list[int], b: list[int], width: int, allowance: Allowance) -> list[Run]:
    """Items that occur once in either sequence: as many as stand in the same order in both.

    Each stands for as many items as `width`; what follows on one another is one run.
    """
    allowance.steps -= len(a) + len(b)
    in_a, in_b = _places(a), _places(b)
    pairs = [(i, j) for item, i in in_a.items() if i >= 0 and (j := in_b.get(item, -1)) >= 0]
    runs: list[Run] = []
    at = other_at = 0
    for i, j in _ascending(pairs):
        last = runs[-1] if runs else Run(-1, -1, 0)
        if i - last.start == j - last.other_start <= last.length:
            runs[-1] = Run(last.start, last.other_start, i - last.start + width)
        elif i >= at and j >= other_at:
            runs.append(Run(i, j, width))
        else:
            continue  # it overlaps the last one on another diagonal
        at, other_at = i + width, j + width
    return runs


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs that ascend in both, of pairs that ascend in the first."""
    ends: list[int] = []  # by length: the least second where an ascending row so long ends
    rows: list[int] = []  # by length: which pair that is
    before: list[int] = []  # by pair: the pair before it in its row
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(rows[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        rows[length : length + 1] = [number]
    found: list[tuple[int, int]] = []
    number = rows[-1] if rows else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    found.reverse()
    return found


def _phrases(a: list[int], b: list[int]) -> tuple[list[int], list[int]]:
    """Each item with those after it, as a number: where none is unique, its surroundings may be."""
    width = 1
    while width < _PHRASE <= min(len(a), len(b)):
        numbers: dict[int, int] = {}
        base = 1 + max(max(items) for items in (a, b))
        a, b = (
            [
                numbers.setdefault(item * base + later, len(numbers))
                for item, later in zip(items, items[width:], strict=False)
            ]
            for items in (a, b)
        )
        width *= 2
    return (a, b) if width == _PHRASE else ([], [])


def _places(items: list[int]) -> dict[int, int]:
    """Where each item stands, in order; -1 for what stands at several places."""
    found: dict[int, int] = {}
    for place, item in enumerate(items):
        found[item] = -1 if item in found else place
    return found


def _shortest(a: list[int], b: list[int], allowance: Allowance) -> list[Run] | None:
    """The runs of a shortest edit; None if that takes too many edits or too much work."""
    length, other_length = len(a), len(b)
    edits_max = min(length + other_length, _EDITS_MAX)
    reached = [0] * (
        2 * edits_max + 3
    )  # by diagonal i - j, counted from the middle: the furthest i
    middle, goal = edits_max + 1, length - other_length
    trace: list[list[int]] = []  # by edits: what was reached before them
    granted = steps = allowance.steps // 4  # no stretch uses up what the others need
    for edits in range(edits_max + 1):
        trace.append(reached[middle - edits - 1 : middle + edits + 2])
        # diagonals that have run past an end are left out
        lowest = -edits + 2 * max(0, edits - other_length)
        highest = edits - 2 * max(0, edits - length)
        for diagonal in range(lowest, highest + 1, 2):
            i = began = _step(reached, middle, diagonal, edits)
            j = i - diagonal
            while i < length and j < other_length and a[i] == b[j]:
                i += 1
                j += 1
            reached[middle + diagonal] = i
            steps -= 1 + i - began
        if edits >= abs(goal) and (edits - goal) % 2 == 0 and reached[middle + goal] >= length:
            allowance.steps -= granted - steps
            return _walked_back(trace, length, other_length)
        if steps < 0:
            break
    allowance.steps -= granted - steps
    return None


def _step(reached: list[int], middle: int, diagonal: int, edits: int) -> int:
    """How far along a diagonal the last edit leads, before equal items are passed."""
    at = middle + diagonal
    if diagonal == -edits or (diagonal != edits and reached[at - 1] < reached[at + 1]):
        return reached[at + 1]
    return reached[at - 1] + 1


def _walked_back(trace: list[list[int]], i: int, j: int) -> list[Run]:
    runs: list[Run] = []
    for edits in range(len(trace) - 1, -1, -1):
        reached, diagonal, middle = trace[edits], i - j, edits + 1
        began = _step(reached, middle, diagonal, edits) if edits else 0
        if i > began:
            runs.append(Run(began, began - diagonal, i - began))
        came_down = diagonal == -edits or (
            diagonal != edits and reached[middle + diagonal - 1] < reached[middle + diagonal + 1]
        )
        i = began if came_down else began - 1
        j = began - diagonal - 1 if came_down else began - diagonal
    runs.reverse()
    return runs
