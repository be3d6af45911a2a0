"""What happened to the present, for those who hold positions in it: cursors, undo.

Invariants: step number `start + i` is the three numbers from `steps[3 * i]`; older ones are
forgotten. A step in `restored` put in exactly what the deletion that it names had taken away. Steps
before `shared` are those of the trails that this one was cut from.
"""

from array import array
from typing import TypeAlias

STEPS_MAX = 50_000

Step: TypeAlias = tuple[int, int, int]  # position, items deleted there, or else inserted


class Trail:
    """The latest changes of a sequence, in order."""

    __slots__ = ("restored", "shared", "start", "steps")

    def __init__(self) -> None:
        self.start = 0
        self.restored: dict[int, int] = {}  # the number of a step: that of the deletion
        self.shared = 0
        self.steps = array("q")

    @property
    def end(self) -> int:
        """The number of the next step."""
        return self.start + len(self.steps) // 3

    def add(self, pos: int, gone: int, come: int) -> None:
        """Something was deleted, or inserted."""
        self.steps.extend((pos, gone, come))
        if len(self.steps) > 3 * STEPS_MAX:
            del self.steps[: 3 * (STEPS_MAX // 2)]
            self.start += STEPS_MAX // 2
            self.restored = {n: back for n, back in self.restored.items() if n >= self.start}

    def cut_back(self, end: int) -> "Trail":
        """Another trail, of the steps before `end`: the others were discarded. Who looked at one of
        them sees by `shared` that its number means another step now."""
        trail = Trail()
        trail.start = min(self.start, end)
        trail.steps = self.steps[: 3 * max(end - self.start, 0)]
        trail.restored = {n: back for n, back in self.restored.items() if n < end}
        trail.shared = end if self.shared == 0 else min(self.shared, end)
        return trail

    def knows(self, since: int) -> bool:
        """Whether all steps from a number on are here."""
        return since >= self.start

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


def kept(ranges: list[tuple[int, int]], step: Step) -> list[tuple[int, int]]:
    """What is left of ranges (from, to) after a step; what is inserted inside is not theirs."""
    at, gone, come = step
    found: list[tuple[int, int]] = []
    for low, high in ranges:
        if gone:
            low, high = moved(low, step, True), moved(high, step, True)
            if low < high:
                found.append((low, high))
        elif low < at < high:
            found += [(low, at), (at + come, high + come)]
        elif at <= low:
            found.append((low + come, high + come))
        else:
            found.append((low, high))
    return found
