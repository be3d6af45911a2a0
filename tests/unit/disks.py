"""What the storage tests share: ways to wait for a write, and a disk that fails on demand."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from plait.base.errors import PlaitError
from plait.base.ports import AppendRows, Change, LogStorage, LogWrite, StateStorage
from plait.host.disk import Disk
from plait.host.log_frames import Frame, frames_after, read_frame

EVERYTHING = 1 << 40


def submitted(log: LogStorage, *writes: LogWrite) -> "asyncio.Future[None]":
    """A future of one submission: done when durable, or with the error."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answer(error: PlaitError | None) -> None:
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    log.submit(writes, answer)
    return done


async def append(log: LogStorage, line: str, start: int, *rows: bytes) -> None:
    """Append rows and wait until they are durable."""
    await submitted(log, AppendRows(line, start, rows))


async def put(state: StateStorage, *changes: Change) -> None:
    """Apply changes and wait until they are done."""
    done: asyncio.Future[PlaitError | None] = asyncio.get_running_loop().create_future()
    state.submit(changes, done.set_result)
    if (error := await done) is not None:
        raise error


def rows(log: LogStorage, line: str) -> list[bytes]:
    """Every row of a line."""
    extent = log.lines()[line]
    return log.read(line, extent.head, extent.tail, EVERYTHING)


def flip_byte(path: Path, offset: int) -> None:
    """Change one bit of one byte of a file."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def newest_segment(folder: Path) -> Path:
    """The segment of an open or closed folder that has the newest frames."""
    begun = [path for path in sorted((folder / "log").glob("*.seg")) if any(path.read_bytes())]
    return begun[-1]


def frames_in(segment: Path) -> list[Frame]:
    """The good frames of a segment, from its manifest on."""
    data = segment.read_bytes()
    first = read_frame(data, 0)
    return [] if first is None else [first, *frames_after(data, first)]


class FaultyDisk(Disk):
    """The real disk, until told to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.sync_fails = False
        self.full = False
        self.written = 0  # durable writes

    def write(self, file: int, data: bytes, offset: int) -> None:
        """Write, and fail where a real disk would: before the bytes, or after them."""
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(file, data, offset)
        self.written += 1
        self._check_sync()

    def sync(self, file: int) -> None:
        """Sync, or fail."""
        self._check_sync()
        super().sync(file)

    def fill(self, file: int, start: int, stop: int) -> None:
        """Write zeros, or fail."""
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().fill(file, start, stop)

    def _check_sync(self) -> None:
        if self.sync_fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class FaultyVFS(apsw.VFS):
    """SQLite's own VFS, until told to fail."""

    name = "plait-faulty"

    def __init__(self) -> None:
        self.sync_fails = False
        self.full = False
        super().__init__(self.name, base="")

    def xOpen(self, name, flags):  # type: ignore[no-untyped-def]  # noqa: N802
        return _FaultyFile(self, name, flags)


class _FaultyFile(apsw.VFSFile):
    def __init__(self, vfs, name, flags):  # type: ignore[no-untyped-def]
        self._vfs = vfs
        super().__init__("", name, flags)

    def xSync(self, flags):  # type: ignore[no-untyped-def]  # noqa: N802
        if self._vfs.sync_fails:
            error = apsw.IOError("injected")
            error.extendedresult = apsw.SQLITE_IOERR_FSYNC
            raise error
        super().xSync(flags)

    def xWrite(self, data, offset):  # type: ignore[no-untyped-def]  # noqa: N802
        if self._vfs.full:
            raise apsw.FullError("injected")
        super().xWrite(data, offset)


@contextmanager
def faulty_vfs() -> Iterator[FaultyVFS]:
    """A VFS that fails on demand, registered for as long as the test lasts."""
    vfs = FaultyVFS()
    try:
        yield vfs
    finally:
        vfs.unregister()


@contextmanager
def mounted(path: Path, options: str) -> Iterator[Path]:
    """A small file system of its own at `path`; skips the test where we may not mount."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    made = subprocess.run(command, check=False, capture_output=True)
    if made.returncode:
        pytest.skip(f"mounting takes root: {made.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
