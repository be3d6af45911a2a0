"""Frames: what one group commit writes, whole or not at all.

::

    salt 8 | sequence 8 | body length 4 | body crc32 4 | previous 4 | header crc32 4 | body

`previous` is the header crc32 of the frame before, so frames form a chain; the salt is the log's
own, drawn once. Frame n + 1 is written only after frame n was synced. So *only the last frame can
be torn*, and the header of any later one, wherever it is found behind a bad frame, shows that the
bad one was synced once and is damaged. A header has a checksum of its own for that purpose: it
is a witness even if its body never arrived.

A body may hold anything, a copy of this log included, but no header of a frame that was not yet
written: witnesses must have a higher sequence number than the frame in doubt.

Absent: what a body means (`log_records`), and files.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

_HEADER = struct.Struct(">8sQIII")
_CRC = struct.Struct(">I")
HEADER_BYTES = _HEADER.size + _CRC.size
SALT_BYTES = 8
FRAME_BYTES_MAX = (1 << 31) - (1 << 20)  # offsets of rows are 32 bits, and so is one write


class Frame(msgspec.Struct, frozen=True):
    """One frame found in a segment; offsets are the segment's."""

    salt: bytes
    sequence: int
    previous: int
    link: int  # what the next frame's `previous` must be
    start: int
    body: int  # where the body begins
    end: int


def seal_frame(salt: bytes, sequence: int, previous: int, body: bytes) -> tuple[bytes, int]:
    """The header that goes before `body`, and its link."""
    fields = _HEADER.pack(salt, sequence, len(body), zlib.crc32(body), previous)
    link = zlib.crc32(fields)
    return fields + _CRC.pack(link), link


def read_header(data: bytes, start: int) -> tuple[Frame, int] | None:
    """The frame that a good header at `start` announces, and its body's crc32."""
    if len(data) - start < HEADER_BYTES:
        return None
    salt, sequence, length, body_crc, previous = _HEADER.unpack_from(data, start)
    (link,) = _CRC.unpack_from(data, start + _HEADER.size)
    if link != zlib.crc32(data[start : start + _HEADER.size]):
        return None
    body = start + HEADER_BYTES
    return Frame(salt, sequence, previous, link, start, body, body + length), body_crc


def read_frame(data: bytes, start: int) -> Frame | None:
    """The frame at `start` if it is whole and good, whatever its place in the chain."""
    found = read_header(data, start)
    if found is None:
        return None
    frame, body_crc = found
    if frame.end > len(data):
        return None
    with memoryview(data) as view:
        good = zlib.crc32(view[frame.body : frame.end]) == body_crc
    return frame if good else None


def frames_after(data: bytes, frame: Frame) -> Iterator[Frame]:
    """The good frames that follow `frame` in its chain, up to the first that is none."""
    following = read_frame(data, frame.end)
    while (
        following is not None
        and following.salt == frame.salt
        and following.sequence == frame.sequence + 1
        and following.previous == frame.link
    ):
        yield following
        frame = following
        following = read_frame(data, frame.end)


def witness_after(data: bytes, start: int, salt: bytes, sequence: int) -> int | None:
    """Where, from `start` on, a header stands that was written after frame `sequence` was synced.

    That is one beyond `sequence`: the frame `sequence` itself may be torn.
    """
    at = data.find(salt, start)
    while at >= 0:
        found = read_header(data, at)
        if found is not None and found[0].sequence > sequence:
            return at
        at = data.find(salt, at + 1)
    return None
