"""Records: what a frame's body says, one after the other.

::

    kind 1 | name length 4 | size 4 | number 8 | name | payload

A record is one `LogWrite`, or rows that upkeep moved here from another segment, or the manifest
that opens a segment. Rows come each with their length and a *guard*, the crc32 of the data, the
line and the position: one row can be read and trusted without its frame, and a row that stands
in another's place is found out.

Invariant: `encode_records` and `decode_records` give the same records for the same bytes, so a
log that is replayed ends up as it was. Rows are named by where they are, never copied.
"""

import functools
import struct
from array import array
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

from plait.base.codec import checksum
from plait.base.errors import Corrupt
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    DropRescued,
    LogWrite,
    PutHardState,
    ResetLine,
    TrimPrefix,
)

_RECORD = struct.Struct(">BIIQ")
_ROW = struct.Struct(">II")  # length, guard
_NUMBER = struct.Struct(">Q")
ROW_HEADER_BYTES = _ROW.size

_ROWS, _CUT, _RESCUE, _TRIM, _RESET, _HARD_STATE, _DROP, _MOVED, _MANIFEST = range(1, 10)


class PlacedRows(msgspec.Struct, frozen=True):
    """Rows appended to a line, and where each stands in its segment."""

    line: str
    start: int
    offsets: "array[int]"
    size: int  # bytes, with the rows' headers


class MovedRows(msgspec.Struct, frozen=True):
    """Rows that stood elsewhere and are here now; of the line, or of a rescued suffix of it."""

    line: str
    rescued: int  # 0 for the line itself
    start: int
    offsets: "array[int]"
    size: int


class Relocation(msgspec.Struct, frozen=True):
    """Rows to write anew, so that the segment that they are in can go."""

    line: str
    rescued: int
    start: int
    rows: tuple[bytes, ...]


Record: TypeAlias = (
    PlacedRows | MovedRows | CutSuffix | TrimPrefix | ResetLine | PutHardState | DropRescued
)


@functools.lru_cache(maxsize=1024)
def _named(line: str) -> tuple[bytes, int]:
    """A line's name as records have it, and the checksum that its rows' guards continue from."""
    name = line.encode()
    return name, checksum(name)


def line_seed(line: str) -> int:
    """The checksum that the guards of a line's rows continue from."""
    return _named(line)[1]


def row_guard(seed: int, position: int, data: bytes) -> int:
    """The guard of one row."""
    return checksum(data, seed ^ (position & 0xFFFFFFFF))


def row_header(data: bytes, offset: int) -> tuple[int, int]:
    """Length and guard of the row at `offset`."""
    length, guard = _ROW.unpack_from(data, offset)
    return length, guard


# ----------------------------------------------------------------------------- encoding


def encode_records(
    writes: Iterable[LogWrite], relocation: Relocation | None, base: int
) -> tuple[bytes, list[Record]]:
    """The body that says `writes`, and them as records; the body will stand at `base`."""
    parts: list[bytes] = []
    records: list[Record] = []
    at = base
    if relocation is not None:  # first: the writes may cut or trim the rows that it moves
        line, rescued, start = relocation.line, relocation.rescued, relocation.start
        at = _append_head(parts, at, _MOVED, line, len(relocation.rows), start)
        parts.append(_NUMBER.pack(rescued))
        at += _NUMBER.size
        offsets, end = _append_rows(parts, at, line, start, relocation.rows)
        records.append(MovedRows(line, rescued, start, offsets, end - at))
        at = end
    for write in writes:
        if isinstance(write, AppendRows):
            at = _append_head(parts, at, _ROWS, write.line, len(write.rows), write.start)
            offsets, end = _append_rows(parts, at, write.line, write.start, write.rows)
            records.append(PlacedRows(write.line, write.start, offsets, end - at))
            at = end
        else:
            at = _append_small(parts, at, write)
            records.append(write)
    return b"".join(parts), records


