"""Taking edits back: what undoes them, carried to the present through what happened since.

Undoing an insertion deletes those characters, wherever they are now, and nothing that others typed
between them. Undoing a deletion puts the text back where it stood; for what was done before the
deletion, these are the characters that it had deleted (`Trail.restored`): so undoing can go on.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from plait.types.walker.trail import Step, Trail, kept, moved


class Inverse(NamedTuple):
    """One piece of what takes an operation back: deletions of ranges, or text put in."""

    ranges: list[tuple[int, int]]
    pos: int
    content: Any  # None: the ranges are deleted

    def after(self, steps: Iterable[Step]) -> "Inverse":
        """The piece after something happened."""
        ranges, pos = self.ranges, self.pos
        for step in steps:
            if self.content is None:
                ranges = kept(ranges, step)
            else:
                pos = moved(pos, step, True)
        return Inverse(ranges, pos, self.content)


def inverses(edits: Sequence[Any], contents: Sequence[Any]) -> list[Inverse]:
    """What takes edits back, as of right after them; `contents`: what each of them deletes."""
    found: list[Inverse] = []
    for index in range(0, len(edits), 2):
        pos, what = edits[index], edits[index + 1]
        if type(what) is int:
            step, piece = (pos, what, 0), Inverse([], pos, contents[index // 2])
        else:
            step, piece = (pos, 0, len(what)), Inverse([(pos, pos + len(what))], 0, None)
        found = [other.after([step]) for other in found]
        found.append(piece)
    return found


def carried(pieces: Sequence[Inverse], trail: Trail, since: int) -> list[Inverse]:
    """Pieces as of a step of the trail, as of now; what came back meanwhile is theirs again."""
    if not trail.restored:
        steps = trail.since(since)
        return [piece.after(steps) for piece in pieces]
    found = []
    for piece in pieces:
        if piece.content is None:
            found.append(piece._replace(ranges=_ranges_now(piece.ranges, trail, since)))
        else:
            found.append(piece._replace(pos=_place_now(piece.pos, trail, since)))
    return found


def _ranges_now(ranges: list[tuple[int, int]], trail: Trail, since: int) -> list[tuple[int, int]]:
    lost: dict[int, list[tuple[int, int]]] = {}  # by deletion, what of the ranges it took
    for number, step in enumerate(trail.since(since), since):
        at, gone, _ = step
        parts = [
            (max(low - at, 0), min(high - at, gone))
            for low, high in ranges
            if low < at + gone and high > at
        ]
        if parts:
            lost[number] = parts
        ranges = kept(ranges, step)
        back = lost.pop(trail.restored.get(number, -1), None)
        if back is not None:
            ranges = sorted([*ranges, *[(at + low, at + high) for low, high in back]])
    return ranges


def _place_now(pos: int, trail: Trail, since: int) -> int:
    lost: dict[int, int] = {}  # by deletion, how far inside it the place was
    for number, step in enumerate(trail.since(since), since):
        at, gone, _ = step
        if at < pos <= at + gone:
            lost[number] = pos - at
        pos = moved(pos, step, True)
        back = lost.pop(trail.restored.get(number, -1), None)
        if back is not None:
            pos = at + back
    return pos


def edits_of(pieces: Sequence[Inverse]) -> tuple[list[Any], dict[int, int]]:
    """The edits that pieces come to, one after another, and which of them put back what a piece
    holds. Later operations are undone first."""
    edits: list[Any] = []
    done: list[Step] = []
    sources: dict[int, int] = {}
    for number in range(len(pieces) - 1, -1, -1):
        piece = pieces[number].after(done)
        steps: list[Step] = []
        if piece.content is None:
            for low, high in reversed(piece.ranges):
                edits += [low, high - low]
                steps.append((low, high - low, 0))
        else:
            sources[len(edits) // 2] = number
            edits += [piece.pos, piece.content]
            steps.append((piece.pos, 0, len(piece.content)))
        done += steps
    return edits, sources
