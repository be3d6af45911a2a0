"""Tables: rows with versions, and the conditions under which they change.

Invariant: the version of a row is the record index of the command that last wrote it, plus 1;
so versions rise along the line, are never used twice, and 0 means that there is no row. A command
either takes effect whole, or leaves the state untouched and says why.

Of a table that `KeepBefore` names, what each row was is noted before it changes (`types.before`).

Deliberately absent: which tables exist. A line accepts any legal table id; the control line
hands out ids and never uses one again.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from plait.base.codec import KEY_BYTES_MAX, canonical
from plait.types.before import Noting, keep, kept_tables
from plait.types.commands import (
    ClearTable,
    Command,
    CompareAndSet,
    Delete,
    KeepBefore,
    Put,
    Transact,
)
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import ROWS, TABLE_MAX, VERSION_BYTES, encode_row, row_value, row_version
from plait.types.machine import RowMachine, stamp_after

_CLEAR_ROWS = 1024  # removed at a time


class TableMachine(RowMachine):
    """The fold of a line of tables: Put, Delete, CompareAndSet, Transact, ClearTable and so on."""

    def __init__(self) -> None:
        self._kept: frozenset[int] = frozenset()  # what `kept_tables` says of the view

    def load(self, view: View) -> None:
        """Which tables' rows are noted before they change."""
        self._kept = kept_tables(view)

    def apply(self, view: View, stamp: Stamp, command: Command) -> Failed | None:
        """Apply one command; rows that it writes get version `stamp.version + 1`."""
        version = stamp.version + 1
        if self._kept and not isinstance(command, ClearTable):
            view = Noting(view, stamp, self._kept)
        match command:
            case Put():
                return _check_row(command.table, command.key) or _write_if_version(
                    view, command, command.value, version
                )
            case Delete():
                return _check_row(command.table, command.key) or _write_if_version(
                    view, command, None, version
                )
            case CompareAndSet():
                return _check_row(command.table, command.key) or _compare_and_set(
                    view, command, version
                )
            case Transact():
                failed = _check_transaction(view, command)
                if failed is None:
                    _write_all(view, command, version)
                return failed
            case ClearTable():
                failed = _check_table(command.table)
                if failed is None:
                    _clear(view, command.table)
                return failed
            case KeepBefore():
                failed = _check_table(command.table)
                if failed is None:
                    keep(view, command.table, command.on)
                    self._kept = kept_tables(view)
                return failed
            case _:
                return Failed("UsageError", f"{type(command).__name__} is no command of a table")

    def apply_all(
        self, view: View, stamp: Stamp, commands: Sequence[Command]
    ) -> list[tuple[int, Failed]]:
        """Apply commands that stand together, with a short way for unconditional puts."""
        failures: list[tuple[int, Failed]] = []
        put = view.put
        version = stamp.version
        for command in commands:
            version += 1
            if type(command) is Put and command.if_version is None:
                key = command.key.encode()
                table = command.table
                if 0 < len(key) <= KEY_BYTES_MAX and 0 < table <= TABLE_MAX and not self._kept:
                    put(ROWS + table, key, version.to_bytes(VERSION_BYTES, "big") + command.value)
                    continue
            index = version - stamp.version - 1
            failed = self.apply(view, stamp_after(stamp, index), command)
            if failed is not None:
                failures.append((index, failed))
        return failures


def _check_table(table: int) -> Failed | None:
    if 0 < table <= TABLE_MAX:
        return None
    return Failed("NoSuchCollection", f"{table} is no table id")


def _check_row(table: int, key: str) -> Failed | None:
    if 0 < len(key.encode()) <= KEY_BYTES_MAX:
        return _check_table(table)
    return Failed("BadKey", f"a key has 1 to {KEY_BYTES_MAX} bytes of UTF-8")


def _set(view: View, table: int, key: str, value: bytes | None, version: int) -> None:
    view.put(ROWS + table, key.encode(), None if value is None else encode_row(version, value))


def _conflict(message: str, **details: Any) -> Failed:
    return Failed("Conflict", message, details)


def _check_version(view: View, table: int, key: str, expected: int) -> Failed | None:
    actual = row_version(view.get(ROWS + table, key.encode()))
    if actual == expected:
        return None
    return _conflict(
        f"row {key!r} is at version {actual}, not {expected}",
        table=table, key=key, expected=expected, actual=actual,
    )  # fmt: skip


def _write_if_version(
    view: View, command: Put | Delete, value: msgspec.Raw | None, version: int
) -> Failed | None:
    if command.if_version is not None:
        failed = _check_version(view, command.table, command.key, command.if_version)
        if failed is not None:
            return failed
    _set(view, command.table, command.key, None if value is None else bytes(value), version)
    return None


def same_value(left: bytes, right: bytes) -> bool:
    """Whether two encoded values are equal, whatever the order of their maps' keys.

    Values that have no canonical form (maps with keys that are no strings, bytes that are no
    legal value, nesting too deep to decode) are equal only if their bytes are.
    """
    if left == right:
        return True
    try:
        return canonical(left) == canonical(right)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return False


def _compare_and_set(view: View, command: CompareAndSet, version: int) -> Failed | None:
    row = view.get(ROWS + command.table, command.key.encode())
    if command.expected is None:
        equal = row is None
    else:
        equal = row is not None and same_value(row_value(row), bytes(command.expected[0]))
    if not equal:
        return _conflict(
            f"row {command.key!r} has another value than expected",
            table=command.table, key=command.key, actual=row_version(row),
        )  # fmt: skip
    value = None if command.value is None else bytes(command.value[0])
    _set(view, command.table, command.key, value, version)
    return None


def _check_transaction(view: View, command: Transact) -> Failed | None:
    for write in command.writes:
        failed = _check_row(write.table, write.key)
        if failed is not None:
            return failed
    for read in command.reads:
        failed = _check_row(read.table, read.key) or _check_version(
            view, read.table, read.key, read.version
        )
        if failed is not None:
            return failed
    for scanned in command.ranges:
        failed = _check_table(scanned.table)
        if failed is not None:
            return failed
        stop = None if scanned.stop is None else scanned.stop.encode()
        limit = max(scanned.count, 0) + 1
        rows = view.scan(ROWS + scanned.table, scanned.start.encode(), stop, limit)
        newest = max((row_version(row) for _, row in rows), default=0)
        if len(rows) != scanned.count or newest > scanned.version:
            return _conflict(
                f"the rows from {scanned.start!r} on changed since they were scanned",
                table=scanned.table, key=scanned.start, stop=scanned.stop,
                expected=scanned.version, actual=newest,
            )  # fmt: skip
    return None


def _write_all(view: View, command: Transact, version: int) -> None:
    for write in command.writes:
        value = None if write.value is None else bytes(write.value[0])
        _set(view, write.table, write.key, value, version)


def _clear(view: View, table: int) -> None:
    start = b""
    while rows := view.scan(ROWS + table, start, None, _CLEAR_ROWS):
        for key, _ in rows:
            view.put(ROWS + table, key, None)
        start = rows[-1][0] + b"\0"
