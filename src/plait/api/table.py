"""A table: rows of JSON-like values under str keys, in code-point order of the keys.

Writes are awaited until the line's rule is met and give a `Receipt`. Reads go to the replica
that `read=` names. Everything here is an encoding of `plait.types.commands` and `queries`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from plait.api.messages import Count, Get, Row, Scan, TableInfo
from plait.api.port import Backend, Receipt
from plait.api.session import Session
from plait.api.settings import Leader, ReadFrom, ReadOptions
from plait.api.transaction import Transaction
from plait.api.values import (
    CLEAR,
    bounds,
    cas_command,
    check_acks,
    decode_value,
    delete_command,
    put_command,
)
from plait.api.watch import Change, watch
from plait.base.codec import encode, encode_key

PAGE_ROWS = 1000
PUTS_IN_FLIGHT = 8192
BYTES_IN_FLIGHT = 8 << 20

_row_or_none = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw] | None)
_rows = msgspec.msgpack.Decoder(tuple[list[Row], bool])
_count = msgspec.msgpack.Decoder(int)


class TableRow(NamedTuple):
    """A row with its version, which `if_version=` compares."""

    key: str
    value: Any
    version: int


class Table:
    """A handle on one table, through one session."""

    def __init__(
        self, session: Session, backend: Backend, info: TableInfo, options: ReadOptions
    ) -> None:
        self._session = session
        self._backend = backend
        self.info = info
        self._options = options

    @property
    def name(self) -> str:
        """The table's name."""
        return self.info.name

    @property
    def settings(self) -> Leader:
        """How its copies agree."""
        return self.info.settings

    @property
    def line(self) -> str:
        """The line it lives on; transactions can span the tables of one line."""
        return self.info.line

    # ------------------------------------------------------------------ writing

    async def put(
        self, key: str, value: Any, *, if_version: int | None = None, acks: str | None = None
    ) -> Receipt:
        """Set a row. Returns when the line's rule (or the stricter `acks`) is met.

        if_version: only if the row has this version (0: if there is none), else `Conflict`.
        """
        self._session.check()
        command = put_command(self.info.table, key, value, if_version)
        return await self._submit(command, acks)

    async def delete(
        self, key: str, *, if_version: int | None = None, acks: str | None = None
    ) -> Receipt:
        """Remove a row; removing one that is not there is no error."""
        self._session.check()
        return await self._submit(delete_command(self.info.table, key, if_version), acks)

    async def cas(self, key: str, expected: Any, value: Any, *, acks: str | None = None) -> Receipt:
        """Compare and set: if the row's value equals `expected`, make it `value`.

        `plait.ABSENT` on either side means no row. Raises `Conflict` if it was different.
        """
        self._session.check()
        return await self._submit(cas_command(self.info.table, key, expected, value), acks)

    async def clear(self, *, acks: str | None = None) -> Receipt:
        """Remove every row."""
        self._session.check()
        return await self._submit(encode((CLEAR, self.info.table)), acks)

    async def put_many(
        self, rows: Mapping[str, Any] | Iterable[tuple[str, Any]], *, acks: str | None = None
    ) -> int:
        """Set many rows, many in flight at once; how many.

        Not atomic: if one fails its error is raised once the others are answered, and rows
        before it may or may not be set. Rows of equal keys are set in order.
        """
        self._session.check()
        pairs = rows.items() if isinstance(rows, Mapping) else rows
        flight: list[asyncio.Future[Receipt]] = []
        count = size = 0
        for key, value in pairs:
            command = put_command(self.info.table, key, value, None)
            pending = self._backend.submit(self.info.line, command, check_acks(acks))
            flight.append(asyncio.ensure_future(pending))
            count += 1
            size += len(command)
            if len(flight) >= PUTS_IN_FLIGHT or size >= BYTES_IN_FLIGHT:
                half = len(flight) // 2 or 1
                await self._settle(flight[:half])
                del flight[:half]
                size //= 2
        await self._settle(flight)
        return count

    async def _settle(self, flight: "list[asyncio.Future[Receipt]]") -> None:
        for future in flight:
            if not future.done():
                await asyncio.wait((future,))
        receipts = [future.result() for future in flight]
        if receipts:
            self._session.wrote(max(receipts, key=lambda receipt: receipt.position))

    async def _submit(self, command: bytes, acks: str | None) -> Receipt:
        receipt = await self._backend.submit(self.info.line, command, check_acks(acks))
        self._session.wrote(receipt)
        return receipt

    # ------------------------------------------------------------------ reading

    async def get(
        self,
        key: str,
        default: Any = None,
        *,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> Any:
        """The value under `key`, or `default`."""
        row = await self.get_row(key, read=read, max_lag=max_lag)
        return default if row is None else row.value

    async def get_row(
        self, key: str, *, read: ReadFrom | None = None, max_lag: float | None = None
    ) -> TableRow | None:
        """The row under `key` with its version, or None."""
        encode_key(key)
        (answer,) = await self._read((Get(self.info.table, key),), read, max_lag)
        found = _row_or_none.decode(answer)
        return None if found is None else TableRow(key, decode_value(found[1]), found[0])

    async def get_many(
        self, keys: Iterable[str], *, read: ReadFrom | None = None, max_lag: float | None = None
    ) -> dict[str, Any]:
        """The values of those keys that have one, all from one state."""
        wanted = list(dict.fromkeys(keys))
        for key in wanted:
            encode_key(key)
        queries = tuple(Get(self.info.table, key) for key in wanted)
        answers = await self._read(queries, read, max_lag) if queries else ()
        found = {}
        for key, answer in zip(wanted, answers, strict=True):
            row = _row_or_none.decode(answer)
            if row is not None:
                found[key] = decode_value(row[1])
        return found

    async def scan(
        self,
        start: str | None = None,
        stop: str | None = None,
        *,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> AsyncIterator[tuple[str, Any]]:
        """Pairs (key, value) with start <= key < stop, in key order (descending if `reverse`).

        Read in pages of 1,000 rows: each page is of one state, later pages may be of later ones.
        A transaction's `scan` is validated as a whole.
        """
        low, high = bounds(start, stop, prefix)
        while limit is None or limit > 0:
            page = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
            query = Scan(self.info.table, low, high, page, reverse)
            (answer,) = await self._read((query,), read, max_lag)
            rows, more = _rows.decode(answer)
            for row in rows:
                yield row.key, decode_value(row.value)
            if not more or not rows:
                return
            if limit is not None:
                limit -= len(rows)
            if reverse:
                high = rows[-1].key
            else:
                low = rows[-1].key + "\0"

    async def count(self, *, read: ReadFrom | None = None, max_lag: float | None = None) -> int:
        """How many rows there are."""
        (answer,) = await self._read((Count(self.info.table),), read, max_lag)
        return _count.decode(answer)

    async def _read(
        self, queries: tuple[Any, ...], read: ReadFrom | None, max_lag: float | None
    ) -> Any:
        session, line = self._session, self.info.line
        session.check()
        options = self._options
        if read is not None or max_lag is not None:
            options = ReadOptions(
                read or options.source, options.max_lag_s if max_lag is None else max_lag
            )
        answers = await self._backend.read(line, queries, options, session.mark(line))
        session.saw(line, answers.epoch, answers.position)
        return answers.values

    # ------------------------------------------------------------------ more

    def transaction(self) -> Transaction:
        """``async with table.transaction() as t``: all or nothing, `Conflict` at exit."""
        return Transaction(self._session, self._backend, self.info)

    def watch(
        self,
        start: str | None = None,
        *,
        first: str | None = None,
        last: str | None = None,
        prefix: str | None = None,
    ) -> AsyncIterator[Change]:
        """Committed changes in order, from now on, or from behind `start`, a change's `cursor`.

        first, last, prefix: only keys with first <= key < last, or with the prefix.
        Raises `HistoryTrimmed` if the log no longer has what came next.
        """
        self._session.check()
        return watch(self._backend, self.info, start, bounds(first, last, prefix))

    def __repr__(self) -> str:
        return f"<Table {self.name!r} on {self.line!r}>"
