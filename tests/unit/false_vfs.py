"""A SQLite VFS that lies: real files below, and beside each what a disk would hold by now.

The state's own SQLite (apsw) runs on it, so what is tested is what ships. Invariant: nothing is
durable before `xSync`; a sync that fails has written any part (`false_file`). The shared index of
a write-ahead log is memory and never survives. Nothing is really synced: that takes time.

Absent: names that are lost (a state's files are made once), and reads that return other bytes
than were written.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from plait.sim.false_file import SECTORS, FalseFile

NAME = "plait-false"


class FalseVFS(apsw.VFS):
    """Every file that is opened through it; `on_call` may keep an image, or fail the call."""

    def __init__(self, rng: random.Random, name: str = NAME) -> None:
        self.name = name
        self.rng = rng
        self.files: dict[str, FalseFile] = {}
        self.on_call: Callable[[str], BaseException | None] = lambda call: None
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: Any) -> "_File":  # noqa: N802
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.files.pop(filename, None)

    def call(self, call: str) -> None:
        """A call is about to have an effect."""
        if (error := self.on_call(call)) is not None:
            raise error

    def forget(self) -> None:
        """Begin anew, with other files."""
        self.files.clear()

    def cut(self) -> dict[str, bytes]:
        """What the disk holds when the power goes now, by file name."""
        sector = self.rng.choice(SECTORS)
        return {
            Path(path).name: file.survived(self.rng, sector) for path, file in self.files.items()
        }

    def killed(self) -> dict[str, bytes]:
        """What the process leaves when it is killed."""
        return {Path(path).name: Path(path).read_bytes() for path in self.files}


class _File(apsw.VFSFile):
    def __init__(self, vfs: FalseVFS, name: Any, flags: Any) -> None:
        self._vfs = vfs
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._file = vfs.files.setdefault(path, FalseFile(path))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._vfs.call("write")
        self._file.write(offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._vfs.call("truncate")
        self._file.truncate(newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        try:
            self._vfs.call("sync")
        except apsw.Error:
            self._file.fail_sync(self._vfs.rng)
            raise
        self._file.sync()

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._vfs.call("read")
        return super().xRead(amount, offset)


def failure(call: str, full: bool) -> apsw.Error:
    """What SQLite is told by a call that fails."""
    if full and call == "write":
        return apsw.FullError("injected")
    error = apsw.IOError("injected")
    error.extendedresult = {
        "read": apsw.SQLITE_IOERR_READ,
        "write": apsw.SQLITE_IOERR_WRITE,
        "sync": apsw.SQLITE_IOERR_FSYNC,
        "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    }[call]
    return error
