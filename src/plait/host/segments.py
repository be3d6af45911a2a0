"""The files of the log's folder: numbered segments, made in advance, read through few descriptors.

Invariant: a number is never used twice for what was once synced, and a segment's name is durable
before anything is written into it. A segment of zeros was laid out and not begun.

Absent: what the bytes mean, and when a segment is made or removed (`durable_log` says).
"""

import os
from pathlib import Path

from plait.base.errors import Corrupt
from plait.host.disk import Disk
from plait.host.folder import sync_folder

_READERS_MAX = 64  # descriptors kept for reading
_SUFFIX = ".seg"


class Segments:
    """The segments of one log. Readers are not for two threads at once."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk
        self._readers: dict[int, tuple[int, int]] = {}  # descriptor and size, oldest use first

    def file(self, number: int) -> Path:
        """Where a segment is."""
        return self.path / f"{number:08d}{_SUFFIX}"

    def numbers(self) -> list[int]:
        """Every segment that is there, in order."""
        names = (path.name for path in self.path.glob(f"*{_SUFFIX}"))
        return sorted(int(name[: -len(_SUFFIX)]) for name in names if name[0].isdigit())

    def create(self, number: int, size: int, at_least: int) -> int:
        """A new segment, laid out; the descriptor to write it with."""
        path = self.file(number)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            self._disk.lay_out(file, size, at_least)
            sync_folder(self.path)
        except BaseException:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        return file

    def open(self, number: int) -> int:
        """A descriptor to go on writing an existing segment with."""
        return os.open(self.file(number), os.O_RDWR | os.O_CLOEXEC)

    def content(self, number: int) -> bytes:
        """A whole segment."""
        return self.file(number).read_bytes()

    def read(self, number: int, offset: int, count: int) -> bytes:
        """Up to `count` bytes at `offset`; fewer at the end. `Corrupt` if there is no such file."""
        file, size = self._reader(number)
        if offset + count > size:  # it may have grown; and a damaged length may be anything
            size = os.fstat(file).st_size
            self._readers[number] = (file, size)
            count = min(count, max(0, size - offset))
        return os.pread(file, count, offset) if count else b""

    def _reader(self, number: int) -> tuple[int, int]:
        reader = self._readers.pop(number, None)
        if reader is None:
            try:
                file = os.open(self.file(number), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise Corrupt(f"segment {number} of the log is missing") from None
            reader = (file, os.fstat(file).st_size)
            if len(self._readers) >= _READERS_MAX:
                self.forget(next(iter(self._readers)))
        self._readers[number] = reader
        return reader

    def forget(self, number: int) -> None:
        """Give back the descriptor for reading a segment."""
        reader = self._readers.pop(number, None)
        if reader is not None:
            os.close(reader[0])

    def remove(self, number: int) -> None:
        """Delete a segment, which nobody reads any more."""
        self.file(number).unlink(missing_ok=True)

    def close(self) -> None:
        """Give all descriptors for reading back."""
        for number in list(self._readers):
            self.forget(number)
