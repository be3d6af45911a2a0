"""Where things stand in the state of a line: spaces, keys and the layout of a row.

::

    space        key                          value
    META         b"replica"                   what is applied, and the epoch history
    SESSIONS     session id (8 bytes)         its window of remembered outcomes
    INEFFECTIVE  position (8), offset (4)     how many commands from there on had no effect (4)
    CONTROL      table/NAME, rule/LINE, ids   the control line's own records
    MACHINE      chunk number (4 bytes)       a piece of a machine's whole state; 0 is the header
    KEEPING      table id (4)                 nothing: what its rows were is noted in BEFORE
    BEFORE       position, offset, table, key the row before that command; empty: there was none
    ROWS + id    key of the row (UTF-8)       version (8) and MessagePack value

Numbers are big-endian, so that byte order is their order.
"""

import struct

from plait.line.entry import OFFSETS_MAX as OFFSETS_MAX

META = 0
SESSIONS = 1
INEFFECTIVE = 2
CONTROL = 3
MACHINE = 4
KEEPING = 5
BEFORE = 6
ROWS = 16

TABLE_MAX = 1 << 31  # table ids are 1 .. TABLE_MAX; ids below 1 would reach into other spaces
VERSION_BYTES = 8

_PLACE = struct.Struct(">QI")
_TABLE = struct.Struct(">I")
_RUN = struct.Struct(">I")
_CHUNK = struct.Struct(">I")


def row_space(table: int) -> int:
    """The space that holds a table's rows; `table` is a legal id."""
    return ROWS + table


def encode_row(version: int, value: bytes) -> bytes:
    """A row as stored."""
    return version.to_bytes(VERSION_BYTES, "big") + value


def row_version(row: bytes | None) -> int:
    """The version of a stored row; 0 if there is none."""
    return 0 if row is None else int.from_bytes(row[:VERSION_BYTES], "big")


def row_value(row: bytes) -> bytes:
    """The MessagePack value of a stored row."""
    return row[VERSION_BYTES:]


def session_key(session: int) -> bytes:
    """The key of a session's record."""
    return session.to_bytes(8, "big")


def place_key(position: int, offset: int) -> bytes:
    """The key of a command's place in the log."""
    return _PLACE.pack(position, offset)


def decode_place(key: bytes) -> tuple[int, int]:
    """(position, offset) of a place key."""
    position, offset = _PLACE.unpack(key)
    return position, offset


def table_key(table: int) -> bytes:
    """A table's id as a key."""
    return _TABLE.pack(table)


def before_key(position: int, offset: int, table: int, key: bytes) -> bytes:
    """Where a row is noted as it was before the command at that place."""
    return place_key(position, offset) + table_key(table) + key


def chunk_key(number: int) -> bytes:
    """The key of a piece of a machine's state; pieces count from 1."""
    return _CHUNK.pack(number)


def encode_run(count: int) -> bytes:
    """How many commands in a row had no effect."""
    return _RUN.pack(count)


def decode_run(value: bytes) -> int:
    """The count in `value`."""
    (count,) = _RUN.unpack(value)
    return int(count)
