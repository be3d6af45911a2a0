"""What rows were before they changed: noted by the fold, for feeds of the tables that ask for it.

::

    KEEPING   which tables; set and unset by the logged command `KeepBefore`
    BEFORE    place of the command, table, key  ->  the row as it was; empty if there was none

Invariant: of a table in KEEPING, every row that an effective command wrote has its note, so a note
that is absent means that the row was written before that began. Notes go with the log that they
belong to (`plait.engines.checkpoint`), so a feed finds them as far back as it can read at all.

Deliberately absent: notes of a clearing, which tells that all rows went, and would be as large as
the table.
"""

from collections.abc import Collection

from plait.types.fold import Stamp, View
from plait.types.keys import BEFORE, KEEPING, ROWS, before_key, table_key

TABLES_MAX = 1 << 20  # of one line that are looked for


class Noting:
    """A view on which one command writes; it notes each row before its first change."""

    __slots__ = ("_noted", "_stamp", "_tables", "_view")

    def __init__(self, view: View, stamp: Stamp, tables: Collection[int]) -> None:
        self._view = view
        self._stamp = stamp
        self._tables = tables
        self._noted: set[bytes] = set()  # only ever asked for membership

    def get(self, space: int, key: bytes) -> bytes | None:
        """The value, or None."""
        return self._view.get(space, key)

    def put(self, space: int, key: bytes, value: bytes | None) -> None:
        """Set, or remove with None."""
        table = space - ROWS
        if table in self._tables:
            note = before_key(self._stamp.position, self._stamp.offset, table, key)
            if note not in self._noted:
                self._noted.add(note)
                self._view.put(BEFORE, note, self._view.get(space, key) or b"")
        self._view.put(space, key, value)

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, in key order."""
        return self._view.scan(space, start, stop, limit, reverse)


def keep(view: View, table: int, on: bool) -> None:
    """Begin or end to note the rows of a table."""
    view.put(KEEPING, table_key(table), b"" if on else None)


def is_kept(view: View, table: int) -> bool:
    """Whether the table's rows are noted now."""
    return view.get(KEEPING, table_key(table)) is not None


def kept_tables(view: View) -> frozenset[int]:
    """Every table whose rows are noted."""
    rows = view.scan(KEEPING, b"", None, TABLES_MAX)
    return frozenset([int.from_bytes(key, "big") for key, _ in rows])
