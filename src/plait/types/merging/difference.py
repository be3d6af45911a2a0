"""The shortest edit between two sequences, and the three-way merge of sequences that rests on it.

Source: Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), the greedy algorithm;
Khanna, Kunal, Pierce, "A Formal Investigation of Diff3" (2007), stable and unstable chunks.

Absent: heuristics that look for pretty differences. `EDITS_MAX` bounds the work: sequences that
differ more are taken to differ wholly between their common start and end.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

EDITS_MAX = 500

Items = Sequence[str]


class Chunk(NamedTuple):
    """A stretch of the base and what each side made of it."""

    base: Items
    one: Items
    other: Items


def matches(one: Items, other: Items) -> list[tuple[int, int]]:
    """Pairs of indices of equal items, ascending in both: a longest common subsequence."""
    start, end = 0, 0
    shorter = min(len(one), len(other))
    while start < shorter and one[start] == other[start]:
        start += 1
    while end < shorter - start and one[-1 - end] == other[-1 - end]:
        end += 1
    pairs = [(index, index) for index in range(start)]
    inner = _inner(one[start : len(one) - end], other[start : len(other) - end])
    pairs += [(start + i, start + j) for i, j in inner]
    pairs += [(len(one) - index, len(other) - index) for index in range(end, 0, -1)]
    return pairs


def _inner(one: Items, other: Items) -> list[tuple[int, int]]:
    """The same, for what has neither a common start nor a common end."""
    if not one or not other:
        return []
    reached = {1: 0}  # by diagonal i - j: the furthest i
    trace: list[dict[int, int]] = []
    for edits in range(min(len(one) + len(other), EDITS_MAX) + 1):
        trace.append(dict(reached))
        for diagonal in range(-edits, edits + 1, 2):
            i = _step(reached, diagonal, edits)
            j = i - diagonal
            while i < len(one) and j < len(other) and one[i] == other[j]:
                i, j = i + 1, j + 1
            reached[diagonal] = i
            if i >= len(one) and j >= len(other):
                return _walk_back(trace, len(one), len(other))
    return []


def _step(reached: dict[int, int], diagonal: int, edits: int) -> int:
    down = diagonal == -edits
    if not down and diagonal != edits:
        down = reached[diagonal - 1] < reached[diagonal + 1]
    return reached[diagonal + 1] if down else reached[diagonal - 1] + 1


def _walk_back(trace: list[dict[int, int]], i: int, j: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        reached, diagonal = trace[edits], i - j
        before = _step(reached, diagonal, edits) if edits else 0
        while i > before:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        if edits:  # undo the one insertion or removal that led to this diagonal
            came_down = before == reached.get(diagonal + 1, -1) and (
                diagonal == -edits
                or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
            )
            i, j = (i, j - 1) if came_down else (i - 1, j)
    pairs.reverse()
    return pairs


def chunks(base: Items, one: Items, other: Items) -> list[Chunk]:
    """The base in stretches: items that both sides kept, and between them what one changed."""
    in_one, in_other = dict(matches(base, one)), dict(matches(base, other))
    kept = [index for index in range(len(base)) if index in in_one and index in in_other]
    result: list[Chunk] = []
    at = (0, 0, 0)
    for index in kept:
        here = (index, in_one[index], in_other[index])
        if at != here:
            result.append(_chunk(base, one, other, at, here))
        item = base[index : index + 1]
        result.append(Chunk(item, item, item))
        at = (here[0] + 1, here[1] + 1, here[2] + 1)
    end = (len(base), len(one), len(other))
    if at != end:
        result.append(_chunk(base, one, other, at, end))
    return result


def interleaved(chunk: Chunk, join: Callable[[Items, Items], Items]) -> list[str]:
    """What neither side removed, with what both put in; `join` says how where they meet."""
    in_one, in_other = dict(matches(chunk.base, chunk.one)), dict(matches(chunk.base, chunk.other))
    new_in_one, new_in_other = _insertions(chunk.one, in_one), _insertions(chunk.other, in_other)
    result: list[str] = []
    for index in range(len(chunk.base) + 1):
        one, other = new_in_one.get(index, []), new_in_other.get(index, [])
        result += join(one, other) if one and other and one != other else one or other
        if index in in_one and index in in_other:
            result.append(chunk.base[index])
    return result


def _insertions(side: Items, kept: dict[int, int]) -> dict[int, Items]:
    """What a side put in, by the index in the base that it stands before."""
    found: dict[int, Items] = {}
    after, start = 0, 0
    for index, place in [*kept.items(), (-1, len(side))]:
        if place > start:
            found[after] = side[start:place]
        after, start = index + 1, place + 1
    return found


def _chunk(
    base: Items, one: Items, other: Items, start: tuple[int, int, int], stop: tuple[int, int, int]
) -> Chunk:
    return Chunk(base[start[0] : stop[0]], one[start[1] : stop[1]], other[start[2] : stop[2]])
