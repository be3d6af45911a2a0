"""The LogStorage port over SQLite: `log.db`, one group commit a tick.

The loop's side: it checks each write against the extents as they will be once everything queued
is done, hands it to the committing thread, reads through a connection of its own, and learns
of each group what became durable.

Invariant: `_durable` is what a crash would leave; `_planned` is `_durable` plus all that is
queued. A failed group takes everything queued behind it along, and the two are equal again.

Recovery, in one table::

    what happened                    read_only        suspect   way back
    no space left                    DiskFull         -         recover(), once there is some
    disk turned read-only            FolderReadOnly   -         recover(), once it is not
    write or fsync failed            StorageError     yes       recover(), or reopen and trust()
    damage found at opening          Corrupt          yes       trust(), and refetch what is lost
    torn last commit (power cut)     -                -         none needed: never acknowledged

Whatever the state, all that can be read stays readable, and a bad row raises `Corrupt`.
"""

import asyncio
from collections.abc import Sequence

import apsw

from plait.base.errors import Closed, PlaitError
from plait.base.ports import Done, LineExtent, LogWrite, RescuedSuffix
from plait.host.checkpointer import Checkpointer
from plait.host.committer import Committer
from plait.host.database import storage_error
from plait.host.durable_log import DurableLog, Outcome, open_log_connection
from plait.host.extents import Extents
from plait.host.folder import Folder
from plait.host.log_tables import LogReader

_Submission = tuple[tuple[LogWrite, ...], Done]


class SqliteLog:
    """Every line's entries and hard state. Opening blocks; do it off the loop."""

    def __init__(
        self, folder: Folder, loop: asyncio.AbstractEventLoop, vfs: str | None = None
    ) -> None:
        self._folder = folder
        self._loop = loop
        self._closed = False
        self._log = DurableLog(folder, vfs)
        try:
            self._connection = open_log_connection(folder, vfs)
            background = open_log_connection(folder, vfs)
        except PlaitError:
            self._log.close()
            raise
        self._reader = LogReader(self._connection)
        self._durable = dict(self._log.lines)
        self._planned = Extents(self.lines())
        self._committer = Committer[_Submission, Outcome](loop, self._commit, self._report)
        self._checkpointer = Checkpointer(
            background,
            lambda: self._committer.post(self._log.finish_checkpoint),
            lambda error: self._committer.post(lambda: self._fail(error)),
        )
        self._log.wake = self._checkpointer.wake

    @property
    def read_only(self) -> PlaitError | None:
        """Why nothing can be written now, or None."""
        return self._log.poison

    @property
    def suspect(self) -> str | None:
        """Why the log may lack acknowledged entries, or None."""
        return self._log.suspicion

    def lines(self) -> dict[str, LineExtent]:
        """Every line on disk."""
        return {name: row.extent for name, row in self._durable.items()}

    def read(self, line: str, start: int, stop: int, bytes_max: int) -> list[bytes]:
        """Durable rows from `start`, before `stop`, up to `bytes_max` but at least one."""
        self._check()
        row = self._durable.get(line)
        if row is None:
            return []
        try:
            return self._reader.read(line, row, start, stop, bytes_max)
        except apsw.Error as error:
            raise storage_error(error, f"cannot read line {line!r}", self._connection) from error

    def submit(self, writes: Sequence[LogWrite], done: Done) -> None:
        """Queue writes for the next group commit; `UsageError` at once for impossible ones."""
        self._check()
        if (poison := self._log.poison) is not None:
            self._loop.call_soon(done, poison)
            return
        batch = tuple(writes)
        self._planned.follow(batch)
        self._committer.put((batch, done))

    def rescued(self) -> list[RescuedSuffix]:
        """Every suffix kept, oldest first."""
        self._check()
        try:
            return self._reader.rescued()
        except apsw.Error as error:
            raise storage_error(error, "cannot list rescued suffixes", self._connection) from error

    def read_rescued(self, rescued: int) -> list[bytes]:
        """The rows of one rescued suffix; `NoSuchCollection` if there is none."""
        self._check()
        try:
            return self._reader.read_rescued(rescued)
        except apsw.Error as error:
            raise storage_error(
                error, f"cannot read rescued {rescued}", self._connection
            ) from error

    async def recover(self) -> None:
        """Leave read-only mode if the disk is well again; raises why not."""
        self._check()
        await self._committer.call(self._log.recover)

    async def trust(self, writes: Sequence[LogWrite]) -> None:
        """Go on with a suspect log after `writes`, which say what the caller refetches."""
        self._check()
        outcomes: list[Outcome] = []

        def run() -> PlaitError | None:
            outcomes.append(self._log.trust(writes))
            return outcomes[0].error

        await self._committer.call(run)
        self._durable.update(outcomes[0].changed)
        self._planned = Extents(self.lines())

    async def close(self) -> None:
        """Commit what is queued, tell its writers, and close; idempotent."""
        if self._closed:
            return
        self._closed = True
        await self._committer.close()
        await asyncio.to_thread(self._checkpointer.close)
        self._connection.close(True)
        await asyncio.to_thread(self._log.close)

    def _check(self) -> None:
        self._folder.check_process()
        if self._closed:
            raise Closed("the storage is closed")

    def _commit(self, group: list[_Submission]) -> Outcome:
        return self._log.commit(write for writes, _ in group for write in writes)

    def _fail(self, error: apsw.Error) -> None:
        self._log.fail(error)

    def _report(self, group: list[_Submission], outcome: Outcome) -> None:
        if outcome.error is None:
            self._durable.update(outcome.changed)
        else:
            self._planned = Extents(self.lines())
        for _, done in group:
            try:
                done(outcome.error)
            except Exception as error:  # one writer's mistake is not another's
                self._loop.call_exception_handler(
                    {"message": "a storage callback failed", "exception": error}
                )
