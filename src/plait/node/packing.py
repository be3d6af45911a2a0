"""Messages between zones in fewer bytes: zlib, one message at a time.

Each message stands for itself, so that what is lost, or comes twice, spoils nothing. Small ones go
as they are: heartbeats, votes and acknowledgements gain nothing, and must not wait.

Invariant: what a peer sends is unpacked to no more than a frame may have. Absent: a dictionary
that grows with the connection, which would gain something on small messages.
"""

import zlib

import msgspec

from plait.base.codec import FRAME_BYTES_MAX
from plait.base.errors import BadFrame

ZLIB = "zlib"
PACKINGS = (ZLIB,)  # what this program can unpack
PACK_BYTES_MIN = 1024
_LEVEL = 1  # several times as quick as the usual 6, for a few percent more bytes
_GAIN = 0.9  # packed, it must be at most this much of what it was


class Packed(msgspec.Struct, frozen=True, array_like=True, tag=72):
    """A message of this protocol, packed."""

    data: bytes


def pack(frame: bytes) -> bytes | None:
    """What is to be sent instead of `frame`; None if it may as well go as it is."""
    if len(frame) < PACK_BYTES_MIN:
        return None
    data = zlib.compress(frame, _LEVEL)
    return data if len(data) <= _GAIN * len(frame) else None


def unpack(data: bytes) -> bytes:
    """The message that was packed; `BadFrame` if it is damaged or too long."""
    inflating = zlib.decompressobj()
    try:
        frame = inflating.decompress(data, FRAME_BYTES_MAX)
    except zlib.error as error:
        raise BadFrame(f"a packed message cannot be unpacked: {error}") from None
    if not inflating.eof or inflating.unused_data:
        raise BadFrame("a packed message is cut off, or too long")
    return frame
