"""A line's state in SQLite: its one table, the statements over it, and how a value is sealed."""

import zlib

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS kv (space INTEGER NOT NULL, key BLOB NOT NULL,"
    " value BLOB NOT NULL, PRIMARY KEY (space, key)) WITHOUT ROWID"
)
GET = "SELECT value FROM kv WHERE space = ? AND key = ?"
PUT = "REPLACE INTO kv VALUES (?, ?, ?)"
# Each statement gives the interpreter lock away and must get it back from a busy loop.
ROWS_AT_ONCE = 128
PUT_MANY = PUT + ", (?, ?, ?)" * (ROWS_AT_ONCE - 1)
REMOVE = "DELETE FROM kv WHERE space = ? AND key = ?"
HOLDS = "SELECT 1 FROM kv WHERE space = ? AND key = ?"
COUNT = "SELECT count(*) FROM kv WHERE space = ?"
SCANS = {
    (bounded, reverse): "SELECT key, value FROM kv WHERE space = ? AND key >= ?"
    + (" AND key < ?" if bounded else "")
    + f" ORDER BY key {'DESC' if reverse else 'ASC'} LIMIT ?"
    for bounded in (False, True)
    for reverse in (False, True)
}


def seal_value(space: int, key: bytes, value: bytes) -> bytes:
    """`value` as stored, with its checksum behind it."""
    return value + zlib.crc32(value, zlib.crc32(key, space)).to_bytes(4, "big")
