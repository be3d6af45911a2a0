"""The log as its committing thread sees it: commits, their failures, and the way back.

A commit that fails leaves frames in the write-ahead log that were never acknowledged, yet that
SQLite might take for good ones after a crash. So a failure *poisons* the log: every later group
fails with the same error, the frames are cut off at once, and nothing is ever tried again as if
it might have worked. `recover` makes sure that they are gone, empties the write-ahead log into
the database, commits a probe, and only then lets writes in.

A failed fsync also makes the log *suspect*, in this run and, by a file in the folder, in later
ones, until `recover` succeeds. So does damage found when the log is opened (see `wal`), and
that no `recover` mends: somebody who can refetch what may be missing calls `trust` first.

Invariant: `poison` is set whenever the writes that are on disk may not be those acknowledged.
Absent: threads (`Committer` brings one) and the loop.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import apsw
import msgspec

from plait.base.errors import Corrupt, DiskFull, FolderReadOnly, PlaitError, StorageError
from plait.base.ports import LogWrite
from plait.host.checkpointer import FRAMES_MAX, WAKE_FRAMES
from plait.host.database import open_database, storage_error
from plait.host.folder import Folder
from plait.host.log_tables import LineRow, LogReader, LogWriter, load_lines
from plait.host.wal import FRAME_HEADER_BYTES, HEADER_BYTES, Mark, find_damage, read_header

_CACHE_KIB = 8 * 1024
_LAY_OUT_FRAMES = 256  # a log that is written so much gets its usual size at once
_WAL_BYTES = (WAKE_FRAMES + 512) * (4096 + FRAME_HEADER_BYTES)
_ZEROS = bytes(1 << 20)


class Outcome(msgspec.Struct, frozen=True):
    """What came of one group: the lines that it changed, or why none did."""

    changed: dict[str, LineRow]
    error: PlaitError | None = None


def open_log_connection(folder: Folder, vfs: str | None) -> apsw.Connection:
    """A connection to `log.db` that leaves the write-ahead log to us."""
    connection = open_database(folder.log, "FULL", _CACHE_KIB, vfs)
    connection.wal_autocheckpoint(0)
    # Spilled frames of a transaction rolled back would look like damage to the next opening.
    connection.execute("PRAGMA cache_spill = OFF")
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return connection


class DurableLog:
    """The log of one folder. After opening, every method belongs to the committing thread."""

    def __init__(self, folder: Folder, vfs: str | None) -> None:
        self.poison: PlaitError | None = None  # why nothing can be written
        self.suspicion: str | None = None  # why acknowledged entries may be missing
        self.wake: Callable[[], None] = lambda: None  # begins a background checkpoint
        self._folder = folder
        self._wal = Path(f"{folder.log}-wal")
        self._frames = 0  # synced in this generation of the write-ahead log
        self._salts = b""  # which generation that is
        self._checkpointing = False
        self._laid_out = False  # the write-ahead log was given its usual size
        if folder.complete and (not folder.log.exists() or not folder.log.stat().st_size):
            raise Corrupt(f"the log {folder.log} is missing or empty, but its folder is not new")
        self._connection = open_log_connection(folder, vfs)
        self._mark = Mark(folder.mark)
        self._wal_file = -1
        try:
            self._inspect()
            self.lines = load_lines(self._connection)
            self._check_ends()
        except BaseException as error:
            raised = storage_error(error, f"cannot open {folder.log}", self._connection)
            self._release()
            raise raised from error
        self._writer = LogWriter(self._connection, self.lines)
        self._connection.set_wal_hook(self._committed)
        folder.set_complete()
        self._wal_file = os.open(self._wal, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    # ------------------------------------------------------------------------- opening

    def _inspect(self) -> None:
        """Look for damage before anything is written over it."""
        reason = self._folder.read_suspicion()
        valid, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._frames = max(valid, 0)
        damage = find_damage(self._wal, self._frames, self._mark.read())
        if damage is not None and reason is None:
            reason = damage
            if self._wal.exists():
                shutil.copyfile(self._wal, self._folder.path / "suspect-wal")
            self._folder.write_suspicion(reason)
        if reason is not None:
            self._suspect(reason)

    def _suspect(self, reason: str) -> None:
        self.suspicion = reason
        self.poison = Corrupt(f"the log of {self._folder.path} is suspect: {reason}")

    def _check_ends(self) -> None:
        """Read the last row of every line: an extent that ends in nothing is damage."""
        reader = LogReader(self._connection)
        for name, row in self.lines.items():
            extent = row.extent
            if extent.head == extent.tail:
                continue
            try:
                reader.read(name, row, extent.tail - 1, extent.tail, 1)
            except (Corrupt, apsw.Error) as error:
                reason = str(storage_error(error, f"line {name!r}", self._connection))
                self._folder.write_suspicion(reason)
                self._suspect(reason)

    # ------------------------------------------------------------------------- committing

    def commit(self, writes: Iterable[LogWrite]) -> Outcome:
        """Make all writes durable, or none and poison the log."""
        if self.poison is not None:
            return Outcome({}, self.poison)
        try:
            changed = self._writer.commit(writes)
            self._note_synced()
        except Exception as error:  # a mistake of ours, too, must not end the thread
            return Outcome({}, self.fail(error))
        return Outcome(changed)

    def _committed(self, _: apsw.Connection, __: str, frames: int) -> int:
        self._frames = frames
        return apsw.SQLITE_OK

    def _lay_out(self) -> None:
        """Give the write-ahead log its usual size at once, in zeros, which are no frames.

        A sync that need not note a longer file costs half as much. Without space it stays short.
        """
        self._laid_out = True
        size = os.fstat(self._wal_file).st_size
        try:
            for offset in range(size, _WAL_BYTES, len(_ZEROS)):
                os.pwrite(self._wal_file, _ZEROS[: _WAL_BYTES - offset], offset)
            os.fsync(self._wal_file)
        except OSError:
            os.ftruncate(self._wal_file, size)

    def _note_synced(self) -> None:
        self._salts = os.pread(self._wal_file, 8, 16)
        self._mark.write(self._salts, self._frames)
        if self._frames > _LAY_OUT_FRAMES and not self._laid_out:
            self._lay_out()
        if self._frames > FRAMES_MAX:
            self.finish_checkpoint()
        elif self._frames > WAKE_FRAMES and not self._checkpointing:
            self._checkpointing = True
            self.wake()

    def finish_checkpoint(self) -> None:
        """Copy the last frames, so that the next commit starts the write-ahead log over."""
        self._checkpointing = False
        if self.poison is not None:
            return
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            pass  # the background is at it; it will call again
        except apsw.Error as error:
            self.fail(error)

    # ------------------------------------------------------------------------- failing

    def fail(self, error: BaseException) -> PlaitError:
        """Poison the log because of `error`; what the waiting writers are told."""
        raised = storage_error(error, "cannot write the log", self._connection)
        if self.poison is not None:
            return self.poison
        self.poison = raised
        if not isinstance(raised, DiskFull | FolderReadOnly):
            self._declare(f"a write failed: {raised}")
        try:
            self._cut_failed_frames()
        except OSError as cut_error:
            self._declare(f"a failed commit may still be in the log: {cut_error}")
        return raised

    def _declare(self, reason: str) -> None:
        self.suspicion = reason
        # The disk that failed is the one that we would note it on.
        with contextlib.suppress(OSError):
            self._folder.write_suspicion(reason)

    def _cut_failed_frames(self) -> None:
        """Truncate the write-ahead log to its last commit, under SQLite's feet.

        SQLite itself goes on behind the last commit, wherever the file ends; no other
        connection reads there.
        """
        header = read_header(os.pread(self._wal_file, HEADER_BYTES, 0))
        if header is None:
            return
        # A failed commit may have been the first of a new generation.
        end = header.offset(self._frames if header.salts == self._salts or not self._salts else 0)
        if os.fstat(self._wal_file).st_size > end:
            os.ftruncate(self._wal_file, end)
            self._laid_out = False
        os.fsync(self._wal_file)

    def recover(self) -> PlaitError | None:
        """Leave poison behind if the disk is well; else why not."""
        if self.poison is None or isinstance(self.poison, Corrupt):
            return self.poison
        try:
            self._cut_failed_frames()
            self._empty_wal()
            self._writer.probe()
            self._folder.write_suspicion(None)
        except (apsw.Error, OSError) as error:
            self.poison = storage_error(error, "the log is still not writable", self._connection)
            return self.poison
        self.poison = self.suspicion = None
        return None

    def trust(self, writes: Sequence[LogWrite]) -> Outcome:
        """Go on with a suspect log once `writes` say how: the caller refetches what may be missing.

        The mark of suspicion is removed only when they are durable. A copy of the log as it was
        found stays in the folder, for people.
        """
        if self.suspicion is None:
            return self.commit(writes)
        shutil.copyfile(self._folder.log, self._folder.path / "suspect-log.db")
        self.poison = None
        outcome = self.commit(writes)
        if outcome.error is not None:
            return outcome
        self.poison = StorageError(self.suspicion)
        return Outcome(outcome.changed, self.recover())

    def _empty_wal(self) -> None:
        self._mark.clear()  # first: an empty log below its mark is damage
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._frames, self._salts = 0, b""
        self._laid_out = False

    def close(self) -> None:
        """Leave a folder with an empty write-ahead log, if all is well, and close it."""
        try:
            if self.poison is None:
                self._empty_wal()
        except (apsw.Error, OSError):
            pass  # everything is in the write-ahead log; the next opening reads it from there
        finally:
            self._release()

    def _release(self) -> None:
        self._connection.close(True)
        self._mark.close()
        if self._wal_file >= 0:
            os.close(self._wal_file)
            self._wal_file = -1
