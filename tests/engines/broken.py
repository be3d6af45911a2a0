"""Loglets that are each wrong in one subtle way, and the check that must notice it."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from fake_log_storage import FakeLogStorage

from plait.base.errors import HistoryTrimmed, Sealed
from plait.base.ports import LineExtent, PutHardState
from plait.engines.conformance import Engine
from plait.engines.memory import MemoryLoglet
from plait.engines.sqlite import SqliteLoglet
from plait.line.entry import NO_EPOCH, Entry, Epoch, Kind
from plait.line.loglet import READ_BYTES, Origin, Tail


class AppendsAfterTheSeal(MemoryLoglet):
    """Forgets to refuse."""

    async def append(self, entry: Entry) -> int:
        sealed, self._sealed = self._sealed, False
        try:
            return await super().append(entry)
        finally:
            self._sealed = sealed


class LosesTheAppendBesideTheSeal(MemoryLoglet):
    """Stores after it has answered: the seal may come in between."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        await asyncio.sleep(0)
        if self._sealed and position == self.committed - 1:
            self._entries.pop()
        return position


class RefusesWhatItStored(MemoryLoglet):
    """Says Sealed to an append that was stored before the seal."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        await asyncio.sleep(0)
        if self._sealed:
            raise Sealed("too late")
        return position


class LetsALaterAppendPassTheSeal(MemoryLoglet):
    """Every other append that met the seal is let in before it becomes final."""

    def __init__(self) -> None:
        super().__init__()
        self._sealing = False
        self._turn = itertools.count()

    async def append(self, entry: Entry) -> int:
        if self._sealing and not next(self._turn) % 2:
            raise Sealed("sealing")
        return await super().append(entry)

    async def seal(self) -> int:
        self._sealing = True
        for _ in range(3):
            await asyncio.sleep(0)
        return await super().seal()


class UnsealsItself(MemoryLoglet):
    """Each seal is forgotten when the tail has been asked for."""

    async def check_tail(self) -> Tail:
        tail = await super().check_tail()
        self._sealed = False
        return tail


class SealReturnsItsOwnCount(MemoryLoglet):
    """A repeated seal counts its own marker."""

    async def seal(self) -> int:
        extra = 1 if self._sealed else 0
        return await super().seal() + extra


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


class BeginsAtZero(MemoryLoglet):
    """Takes no notice of where the chain is."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(position=0))


class BeginsOneAbove(MemoryLoglet):
    """Leaves a hole between the segments."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(position=origin.position + 1))


class ReadsBelowItsOrigin(MemoryLoglet):
    """Has nothing there, and does not say that others had."""

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        return [] if start < ELSEWHERE.position else await super().read(start, stop, bytes_max)


class CountsEpochsAnew(MemoryLoglet):
    """Its first epoch is 1, wherever it begins."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(epoch=0))


class UsesTheLastEpochAgain(MemoryLoglet):
    """Takes the origin's epoch for the first that is free."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(epoch=origin.epoch - 1))


class CountsRecordsAnew(MemoryLoglet):
    """Its first record is the first of all."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(records=0))


class WorksAfterClose(MemoryLoglet):
    """Close does nothing."""

    async def close(self) -> None:
        pass


