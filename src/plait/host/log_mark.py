"""The mark: how far the log is known to be synced, in a page of memory that outlives the process.

Whatever it names was acknowledged; a log that reaches less far is damaged, not torn. It is a
mapped page of `log.mark`, written without a system call after each commit and never synced: it
survives the end of the process at once, a power cut as the kernel wrote it last.

Invariant: it is written after the sync that it speaks of, so it never claims too much. Two slots
take turns, so a process that dies while writing one leaves the other.

What it cannot see: after a power cut that also lost the newest mark, damage to the very last
frame looks like a torn one.
"""

import mmap
import os
import struct
import zlib
from pathlib import Path

_SLOT = struct.Struct(">8sQI")  # salt, sequence, crc32 of both
_SLOT_BYTES = 32
_PAGE_BYTES = 4096


class Mark:
    """The mark beside one log."""

    def __init__(self, path: Path) -> None:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # The page must have its block: a mapped page without one kills on a full disk.
            if (size := os.fstat(file).st_size) < _PAGE_BYTES:
                while size < _PAGE_BYTES:  # a disk that is nearly full takes less than it is given
                    size += os.pwrite(file, bytes(_PAGE_BYTES - size), size)
                os.fsync(file)
            self._page = mmap.mmap(file, _PAGE_BYTES)
        finally:
            os.close(file)

    def read(self) -> tuple[bytes, int] | None:
        """The salt of the log and the last sequence number known to be synced, or None."""
        found = None
        for start in (0, _SLOT_BYTES):
            salt, sequence, crc = _SLOT.unpack_from(self._page, start)
            good = crc == zlib.crc32(self._page[start : start + 16])
            if good and sequence and (found is None or sequence > found[1]):
                found = (salt, sequence)
        return found

    def write(self, salt: bytes, sequence: int) -> None:
        """The log is synced up to the frame `sequence`."""
        fields = salt + sequence.to_bytes(8, "big")
        start = (sequence & 1) * _SLOT_BYTES
        self._page[start : start + 20] = fields + zlib.crc32(fields).to_bytes(4, "big")

    def close(self) -> None:
        """Give the page back."""
        self._page.close()
