"""Copies of a state: the one being sent, and the one being received.

A sent copy is a database file that nothing writes to, page by page what the state's file was: what
did not change between two copies stands at the same place in both. A received one grows from byte 0
and survives a restart half way; what a power cut did to it is found by size and checksum when
it is installed, never before. Damage within pages, which a copy takes along, is found there too.

Invariant: every file here can be removed at any time at no cost but sending it again.
"""

import os
import struct
import zlib
from pathlib import Path

import apsw

from plait.base.errors import Closed, Corrupt, StorageError, UnknownFormat
from plait.host.database import APPLICATION_ID, FORMAT, storage_error
from plait.host.folder import os_error

_CHUNK_BYTES = 1 << 20
_PAGES_AT_ONCE = 1024  # in one call, without the interpreter lock
_SQLITE_MAGIC = b"SQLite format 3\0"
_SQLITE_HEADER_BYTES = 100
_VERSIONS = struct.Struct(">I4xI")  # user_version at byte 60, application_id at byte 68


def copy_database(source: apsw.Connection, path: Path, vfs: str | None = None) -> None:
    """Copy every page as of one moment to a new file, which is not synced: it outlives nothing."""
    target = apsw.Connection(str(path), vfs=vfs)
    try:
        target.execute("PRAGMA synchronous = OFF")
        target.execute("PRAGMA journal_mode = OFF")
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchall()  # from here on it stands still
        with target.backup("main", source, "main") as copying:
            while not copying.done:
                copying.step(_PAGES_AT_ONCE)
    except apsw.Error as error:
        raise storage_error(error, "cannot copy a state", target) from error
    finally:
        target.close(True)


def checksum_file(path: Path, *, sync: bool) -> tuple[int, int]:
    """(size, crc32) of a file."""
    crc = size = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
        if sync:
            os.fsync(file.fileno())
    return size, crc


def check_copy(path: Path, size: int, checksum: int) -> None:
    """`Corrupt` if the file is not the one announced, `UnknownFormat` if we cannot read it."""
    found = checksum_file(path, sync=True)
    if found != (size, checksum):
        raise Corrupt(
            f"a snapshot of {size} bytes and checksum {checksum:#010x} arrived with {found[0]} "
            f"bytes and {found[1]:#010x}"
        )
    with open(path, "rb") as file:
        header = file.read(_SQLITE_HEADER_BYTES)
    if len(header) < _SQLITE_HEADER_BYTES or not header.startswith(_SQLITE_MAGIC):
        raise UnknownFormat("a snapshot arrived that is no SQLite database")
    version, application = _VERSIONS.unpack_from(header, 60)
    if (application, version) != (APPLICATION_ID, FORMAT):
        raise UnknownFormat(
            f"a snapshot has application id {application:#x} and format {version}, "
            f"this version reads {APPLICATION_ID:#x} and {FORMAT}"
        )
    _check_pages(path)


def _check_pages(path: Path) -> None:
    """`Corrupt` if a database that nobody else has open cannot be what its pages say."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        connection = apsw.Connection(f"{path.absolute().as_uri()}?immutable=1", flags=flags)
        try:
            found = connection.execute("PRAGMA quick_check(1)").get
        finally:
            connection.close(True)
    except apsw.Error as error:
        raise storage_error(error, "a snapshot arrived that cannot be read") from error
    if found != "ok":
        raise Corrupt(f"a snapshot arrived that is damaged: {found}")


class SnapshotFile:
    """The Snapshot port over a file; gone when closed."""

    def __init__(self, path: Path, snapshot_id: str, size: int, checksum: int) -> None:
        self.snapshot_id = snapshot_id
        self.size = size
        self.checksum = checksum
        self._path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`; fewer only at the end."""
        if self._file < 0:
            raise Closed(f"the snapshot {self.snapshot_id} is closed")
        try:
            return os.pread(self._file, count, offset)
        except OSError as error:
            raise os_error(error, f"cannot read the snapshot {self.snapshot_id}") from error

    def close(self) -> None:
        """Remove the file; idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._path.unlink(missing_ok=True)


class IncomingFile:
    """The IncomingSnapshot port over a file that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(exist_ok=True)
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by hand
            self.received = self._file.tell()
        except OSError as error:
            raise os_error(error, f"cannot receive into {path}") from error

    def write(self, data: bytes) -> None:
        """Append the next bytes."""
        if self._file.closed:
            raise Closed("this incoming snapshot was installed or dropped")
        try:
            written = self._file.write(data)
        except OSError as error:
            self._forget_unfinished()
            raise os_error(error, f"cannot receive into {self.path}") from error
        if written != len(data):
            self._forget_unfinished()
            raise StorageError(f"{written} of {len(data)} bytes went into {self.path}")
        self.received += len(data)

    def _forget_unfinished(self) -> None:
        """Back to the last whole write, so that the sender may go on at `received`."""
        os.ftruncate(self._file.fileno(), self.received)

    def close(self) -> None:
        """Stop receiving and keep what there is."""
        self._file.close()

    def discard(self) -> None:
        """Drop what there is; idempotent."""
        self._file.close()
        self.path.unlink(missing_ok=True)