IN_MEMORY: dict[Callable[[], MemoryLoglet], str] = {
    AppendsAfterTheSeal: "check_seal_stops_appends",
    LosesTheAppendBesideTheSeal: "check_appends_beside_a_seal_are_definite",
    RefusesWhatItStored: "check_appends_beside_a_seal_are_definite",
    LetsALaterAppendPassTheSeal: "check_appends_beside_a_seal_are_definite",
    UnsealsItself: "check_seal_stops_appends",
    SealReturnsItsOwnCount: "check_seal_is_idempotent",
    ReusesPositionsAfterATrim: "check_trim_to_the_tail_keeps_the_tail",
    RacesForPositions: "check_appends_in_flight_keep_their_order",
    ReordersAppends: "check_appends_in_flight_keep_their_order",
    AnswersTheTailFromACache: "check_the_tail_covers_finished_appends",
    AnswersBeforeItCommits: "check_an_append_can_be_read_when_it_returns",
    ReadsPastTheCommitted: "check_only_the_committed_is_read",
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


ELSEWHERE = Origin(1000, 7, 12345)

AT_AN_ORIGIN: dict[Callable[[Origin], MemoryLoglet], str] = {
    BeginsAtZero: "check_positions_begin_at_the_origin",
    BeginsOneAbove: "check_positions_begin_at_the_origin",
    ReadsBelowItsOrigin: "check_positions_begin_at_the_origin",
    CountsEpochsAnew: "check_epochs_and_records_go_on_from_the_origin",
    UsesTheLastEpochAgain: "check_epochs_and_records_go_on_from_the_origin",
    CountsRecordsAnew: "check_epochs_and_records_go_on_from_the_origin",
}


# ------------------------------------------------------------------------- broken on disk


class AnswersBeforeTheDisk(FakeLogStorage):
    """Says done at once, and leaves the writing to a disk that never gets to it."""

    def submit(self, writes: Any, done: Any) -> None:
        asyncio.get_running_loop().call_soon(done, None)


class ForgetsHardState(FakeLogStorage):
    """Never writes the hard state."""

    def _apply(self, write: Any) -> None:
        if not isinstance(write, PutHardState):
            super()._apply(write)


class ForgetsTheHead(FakeLogStorage):
    """Counts from 0 after each start."""

    def lines(self) -> dict[str, LineExtent]:
        self._heads = dict.fromkeys(self._heads, 0)
        return super().lines()


class LosesTheLastRow(FakeLogStorage):
    """Opens one row short of what was acknowledged."""

    def lines(self) -> dict[str, LineExtent]:
        for rows in self._rows.values():
            del rows[-1:]
        return super().lines()


class KeepsEveryRowTwice(FakeLogStorage):
    """Replays the last write at each start."""

    def lines(self) -> dict[str, LineExtent]:
        for rows in self._rows.values():
            rows += rows[-1:]
        return super().lines()


class ReversesABatch(FakeLogStorage):
    """Rows that were committed together come back in another order."""

    def lines(self) -> dict[str, LineExtent]:
        for rows in self._rows.values():
            rows.reverse()
        return super().lines()


class ForgetsTheRecordIndex(SqliteLoglet):
    """Counts records anew once it is opened."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._records = 0


ON_DISK: dict[tuple[type[FakeLogStorage], type[SqliteLoglet]], str] = {
    (AnswersBeforeTheDisk, SqliteLoglet): "check_a_crash_loses_nothing_acknowledged",
    (ForgetsHardState, SqliteLoglet): "check_reopening_keeps_the_seal",
    (ForgetsTheHead, SqliteLoglet): "check_reopening_keeps_the_head",
    (LosesTheLastRow, SqliteLoglet): "check_reopening_keeps_everything",
    (KeepsEveryRowTwice, SqliteLoglet): "check_a_crash_among_appends",
    (ReversesABatch, SqliteLoglet): "check_reopening_keeps_everything",
    (FakeLogStorage, ForgetsTheRecordIndex): "check_reopening_keeps_everything",
}


def engine_on(storage_type: type[FakeLogStorage], loglet_type: type[SqliteLoglet]) -> Engine:
    """A loglet on a disk, either of which may be broken."""
    storage = storage_type()

    def opened() -> SqliteLoglet:
        return loglet_type(storage, "line", Epoch(1, "node"))

    async def reopen() -> SqliteLoglet:
        await engine.loglet.close()
        return opened()

    async def crash() -> SqliteLoglet:
        nonlocal storage
        storage = storage_type(storage.crashed())
        return opened()

    engine = Engine(opened(), reopen, crash)
    return engine
