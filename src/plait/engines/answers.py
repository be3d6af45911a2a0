"""Answers: what queries find in a view, or in a machine's memory, encoded for the wire."""

from typing import NamedTuple

import msgspec

from plait.base.codec import encode, encode_key
from plait.base.errors import NoSuchCollection
from plait.engines.overlay import Overlay
from plait.line.entry import Epoch
from plait.types.keys import TABLE_MAX, row_space, row_value, row_version
from plait.types.machine import Machine
from plait.types.queries import Ask, Count, Get, Query, Row, Scan

SCAN_ROWS_MAX = 10_000
SCAN_BYTES_MAX = 8 * 1024 * 1024
_PAGE_ROWS = 256


class Answered(NamedTuple):
    """Answers to queries, and the state that they saw."""

    epoch: Epoch
    position: int  # everything below it was applied
    answers: tuple[msgspec.Raw, ...]


def answer(query: Query, overlay: Overlay, machine: Machine, time_ms: int) -> msgspec.Raw:
    """The answer to one query; `time_ms` is the fold's clock."""
    match query:
        case Ask():
            return machine.ask(query, time_ms)
        case Get(table, key):
            row = overlay.get(_space(table), encode_key(key))
            if row is None:
                return msgspec.Raw(encode(None))
            return msgspec.Raw(encode((row_version(row), msgspec.Raw(row_value(row)))))
        case Scan():
            return msgspec.Raw(encode(_scan(overlay, query)))
        case Count(table):
            return msgspec.Raw(encode(overlay.count(_space(table))))


def _space(table: int) -> int:
    if not 0 < table <= TABLE_MAX:
        raise NoSuchCollection(f"{table} is no table id")
    return row_space(table)


def _scan(overlay: Overlay, query: Scan) -> tuple[list[Row], bool]:
    """Rows up to the asked limit and ours, and whether there are more."""
    space = _space(query.table)
    start = query.start.encode()
    stop = None if query.stop is None else query.stop.encode()
    limit = min(max(query.limit, 0), SCAN_ROWS_MAX)
    rows: list[Row] = []
    size = 0
    while True:
        # One row more than wanted tells whether there are more.
        page = min(limit - len(rows) + 1, _PAGE_ROWS)
        found = overlay.scan(space, start, stop, page, query.reverse)
        for key, row in found:
            if len(rows) == limit or (rows and size + len(row) > SCAN_BYTES_MAX):
                return rows, True
            size += len(key) + len(row)
            rows.append(Row(key.decode(), row_version(row), msgspec.Raw(row_value(row))))
        if len(found) < page:
            return rows, False
        if query.reverse:
            stop = found[-1][0]
        else:
            start = found[-1][0] + b"\0"
