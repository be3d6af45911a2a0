"""How fast a backup goes: no faster than it is told, or as fast as leaves others their writes.

A backup works in *bursts*, and rests between them as long as its rule says. A rule hears what a
burst, and then the rest after it, took, and how many records the node took meanwhile:

    Rate      so many bytes a second, whatever else goes on
    Courtesy  the default. The records that a second of work and a second of rest saw say what share
              of writes a burst costs, and rests are so long that of all writes no more than `LOSS`
              is lost. Where nobody writes, or who writes loses nothing, it rests only to look.

Invariant: rules are pure: no clock, no sleep. A courteous backup gets at least `LOSS` of the time.

Absent: readers, who are not counted; the disk's own scheduler.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from plait.base.errors import BadSettings
from plait.base.ports import Clock

LOSS = 0.12  # of writes: what is measured is noisy, and what is promised is 0.2
LOOK = 0.05  # of a burst's time, at least: so that it is seen what rest gives
LOOK_S = 0.02  # shorter than that shows nothing
FIRST_LOOK_S = 0.05
QUIET_PER_S = 5.0  # fewer records than that are nobody's load
FADE = 0.7  # what each burst leaves of the weight of those before
REST_S_MAX = 5.0
BURST_BYTES_MIN = 1 << 20


class Rule(Protocol):
    """Says how long to rest."""

    def worked(self, size: int, seconds: float, records: int) -> float:
        """After a burst of `size` bytes: the seconds to rest now."""
        ...

    def rested(self, seconds: float, records: int) -> None:
        """How the rest was."""
        ...


class Rate:
    """So many bytes a second, over all of the backup."""

    def __init__(self, bytes_per_s: float) -> None:
        if not bytes_per_s > 0:
            raise BadSettings("a rate is a number of bytes a second, above 0")
        self._bytes_per_s = bytes_per_s
        self._owed_s = 0.0  # of rest, never negative

    def worked(self, size: int, seconds: float, records: int) -> float:
        """As long as the bytes take at that rate, less what they took."""
        self._owed_s = max(0.0, self._owed_s + size / self._bytes_per_s - seconds)
        return self._owed_s

    def rested(self, seconds: float, records: int) -> None:
        """Time that was lost is not made good by going faster than the rate."""
        self._owed_s = max(0.0, self._owed_s - seconds)


class Courtesy:
    """Rests so long that others lose no more than `LOSS` of their writes."""

    def __init__(self) -> None:
        self._work = _Faded()
        self._rest = _Faded()
        self._owed_s = 0.0  # of rest, too short to be worth it yet

    def worked(self, size: int, seconds: float, records: int) -> float:
        """At least a look: a burst that stops everybody sees nobody."""
        self._work.add(seconds, records)
        if not self._rest.seconds:
            return min(seconds, FIRST_LOOK_S)
        self._owed_s = min(self._owed_s + self._rest_a_second() * seconds, REST_S_MAX)
        if self._owed_s < LOOK_S:
            return 0.0
        rest_s, self._owed_s = self._owed_s, 0.0
        return rest_s

    def _rest_a_second(self) -> float:
        """How much rest a second of work asks for."""
        if max(self._work.last_per_s, self._rest.last_per_s) < QUIET_PER_S or not self._rest.per_s:
            return LOOK
        lost = 1.0 - self._work.per_s / self._rest.per_s
        share = min(1.0, LOSS / lost) if lost > 0 else 1.0
        return max(1 / share - 1, LOOK)

    def rested(self, seconds: float, records: int) -> None:
        """What a second without work is worth to others."""
        self._rest.add(seconds, records)


class _Faded:
    """Records a second, of which the latest count most."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.last_per_s = 0.0
        self._records = 0.0

    def add(self, seconds: float, records: int) -> None:
        self.last_per_s = records / seconds if seconds else 0.0
        self.seconds = self.seconds * FADE + seconds
        self._records = self._records * FADE + records

    @property
    def per_s(self) -> float:
        return self._records / self.seconds if self.seconds else 0.0


class Throttle:
    """Times bursts and rests, by a clock, for a rule. One burst at a time."""

    def __init__(
        self,
        rule: Rule,
        clock: Clock,
        records: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.rested_s = 0.0
        self._rule = rule
        self._clock = clock
        self._records = records  # that the node took, ever
        self._sleep = sleep
        self._done = Burst()  # what was not rested from yet

    @asynccontextmanager
    async def burst(self) -> AsyncIterator["Burst"]:
        """Work, then rest, unless it is too little to tell anything by."""
        burst, began, before = Burst(), self._clock.monotonic(), self._records()
        yield burst
        ended, after = self._clock.monotonic(), self._records()
        done = self._done
        done.size += burst.size
        done.seconds += ended - began
        done.records += max(0, after - before)  # a line that was cut has fewer
        if done.size >= BURST_BYTES_MIN:
            self._done = Burst()
            rest_s = self._rule.worked(done.size, done.seconds, done.records)
            if rest_s > 0:
                await self._sleep(rest_s)
                slept_s = self._clock.monotonic() - ended
                self._rule.rested(slept_s, max(0, self._records() - after))
                self.rested_s += slept_s


class Burst:
    """What is done in one go; whoever does it adds the bytes."""

    def __init__(self) -> None:
        self.size = 0
        self.seconds = 0.0
        self.records = 0
