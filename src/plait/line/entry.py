"""An entry: one immutable, checksummed batch of records, and the epoch that ordered it.

An entry is encoded once, by whoever orders it; the same bytes are sent to followers, stored and
read back. Whoever orders it stamps two things on it: its *epoch*, and the *record index*, how
many records stand before it in its line. Nothing here looks inside the payload.

Layout (big-endian): crc32 of all that follows (4), kind (1), length of candidate (1), epoch
number (8), time in ms (8), record index (8), record count (4), candidate, payload.

Invariant: entries of one line with equal (epoch, position) are equal, and so is all before them.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

import msgspec

from plait.base.codec import checksum
from plait.base.errors import Corrupt

_HEADER = struct.Struct(">IBBQQQI")
HEADER_BYTES = _HEADER.size
OFFSETS_MAX = 1 << 20  # records in one entry


class Epoch(NamedTuple):
    """A leader's reign: compared by number, then candidate; never used twice."""

    number: int
    candidate: str

    def __str__(self) -> str:
        if not self.number:
            return "none"
        return f"{self.number}.{self.candidate}" if self.candidate else str(self.number)


NO_EPOCH = Epoch(0, "")


class Kind(IntEnum):
    """What an entry is for."""

    DATA = 0  # records for the state machine
    EPOCH = 1  # opens an epoch; no records
    SEAL = 2  # in-band seal; no records
    MEMBERS = 3  # who the members are from here on; no records


class Entry(msgspec.Struct, frozen=True):
    """One batch of zero or more records."""

    payload: bytes
    records: int = 1
    kind: Kind = Kind.DATA
    time_ms: int = 0  # the proposer's wall clock
    epoch: Epoch = NO_EPOCH
    record_index: int = 0  # records before this entry in the line

    def stamped(self, epoch: Epoch, record_index: int) -> "Entry":
        """This entry as ordered in `epoch`, after `record_index` records."""
        return Entry(self.payload, self.records, self.kind, self.time_ms, epoch, record_index)

    @property
    def records_end(self) -> int:
        """Records up to and including this entry's."""
        return self.record_index + self.records

    def encode(self) -> bytes:
        """The bytes that are sent and stored."""
        candidate = self.epoch.candidate.encode()
        body = _HEADER.pack(
            0, self.kind, len(candidate), self.epoch.number, self.time_ms,
            self.record_index, self.records,
        )[4:] + candidate + self.payload  # fmt: skip
        return checksum(body).to_bytes(4, "big") + body


def decode_entry(data: bytes) -> Entry:
    """The entry in `data`; `Corrupt` if its checksum or its layout does not hold."""
    if len(data) < HEADER_BYTES:
        raise Corrupt(f"an entry of {len(data)} bytes is shorter than its header")
    crc, kind, name_length, number, time_ms, index, records = _HEADER.unpack_from(data)
    if crc != checksum(memoryview(data)[4:]):
        raise Corrupt("an entry fails its checksum")
    start = HEADER_BYTES + name_length
    try:
        epoch = Epoch(number, data[HEADER_BYTES:start].decode())
        return Entry(data[start:], records, Kind(kind), time_ms, epoch, index)
    except ValueError as error:
        raise Corrupt(f"an entry of an unknown kind or epoch: {error}") from None
