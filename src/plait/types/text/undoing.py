"""Taking edits back: what undoes them, carried to the present through what happened since.

Undoing an insertion deletes those characters, wherever they are now, and nothing that others typed
between them. Undoing a deletion puts the text back where it stood; for what was done before the
deletion, these are the characters that it had deleted (`Trail.restored`): so undoing can go on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from plait.types.walker.trail import Step, Trail, kept, moved


class Inverse(NamedTuple):
    """What takes one edit back, as of right after it: characters deleted, or text put in."""

    low: int
    high: int
    content: Any  # goes in at `low`; None: what is from `low` to `high` is deleted


def inverses(edits: Sequence[Any], contents: Sequence[Any]) -> list[Inverse]:
    """What takes edits back; `contents`: what each of them deletes."""
    found: list[Inverse] = []
    for index in range(0, len(edits), 2):
        pos, what = edits[index], edits[index + 1]
        if type(what) is int:
            found.append(Inverse(pos, pos, contents[index // 2]))
        else:
            found.append(Inverse(pos, pos + len(what), None))
    return found


def taking_back(
    pieces: Sequence[Inverse], trail: Trail, since: int
) -> tuple[list[Any], dict[int, int]]:
    """Edits that take back an operation after which the trail's next step was `since`; and the
    steps that they will be where they put back what a step had deleted: see `Trail.restored`."""
    edits: list[Any] = []
    undone: list[Step] = []
    back: dict[int, int] = {}
    restored = dict(trail.restored)
    first = since - len(pieces)
    for index in range(len(pieces) - 1, -1, -1):  # the last is taken back first
        low, high, content = pieces[index]
        start = first + index + 1
        steps = trail.since(start) + undone
        if content is None:
            for pos, end in reversed(_ranges_now([(low, high)], steps, start, restored)):
                edits += [pos, end - pos]
                undone.append((pos, end - pos, 0))
        else:
            pos = _place_now(low, steps, start, restored)
            number = trail.end + len(undone)
            restored[number] = back[number] = first + index
            edits += [pos, content]
            undone.append((pos, 0, len(content)))
    return edits, back


def _ranges_now(
    ranges: list[tuple[int, int]], steps: Sequence[Step], start: int, restored: Mapping[int, int]
) -> list[tuple[int, int]]:
    """Ranges after steps, the first of which has the number `start`."""
    lost: dict[int, list[tuple[int, int]]] = {}  # by deletion, what of the ranges it took
    for number, step in enumerate(steps, start):
        at, gone, _ = step
        parts = [
            (max(low - at, 0), min(high - at, gone))
            for low, high in ranges
            if low < at + gone and high > at
        ]
        if parts and gone:
            lost[number] = parts
        ranges = kept(ranges, step)
        back = lost.pop(restored.get(number, -1), None)
        if back is not None:
            ranges = sorted([*ranges, *[(at + low, at + high) for low, high in back]])
    return ranges


def _place_now(pos: int, steps: Sequence[Step], start: int, restored: Mapping[int, int]) -> int:
    """A place after steps, the first of which has the number `start`."""
    lost: dict[int, int] = {}  # by deletion, how far inside it the place was
    for number, step in enumerate(steps, start):
        at, gone, _ = step
        if gone and at < pos <= at + gone:
            lost[number] = pos - at
        pos = moved(pos, step, True)
        back = lost.pop(restored.get(number, -1), None)
        if back is not None:
            pos = at + back
    return pos
