"""What one transaction has read, scanned, and means to write.

::

    get ──► reads    (table, key) -> version          validated one by one
    scan ─► pages    start, end, count, newest        validated as ranges
    put ──► writes   (table, key) -> encoded value    applied if all of that still holds

Invariant: the same key answers the same however it is asked for, own writes included. A scan
that reads a row as another one than was read before means that the transaction has lost its race
already, and raises `Conflict` at once. A scan that is left early has seen as far as it gave.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from plait.api.context import Context
from plait.api.messages import Get, Query, Row, Scan
from plait.api.settings import ReadOptions
from plait.api.values import (
    PAGE_ROWS,
    check_version,
    decode_row,
    decode_rows,
    decode_value,
    present,
)
from plait.base.codec import encode, encode_key
from plait.base.errors import BadValue, Closed, Conflict, UsageError
from plait.line.entry import Epoch
from plait.types.commands import Present, ReadVersion, ScannedRange, Transact, Write

ROWS_MAX = 100_000  # read, scanned or written; every replica validates them again at commit
COMMAND_BYTES_MAX = 32 * 1024 * 1024

_FROM_LEADER = ReadOptions("leader")

_Place = tuple[int, str]  # table id, key
_Seen = tuple[int, msgspec.Raw | None]  # version and value; (0, None) for no row


@dataclass(slots=True)
class _Page:
    """How much of one scanned page was given, and what stood there."""

    table: int
    start: str
    stop: str | None
    count: int = 0
    newest: int = 0


class Footprint:
    """Grows while the transaction's body runs; `command` is what it comes to."""

    def __init__(self, context: Context, line: str) -> None:
        self.context = context
        self.line = line
        self.ended = False
        self._reads: dict[_Place, _Seen] = {}  # to be validated by version
        self._expected: dict[_Place, int] = {}  # versions that were learnt elsewhere
        self._scanned: dict[_Place, _Seen] = {}  # covered by a page
        self._pages: list[_Page] = []
        self._writes: dict[_Place, Present | None] = {}
        self._state: tuple[Epoch, int] | None = None  # that the first read saw
        self._one_state = True  # every read saw that one

    def check(self) -> None:
        """Raise `Closed` after the end, `WrongThread` elsewhere."""
        self.context.check()
        if self.ended:
            raise Closed("the transaction has ended")

    # ------------------------------------------------------------------ writing

    def write(self, table: int, key: str, value: Any) -> None:
        """Remember a write; the value as it is now, `ABSENT` to remove."""
        self.check()
        encode_key(key)
        self._writes[table, key] = present(value)
        self._check_size()

    # ------------------------------------------------------------------ reading

    def expect(self, table: int, key: str, version: int) -> None:
        """Remember a version that was read elsewhere."""
        self.check()
        encode_key(key)
        check_version(version)
        place = (table, key)
        seen = self._scanned.get(place) or self._reads.get(place)
        known = self._expected.get(place) if seen is None else seen[0]
        if known not in (None, version):
            raise Conflict(
                f"row {key!r} has version {known}, not {version}",
                table=table, key=key, expected=version, actual=known,
            )  # fmt: skip
        self._expected[place] = version
        self._one_state = False
        self._check_size()

    async def get(self, table: int, key: str, default: Any) -> Any:
        """A row's value, or `default`."""
        self.check()
        encode_key(key)
        place = (table, key)
        if place in self._writes:
            written = self._writes[place]
            return default if written is None else decode_value(written[0])
        if place not in self._scanned and place not in self._reads:
            found = decode_row(await self._ask(Get(table, key)))
            self._reads.setdefault(place, found or (0, None))  # a scan may have been faster
            self._check_size()
        _, value = self._scanned.get(place) or self._reads[place]
        return default if value is None else decode_value(value)

    async def scan(self, table: int, low: str, high: str | None) -> AsyncIterator[tuple[str, Any]]:
        """Pairs with low <= key < high; own writes as they stand when a page is read."""
        more = True
        while more:
            self.check()
            rows, more = decode_rows(await self._ask(Scan(table, low, high, PAGE_ROWS)))
            end = _behind(rows[-1].key) if more else high
            for row in rows:
                self._see(table, row)
            self._check_size()
            page = _Page(table, low, low)
            self._pages.append(page)
            for key, version, value in self._merged(table, low, end, rows):
                page.stop = _behind(key)
                if version:
                    page.count += 1
                    page.newest = max(page.newest, version)
                if value is not None:
                    yield key, decode_value(value)
            page.stop = end
            low = end or low

    def _see(self, table: int, row: Row) -> None:
        place, seen = (table, row.key), (row.version, row.value)
        before = self._scanned.get(place) or self._reads.get(place)
        if before is not None and before[0] != row.version:
            raise Conflict(
                f"row {row.key!r} changed while the transaction read it",
                table=table, key=row.key, expected=before[0], actual=row.version,
            )  # fmt: skip
        self._scanned[place] = seen

    def _merged(
        self, table: int, low: str, end: str | None, rows: list[Row]
    ) -> list[tuple[str, int, msgspec.Raw | None]]:
        """(key, version that stood there or 0, value to give or None), in key order."""
        found = {row.key: (row.key, row.version, row.value) for row in rows}
        merged: dict[str, tuple[str, int, msgspec.Raw | None]] = dict(found)
        for (written, key), value in self._writes.items():
            if written == table and key >= low and (end is None or key < end):
                version = found[key][1] if key in found else 0
                merged[key] = (key, version, None if value is None else value[0])
        return [merged[key] for key in sorted(merged)]

    async def _ask(self, query: Query) -> msgspec.Raw:
        answers = await self.context.read(self.line, (query,), _FROM_LEADER)
        state = (answers.epoch, answers.position)
        self._one_state = self._one_state and self._state in (None, state)
        self._state = state
        return answers.values[0]

    def _check_size(self) -> None:
        if (
            len(self._reads) + len(self._expected) + len(self._scanned) + len(self._writes)
            > ROWS_MAX
        ):
            raise UsageError(f"a transaction reads and writes at most {ROWS_MAX} rows")

    # ------------------------------------------------------------------ the end

    def command(self) -> bytes | None:
        """The encoded `Transact`; None if there is nothing to ask.

        That is so without writes, if everything was read from one state: what one state of the
        leader says together was true together.
        """
        if not self._writes and self._one_state:
            return None
        versions = {place: seen[0] for place, seen in self._reads.items()} | self._expected
        reads = (ReadVersion(*place, version) for place, version in versions.items())
        ranges = (
            ScannedRange(page.table, page.start, page.stop, page.count, page.newest)
            for page in self._pages
            if page.stop != page.start
        )
        writes = (Write(*place, value) for place, value in self._writes.items())
        data = encode(Transact(tuple(reads), tuple(ranges), tuple(writes)))
        if len(data) > COMMAND_BYTES_MAX:
            raise BadValue(f"a transaction has at most {COMMAND_BYTES_MAX} bytes encoded")
        return data


def _behind(key: str) -> str:
    """The first key after `key`."""
    return key + "\0"
