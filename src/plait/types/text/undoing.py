"""Taking edits back: what undoes them, carried to the present through what happened since.

Undoing an insertion deletes those characters, wherever they are now, and nothing that others typed
between them. Undoing a deletion puts the text back where it stood.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from plait.types.walker.trail import Step, kept, moved


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


def edits_of(pieces: Iterable[Inverse]) -> list[Any]:
    """The edits that pieces come to, one after another. Later operations are undone first."""
    edits: list[Any] = []
    done: list[Step] = []
    for piece in reversed(list(pieces)):
        piece = piece.after(done)
        steps: list[Step] = []
        if piece.content is None:
            for low, high in reversed(piece.ranges):
                edits += [low, high - low]
                steps.append((low, high - low, 0))
        else:
            edits += [piece.pos, piece.content]
            steps.append((piece.pos, 0, len(piece.content)))
        done += steps
    return edits
