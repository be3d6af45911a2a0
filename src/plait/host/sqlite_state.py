"""The StateStorage port over SQLite: one file a line, written off the loop, read on it.

One table, ordered by (space, key). Each value ends with the crc32 of space, key and value, so
a flipped bit raises `Corrupt` instead of being served. Commits are atomic but not synced
(`synchronous=NORMAL`): a power cut may roll the last ones back, which the line's replay repairs;
`sync` tells how far that can go.

Invariant: reads see the last finished transaction. All writing, closing and replacing of files
happens under `_gate`, so a flush never meets a file that is being swapped. A damaged file keeps
the object usable for `clear` and `install`, and for nothing else.
"""

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import apsw

from plait.base.errors import Busy, Closed, Corrupt, PlaitError
from plait.base.ports import Change, Done, IncomingSnapshot
from plait.host import state_rows
from plait.host.database import FORMAT, give_back, open_database, rollback, storage_error
from plait.host.folder import Folder, file_name, sync_folder
from plait.host.sqlite_snapshot import (
    IncomingFile,
    SnapshotFile,
    check_copy,
    checksum_file,
    copy_database,
)
from plait.host.state_making import begin_making, end_making, mark_of

_CACHE_KIB = 4 * 1024  # for each of two connections
_WAL_FRAMES = 4_000  # 16 MB, then the flushing thread empties it

T = TypeVar("T")


