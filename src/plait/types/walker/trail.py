"""What happened to the present, for those who hold positions in it: cursors, undo.

Invariants: step number `start + i` is the three numbers from `steps[3 * i]`; older ones are
forgotten. A step in `restored` put in exactly what the deletion that it names had taken away. Steps
before `shared` are those of the trails that this one was cut from. At a number in `guesses` the
present became another one of which nobody knows which items it has in common with the one before:
steps were guessed then, which lead places about to where they belong, but tell nothing of items.
"""

from array import array
from typing import Any, TypeAlias

STEPS_MAX = 50_000

Step: TypeAlias = tuple[int, int, int]  # position, items deleted there, or else inserted


class Trail:
    """The latest changes of a sequence, in order."""

    __slots__ = (
        "carrier", "forked", "guesses", "held", "restored", "shared", "start", "steps",
    )  # fmt: skip

    def __init__(self) -> None:
        self.start = 0
        self.restored: dict[int, int] = {}  # the number of a step: that of the deletion
        self.shared = 0
        self.steps = array("q")
        self.guesses: list[int] = []  # ascending
        self.held = False  # somebody asked for it
        self.carrier: Any = None  # see `plait.types.text.undoing`; can be made anew,
        self.forked: Any = None  # and so can this: see `plait.api.documents.text_branch`

    @property
    def end(self) -> int:
        """The number of the next step."""
        return self.start + len(self.steps) // 3

    @property
    def is_followed(self) -> bool:
        """Whether somebody may hold a position."""
        return self.held or bool(self.steps)

    def add(self, pos: int, gone: int, come: int) -> None:
        """Something was deleted, or inserted."""
        self.steps.extend((pos, gone, come))
        if len(self.steps) > 3 * STEPS_MAX:
            del self.steps[: 3 * (STEPS_MAX // 2)]
            self.start += STEPS_MAX // 2
            self.restored = {n: back for n, back in self.restored.items() if n >= self.start}
            self.guesses = [number for number in self.guesses if number >= self.start]
            self.carrier = self.forked = None

    def guess(self) -> None:
        """The steps that come next are guessed."""
        self.guesses.append(self.end)

    def cut_back(self, end: int) -> "Trail":
        """Another trail, of the steps before `end`: the others were discarded. Who looked at one of
        them sees by `shared` that its number means another step now."""
        trail = Trail()
        trail.start = min(self.start, end)
        trail.steps = self.steps[: 3 * max(end - self.start, 0)]
        trail.restored = {n: back for n, back in self.restored.items() if n < end}
        trail.shared = end if self.shared == 0 else min(self.shared, end)
        trail.guesses = [number for number in self.guesses if number < end]
        trail.held = self.held
        return trail

    def knows(self, since: int) -> bool:
        """Whether all steps from a number on are here."""
        return since >= self.start

    def tells_of_items(self, since: int) -> bool:
        """Whether none of the steps from a number on were guessed."""
        return not self.guesses or since > self.guesses[-1]

    def step(self, number: int) -> Step:
        """One that is here."""
        at = 3 * (number - self.start)
        pos, gone, come = self.steps[at : at + 3]
        return pos, gone, come

    def since(self, number: int) -> list[Step]:
        """The steps from a number on."""
        numbers = iter(self.steps[3 * (number - self.start) :])
        return list(zip(numbers, numbers, numbers, strict=True))


def moved(pos: int, step: Step, left: bool) -> int:
    """Where a place is after a step: behind what stood left of it, or before what stood right."""
    at, gone, come = step
    if gone:
        return pos if pos <= at else max(at, pos - gone)
    return pos + come if pos > at or (pos == at and not left) else pos
