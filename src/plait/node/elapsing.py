"""Elapsing: what time it is for whoever lets the past go, by a wall clock that may be wrong.

A clock that is set a year ahead would have everything too old at once, and setting it right again
brings nothing back. So time passes here at most twice as fast as the machine measures: a process
that was held up, or was away, catches up in as long as that took, and a jump of a year gives people
half of what is kept to notice.

Invariant: it is never later here than the wall clock says, or said before; it never runs backwards.
"""

from plait.base.ports import Clock

PACE = 2.0  # times as fast as the machine measures, at most


class Elapsing:
    """From when it is made, or from a moment that is known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now_ms = clock.wall_ms()
        self._looked = clock.monotonic()

    def begin(self, known_ms: int) -> None:
        """Go on from a moment that was known to be over, unless the clock says that it is not."""
        if known_ms:
            self._now_ms = min(known_ms, self._clock.wall_ms())

    def now_ms(self) -> int:
        """In milliseconds since 1970, as the wall clock counts."""
        looked = self._clock.monotonic()
        passed_ms = (looked - self._looked) * 1000 * PACE
        self._looked = looked
        self._now_ms = max(self._now_ms, min(self._clock.wall_ms(), int(self._now_ms + passed_ms)))
        return self._now_ms
