"""A SQLite VFS over a simulated disk: the state's own SQLite runs on it, and so what ships is run.

The files below are real, in a folder that only memory holds where the system has one; beside each
stands what a disk would hold by now (`false_file`). Faults are the disk's: no space, fsyncs that
fail, reads that fail; a write that finds no space may have written half.

Invariant: nothing is durable before `xSync`; while `calls` is a list, every call that has an effect
is noted there, so that a machine may have died between any two of them.
Absent: names that are lost (a state's files are made once), and reads that bring other bytes than
were written: SQLite's pages have no checksum, and an old page in place of a new one looks good.
"""

import os
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import apsw

from plait.sim.disk import SimDisk
from plait.sim.false_file import SECTORS, FalseFile

Call: TypeAlias = tuple[str, str, int, bytes]  # kind, path, offset or size, data

_numbers = count()  # SQLite knows file systems by names of the whole process


class FalseVFS(apsw.VFS):
    """Every file that is opened through it."""

    def __init__(self, disk: SimDisk) -> None:
        self.name = f"plait-sim-{next(_numbers)}"
        self.disk = disk
        self.files: dict[str, FalseFile] = {}
        self.calls: list[Call] | None = None
        self.dead = False  # the process is no more: nothing fails that nobody hears of
        super().__init__(self.name, base="")

    def xOpen(self, name: Any, flags: Any) -> "_File":  # noqa: N802
        """See SQLite."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return _File(self, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """See SQLite."""
        super().xDelete(filename, syncdir)
        self.files.pop(filename, None)
        self.told("delete", filename)

    def told(self, kind: str, path: str, at: int = 0, data: bytes = b"") -> None:
        """A call had an effect."""
        if self.calls is not None:
            self.calls.append((kind, path, at, data))

    def forget(self, path: Path) -> None:
        """A database was replaced by other means; what is there now is synced."""
        for suffix in ("", "-wal", "-shm"):
            self.files.pop(f"{path}{suffix}", None)

    def left(
        self, files: dict[str, FalseFile], power_cut: bool, random: Random
    ) -> dict[str, bytes]:
        """What files hold after a cut or a kill, by path."""
        sector = random.choice(SECTORS)
        return {
            path: file.survived(random, sector) if power_cut else file.content()
            for path, file in files.items()
        }


class _File(apsw.VFSFile):
    def __init__(self, vfs: FalseVFS, path: str, name: Any, flags: Any) -> None:
        self._vfs = vfs
        self._path = path
        known = vfs.files.get(path)
        if known is None:
            known = FalseFile(path)
            if os.path.exists(path):
                known.synced = Path(path).read_bytes()
            else:
                vfs.told("open", path)
        super().__init__("", name, flags)
        self._file = vfs.files[path] = known

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """See SQLite."""
        disk, data = self._vfs.disk, bytes(data)
        if disk.full and not self._vfs.dead:
            if disk.random.random() < 0.5:
                self._write(data[: len(data) // 2], offset)
            raise self._failure(apsw.FullError("no space"), "write")
        self._write(data, offset)

    def _write(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._file.write(offset, data)
        self._vfs.told("write", self._path, offset, data)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """See SQLite."""
        super().xTruncate(newsize)
        self._file.truncate(newsize)
        self._vfs.told("truncate", self._path, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """See SQLite."""
        disk = self._vfs.disk
        if disk.failing and not self._vfs.dead:
            disk.failing -= 1
            self._file.fail_sync(disk.random)
            raise self._failure(_io_error(apsw.SQLITE_IOERR_FSYNC), "fsync")
        self._file.sync()
        self._vfs.told("sync", self._path)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        """See SQLite."""
        if self._vfs.disk.bad_reads and not self._vfs.dead:
            self._vfs.disk.bad_reads -= 1
            raise self._failure(_io_error(apsw.SQLITE_IOERR_READ), "read")
        return super().xRead(amount, offset)

    def _failure(self, error: apsw.Error, call: str) -> apsw.Error:
        disk = self._vfs.disk
        kind = "bad read" if call == "read" else "refused"
        disk.trace.note(kind, disk.name, f"SQLite, {call} of {os.path.basename(self._path)}")
        return error


def _io_error(code: int) -> apsw.IOError:
    error = apsw.IOError("input/output error")
    error.extendedresult = code  # type: ignore[attr-defined]
    return error


def done_again(files: dict[str, FalseFile], calls: list[Call]) -> None:
    """Let calls have their effects on other files."""
    for kind, path, at, data in calls:
        if kind == "delete":
            files.pop(path, None)
            continue
        file = files.setdefault(path, FalseFile(path))
        if kind == "write":
            file.write(at, data)
        elif kind == "truncate":
            file.truncate(at)
        elif kind == "sync":
            file.sync()
