"""Loglets that append, or close, wrongly in one subtle way each, and the checks that notice it."""

import asyncio
import itertools
from collections.abc import Callable

from plait.base.errors import Sealed
from plait.engines.memory import MemoryLoglet
from plait.line.entry import NO_EPOCH, Entry, Epoch, Kind
from plait.line.loglet import Tail


class ReusesPositionsAfterATrim(MemoryLoglet):
    """Counts positions from the entries that are left when none are."""

    async def trim(self, before: int) -> None:
        await super().trim(before)
        if not self._entries:
            self._head = 0


class RacesForPositions(MemoryLoglet):
    """Takes the position before, and stores after, a turn of the loop."""

    async def append(self, entry: Entry) -> int:
        position = self.committed
        await asyncio.sleep(0)
        await super().append(entry)
        return position


class ReordersAppends(MemoryLoglet):
    """Lets small entries overtake: every third append starts a turn late."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = itertools.count()

    async def append(self, entry: Entry) -> int:
        if not next(self._turn) % 3:
            await asyncio.sleep(0)
        return await super().append(entry)


class AnswersTheTailFromACache(MemoryLoglet):
    """The tail that it knew a call ago."""

    _known = 0

    async def check_tail(self) -> Tail:
        tail = await super().check_tail()
        known, self._known = self._known, tail.position
        return Tail(known, tail.sealed)


class AnswersBeforeItCommits(MemoryLoglet):
    """Returns a position while `committed` is still a turn behind."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = 0

    @property
    def committed(self) -> int:
        return max(self._shown, self._head)

    async def append(self, entry: Entry) -> int:
        if self._sealed:
            raise Sealed("sealed")
        self._entries.append(entry.stamped(self._epoch, self._records))
        self._records += entry.records
        position = self._head + len(self._entries) - 1
        asyncio.get_running_loop().call_soon(self._show)
        return position

    def _show(self) -> None:
        self._shown = self._head + len(self._entries)
        self._waiters.passed(self._shown)


class ReadsPastTheCommitted(AnswersBeforeItCommits):
    """As durable storage would be, but read looks at what is not committed yet."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        await self.wait(position)
        return position


class WritesTwice(MemoryLoglet):
    """A retry inside: one append, two entries."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        if position % 10 == 5:
            await super().append(entry)
        return position


class RetriesTheCancelled(MemoryLoglet):
    """A cancelled append is made once more in the background."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._again = asyncio.ensure_future(super().append(entry))
            raise
        return position


class TruncatesPayloads(MemoryLoglet):
    """A 64 KiB limit that nobody hears of."""

    async def append(self, entry: Entry) -> int:
        return await super().append(
            Entry(entry.payload[:65536], entry.records, entry.kind, entry.time_ms)
        )


class CountsAtLeastOneRecord(MemoryLoglet):
    """Takes an entry without records for one with one."""

    async def append(self, entry: Entry) -> int:
        return await super().append(
            Entry(entry.payload, entry.records or 1, entry.kind, entry.time_ms)
        )


class CountsEntriesNotRecords(MemoryLoglet):
    """The record index is the position."""

    async def append(self, entry: Entry) -> int:
        self._records = self.committed
        return await super().append(entry)


class StampsNothing(MemoryLoglet):
    """Leaves the epoch out."""

    def __init__(self) -> None:
        super().__init__()
        self._epoch = NO_EPOCH


class LowersTheEpoch(MemoryLoglet):
    """A deposed leader's number comes back."""

    async def append(self, entry: Entry) -> int:
        self._epoch = Epoch(9 if self.committed < 3 else 8, "memory")
        return await super().append(entry)


class LeavesForeignRecords(MemoryLoglet):
    """Its own opening entry pretends to hold a user's record."""

    def __init__(self) -> None:
        super().__init__()
        self._entries.append(Entry(b"", 1, Kind.EPOCH).stamped(self._epoch, 0))
        self._records = 1


class WorksAfterClose(MemoryLoglet):
    """Close does nothing."""

    async def close(self) -> None:
        pass


APPENDS: dict[Callable[[], MemoryLoglet], str] = {
    ReusesPositionsAfterATrim: "check_trim_to_the_tail_keeps_the_tail",
    RacesForPositions: "check_appends_in_flight_keep_their_order",
    ReordersAppends: "check_appends_in_flight_keep_their_order",
    AnswersTheTailFromACache: "check_the_tail_covers_finished_appends",
    AnswersBeforeItCommits: "check_an_append_can_be_read_when_it_returns",
    ReadsPastTheCommitted: "check_only_the_committed_is_read",
    WritesTwice: "check_positions_are_dense",
    RetriesTheCancelled: "check_a_cancelled_append_leaves_the_log_usable",
    TruncatesPayloads: "check_content_comes_back_as_it_was",
    CountsAtLeastOneRecord: "check_content_comes_back_as_it_was",
    CountsEntriesNotRecords: "check_the_record_index_counts_on",
    StampsNothing: "check_epochs_never_decrease",
    LowersTheEpoch: "check_epochs_never_decrease",
    LeavesForeignRecords: "check_positions_are_dense",
    WorksAfterClose: "check_a_closed_loglet_refuses",
}
