"""The Clock port of a machine whose clock is ahead, runs fast or slow, and jumps.

Invariant: `monotonic` never runs backwards and never jumps, as Linux's does not; only its pace
changes. `wall_ms` may do anything.
"""

import asyncio

START_MS = 1_700_000_000_000


class SimClock:
    """A clock that somebody can tamper with."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ahead_ms: int = 0) -> None:
        self.ahead_ms = ahead_ms
        self.rate = 1.0  # its seconds in one of the world's
        self._loop = loop
        self._base = self._since = loop.time()

    def monotonic(self) -> float:
        """Seconds by this clock since the world began."""
        return self._base + (self._loop.time() - self._since) * self.rate

    def wall_ms(self) -> int:
        """Milliseconds since 1970, as this clock has it."""
        return START_MS + int(self.monotonic() * 1000) + self.ahead_ms

    def jump(self, milliseconds: int) -> None:
        """Somebody sets the wall clock, forward or back."""
        self.ahead_ms += milliseconds

    def drift(self, rate: float) -> None:
        """From now on it counts `rate` seconds in one of the world's."""
        self._base, self._since = self.monotonic(), self._loop.time()
        self.rate = rate
