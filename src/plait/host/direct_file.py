"""Writing a new file past the page cache, synced: for what nobody here will read soon.

What goes through the cache takes pages of others, and the processor's time to find and fill them,
which may be more than the disk's. Where a file system does not take direct writes, or a file is
small, it goes the usual way.

Invariant: when `write` returns, the file holds the data and both are synced; its name is not.
"""

import errno
import mmap
import os
from pathlib import Path

BUFFER_BYTES = 4 << 20
DIRECT_BYTES_MIN = 256 << 10
_BLOCK_BYTES = 4096  # a multiple of what disks want
_DIRECT = getattr(os, "O_DIRECT", 0)
_NOT_TAKEN = {errno.EINVAL, errno.EOPNOTSUPP}


class DirectFiles:
    """Writes files. Threads may share it; it keeps as many buffers as have written at once."""

    def __init__(self) -> None:
        self.direct = bool(_DIRECT)  # as far as is known
        self._free: list[mmap.mmap] = []  # aligned, as direct writes want it, and touched before

    def write(self, path: Path, data: bytes) -> None:
        """Make a file, which must not be there. Raises `OSError`s, and may leave a part."""
        if self.direct and len(data) >= DIRECT_BYTES_MIN:
            try:
                self._write_direct(path, data)
                return
            except OSError as error:
                if error.errno not in _NOT_TAKEN:
                    raise
            self.direct = False
            path.unlink(missing_ok=True)
        with open(path, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _write_direct(self, path: Path, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags | _DIRECT, 0o666)
        try:
            buffer = self._buffer()
            try:
                for start in range(0, len(data), BUFFER_BYTES):
                    _write_blocks(descriptor, buffer, data[start : start + BUFFER_BYTES])
            finally:
                self._free.append(buffer)
            os.ftruncate(descriptor, len(data))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _buffer(self) -> mmap.mmap:
        try:
            return self._free.pop()
        except IndexError:
            return mmap.mmap(-1, BUFFER_BYTES)


def _write_blocks(descriptor: int, buffer: mmap.mmap, data: bytes) -> None:
    """Whole blocks; what follows the data in the last one is cut off by the caller."""
    buffer[: len(data)] = data
    blocks = -(-len(data) // _BLOCK_BYTES) * _BLOCK_BYTES
    with memoryview(buffer) as view:
        done = 0
        while done < blocks:
            done += os.write(descriptor, view[done:blocks])