def _append_head(parts: list[bytes], at: int, kind: int, line: str, size: int, number: int) -> int:
    name, _ = _named(line)
    parts += (_RECORD.pack(kind, len(name), size, number), name)
    return at + _RECORD.size + len(name)


def _append_rows(
    parts: list[bytes], at: int, line: str, start: int, rows: Iterable[bytes]
) -> "tuple[array[int], int]":
    seed, offsets = line_seed(line), array("I")
    for position, data in enumerate(rows, start):
        offsets.append(at)
        parts += (_ROW.pack(len(data), row_guard(seed, position, data)), data)
        at += ROW_HEADER_BYTES + len(data)
    return offsets, at


def _append_small(
    parts: list[bytes],
    at: int,
    write: CutSuffix | TrimPrefix | ResetLine | PutHardState | DropRescued,
) -> int:
    line, payload = "", b""
    match write:
        case CutSuffix(line=line, start=number, rescue=note):
            kind, payload = _CUT if note is None else _RESCUE, note or b""
        case TrimPrefix(line=line, before=number):
            kind = _TRIM
        case ResetLine(line=line, head=number):
            kind = _RESET
        case PutHardState(line=line, data=payload):
            kind, number = _HARD_STATE, 0
        case DropRescued(rescued=number):
            kind = _DROP
    at = _append_head(parts, at, kind, line, len(payload), number)
    parts.append(payload)
    return at + len(payload)


def encode_manifest(manifest: bytes) -> bytes:
    """The body of a segment's first frame."""
    return _RECORD.pack(_MANIFEST, 0, len(manifest), 0) + manifest


# ----------------------------------------------------------------------------- decoding


def decode_manifest(data: bytes, start: int, stop: int) -> bytes | None:
    """The manifest in the body at `start`; None if that is a body of another kind."""
    if stop - start < _RECORD.size or data[start] != _MANIFEST:
        return None
    return data[start + _RECORD.size : stop]


def decode_records(data: bytes, start: int, stop: int) -> Iterator[Record]:
    """The records of the body in `data`, which is the segment from its beginning.

    Raises `Corrupt` for a body that passed its checksum and still means nothing.
    """
    at = start
    while at < stop:
        try:
            kind, name_bytes, size, number = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            line = data[at : at + name_bytes].decode()
            at += name_bytes
            if kind == _ROWS:
                first, (offsets, at) = at, _walk(data, at, size)
                yield PlacedRows(line, number, offsets, at - first)
                continue
            if kind == _MOVED:
                (rescued,) = _NUMBER.unpack_from(data, at)
                first = at + _NUMBER.size
                offsets, at = _walk(data, first, size)
                yield MovedRows(line, rescued, number, offsets, at - first)
                continue
        except (struct.error, UnicodeDecodeError) as error:
            raise Corrupt(f"the log holds a record that cannot be read: {error}") from error
        yield _small(kind, line, number, data[at : at + size])
        at += size
    if at != stop:
        raise Corrupt(f"a record of the log ends at {at}, its frame at {stop}")


def _walk(data: bytes, at: int, count: int) -> "tuple[array[int], int]":
    offsets = array("I")
    for _ in range(count):
        offsets.append(at)
        at += ROW_HEADER_BYTES + _ROW.unpack_from(data, at)[0]
    return offsets, at


def _small(kind: int, line: str, number: int, payload: bytes) -> Record:
    match kind:
        case _ if kind == _CUT:
            return CutSuffix(line, number)
        case _ if kind == _RESCUE:
            return CutSuffix(line, number, payload)
        case _ if kind == _TRIM:
            return TrimPrefix(line, number)
        case _ if kind == _RESET:
            return ResetLine(line, number)
        case _ if kind == _HARD_STATE:
            return PutHardState(line, payload)
        case _ if kind == _DROP:
            return DropRescued(number)
    raise Corrupt(f"the log holds a record of the unknown kind {kind}")
