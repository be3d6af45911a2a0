"""How long groups took from being proposed here to being applied, and how many lost a race.

Counts and sums since the start, of which whoever asks twice makes a rate. Absent: a histogram.
"""

import asyncio
from typing import Any

from plait.base.ports import Clock
from plait.line.outcome import Outcome


class Commits:
    """Of one line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups = 0
        self._seconds = 0.0
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
        self._seconds += self._clock.monotonic() - began
        for _, failed in outcome.result().failures:
            self._conflicts += failed.code == "Conflict"

    def status(self) -> dict[str, Any]:
        """Since the start."""
        return {
            "groups": self._groups,
            "seconds": round(self._seconds, 6),
            "conflicts": self._conflicts,
            "under_way": self._under_way,
        }
