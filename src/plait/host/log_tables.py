"""The tables of `log.db`: rows in, rows out, every one with its checksum.

::

    lines            id, name, head, tail, hard_state, guard
    entries_<id>     position, guard, data              one table a line: appends are sequential
    rescued          id, line, start, count, size, note, guard
    rescued_rows     rescued, position, guard, data

Invariant: a *guard* is the crc32 of everything that its row means, the line and the position
included, so a row that changed a bit, or that stands in another's place, is `Corrupt`. A
line's row names its head and tail, so rows that vanished leave a gap that shows. Rows below
the head are trimmed already and are removed little by little.

`LogWriter` belongs to the committing thread, `LogReader` to the loop, each with its own
connection: a reader sees whole commits only, and only once they are durable.
"""

import struct
from collections.abc import Iterable
from typing import Any

import apsw
import msgspec

from plait.base.codec import checksum
from plait.base.errors import Corrupt, HistoryTrimmed, NoSuchCollection
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    DropRescued,
    LineExtent,
    LogWrite,
    PutHardState,
    RescuedSuffix,
    ResetLine,
    TrimPrefix,
)
from plait.host.database import rollback
from plait.host.extents import NEW_LINE, extent_after

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, head INTEGER NOT NULL,
    tail INTEGER NOT NULL, hard_state BLOB, guard INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rescued (
    id INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, start INTEGER NOT NULL,
    count INTEGER NOT NULL, size INTEGER NOT NULL, note BLOB NOT NULL, guard INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rescued_rows (
    rescued INTEGER NOT NULL, position INTEGER NOT NULL, guard INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (rescued, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, data BLOB);
"""
_ENTRIES = (
    "CREATE TABLE entries_{} (position INTEGER PRIMARY KEY, guard INTEGER NOT NULL,"
    " data BLOB NOT NULL)"
)
_EXTENT = struct.Struct(">QQ")
_SWEEP_ROWS = 256  # trimmed rows removed by one commit
_PROBE_BYTES = 64 * 1024  # what must fit before a full disk counts as freed


class LineRow(msgspec.Struct, frozen=True):
    """One row of `lines`: which table is the line's, and what it holds."""

    table: int
    seed: int  # where the guards of its entries start
    extent: LineExtent


def line_seed(line: str) -> int:
    """The checksum that the guards of a line's rows continue from."""
    return checksum(line.encode())


def row_guard(seed: int, position: int, data: bytes) -> int:
    """The guard of an entry's row."""
    return checksum(data, seed ^ (position & 0xFFFFFFFF))


def _line_guard(seed: int, extent: LineExtent) -> int:
    guard = checksum(_EXTENT.pack(extent.head, extent.tail), seed)
    if extent.hard_state is None:
        return guard
    return checksum(extent.hard_state, checksum(b"\1", guard))


def _rescued_guard(suffix: RescuedSuffix) -> int:
    numbers = struct.pack(">QQQ", suffix.start, suffix.count, suffix.size)
    return checksum(suffix.note, checksum(numbers, line_seed(suffix.line)))


def load_lines(connection: apsw.Connection) -> dict[str, LineRow]:
    """Every line of the log, making the tables of a new one; `Corrupt` for a bad row."""
    connection.execute(_SCHEMA)
    lines: dict[str, LineRow] = {}
    rows = connection.execute("SELECT id, name, head, tail, hard_state, guard FROM lines")
    for table, name, head, tail, hard_state, guard in rows:
        if not isinstance(name, str) or not isinstance(head, int) or not isinstance(tail, int):
            raise Corrupt(f"line {table} of the log has a row of the wrong types")
        extent, seed = LineExtent(head, tail, hard_state), line_seed(name)
        if not 0 <= head <= tail or guard != _line_guard(seed, extent):
            raise Corrupt(f"the extent of line {name!r} fails its checksum")
        lines[name] = LineRow(table, seed, extent)
    return lines


class LogWriter:
    """Carries out writes, a transaction a group. Every method may raise `apsw.Error`."""

    def __init__(self, connection: apsw.Connection, lines: dict[str, LineRow]) -> None:
        self._connection = connection
        self._lines = lines  # as of the last commit
        self._changed: dict[str, LineRow] = {}  # by the transaction under way
        # Lines that may have rows below their head; a dict for its order.
        self._swept_short: dict[str, None] = dict.fromkeys(lines)

    def commit(self, writes: Iterable[LogWrite]) -> dict[str, LineRow]:
        """Apply and commit all writes, or none; the lines that they changed."""
        connection = self._connection
        self._changed = {}
        connection.execute("BEGIN IMMEDIATE")
        try:
            for write in writes:
                self._apply(write)
            for name, row in self._changed.items():
                self._save(name, row)
            self._sweep()
            connection.execute("COMMIT")
        except BaseException:
            rollback(connection)
            raise
        self._lines.update(self._changed)
        return self._changed

    def probe(self) -> None:
        """Commit something that needs space, and take it back: is the disk well again?"""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("INSERT INTO probe VALUES (1, zeroblob(?))", (_PROBE_BYTES,))
            connection.execute("DELETE FROM probe")
            connection.execute("INSERT INTO probe VALUES (1, zeroblob(?))", (_PROBE_BYTES,))
            connection.execute("COMMIT")
        except BaseException:
            rollback(connection)
            raise
        connection.execute("DELETE FROM probe")

    def _apply(self, write: LogWrite) -> None:
        connection = self._connection
        if isinstance(write, DropRescued):
            connection.execute("DELETE FROM rescued WHERE id = ?", (write.rescued,))
            connection.execute("DELETE FROM rescued_rows WHERE rescued = ?", (write.rescued,))
            return
        line = (
            self._changed.get(write.line) or self._lines.get(write.line) or self._make(write.line)
        )
        before = line.extent
        after = extent_after(before, write)
        self._changed[write.line] = LineRow(line.table, line.seed, after)
        entries = f"entries_{line.table}"
        match write:
            case AppendRows(start=start, rows=rows):
                seed = line.seed
                connection.executemany(
                    f"INSERT INTO {entries} VALUES (?, ?, ?)",
                    [
                        (position, row_guard(seed, position, data), data)
                        for position, data in enumerate(rows, start)
                    ],
                )
            case CutSuffix(line=name, rescue=note):
                if after.tail == before.tail:
                    return
                if note is not None:
                    self._rescue(name, entries, after.tail, note)
                connection.execute(f"DELETE FROM {entries} WHERE position >= ?", (after.tail,))
            case TrimPrefix(line=name):
                self._swept_short[name] = None
            case ResetLine():
                connection.execute(f"DELETE FROM {entries}")
            case PutHardState():
                pass  # it is in the line's own row

    def _sweep(self) -> None:
        """Remove some of the rows that were trimmed: a trim of millions must delay nobody."""
        name = next(iter(self._swept_short), None)
        if name is None:
            return
        row = self._changed.get(name) or self._lines[name]
        entries, head = f"entries_{row.table}", row.extent.head
        (lowest,) = self._connection.execute(f"SELECT min(position) FROM {entries}").fetchall()[0]
        below = head if lowest is None else min(head, int(lowest) + _SWEEP_ROWS)
        self._connection.execute(f"DELETE FROM {entries} WHERE position < ?", (below,))
        if below == head:
            del self._swept_short[name]

    def _make(self, name: str) -> LineRow:
        self._connection.execute(
            "INSERT INTO lines (name, head, tail, guard) VALUES (?, 0, 0, 0)", (name,)
        )
        table = self._connection.last_insert_rowid()
        self._connection.execute(_ENTRIES.format(table))
        return LineRow(table, line_seed(name), NEW_LINE)

    def _save(self, name: str, row: LineRow) -> None:
        extent = row.extent
        self._connection.execute(
            "UPDATE lines SET head = ?, tail = ?, hard_state = ?, guard = ? WHERE id = ?",
            (
                extent.head, extent.tail, extent.hard_state,
                _line_guard(row.seed, extent), row.table,
            ),
        )  # fmt: skip

    def _rescue(self, line: str, entries: str, start: int, note: bytes) -> None:
        connection = self._connection
        found: Any = connection.execute(
            f"SELECT count(*), total(length(data)) FROM {entries} WHERE position >= ?", (start,)
        ).fetchone()
        count, size = int(found[0]), int(found[1])
        guard = _rescued_guard(RescuedSuffix(0, line, start, count, size, note))
        connection.execute(
            "INSERT INTO rescued (line, start, count, size, note, guard) VALUES (?, ?, ?, ?, ?, ?)",
            (line, start, count, size, note, guard),
        )
        connection.execute(
            f"INSERT INTO rescued_rows SELECT ?, position, guard, data FROM {entries}"
            " WHERE position >= ?",
            (connection.last_insert_rowid(), start),
        )


def _checked(
    name: str, seed: int, rows: Iterable[Any], start: int, stop: int, bytes_max: int
) -> list[bytes]:
    """The data of `rows`, up to `bytes_max`, or `Corrupt` if one is bad or missing."""
    found: list[bytes] = []
    size = 0
    for position, guard, data in rows:
        expected = start + len(found)
        if position != expected:
            break
        if found and size + len(data) > bytes_max:
            return found
        if guard != row_guard(seed, position, data):
            raise Corrupt(f"row {position} of line {name!r} fails its checksum")
        found.append(data)
        size += len(data)
    if start + len(found) < stop:
        raise Corrupt(f"row {start + len(found)} of line {name!r} is missing")
    return found


class LogReader:
    """Reads rows back and checks them. Every method may raise `apsw.Error`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def read(self, name: str, row: LineRow, start: int, stop: int, bytes_max: int) -> list[bytes]:
        """Rows of the line `name`, as `LogStorage.read` says."""
        connection = self._connection
        connection.execute("BEGIN")  # one snapshot: the extent and the rows agree
        rows = None
        try:
            extent = connection.execute(
                "SELECT head, tail FROM lines WHERE id = ?", (row.table,)
            ).fetchone()
            if extent is None:
                raise Corrupt(f"line {name!r} has vanished from the log")
            head, tail = extent
            if start < head:
                raise HistoryTrimmed(f"line {name!r} begins at {head}, not at {start}", head=head)
            stop = min(stop, tail)
            rows = connection.execute(
                f"SELECT position, guard, data FROM entries_{row.table}"
                " WHERE position >= ? AND position < ? ORDER BY position",
                (start, stop),
            )
            return _checked(name, row.seed, rows, start, stop, bytes_max)
        finally:
            if rows is not None:
                rows.close()
            connection.execute("COMMIT")

    def rescued(self) -> list[RescuedSuffix]:
        """Every rescued suffix, oldest first."""
        query = "SELECT id, line, start, count, size, note, guard FROM rescued ORDER BY id"
        found = []
        for *fields, guard in self._connection.execute(query):
            suffix = RescuedSuffix(*fields)
            if guard != _rescued_guard(suffix):
                raise Corrupt(f"the rescued suffix {suffix.rescued} fails its checksum")
            found.append(suffix)
        return found

    def read_rescued(self, rescued: int) -> list[bytes]:
        """The rows of one rescued suffix."""
        suffix = next((each for each in self.rescued() if each.rescued == rescued), None)
        if suffix is None:
            raise NoSuchCollection(f"there is no rescued suffix {rescued}")
        rows: Any = self._connection.execute(
            "SELECT position, guard, data FROM rescued_rows WHERE rescued = ? ORDER BY position",
            (rescued,),
        ).fetchall()
        seed = line_seed(suffix.line)
        for expected, (position, guard, data) in enumerate(rows, suffix.start):
            if position != expected or guard != row_guard(seed, position, data):
                raise Corrupt(f"row {expected} of the rescued suffix {rescued} fails its checksum")
        if len(rows) != suffix.count:
            raise Corrupt(f"the rescued suffix {rescued} lacks rows")
        return [data for _, _, data in rows]
