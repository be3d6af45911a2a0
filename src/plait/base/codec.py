"""Encoding: one MessagePack codec, one checksum, one key order.

MessagePack structs are `msgspec.Struct`, tagged, array-like; never pickle. A *frame* is a
4-byte big-endian length and that many bytes; `FrameDecoder` cuts a byte stream into frames
with a hard limit, holding at most one unfinished frame.
"""

import struct
import zlib
from typing import Any

import msgspec

from plait.base.errors import BadFrame, BadKey, BadValue

KEY_BYTES_MAX = 4096
VALUE_BYTES_MAX = 16 * 1024 * 1024
FRAME_BYTES_MAX = 64 * 1024 * 1024

_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_canonical = msgspec.msgpack.Encoder(order="deterministic")

encode = _encoder.encode
decode = msgspec.msgpack.decode


def checksum(data: bytes | memoryview, seed: int = 0) -> int:
    """CRC-32 of `data`, continued from `seed`."""
    return zlib.crc32(data, seed)


def encode_key(key: str) -> bytes:
    """UTF-8 of a table key: byte order is code-point order."""
    if not isinstance(key, str):
        raise BadKey(f"a key is a str, not {type(key).__name__}: {key!r}")
    try:
        data = key.encode()
    except UnicodeEncodeError as error:
        raise BadKey(f"key {key!r} is not valid Unicode: {error.reason}") from None
    if not data or len(data) > KEY_BYTES_MAX:
        raise BadKey(f"a key has 1 to {KEY_BYTES_MAX} bytes of UTF-8, this one has {len(data)}")
    return data


def encode_value(value: Any) -> bytes:
    """MessagePack of a user's value, or `BadValue` that says what is wrong with it."""
    try:
        data = _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadValue(f"cannot store {type(value).__name__}: {error}") from None
    if len(data) > VALUE_BYTES_MAX:
        raise BadValue(f"a value has at most {VALUE_BYTES_MAX} bytes encoded, this has {len(data)}")
    return data


def canonical(data: bytes) -> bytes:
    """The same value with map keys in one order, so that equal values are equal bytes."""
    return _canonical.encode(msgspec.msgpack.decode(data))


def frame(message: bytes) -> bytes:
    """A message with its length in front."""
    return _LENGTH.pack(len(message)) + message


class FrameDecoder:
    """Cuts a stream into frames. Raises `BadFrame` for a length over `frame_bytes_max`.

    Whole frames in front of an over-long one are given out first; the next `feed` raises. So an
    owner may raise the limit after reading a handshake, even if more came in the same chunk.
    """

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self.frame_bytes_max = frame_bytes_max
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The whole frames that `data` completes, in order."""
        buffer = self._buffer
        if buffer:
            buffer += data
            with memoryview(buffer) as view:  # an export left open would pin the buffer's size
                frames, used = self._cut(view)
            del buffer[:used]
            return frames
        # Nothing is left over: cut from the chunk itself, and keep only what is unfinished.
        frames, used = self._cut(data)
        if used < len(data):
            buffer += data[used:] if used else data
        return frames

    def _cut(self, data: bytes | memoryview) -> tuple[list[bytes], int]:
        """The frames at the front of `data`, and the bytes that they take."""
        frames: list[bytes] = []
        offset, end = 0, len(data)
        while end - offset >= 4:
            (length,) = _LENGTH.unpack_from(data, offset)
            if length > self.frame_bytes_max:
                if frames:
                    break
                raise BadFrame(f"a frame of {length} bytes exceeds {self.frame_bytes_max}")
            if end - offset - 4 < length:
                break
            start = offset + 4
            offset = start + length
            frames.append(bytes(data[start:offset]))
        return frames, offset

    @property
    def unfinished(self) -> int:
        """Bytes of a frame that has not arrived whole."""
        return len(self._buffer)
