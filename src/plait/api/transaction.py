"""Transactions: optimistic, over any tables of one line.

Reads remember versions, scans remember what they saw, writes wait. At exit one command carries
it all; the fold checks every version and range and writes, or refuses with `Conflict`. So a
transaction never waits for another, and what it read was still true at its place in the line.

Invariant: within a transaction the same key reads the same twice, own writes included. A body
that raises writes nothing. A transaction that wrote nothing is validated too: what it read
together was true together.
"""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import msgspec

from plait.api.messages import Get, Row, Scan, TableInfo
from plait.api.port import Backend, Receipt
from plait.api.session import Session
from plait.api.settings import ReadOptions
from plait.api.values import ABSENT, bounds, decode_value, present
from plait.base.codec import encode, encode_key
from plait.base.errors import BadSettings, Closed, RuleUnmet, UsageError
from plait.types.commands import ReadVersion, ScannedRange, Transact, Write

PAGE_ROWS = 1000
SCANNED_ROWS_MAX = 100_000  # validated again by every replica when the transaction commits

_row_or_none = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw] | None)
_rows = msgspec.msgpack.Decoder(tuple[list[Row], bool])
_FROM_LEADER = ReadOptions("leader")


class Transaction:
    """``async with table.transaction() as t``. Ends at exit; `receipt` tells where it landed."""

    def __init__(self, session: Session, backend: Backend, *tables: TableInfo) -> None:
        lines = sorted({info.line for info in tables})
        if len(lines) != 1:
            raise BadSettings(
                f"a transaction needs tables of one line, these are on {', '.join(lines) or 'none'}"
            )
        self._session = session
        self._backend = backend
        self._tables = {info.name: info for info in tables}
        self._line = lines[0]
        self._default = tables[0]
        self._reads: dict[tuple[int, str], tuple[int, msgspec.Raw | None]] = {}
        self._ranges: list[ScannedRange] = []
        self._writes: dict[tuple[int, str], Any] = {}
        self._ended = False
        self.receipt: Receipt | None = None

    # ------------------------------------------------------------------ one table

    def on(self, table: Any) -> "TransactionTable":
        """The view on another table of this transaction, given by name or handle."""
        name = table if isinstance(table, str) else table.name
        info = self._tables.get(name)
        if info is None:
            info = getattr(table, "info", None)
            if info is None or info.line != self._line:
                raise BadSettings(f"table {name!r} is not on line {self._line!r}")
            self._tables[name] = info
        return TransactionTable(self, info)

    async def get(self, key: str, default: Any = None) -> Any:
        """The value under `key`, or `default`."""
        return await self.on(self._default.name).get(key, default)

    def put(self, key: str, value: Any) -> None:
        """Set a row at commit."""
        self._write(self._default, key, value)

    def delete(self, key: str) -> None:
        """Remove a row at commit."""
        self._write(self._default, key, ABSENT)

    def __setitem__(self, key: str, value: Any) -> None:
        self._write(self._default, key, value)

    def __delitem__(self, key: str) -> None:
        self._write(self._default, key, ABSENT)

    def scan(
        self, start: str | None = None, stop: str | None = None, *, prefix: str | None = None
    ) -> AsyncIterator[tuple[str, Any]]:
        """Pairs in key order, own writes included; what was seen is validated at commit."""
        return self.on(self._default.name).scan(start, stop, prefix=prefix)

    # ------------------------------------------------------------------ life

    async def __aenter__(self) -> "Transaction":
        self._session.check()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        if kind is None and (self._writes or self._reads or self._ranges):
            await self._commit()

    async def _commit(self) -> None:
        reads = tuple(
            ReadVersion(table, key, version) for (table, key), (version, _) in self._reads.items()
        )
        writes = tuple(
            Write(table, key, present(value)) for (table, key), value in self._writes.items()
        )
        command = encode(Transact(reads, tuple(self._ranges), writes))
        self.receipt = await self._backend.submit(self._line, command, None)
        self._session.wrote(self.receipt)

    # ------------------------------------------------------------------ what the views use

    def _write(self, info: TableInfo, key: str, value: Any) -> None:
        if self._ended:
            raise Closed("the transaction has ended")
        encode_key(key)
        present(value)  # refuse now what could not be stored at commit
        self._writes[info.table, key] = value

    async def _get(self, info: TableInfo, key: str, default: Any) -> Any:
        if self._ended:
            raise Closed("the transaction has ended")
        encode_key(key)
        place = (info.table, key)
        if place in self._writes:
            value = self._writes[place]
            return default if value is ABSENT else value
        if place not in self._reads:
            (answer,) = await self._ask(Get(info.table, key))
            found = _row_or_none.decode(answer)
            self._reads.setdefault(place, (0, None) if found is None else found)
        _, value = self._reads[place]
        return default if value is None else decode_value(value)

    async def _ask(self, query: Get | Scan) -> Any:
        answers = await self._backend.read(
            self._line, (query,), _FROM_LEADER, self._session.mark(self._line)
        )
        self._session.saw(self._line, answers.epoch, answers.position)
        return answers.values

    async def _scan(
        self, info: TableInfo, low: str, high: str | None
    ) -> AsyncIterator[tuple[str, Any]]:
        seen = 0
        while True:
            (answer,) = await self._ask(Scan(info.table, low, high, PAGE_ROWS))
            rows, more = _rows.decode(answer)
            seen += len(rows)
            if seen > SCANNED_ROWS_MAX:
                raise RuleUnmet(f"a transaction scans at most {SCANNED_ROWS_MAX} rows")
            end = rows[-1].key + "\0" if more and rows else high
            newest = max((row.version for row in rows), default=0)
            self._ranges.append(ScannedRange(info.table, low, end, len(rows), newest))
            for pair in self._merged(info, low, end, rows):
                yield pair
            if not more or not rows:
                return
            assert end is not None
            low = end

    def _merged(
        self, info: TableInfo, low: str, end: str | None, rows: list[Row]
    ) -> list[tuple[str, Any]]:
        found: dict[str, Any] = {row.key: decode_value(row.value) for row in rows}
        for (table, key), value in self._writes.items():
            if table == info.table and key >= low and (end is None or key < end):
                found[key] = value
        return [(key, found[key]) for key in sorted(found) if found[key] is not ABSENT]


class TransactionTable:
    """One table in a transaction."""

    def __init__(self, transaction: Transaction, info: TableInfo) -> None:
        self._transaction = transaction
        self._info = info

    async def get(self, key: str, default: Any = None) -> Any:
        """The value under `key`, or `default`; the same however often it is asked."""
        return await self._transaction._get(self._info, key, default)

    def put(self, key: str, value: Any) -> None:
        """Set a row at commit."""
        self._transaction._write(self._info, key, value)

    def delete(self, key: str) -> None:
        """Remove a row at commit."""
        self._transaction._write(self._info, key, ABSENT)

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def scan(
        self, start: str | None = None, stop: str | None = None, *, prefix: str | None = None
    ) -> AsyncIterator[tuple[str, Any]]:
        """Pairs in key order, own writes included; what was seen is validated at commit."""
        low, high = bounds(start, stop, prefix)
        return self._transaction._scan(self._info, low, high)

    def __getitem__(self, key: str) -> Any:
        raise UsageError("reads in a transaction are awaited: await t.get(key)")
