"""The Storage port over one folder: `await open_storage(path)`.

A storage belongs to the event loop that opened it. Two threads work beside the loop however
many lines there are, one that commits the log and one that flushes states, and a third makes and
removes the log's segments. A process that ends without `close` loses nothing acknowledged.

Invariant: while it is open nobody else has the folder; after `close` everything that was queued
has been answered.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from plait.base.errors import Closed, PlaitError
from plait.host.disk import Disk
from plait.host.folder import Folder
from plait.host.segmented_log import SegmentedLog
from plait.host.sqlite_state import SqliteState


async def open_storage(
    path: str | os.PathLike[str], *, disk: Disk | None = None, vfs: str | None = None
) -> "FolderStorage":
    """Open the folder at `path`, making it if absent.

    Raises `FolderInUse` (naming the process), `FolderReadOnly`, `UnknownFormat`, `Corrupt` (the
    log cannot be read at all) or `DiskFull`. A log that may lack acknowledged entries opens, and
    says so in `log.suspect`. Tests inject faults through `disk`, which the log writes with, and
    `vfs`, the name of the SQLite VFS that states use.
    """
    loop = asyncio.get_running_loop()

    def open_log() -> tuple[Folder, SegmentedLog]:
        folder = Folder(path)
        try:
            return folder, SegmentedLog(folder, loop, disk or Disk())
        except BaseException:
            folder.close()
            raise

    folder, log = await asyncio.to_thread(open_log)
    return FolderStorage(folder, log, loop, vfs)


class FolderStorage:
    """One node's folder; made by `open_storage`."""

    def __init__(
        self, folder: Folder, log: SegmentedLog, loop: asyncio.AbstractEventLoop, vfs: str | None
    ) -> None:
        self.log = log
        self._folder = folder
        self._loop = loop
        self._vfs = vfs
        self._states: dict[str, SqliteState] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="plait-state")
        self._closed = False
        # Copies being sent end with the process that sends them; received ones are resumed.
        for copy in folder.snapshots.glob("*/*.copy"):
            copy.unlink(missing_ok=True)

    def state(self, line: str) -> SqliteState:
        """Open (or create) the state of a line; the same object on every call.

        A damaged file raises `Corrupt` when it is used, until it is cleared or replaced.
        """
        self._folder.check_process()
        if self._closed:
            raise Closed("the storage is closed")
        state = self._states.get(line)
        if state is None:
            state = SqliteState(self._folder, line, self._loop, self._executor, self._vfs)
            self._states[line] = state
        return state

    async def drop_state(self, line: str) -> None:
        """Remove a line's state for good."""
        state = self.state(line)
        await state.remove()
        self._states.pop(line, None)

    async def recover(self) -> None:
        """Try to leave read-only mode; raises why not."""
        await self.log.recover()

    async def close(self) -> None:
        """Finish all that is queued and release the folder; idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.log.close()
            for state in self._states.values():
                await state.close()
        finally:
            await asyncio.to_thread(self._executor.shutdown)
            self._folder.close()

    @property
    def read_only(self) -> PlaitError | None:
        """Why nothing can be written now, or None."""
        return self.log.read_only
