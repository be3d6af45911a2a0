"""The system calls that the log writes with; tests hand in a disk that fails.

A durable write is one call where the system has one: two would give the interpreter lock away
twice, and the second would wait for it while the write is still unsynced.

Invariant: what `write` was given is on disk when it returns. When it raises, any part of it may
be. Absent: reading, and any retry: a write that failed may not be repeated as if it had not.
"""

import contextlib
import errno
import os
import sys

_ZEROS = bytes(256 << 10)
_ROOM = 4  # a file system with less free than so many times a file is nearly full
_UNKNOWN = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def room(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """How many bytes are free on the disk of a folder, and how many it has; None if unknown."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class Disk:
    """The real one."""

    def __init__(self) -> None:
        self._at_once = True  # the system can write and sync in one call

    def write(self, file: int, data: bytes, offset: int) -> None:
        """Write all of `data` at `offset` and make it durable."""
        written = self._write_some(file, data, offset)
        while written < len(data):
            written += self._write_some(file, memoryview(data)[written:], offset + written)

    def _write_some(self, file: int, data: bytes | memoryview, offset: int) -> int:
        if sys.platform == "linux" and self._at_once:
            try:
                return os.pwritev(file, (data,), offset, os.RWF_DSYNC)
            except OSError as error:
                if error.errno not in _UNKNOWN:
                    raise
                self._at_once = False  # an old kernel, or a sandbox: it wrote nothing
        count = os.pwrite(file, data, offset)
        os.fsync(file)
        return count

    def sync(self, file: int) -> None:
        """Make everything written to `file`, its size included, durable."""
        os.fsync(file)

    def fill(self, file: int, start: int, stop: int) -> None:
        """Write zeros, durably: a later write in there need not note a longer file."""
        while start < stop:  # a disk that is nearly full takes less than it is given
            start += os.pwrite(file, _ZEROS[: stop - start], start)
        self.sync(file)

    def lay_out(self, file: int, size: int, at_least: int) -> None:
        """Give an empty file its size at once, in zeros, or `at_least` so much if space is short.

        Raises `OSError` if there is not even that.
        """
        room = os.fstatvfs(file)
        if room.f_bavail * room.f_frsize < _ROOM * size:
            size = at_least
        try:
            self.fill(file, 0, size)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            with contextlib.suppress(OSError):
                os.ftruncate(file, 0)
            self.fill(file, 0, at_least)
