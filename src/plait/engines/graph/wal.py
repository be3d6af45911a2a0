"""Records of a graph's write-ahead log: what was done to the replica, in the order it was done.

A row of the log is one tick: its records are carried out one after the other, all or none.
Replaying them on the state that stood before gives the very state that stood after.

Source: redo logging (Gray, Reuter, "Transaction Processing", 1993). Absent: checksums and framing,
which the log's storage brings, and replica ids in full, which packs intern.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from plait.base.codec import encode
from plait.base.errors import Corrupt
from plait.graph.event import Batch, Pack, pack


class Wrote(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """An own batch, sealed."""

    pack: Pack


class Delivered(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Batches of others, in the order in which they took effect."""

    pack: Pack


class Held(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Batches that wait for the clock: offered to the scope again when it is opened."""

    pack: Pack


class Joined(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """A parcel (a delta or a state), encoded."""

    data: bytes


class Renamed(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """From here on this replica writes under another id; the old one is to be retired at
    `retire`, unless that is 0. `claims`: it is a member by its own word (see `graph.members`)."""

    replica: int
    retire: int = 0
    claims: bool = False


class Folded(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """What was stable was folded."""


class Owed(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """What is owed from here on for ids that were given up (see `owed`), beside own batches."""

    lost: bytes  # may never count: then it is written anew
    entrusted: bytes = b""  # counts as others have it


Record: TypeAlias = Wrote | Delivered | Held | Joined | Renamed | Folded | Owed

_decoder = msgspec.msgpack.Decoder(tuple[Record, ...])


def wrote(batch: Batch) -> Wrote:
    """The record of an own batch."""
    return Wrote(pack((batch,)))


def delivered(batches: Sequence[Batch]) -> Delivered:
    """The record of others' batches."""
    return Delivered(pack(batches))


def held(batches: Sequence[Batch]) -> Held:
    """The record of batches that wait for the clock."""
    return Held(pack(batches))


def encode_row(records: Sequence[Record]) -> bytes:
    """One tick."""
    return encode(records)


def decode_row(data: bytes, position: int) -> tuple[Record, ...]:
    """The records of the row at `position`; raises `Corrupt`."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Corrupt(f"row {position} of a graph's log cannot be read: {error}") from error
