"""Arrays in PostgreSQL's binary format, packed in one go.

The client library packs a list element by element, which costs more than the insert itself.
Source: `array_send` and `array_recv` of PostgreSQL. Absent: nulls, more than one dimension.
"""

import struct
from collections.abc import Sequence
from typing import Any

from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_INT8, _BYTEA = 20, 17
_HEAD = struct.Struct(">iiIii")  # dimensions, has nulls, type of element, length, first index
_INT = struct.Struct(">iq")
_LENGTH = struct.Struct(">i")


class Int8Array:
    """An int8[] to send."""

    def __init__(self, numbers: Sequence[int]) -> None:
        packed = [_INT.pack(8, number) for number in numbers]
        self.data = _HEAD.pack(1, 0, _INT8, len(packed), 1) + b"".join(packed)


class ByteaArray:
    """A bytea[] to send."""

    def __init__(self, items: Sequence[bytes]) -> None:
        parts = [_HEAD.pack(1, 0, _BYTEA, len(items), 1)]
        for item in items:
            parts.append(_LENGTH.pack(len(item)))
            parts.append(item)
        self.data = b"".join(parts)


class _Packed(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        data: bytes = obj.data
        return data


class _Int8ArrayDumper(_Packed):
    oid = 1016


class _ByteaArrayDumper(_Packed):
    oid = 1001


def register_arrays(adapters: AdaptersMap) -> None:
    """Let a connection take both."""
    adapters.register_dumper(Int8Array, _Int8ArrayDumper)
    adapters.register_dumper(ByteaArray, _ByteaArrayDumper)
