"""One message of a stream: who sent it, which of theirs it is, and an entry.

Layout (big-endian): crc32 of what follows up to the entry (4), format (1), writer (8), number (8),
then the entry as `plait.line.entry` encodes it, with its own checksum. Its epoch and record index
are blank: they follow from where it stands. `writer` is drawn by chance for each handle; `number`
grows with each message of one.
"""

import struct
from typing import NamedTuple

from plait.base.codec import checksum
from plait.base.errors import Corrupt
from plait.line.entry import HEADER_BYTES, Entry, decode_entry

FORMAT = 1
_PREFIX = struct.Struct(">IBQQ")
OVERHEAD_BYTES = _PREFIX.size + HEADER_BYTES
HEADERS_BYTES_MAX = 512  # of the protocol, beside the payload


class Message(NamedTuple):
    """What a stream holds at one sequence."""

    writer: int
    number: int
    entry: Entry


def encode_message(message: Message) -> bytes:
    """The bytes that are published."""
    body = _PREFIX.pack(0, FORMAT, message.writer, message.number)[4:]
    return checksum(body).to_bytes(4, "big") + body + message.entry.encode()


def decode_message(data: bytes, sequence: int) -> Message:
    """What stands at `sequence`; `Corrupt`, which names it, if nobody of ours wrote it."""
    if len(data) < OVERHEAD_BYTES:
        raise _foreign(sequence, f"has {len(data)} bytes")
    crc, form, writer, number = _PREFIX.unpack_from(data)
    if crc != checksum(memoryview(data)[4 : _PREFIX.size]):
        raise _foreign(sequence, "fails its checksum")
    if form != FORMAT:
        raise _foreign(sequence, f"is of format {form}")
    try:
        return Message(writer, number, decode_entry(data[_PREFIX.size :]))
    except Corrupt as error:
        raise _foreign(sequence, f"holds no entry: {error.message}") from None


def _foreign(sequence: int, what: str) -> Corrupt:
    return Corrupt(
        f"message {sequence} of the stream was not written by Plait or is damaged: it {what}",
        sequence=sequence,
    )
