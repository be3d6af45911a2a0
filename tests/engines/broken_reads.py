"""Loglets that trim, read or wait wrongly in one subtle way each, and the checks that notice it."""

import asyncio
from collections.abc import Callable

from plait.base.errors import HistoryTrimmed
from plait.engines.memory import MemoryLoglet
from plait.line.entry import Entry
from plait.line.loglet import READ_BYTES, Tail


class TrimsOneTooMuch(MemoryLoglet):
    """Takes `before` as the last one to go."""

    async def trim(self, before: int) -> None:
        await super().trim(before + 1)


class TrimsWhatIsNotThereYet(MemoryLoglet):
    """Moves the head beyond the tail."""

    async def trim(self, before: int) -> None:
        if before > self.committed:
            self._entries.clear()
            self._head = before
        await super().trim(before)


class TrimsBackwards(MemoryLoglet):
    """A lower trim moves the head down again."""

    async def trim(self, before: int) -> None:
        await super().trim(before)
        self._head = min(self._head, max(0, before))


class HidesWhatIsTrimmed(MemoryLoglet):
    """Reads from the head where it should say that history is gone."""

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        return await super().read(max(start, self._head), stop, bytes_max)


class ForgetsWhereTheHeadIs(MemoryLoglet):
    """HistoryTrimmed without the head: a reader cannot go on."""

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        if start < self._head:
            raise HistoryTrimmed("gone")
        return await super().read(start, stop, bytes_max)


class GivesNothingOverTheLimit(MemoryLoglet):
    """An entry over `bytes_max` is never read: a follower would stop there for ever."""

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        found = await super().read(start, stop, bytes_max)
        return [each for each in found if len(each.payload) <= bytes_max]


class ReadsOverTheLimit(MemoryLoglet):
    """Takes no notice of `bytes_max`."""

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        return await super().read(start, stop, 1 << 40)


class ReadsOneTooMany(MemoryLoglet):
    """Takes `stop` as included."""

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        return await super().read(start, stop + 1, bytes_max)


class WaitsForEver(MemoryLoglet):
    """Nobody wakes a waiter."""

    async def wait(self, position: int) -> Tail:
        if self.committed <= position:
            await asyncio.Event().wait()
        return Tail(self.committed, self._sealed)


class SleepsThroughTheSeal(MemoryLoglet):
    """Wakes for appends only."""

    async def seal(self) -> int:
        self._sealed = True
        return self.committed


class WakesForAnything(MemoryLoglet):
    """Every append wakes everybody."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        self._waiters.wake_all()
        return position


class WaitsOneTooShort(MemoryLoglet):
    """Returns when the tail reaches the position instead of passing it."""

    async def wait(self, position: int) -> Tail:
        return await super().wait(position - 1)


class TakesOthersAlongWhenCancelled(MemoryLoglet):
    """A cancelled waiter throws away the whole queue."""

    async def wait(self, position: int) -> Tail:
        try:
            return await super().wait(position)
        except asyncio.CancelledError:
            self._waiters = type(self._waiters)()
            raise


READS: dict[Callable[[], MemoryLoglet], str] = {
    TrimsOneTooMuch: "check_trim_moves_the_head",
    TrimsWhatIsNotThereYet: "check_trim_never_passes_the_committed",
    TrimsBackwards: "check_a_lower_trim_does_nothing",
    HidesWhatIsTrimmed: "check_trim_moves_the_head",
    ForgetsWhereTheHeadIs: "check_trim_moves_the_head",
    GivesNothingOverTheLimit: "check_a_read_gives_at_least_one",
    ReadsOverTheLimit: "check_a_read_gives_at_least_one",
    ReadsOneTooMany: "check_reads_keep_their_bounds",
    WaitsForEver: "check_wait_wakes_for_an_append",
    SleepsThroughTheSeal: "check_wait_returns_at_seal",
    WakesForAnything: "check_wait_does_not_return_early",
    WaitsOneTooShort: "check_wait_does_not_return_early",
    TakesOthersAlongWhenCancelled: "check_wait_can_be_cancelled",
}
