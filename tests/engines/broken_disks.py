"""Loglets on disks that are wrong in one subtle way each, and the checks that notice it."""

import asyncio
from typing import Any

from fake_log_storage import FakeLogStorage

from plait.base.ports import LineExtent, PutHardState
from plait.engines.conformance import Engine
from plait.engines.sqlite import SqliteLoglet
from plait.line.entry import Epoch


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
