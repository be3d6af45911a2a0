"""A table: rows of JSON-like values under str keys, in code-point order of the keys.

Writes are awaited until the line's rule is met and give a `Receipt`. Reads go to the replica
that `read=` names. Everything here is an encoding of `plait.types.commands` and `queries`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from typing import Any, NamedTuple

from plait.api.consumer import TAKEOVER_S, Consumer
from plait.api.context import Context
from plait.api.infos import TableInfo
from plait.api.messages import Count, Get, Query, Scan
from plait.api.port import Answers, Receipt
from plait.api.settings import ReadFrom, ReadOptions, Settings
from plait.api.transaction import Transaction
from plait.api.values import (
    CLEAR,
    PAGE_ROWS,
    bounds,
    cas_command,
    check_acks,
    check_limit,
    decode_count,
    decode_row,
    decode_rows,
    decode_value,
    delete_command,
    put_command,
)
from plait.api.watch import Watch, Where, encode_cursor
from plait.base.codec import encode, encode_key
from plait.base.errors import UsageError

PUTS_IN_FLIGHT = 8192
BYTES_IN_FLIGHT = 8 << 20
PUTS_A_TICK = 1024  # so that others on the loop get their turn
KEYS_MAX = 10_000  # in one `get_many`


class TableRow(NamedTuple):
    """A row with its version, which `if_version=` compares."""

    key: str
    value: Any
    version: int


class Table:
    """A handle on one table, through one session."""

    def __init__(self, context: Context, info: TableInfo, options: ReadOptions) -> None:
        self._context = context
        self._info = info
        self._options = options

    @property
    def info(self) -> TableInfo:
        """What the cluster knows of the table: id, line and settings."""
        return self._info

    @property
    def name(self) -> str:
        """The table's name."""
        return self._info.name

    @property
    def settings(self) -> Settings:
        """How its copies agree."""
        return self._info.settings

    @property
    def line(self) -> str:
        """The line it lives on; transactions can span the tables of one line."""
        return self._info.line

    def stale(self, max_lag: float) -> "Table":
        """The same table, read from any replica that is at most `max_lag` seconds behind.

        For a `Consensus()` table that is less than linearizable: a prefix of what was written.
        A replica that was cut off together with its leader notices it once the leader's lease
        has lapsed (`lease_s`, 2 s): so much may come on top.
        """
        return Table(self._context, self._info, ReadOptions("nearest", max_lag))

    # ------------------------------------------------------------------ writing

    async def put(
        self, key: str, value: Any, *, if_version: int | None = None, acks: str | None = None
    ) -> Receipt:
        """Set a row. Returns when the line's rule (or the stricter `acks`) is met.

        if_version: only if the row has this version (0: if there is none), else `Conflict`.
        """
        self._context.check()
        command = put_command(self._info.table, key, value, if_version)
        if acks is not None:
            check_acks(acks)
        return await self._context.submit(self._info.line, command, acks)

    async def delete(
        self, key: str, *, if_version: int | None = None, acks: str | None = None
    ) -> Receipt:
        """Remove a row; removing one that is not there is no error."""
        self._context.check()
        return await self._submit(delete_command(self._info.table, key, if_version), acks)

    async def cas(self, key: str, expected: Any, value: Any, *, acks: str | None = None) -> Receipt:
        """Compare and set: if the row's value equals `expected`, make it `value`.

        `plait.ABSENT` on either side means no row. Raises `Conflict` if it was different.
        """
        self._context.check()
        return await self._submit(cas_command(self._info.table, key, expected, value), acks)

    async def clear(self, *, acks: str | None = None) -> Receipt:
        """Remove every row."""
        self._context.check()
        return await self._submit(encode((CLEAR, self._info.table)), acks)

    async def put_many(
        self, rows: Mapping[str, Any] | Iterable[tuple[str, Any]], *, acks: str | None = None
    ) -> int:
        """Set many rows, many in flight at once; how many.

        Not atomic: if one fails its error is raised once the others are answered, and rows
        before it may or may not be set. Rows of equal keys are set in order.
        """
        self._context.check()
        check_acks(acks)
        table, line, submit = self._info.table, self._info.line, self._context.backend.submit
        flight: deque[tuple[Awaitable[Receipt], int]] = deque()
        count = size = 0
        try:
            for key, value in rows.items() if isinstance(rows, Mapping) else rows:
                command = put_command(table, key, value, None)
                while flight and (len(flight) >= PUTS_IN_FLIGHT or size >= BYTES_IN_FLIGHT):
                    pending, landed = flight.popleft()
                    size -= landed
                    self._wrote(await pending)
                flight.append((asyncio.ensure_future(submit(line, command, acks)), len(command)))
                count += 1
                size += len(command)
                if count % PUTS_A_TICK == 0:
                    await asyncio.sleep(0)
            while flight:
                self._wrote(await flight.popleft()[0])
        finally:
            await self._land([pending for pending, _ in flight])
        return count

    async def _land(self, flight: list[Awaitable[Receipt]]) -> None:
        """Wait for what is in the air after a failure, whatever becomes of it."""
        for outcome in await asyncio.gather(*flight, return_exceptions=True):
            if isinstance(outcome, Receipt):
                self._wrote(outcome)

    def _wrote(self, receipt: Receipt) -> None:
        self._context.saw(receipt.line, receipt.epoch, receipt.position + 1)

    def _submit(self, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        return self._context.submit(self._info.line, command, check_acks(acks))

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
        (answer,) = await self._read((Get(self._info.table, key),), read, max_lag)
        found = decode_row(answer)
        return None if found is None else TableRow(key, decode_value(found[1]), found[0])

    async def get_many(
        self, keys: Iterable[str], *, read: ReadFrom | None = None, max_lag: float | None = None
    ) -> dict[str, Any]:
        """The values of those keys that have one, all from one state; at most 10,000 keys."""
        wanted = list(dict.fromkeys(keys))
        if len(wanted) > KEYS_MAX:
            raise UsageError(f"get_many takes at most {KEYS_MAX} keys, not {len(wanted)}")
        for key in wanted:
            encode_key(key)
        queries = tuple(Get(self._info.table, key) for key in wanted)
        answers = await self._read(queries, read, max_lag) if queries else ()
        found = {}
        for key, answer in zip(wanted, answers, strict=True):
            row = decode_row(answer)
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
        pages = self.scan_pages(
            start, stop, prefix=prefix, reverse=reverse, limit=limit, read=read, max_lag=max_lag
        )
        async for page in pages:
            for pair in page:
                yield pair

    async def scan_pages(
        self,
        start: str | None = None,
        stop: str | None = None,
        *,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> AsyncIterator[list[tuple[str, Any]]]:
        """What `scan` gives, a page of at most 1,000 pairs at a time, each of one state."""
        low, high = bounds(start, stop, prefix)
        check_limit(limit)
        while limit is None or limit > 0:
            page = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
            query = Scan(self._info.table, low, high, page, bool(reverse))
            (answer,) = await self._read((query,), read, max_lag)
            rows, more = decode_rows(answer)
            if rows:
                yield [(row.key, decode_value(row.value)) for row in rows]
            if not more:
                return
            if limit is not None:
                limit -= len(rows)
            if reverse:
                high = rows[-1].key
            else:
                low = rows[-1].key + "\0"

    async def page(
        self,
        start: str | None = None,
        stop: str | None = None,
        *,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int = PAGE_ROWS,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> tuple[list[TableRow], bool]:
        """At most 1,000 rows of one state, with their versions, and whether there are more behind.

        Go on with ``start=rows[-1].key + "\0"``, or, in reverse, with ``stop=rows[-1].key``.
        """
        low, high = bounds(start, stop, prefix)
        check_limit(limit)
        query = Scan(self._info.table, low, high, min(limit, PAGE_ROWS), bool(reverse))
        (answer,) = await self._read((query,), read, max_lag)
        rows, more = decode_rows(answer)
        return [TableRow(row.key, decode_value(row.value), row.version) for row in rows], more

    async def count(self, *, read: ReadFrom | None = None, max_lag: float | None = None) -> int:
        """How many rows there are."""
        (answer,) = await self._read((Count(self._info.table),), read, max_lag)
        return decode_count(answer)

    async def _read(
        self, queries: tuple[Query, ...], read: ReadFrom | None, max_lag: float | None
    ) -> Any:
        options = self._options
        if read is not None or max_lag is not None:
            options = ReadOptions(
                read or options.source, options.max_lag_s if max_lag is None else max_lag
            )
        answers: Answers = await self._context.read(self._info.line, queries, options)
        return answers.values

    # ------------------------------------------------------------------ more

    def transaction(self) -> Transaction:
        """``async with table.transaction() as t``: all or nothing, `Conflict` at exit."""
        return Transaction(self._context, self._info)

    async def keep_before(self, on: bool = True) -> None:
        """Tell what rows were, `Change.before`, in every watch of this table; or stop that.

        It holds for changes that are written from here on. Each then costs a read, and its old
        value is kept as long as the log. `Unavailable` if a node of an older version is there.
        """
        self._context.check()
        await self._context.backend.keep_before(self.name, on)

    def watch(
        self,
        start: str | None = None,
        *,
        first: str | None = None,
        last: str | None = None,
        prefix: str | None = None,
        where: Where | None = None,
    ) -> Watch:
        """Committed changes in order, from now on, or from behind `start`, a change's `cursor`.

        ``"0.0"`` is the beginning of the log. Ask `cursor` before a scan to watch from there on.
        first, last, prefix: only keys with first <= key < last, or with the prefix.
        where: only changes of which this is true; it is asked here. A clearing is always shown.
        Raises `HistoryTrimmed` if the log no longer has what came next, `SessionLost` if what
        was shown has been cut.
        """
        self._context.check()
        keys = bounds(first, last, prefix)
        return Watch(self._context, self._info, self._options, start, keys, where)

    def consumer(
        self,
        group: str,
        start: str | None = None,
        *,
        first: str | None = None,
        last: str | None = None,
        prefix: str | None = None,
        where: Where | None = None,
        owner: str = "",
        takeover_s: float = TAKEOVER_S,
    ) -> Consumer:
        """Committed changes for a group of consumers, of which one at a time gets them.

        The group's position is kept in the table ``NAME.feeds`` on the same line. A group that is
        new begins at `start`, or at now. The others are as in `watch`.
        owner: who this is, for people.
        takeover_s: a consumer that was silent for so long is followed by one that stands by.
        """
        self._context.check()
        keys = bounds(first, last, prefix)

        def watch(cursor: str) -> Watch:
            return Watch(self._context, self._info, self._options, cursor, keys, where)

        return Consumer(self._context, self._info, group, watch, start, owner, takeover_s)

    async def cursor(self) -> str:
        """Where a watch has to start that is to see all that a read from now on might not."""
        answers = await self._context.read(self._info.line, (), self._options)
        return encode_cursor(answers.position, 0)

    def __repr__(self) -> str:
        return f"<Table {self.name!r} on {self.line!r}>"
