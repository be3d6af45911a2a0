"""Taking edits back: what undoes them, carried to the present through what happened since.

Undoing an insertion deletes those characters, wherever they are now, and nothing that others typed
between them. Undoing a deletion puts the text back where it stood; for what was done before the
deletion, these are the characters that it had deleted (`Trail.restored`): so undoing can go on.

Who takes back one thing often takes back another, or the other half of the same change: so what was
found out about the characters of a trail is kept, and goes on with it.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from plait.types.walker.tracked import Piece, TrackedItems
from plait.types.walker.trail import STEPS_MAX, Step, Trail

Answer: TypeAlias = tuple[list[Any], dict[int, int]]  # edits; by step, which deletion it restores

_AHEAD: Final = 16  # steps


class Inverse(NamedTuple):
    """What takes one edit back, as of right after it: characters deleted, or text put in."""

    low: int
    high: int
    content: Any  # goes in at `low`; None: what is from `low` to `high` is deleted

    @property
    def step(self) -> Step:
        """What the edit was, as a step of a trail."""
        if self.content is None:
            return self.low, 0, self.high - self.low
        return self.low, len(self.content), 0


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


def taking_back(pieces: Sequence[Inverse], trail: Trail, since: int) -> Answer:
    """Edits that take back an operation after which the trail's next step was `since`; and the
    steps that they will be where they put back what a step had deleted: see `Trail.restored`.

    None if nobody knows any more which characters those were.
    """
    first = since - len(pieces)
    if not trail.knows(first) or not trail.tells_of_items(since) or since > trail.end:
        return [], {}
    if any(trail.step(number) != piece.step for number, piece in enumerate(pieces, first)):
        return [], {}  # it happened to a text that this one has replaced
    carrier: Carrier | None = trail.carrier
    if carrier is not None and carrier.is_asked_again(since, pieces):
        return carrier.answer
    if carrier is None or carrier.start > first or not carrier.catch_up():
        # twice as far as asked: what is taken back next is likely to be a little older
        carrier = trail.carrier = Carrier(trail, max(first - (trail.end - first) - _AHEAD, 0))
        carrier.catch_up()
    return carrier.carry(since, pieces)


class Carrier:
    """Where the characters are that the steps of a trail inserted or deleted.

    Edits that it gave are taken for done, which they are a moment later; if it turns out that they
    were not, this carrier has gone astray.

    Invariant: `_pieces[i]` are the characters of step `start + i`; the steps of `_ahead`, the last
    ones of those, are not known to have happened.
    """

    def __init__(self, trail: Trail, start: int) -> None:
        self.start = max(start, trail.start)
        self.answer: Answer = ([], {})
        self._trail = trail
        self._items = TrackedItems(behind=True)
        self._pieces: list[list[Piece]] = []
        self._ahead: list[Step] = []
        self._asked: tuple[int, Sequence[Inverse], int] | None = None

    def is_asked_again(self, since: int, pieces: Sequence[Inverse]) -> bool:
        """Whether nothing happened since `answer` answered just this."""
        return self._asked == (since, pieces, self._trail.end)

    def catch_up(self) -> bool:
        """Take the steps that happened since; False if it has gone astray."""
        trail, ahead = self._trail, self._ahead
        number = self._end() - len(ahead)
        if len(self._pieces) > 2 * STEPS_MAX or not trail.knows(number):
            return False
        steps = trail.since(number)
        if steps[: len(ahead)] != ahead:
            return False
        for step in steps[len(ahead) :]:
            self._take(step, trail.restored.get(self._end()))
        self._ahead = []
        return True

    def carry(self, since: int, pieces: Sequence[Inverse]) -> Answer:
        """See `taking_back`."""
        edits: list[Any] = []
        back: dict[int, int] = {}
        first = since - len(pieces)
        for index in range(len(pieces) - 1, -1, -1):  # the last is taken back first
            content = pieces[index].content
            there = self._pieces[first + index - self.start]
            if content is None:
                for pos, end in reversed(self._items.ranges(there)):
                    edits += [pos, end - pos]
                    self._go_ahead((pos, end - pos, 0), None)
            else:
                pos = self._items.place(there[0][0])
                edits += [pos, content]
                back[self._end()] = first + index
                self._go_ahead((pos, 0, len(content)), first + index)
        self._asked = (since, pieces, self._trail.end)
        self.answer = (edits, back)
        return self.answer

    def _end(self) -> int:
        """The number of the next step."""
        return self.start + len(self._pieces)

    def _go_ahead(self, step: Step, restored: int | None) -> None:
        self._ahead.append(step)
        self._take(step, restored)

    def _take(self, step: Step, restored: int | None) -> None:
        pos, gone, come = step
        if gone:
            self._pieces.append(self._items.delete(pos, gone))
            return
        if restored is not None and self.start <= restored < self._end():
            back = self._pieces[restored - self.start]
            if sum([size for _, size in back]) == come and self._items.revive(back, pos):
                self._pieces.append(back)
                return
        self._pieces.append([self._items.insert(pos, come)])
