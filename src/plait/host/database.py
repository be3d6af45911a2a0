"""One way to open SQLite, and one table from its errors to ours.

Every database is in WAL mode and carries our application id and format in its header.
`synchronous="FULL"` makes a commit durable when it returns; `"NORMAL"` leaves that to the next
checkpoint and, after a power cut, rolls back to some earlier commit.
"""

import errno
from pathlib import Path
from typing import Literal

import apsw

from plait.base.errors import (
    Corrupt,
    DiskFull,
    FolderReadOnly,
    PlaitError,
    StorageError,
    UnknownFormat,
)
from plait.host.folder import os_error

APPLICATION_ID = 0x506C6169  # "Plai"
FORMAT = 1
BUSY_MS = 10_000
_FREE_PAGES = 256  # and a quarter of the file, before some are given back
_FREED_AT_ONCE = 4_096

_BY_CLASS: tuple[tuple[type[apsw.Error], type[StorageError]], ...] = (
    (apsw.FullError, DiskFull),
    (apsw.ReadOnlyError, FolderReadOnly),
    (apsw.CorruptError, Corrupt),
    (apsw.NotADBError, Corrupt),
)
_BY_ERRNO: dict[int, type[StorageError]] = {
    errno.ENOSPC: DiskFull,
    errno.EDQUOT: DiskFull,
    errno.EROFS: FolderReadOnly,
    errno.EACCES: FolderReadOnly,
}
_BAD_BYTES = {apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS, apsw.SQLITE_IOERR_DATA}


def storage_error(
    error: BaseException, what: str, connection: apsw.Connection | None = None
) -> PlaitError:
    """`error`, raised while doing `what`, as one of ours."""
    if isinstance(error, PlaitError):
        return error
    if isinstance(error, OSError):
        return os_error(error, what)
    message = f"{what}: {type(error).__name__}: {error}"
    for sqlite, ours in _BY_CLASS:
        if isinstance(error, sqlite):
            return ours(message)
    if isinstance(error, apsw.IOError | apsw.CantOpenError):
        if getattr(error, "extendedresult", 0) in _BAD_BYTES:
            return Corrupt(message)
        if connection is not None:
            return _BY_ERRNO.get(connection.system_errno, StorageError)(message)
    return StorageError(message)


def open_database(
    path: Path,
    synchronous: Literal["FULL", "NORMAL"],
    cache_kib: int,
    vfs: str | None = None,
) -> apsw.Connection:
    """A connection to the database at `path`, made if absent; raises `StorageError` subclasses."""
    connection = None
    try:
        connection = apsw.Connection(str(path), vfs=vfs, statementcachesize=200)
        connection.set_busy_timeout(BUSY_MS)
        _check_header(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA trusted_schema = OFF")
    except (apsw.Error, OSError) as error:
        raised = storage_error(error, f"cannot open {path}", connection)
        if connection is not None:
            connection.close(True)
        raise raised from error
    except PlaitError:
        assert connection is not None
        connection.close(True)
        raise
    return connection


def _check_header(connection: apsw.Connection, path: Path) -> None:
    application, version = pragma(connection, "application_id"), pragma(connection, "user_version")
    if (application, version) == (APPLICATION_ID, FORMAT):
        return
    tables = connection.execute("SELECT count(*) FROM sqlite_master").get
    # Version 0 without tables is a file just made, perhaps by a process that died at it.
    if application not in (0, APPLICATION_ID) or version or tables:
        raise UnknownFormat(
            f"{path} has application id {application:#x} and format {version}, "
            f"this version reads {APPLICATION_ID:#x} and {FORMAT}"
        )
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect on an empty file only
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}")


def pragma(connection: apsw.Connection, name: str) -> int:
    """The integer that a pragma reports."""
    value = connection.execute(f"PRAGMA {name}").get
    assert isinstance(value, int)
    return value


def rollback(connection: apsw.Connection) -> None:
    """Leave a transaction that failed; SQLite may have left it already."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def give_back(writer: apsw.Connection) -> None:
    """Return pages that hold nothing to the file system, once there are many."""
    free = pragma(writer, "freelist_count")
    if free >= max(_FREE_PAGES, pragma(writer, "page_count") // 4):
        writer.execute(f"PRAGMA incremental_vacuum({_FREED_AT_ONCE})").fetchall()