class SqliteState:
    """One line's state. `executor` has one thread, shared by all states of the folder."""

    def __init__(
        self,
        folder: Folder,
        line: str,
        loop: asyncio.AbstractEventLoop,
        executor: Executor,
        vfs: str | None = None,
    ) -> None:
        self._folder = folder
        self._line = line
        self._loop = loop
        self._executor = executor
        self._vfs = vfs
        self._path = folder.state(line)
        self._copies = folder.snapshots / file_name(line)
        self._gate = threading.Lock()
        self._copying: list[asyncio.Future[SnapshotFile]] = []  # under way, off the loop
        self._replacing = False
        self._unusable: PlaitError | None = None  # damaged, or closed
        self._wal_frames = 0
        self._wal_in_doubt = False  # a sync may have failed, and what it left is not tried again
        self._writer: apsw.Connection | None = None
        self._reader: apsw.Connection | None = None
        self._open()

    # ------------------------------------------------------------------------- reading

    def get(self, space: int, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        reader = self._usable_reader()
        try:
            sealed = reader.execute(state_rows.GET, (space, key)).get
        except apsw.Error as error:
            raise self._error(error, "cannot read", reader) from error
        return None if sealed is None else self._unseal(space, key, sealed)

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, in key order."""
        reader = self._usable_reader()
        bounds = (space, start, limit) if stop is None else (space, start, stop, limit)
        try:
            rows: Any = reader.execute(
                state_rows.SCANS[stop is not None, reverse], bounds
            ).fetchall()
        except apsw.Error as error:
            raise self._error(error, "cannot scan", reader) from error
        return [(key, self._unseal(space, key, sealed)) for key, sealed in rows]

    def count(self, space: int, without: Collection[bytes] = ()) -> int:
        """How many keys other than `without` the space holds, in time proportional to them."""
        reader = self._usable_reader()
        try:
            with reader:  # one transaction: the writer's thread may commit at any time
                held = int(reader.execute(state_rows.COUNT, (space,)).get)
                for key in without:
                    held -= reader.execute(state_rows.HOLDS, (space, key)).get is not None
            return held
        except apsw.Error as error:
            raise self._error(error, "cannot count", reader) from error

    def _usable_reader(self) -> apsw.Connection:
        self._folder.check_process()
        return self._reader or self._refuse()

    def _unseal(self, space: int, key: bytes, sealed: Any) -> bytes:
        value: bytes = sealed[:-4]
        if sealed != state_rows.seal_value(space, key, value):
            raise Corrupt(f"key {key!r} of the state of line {self._line!r} fails its checksum")
        return value

    # ------------------------------------------------------------------------- writing

    def submit(self, changes: Sequence[Change], done: Done) -> None:
        """Apply all changes in one transaction, off the loop."""
        self._folder.check_process()
        if isinstance(self._unusable, Closed):
            raise self._unusable
        self._executor.submit(self._flush, changes, done)

    def _flush(self, changes: Sequence[Change], done: Done) -> None:
        error: PlaitError | None = None
        with self._gate:
            try:
                self._write(changes)
            except Exception as raised:  # a mistake of ours must reach the writer as well
                error = self._error(raised, "cannot write", self._writer)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(done, error)

    def _write(self, changes: Sequence[Change]) -> None:
        writer = self._writer or self._refuse()
        last = {(space, key): value for space, key, value in changes}
        # Sorted, so that neighbours share a page and each page is touched once.
        ordered = sorted(last.items(), key=itemgetter(0))
        writer.execute("BEGIN IMMEDIATE")
        try:
            rows = [
                (space, key, state_rows.seal_value(space, key, value))
                for (space, key), value in ordered
                if value is not None
            ]
            full = len(rows) - len(rows) % state_rows.ROWS_AT_ONCE
            writer.executemany(
                state_rows.PUT_MANY,
                (
                    tuple(chain.from_iterable(rows[at : at + state_rows.ROWS_AT_ONCE]))
                    for at in range(0, full, state_rows.ROWS_AT_ONCE)
                ),
            )
            writer.executemany(state_rows.PUT, rows[full:])
            writer.executemany(state_rows.REMOVE, [key for key, value in ordered if value is None])
            writer.execute("COMMIT")
        except BaseException:
            self._wal_in_doubt = True
            rollback(writer)
            raise
        give_back(writer)
        if self._wal_frames >= _WAL_FRAMES:
            with contextlib.suppress(apsw.Error):  # it is tried again, and `sync` will say so
                self._checkpoint(writer, apsw.SQLITE_CHECKPOINT_PASSIVE)

    async def sync(self) -> None:
        """Return when every finished transaction is in the file and synced."""

        def checkpoint() -> None:
            with self._gate:
                writer = self._writer or self._refuse()
                if self._wal_in_doubt:
                    self._renew_wal(writer)
                self._checkpoint(writer, apsw.SQLITE_CHECKPOINT_FULL)

        await self._run("cannot sync", checkpoint)

    def _checkpoint(self, writer: apsw.Connection, mode: int) -> None:
        try:
            writer.wal_checkpoint(mode=mode)
        except apsw.Error:
            self._wal_in_doubt = True
            raise

    def _renew_wal(self, writer: apsw.Connection) -> None:
        """Leave behind a write-ahead log that may have holes on disk, where nobody sees them.

        After a power cut such a log would be replayed up to its hole, over a newer database. So
        everything moves into the database, and a log begins whose header, which SQLite syncs at
        its first frame, disowns all older frames.
        """
        writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        writer.execute(f"PRAGMA user_version = {FORMAT}")
        self._wal_in_doubt = False

    def _count_frames(self, writer: apsw.Connection, name: str, frames: int) -> int:
        self._wal_frames = frames
        return apsw.SQLITE_OK

    # ------------------------------------------------------------------------- copies

    async def snapshot(self) -> SnapshotFile:
        """Copy the whole state as of the last finished transaction."""
        self._folder.check_process()
        if self._unusable is not None:
            raise self._unusable
        if self._replacing:
            raise Busy(f"the state of line {self._line!r} is being replaced")
        copying = self._loop.run_in_executor(None, self._copy, secrets.token_hex(16))
        self._copying.append(copying)
        copying.add_done_callback(self._copied)
        return await asyncio.shield(copying)  # the thread goes on though we may be cancelled

    def _copied(self, copying: "asyncio.Future[SnapshotFile]") -> None:
        self._copying.remove(copying)
        if not copying.cancelled():
            copying.exception()  # seen, even if whoever asked has left

    async def _wait_for_copies(self) -> None:
        """SQLite removes a write-ahead log by its name when the last connection closes: a copy
        that ended after the file was replaced would take the new file's."""
        while self._copying:
            await asyncio.wait(list(self._copying))

    def _copy(self, snapshot_id: str) -> SnapshotFile:
        path = self._copies / f"{snapshot_id}.copy"
        try:
            self._copies.mkdir(exist_ok=True)
            # A connection of its own: flushes go on meanwhile.
            connection = open_database(self._path, "NORMAL", _CACHE_KIB, self._vfs)
            try:
                copy_database(connection, path, self._vfs)
            finally:
                connection.close(True)
            return SnapshotFile(path, snapshot_id, *checksum_file(path, sync=False))
        except BaseException as error:
            path.unlink(missing_ok=True)
            raise self._error(error, "cannot copy", None) from error

    def incoming(self, snapshot_id: str) -> IncomingFile:
        """Begin or resume receiving a snapshot; drops what was received of others."""
        self._folder.check_process()
        path = self._copies / f"{file_name(snapshot_id)}.partial"
        for other in self._copies.glob("*.partial"):
            if other != path:
                other.unlink(missing_ok=True)
        return IncomingFile(path)

    async def install(self, incoming: IncomingSnapshot, size: int, checksum: int) -> None:
        """Replace the state by the received copy; `Corrupt` drops it instead."""
        assert isinstance(incoming, IncomingFile)
        self._folder.check_process()
        incoming.close()
        try:
            await asyncio.to_thread(check_copy, incoming.path, size, checksum)
        except OSError as error:
            raise self._error(error, "cannot install", None) from error
        except PlaitError:
            incoming.discard()
            raise
        await self._replace(lambda: incoming.path.replace(self._path))

    async def clear(self) -> None:
        """Remove everything, damage included."""
        self._folder.check_process()
        await self._replace(lambda: self._path.unlink(missing_ok=True))

    async def _replace(self, change: Callable[[], object]) -> None:
        """Close the database, `change` its file, and open what is there then."""
        if isinstance(self._unusable, Closed):
            raise self._unusable
        self._replacing = True
        try:
            await self._wait_for_copies()
            # What is queued for the old file goes first; an empty log closes quickly.
            await self._loop.run_in_executor(self._executor, self._empty_wal)
            self._swap(change)
        finally:
            self._replacing = False

    def _swap(self, change: Callable[[], object]) -> None:
        # On the loop, without an await: no reader meets the moment between the two files.
        with self._gate:
            try:
                self._shut()
                self._remove_wal()
                change()
                sync_folder(self._path.parent)
            except (apsw.Error, OSError) as error:
                self._unusable = storage_error(error, f"cannot replace {self._path}")
                raise self._unusable from error
            self._open()
        if self._unusable is not None:
            raise self._unusable

    def _empty_wal(self) -> None:
        with self._gate:
            try:
                if self._writer is not None:
                    self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.Error:
                pass  # it is about to be replaced as a whole

    def _remove_wal(self) -> None:
        # A stale log would be replayed over the new file: SQLite cannot tell whose it is.
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    # ------------------------------------------------------------------------- the file

    def _open(self) -> None:
        self._unusable = None
        try:
            new = begin_making(self._path)
            self._writer = open_database(self._path, "NORMAL", _CACHE_KIB, self._vfs)
            # In place of SQLite's own checkpoints, which keep their failures to themselves.
            self._writer.set_wal_hook(self._count_frames)
            self._wal_in_doubt = not new  # whoever wrote it may have met a failure
            self._writer.execute(state_rows.SCHEMA)
            self._reader = open_database(self._path, "NORMAL", _CACHE_KIB, self._vfs)
            self._reader.execute("PRAGMA query_only = ON")
            self._reader.execute("SELECT key FROM kv LIMIT 1").fetchall()
            if new:
                end_making(self._path)
        except (apsw.Error, OSError, PlaitError) as error:
            raised = self._error(error, "cannot open", self._writer)
            self._shut()
            self._unusable = raised
            if not isinstance(raised, Corrupt):
                raise raised from error

    def _shut(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.close(True)
        self._reader = self._writer = None

    async def close(self) -> None:
        """Finish what is queued, then close; idempotent."""

        def shut() -> None:
            with self._gate:
                self._shut()

        if not isinstance(self._unusable, Closed):
            await self._wait_for_copies()
            await self._loop.run_in_executor(self._executor, shut)
            self._unusable = Closed(f"the state of line {self._line!r} is closed")

    async def remove(self) -> None:
        """Close and remove every file of this line."""
        await self.close()
        self._remove_wal()
        self._path.unlink(missing_ok=True)
        mark_of(self._path).unlink(missing_ok=True)
        for copy in self._copies.glob("*"):
            copy.unlink(missing_ok=True)
        if self._copies.exists():
            self._copies.rmdir()
        sync_folder(self._path.parent)

    # ------------------------------------------------------------------------- errors

    def _refuse(self) -> apsw.Connection:
        """Raise why there is no connection."""
        raise self._unusable or Closed(f"the state of line {self._line!r} is closed")

    def _error(
        self, error: BaseException, what: str, connection: apsw.Connection | None
    ) -> PlaitError:
        return storage_error(error, f"{what} the state of line {self._line!r}", connection)

    async def _run(self, what: str, work: Callable[[], T]) -> T:
        self._folder.check_process()
        if self._unusable is not None:
            raise self._unusable
        try:
            return await self._loop.run_in_executor(self._executor, work)
        except apsw.Error as error:
            raise self._error(error, what, self._writer) from error
