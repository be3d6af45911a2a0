"""Attempts: try, note what went wrong, pause, try elsewhere, and give up in time.

Absent: deciding what can be tried again at whom; see `is_transient`, and the callers.
"""

import asyncio

from plait.base.errors import (
    Busy,
    Diverged,
    Indefinite,
    NotLeader,
    PlaitError,
    Sealed,
    TooStale,
    Unavailable,
)
from plait.base.ports import Random
from plait.client.limits import ClientLimits

NOTES_MAX = 6  # of the last failures, told in the final error


def is_transient(error: PlaitError) -> bool:
    """True if another attempt, perhaps at another node, can fare better."""
    return isinstance(error, NotLeader | Sealed | Busy | TooStale | Diverged | Indefinite)


class Attempts:
    """One operation's time, pauses and memory of what was tried."""

    def __init__(self, limits: ClientLimits, random: Random, timeout_s: float) -> None:
        self._limits = limits
        self._random = random
        self._loop = asyncio.get_running_loop()
        self.timeout_s = timeout_s
        self.deadline = self._loop.time() + timeout_s  # in the loop's time
        self.failures = 0
        self._notes: list[str] = []
        self.doubtful = False  # some attempt may have taken effect; kept by who makes them

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(self.deadline - self._loop.time(), 0.0)

    @property
    def attempt_s(self) -> float:
        """How long the next attempt may take."""
        return min(self.left_s, self._limits.attempt_s)

    def note(self, node: str, error: PlaitError) -> None:
        """Remember a failure for the final error."""
        self.failures += 1
        self._notes.append(f"{node}: {error.code}: {error.message}")
        del self._notes[:-NOTES_MAX]

    async def pause(self) -> None:
        """Wait before the next attempt: longer each time, never past the deadline."""
        await asyncio.sleep(min(self.pause_s(), self.left_s))

    def pause_s(self) -> float:
        """The next pause, with jitter, so that clients do not come back together."""
        limits = self._limits
        longest = min(limits.pause_min_s * 2 ** min(self.failures, 16), limits.pause_max_s)
        return self._random.uniform(longest / 2, longest)

    def forget(self) -> None:
        """It went well: the next failure is a first one."""
        self.failures = 0
        self._notes.clear()

    def gave_up(self, what: str) -> Unavailable:
        """The error for an operation that ran out of time."""
        tried = "; ".join(self._notes) or "nobody answered"
        return Unavailable(
            f"{what}: no answer within {self.timeout_s:g} s; tried {tried}", tried=self._notes[:]
        )
