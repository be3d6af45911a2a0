"""The contents of a shelf's rows: checked, and with replica ids interned.

A row is a checksum over its key and the rest, a byte of flags, and MessagePack. Replica ids have 64
bits and come again and again, so rows name them by number: *names* is a row of its own that only
grows.

Invariant: what does not pass its checksum, or does not decode, raises `Corrupt`, and is never read
as something else.
"""

import struct
from collections.abc import Iterable
from typing import Any

import msgspec

from plait.base.causality import Context, VersionVector
from plait.base.codec import checksum, decode, encode
from plait.base.errors import BadFrame, Corrupt

VISIBLE = 1  # flag: the document is listed

_CHECKSUM = struct.Struct(">I")
_HEADER_BYTES = _CHECKSUM.size + 1

# What decoders of garbage raise; a checksum leaves one chance in four thousand million.
DECODING = (
    BadFrame, msgspec.DecodeError, ValueError, TypeError, LookupError, AttributeError,
    RecursionError, OverflowError,
)  # fmt: skip


def seal(row: bytes, flags: int, content: Any) -> bytes:
    """The value of a row."""
    body = bytes((flags,)) + encode(content)
    return _CHECKSUM.pack(checksum(body, checksum(row))) + body


def unseal(row: bytes, value: bytes) -> tuple[int, Any]:
    """Flags and content of a row; raises `Corrupt`."""
    if len(value) <= _HEADER_BYTES:
        raise corrupt(row, "too short")
    body = value[_CHECKSUM.size :]
    if _CHECKSUM.unpack_from(value)[0] != checksum(body, checksum(row)):
        raise corrupt(row, "checksum does not match")
    try:
        return body[0], decode(body[1:])
    except DECODING as error:
        raise corrupt(row, str(error)) from None


def flags_in(row: bytes, value: bytes) -> int:
    """The flags alone, for scans: unchecked but for the length."""
    if len(value) <= _HEADER_BYTES:
        raise corrupt(row, "too short")
    return value[_CHECKSUM.size]


def corrupt(row: bytes, why: str) -> Corrupt:
    """What to raise for a row that is not as it was written."""
    return Corrupt(
        f"row {row[1:60]!r} of a graph's documents is damaged: {why}; the replica's other documents"
        " are sound: restore its folder from a backup, or remove it and join again from a peer",
        row=row.hex(),
    )


class Names:
    """Replica ids by number."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self.ids = list(ids)
        self._numbers = {replica: number for number, replica in enumerate(self.ids)}
        self.dirty = False

    def number(self, replica: int) -> int:
        """The number of a replica id; a new one if it has none."""
        number = self._numbers.get(replica)
        if number is None:
            number = self._numbers[replica] = len(self.ids)
            self.ids.append(replica)
            self.dirty = True
        return number

    def id(self, number: int) -> int:
        """The replica id with this number; LookupError."""
        if type(number) is not int or number < 0:
            raise LookupError(f"{number!r} is no number of a replica")
        return self.ids[number]

    def pack_cells(self, data: Any) -> Any:
        """What `CellType.delta` gave, with numbers for ids."""
        number = self.number
        return [
            [
                number(slot) if type(slot) is int else slot,
                *[[number(replica), seq, payload] for replica, seq, payload in cells],
            ]
            for slot, *cells in data
        ]

    def unpack_cells(self, data: Any) -> Any:
        """What `pack_cells` was given."""
        name = self.id
        return [
            [
                name(slot) if type(slot) is int else slot,
                *[[name(number), seq, payload] for number, seq, payload in cells],
            ]
            for slot, *cells in data
        ]

    def pack_dots(self, dots: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Dots, or the pairs of a vector, with numbers for ids."""
        return [(self.number(replica), seq) for replica, seq in dots]

    def unpack_dots(self, data: Any) -> list[tuple[int, int]]:
        """What `pack_dots` was given."""
        return [(self.id(number), checked_seq(seq)) for number, seq in data]

    def pack_vector(self, vector: Context) -> list[tuple[int, int]]:
        """A vector with numbers for ids."""
        return self.pack_dots(sorted(vector.items()))

    def unpack_vector(self, data: Any) -> VersionVector:
        """What `pack_vector` was given."""
        return VersionVector(self.unpack_dots(data))


def checked_seq(seq: Any) -> int:
    """A sequence number; ValueError if it is none."""
    if type(seq) is not int or seq < 1:
        raise ValueError(f"{seq!r} is no sequence number")
    return seq
