"""The LogStorage port over segments: a folder `log`, one group commit a tick.

The loop's side: it checks each write against the extents as they will be once everything queued
is done, hands it to the committing thread, reads rows by the catalog, and learns of each group
what became durable.

Invariant: `_durable` is what a crash would leave; `_planned` is `_durable` plus all that is
queued. A failed group takes everything queued behind it along, and the two are equal again.

Recovery, in one table::

    what happened                    read_only        suspect   way back
    no space left                    DiskFull         -         recover(), once there is some
    disk turned read-only            FolderReadOnly   -         recover(), once it is not
    write or sync failed             StorageError     yes       recover(), or reopen and trust()
    damage found at opening          Corrupt          yes       trust(), and refetch what is lost
    torn last commit (power cut)     -                -         none needed: never acknowledged

Whatever the state, all that can be read stays readable, and a bad row raises `Corrupt`.
"""

import asyncio
from collections.abc import Sequence

from plait.base.errors import Closed, HistoryTrimmed, NoSuchCollection, PlaitError
from plait.base.ports import Done, LineExtent, LogWrite, RescuedSuffix
from plait.host.committer import Committer
from plait.host.disk import Disk
from plait.host.durable_log import DurableLog, Outcome
from plait.host.extents import Extents
from plait.host.folder import Folder, os_error

_Submission = tuple[tuple[LogWrite, ...], Done]
_EVERYTHING = 1 << 62


class SegmentedLog:
    """Every line's entries and hard state. Opening blocks; do it off the loop."""

    def __init__(self, folder: Folder, loop: asyncio.AbstractEventLoop, disk: Disk) -> None:
        self._folder = folder
        self._loop = loop
        self._closed = False
        self._log = DurableLog(folder, disk)
        self._durable = dict(self._log.catalog.extents)
        self._planned = Extents(self._durable)
        self._committer = Committer[_Submission, Outcome](loop, self._commit, self._report)

    @property
    def read_only(self) -> PlaitError | None:
        """Why nothing can be written now, or None."""
        return self._log.poison

    @property
    def suspect(self) -> str | None:
        """Why the log may lack acknowledged entries, or None."""
        return self._log.suspicion

    @property
    def commits(self) -> dict[str, float]:
        """Group commits since the start, the seconds that they took, and what waits for one."""
        made = self._committer
        return {"groups": made.groups, "seconds": made.busy_s, "waiting": made.waiting}

    def lines(self) -> dict[str, LineExtent]:
        """Every line on disk."""
        return dict(self._durable)

    def read(self, line: str, start: int, stop: int, bytes_max: int) -> list[bytes]:
        """Durable rows from `start`, before `stop`, up to `bytes_max` but at least one."""
        self._check()
        if line not in self._durable:
            return []
        with self._log.lock:
            catalog = self._log.catalog
            extent = catalog.extents[line]
            if start < extent.head:
                raise HistoryTrimmed(
                    f"line {line!r} begins at {extent.head}, not at {start}", head=extent.head
                )
            stop = min(stop, extent.tail)
            try:
                return self._log.reader.rows(line, catalog.indexes[line], start, stop, bytes_max)
            except OSError as error:
                raise os_error(error, f"cannot read line {line!r}") from error

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
        with self._log.lock:
            return [suffix for suffix, _ in self._log.catalog.rescued.values()]

    def read_rescued(self, rescued: int) -> list[bytes]:
        """The rows of one rescued suffix; `NoSuchCollection` if there is none."""
        self._check()
        with self._log.lock:
            kept = self._log.catalog.rescued.get(rescued)
            if kept is None:
                raise NoSuchCollection(f"there is no rescued suffix {rescued}")
            suffix, index = kept
            stop = suffix.start + suffix.count
            try:
                return self._log.reader.rows(suffix.line, index, suffix.start, stop, _EVERYTHING)
            except OSError as error:
                raise os_error(error, f"cannot read rescued {rescued}") from error

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
        self._planned = Extents(self._durable)

    async def close(self) -> None:
        """Commit what is queued, tell its writers, and close; idempotent."""
        if self._closed:
            return
        self._closed = True
        await self._committer.close()
        await asyncio.to_thread(self._log.close)

    def _check(self) -> None:
        self._folder.check_process()
        if self._closed:
            raise Closed("the storage is closed")

    def _commit(self, group: list[_Submission]) -> Outcome:
        return self._log.commit(write for writes, _ in group for write in writes)

    def _report(self, group: list[_Submission], outcome: Outcome) -> None:
        if outcome.error is None:
            self._durable.update(outcome.changed)
        else:
            self._planned = Extents(self._durable)
        for _, done in group:
            try:
                done(outcome.error)
            except Exception as error:  # one writer's mistake is not another's
                self._loop.call_exception_handler(
                    {"message": "a storage callback failed", "exception": error}
                )
