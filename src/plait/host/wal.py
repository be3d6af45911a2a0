"""Is a write-ahead log merely torn at its end, or damaged before it?

SQLite stops reading a WAL at the first frame whose checksum fails and takes the rest for never
written: right for a power cut, wrong for a flipped bit, which silently removes every commit
behind it. One commit is in flight at a time and the next is written only after the previous
was synced, so *only the last transaction can be torn*. Two witnesses tell the cases apart:

- The frames behind the last good commit. A commit frame of this generation (frames carry the
  two salts of their header) with any other frame of this generation behind it was synced once:
  finding one there is damage.
- The `Mark`, a note of how far the log was known to be synced. Whatever it names was
  acknowledged; a WAL that reaches less far, or is gone, is damaged.

What neither can see: after a power cut that also lost the newest mark, a log cut off at a frame
boundary, or a flip inside its very last transaction, looks like a torn tail.

Source: sqlite.org/fileformat2.html, section 4. Absent: checking frame checksums; SQLite does,
and says how many frames it took.
"""

import os
import struct
import zlib
from pathlib import Path

import msgspec

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
_MAGICS = {0x377F0682: "<", 0x377F0683: ">"}  # and the byte order of the checksums
_MARK = struct.Struct(">8sQI")  # salts, frames, crc32 of both


class WalHeader(msgspec.Struct, frozen=True):
    """The generation of a WAL."""

    page_size: int
    salts: bytes  # 8; the first 4 count generations

    def offset(self, frame: int) -> int:
        """Where the frame after the first `frame` ones begins."""
        return HEADER_BYTES + frame * (FRAME_HEADER_BYTES + self.page_size)


def read_header(data: bytes) -> WalHeader | None:
    """The header that `data` begins with; None if its checksum or magic fails."""
    if len(data) < HEADER_BYTES:
        return None
    magic, _, page_size = struct.unpack_from(">III", data)
    order = _MAGICS.get(magic)
    if order is None:
        return None
    words = struct.unpack_from(f"{order}6I", data)
    first = second = 0
    for word in range(0, 6, 2):
        first = (first + words[word] + second) & 0xFFFFFFFF
        second = (second + words[word + 1] + first) & 0xFFFFFFFF
    if struct.pack(">II", first, second) != data[24:HEADER_BYTES]:
        return None
    return WalHeader(page_size, data[16:24])


class Mark:
    """The 20 bytes beside the log that say how far it was synced; a hint, never synced itself.

    Invariant: it is written after the fsync that it speaks of, so it never claims too much; and
    it is cleared, durably, before the WAL is emptied on purpose.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def read(self) -> tuple[bytes, int] | None:
        """(salts, frames), or None if it says nothing."""
        data = os.pread(self._file, _MARK.size, 0)
        if len(data) < _MARK.size:
            return None
        salts, frames, crc = _MARK.unpack(data)
        return (salts, frames) if crc == zlib.crc32(data[:16]) else None

    def write(self, salts: bytes, frames: int) -> None:
        """The WAL of this generation is synced up to `frames`."""
        crc = zlib.crc32(salts + frames.to_bytes(8, "big"))
        os.pwrite(self._file, _MARK.pack(salts, frames, crc), 0)

    def clear(self) -> None:
        """The WAL is about to be emptied."""
        if os.fstat(self._file).st_size:
            os.ftruncate(self._file, 0)
            os.fsync(self._file)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


def find_damage(path: Path, valid_frames: int, mark: tuple[bytes, int] | None) -> str | None:
    """Why the WAL at `path`, of which SQLite took `valid_frames`, lacks commits; or None."""
    if not path.exists():
        return f"the write-ahead log is missing; it held {mark[1]} synced frames" if mark else None
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = read_header(file.read(HEADER_BYTES))
        if header is not None:
            return _short_of_mark(header, valid_frames, mark) or _synced_behind(
                file.fileno(), header, size, valid_frames
            )
    if size > HEADER_BYTES + FRAME_HEADER_BYTES:
        return f"the header of the write-ahead log ({size} bytes) fails its checksum"
    return f"the write-ahead log is empty; it held {mark[1]} synced frames" if mark else None


def _short_of_mark(
    header: WalHeader, valid_frames: int, mark: tuple[bytes, int] | None
) -> str | None:
    if mark is None:
        return None
    salts, frames = mark
    if salts == header.salts:
        if valid_frames < frames:
            return f"{valid_frames} frames of the write-ahead log are good, {frames} were synced"
        return None
    generations = int.from_bytes(header.salts[:4], "big") - int.from_bytes(salts[:4], "big")
    # The count goes up by one each time that the log starts over; it wraps at 32 bits.
    if generations % (1 << 32) < 1 << 31 and generations:
        return None
    return "the write-ahead log is of an older generation than the one last synced"


def _synced_behind(file: int, header: WalHeader, size: int, valid_frames: int) -> str | None:
    """Damage shown by frames behind the last good commit."""
    first_commit = None
    frame = valid_frames
    while (offset := header.offset(frame)) + FRAME_HEADER_BYTES <= size:
        head = os.pread(file, FRAME_HEADER_BYTES, offset)
        if head[8:16] == header.salts:
            if first_commit is not None:
                return (
                    f"frame {valid_frames + 1} of the write-ahead log is bad, but the commit at "
                    f"frame {first_commit + 1} behind it has others behind it in turn"
                )
            if head[4:8] != b"\0\0\0\0":
                first_commit = frame
        frame += 1
    return None
