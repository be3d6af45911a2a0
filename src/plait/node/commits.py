"""How long groups took from being proposed here to being applied, and how many lost a race.

Counts and sums since the start, of which whoever asks twice makes a rate.
"""

import asyncio
from bisect import bisect_left
from itertools import accumulate
from typing import Any

from plait.base.ports import Clock
from plait.line.outcome import Outcome

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Commits:
    """Of one line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups = 0
        self._seconds = 0.0
        self._took = [0] * (len(BOUNDS_S) + 1)  # by bound; the last: longer than any
        self._conflicts = 0
        self._under_way = 0

    def begin(self) -> float:
        """A group is proposed now; what `end` wants to know of it."""
        self._under_way += 1
        return self._clock.monotonic()

    def end(self, began: float, outcome: "asyncio.Future[Outcome]") -> None:
        """Its outcome is there."""
        self._under_way -= 1
        if outcome.cancelled() or outcome.exception() is not None:
            return
        self._groups += 1
        took = self._clock.monotonic() - began
        self._seconds += took
        self._took[bisect_left(BOUNDS_S, took)] += 1
        for _, failed in outcome.result().failures:
            self._conflicts += failed.code == "Conflict"

    def status(self) -> dict[str, Any]:
        """Since the start."""
        return {
            "groups": self._groups,
            "seconds": round(self._seconds, 6),
            "within": [list(pair) for pair in zip(BOUNDS_S, accumulate(self._took), strict=False)],
            "conflicts": self._conflicts,
            "under_way": self._under_way,
        }
