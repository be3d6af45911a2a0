"""Transactions: optimistic, over any tables of one line.

Reads remember versions, scans remember what they saw, writes wait (`plait.api.footprint`). At
exit one command carries it all; the fold checks every version and range and writes, or refuses
with `Conflict`. So a transaction never waits for another, and what it read was still true at its
place in the line. All reads ask the leader.

A body that raises writes nothing. A transaction that wrote nothing is validated too, unless all
that it read came from one state.

Absent: locks, and running a body again by itself (`Session.transact` does that).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, NoReturn, Protocol, TypeVar

from plait.api.context import Context
from plait.api.footprint import Footprint
from plait.api.infos import TableInfo
from plait.api.port import Receipt
from plait.api.values import ABSENT, bounds
from plait.base.errors import BadSettings, Closed, Conflict, UsageError
from plait.base.ports import Random

T = TypeVar("T")

ATTEMPTS = 16
BACK_OFF_S = 0.002
BACK_OFF_S_MAX = 0.128


class Described(Protocol):
    """What a transaction wants of a table's handle."""

    @property
    def info(self) -> TableInfo: ...


class TransactionTable:
    """One table in a transaction."""

    def __init__(self, footprint: Footprint, info: TableInfo) -> None:
        self._footprint = footprint
        self._info = info

    async def get(self, key: str, default: Any = None) -> Any:
        """The value under `key`, or `default`; the same however often it is asked."""
        return await self._footprint.get(self._info.table, key, default)

    def expect(self, key: str, version: int) -> None:
        """Commit only if the row has this version (0: if there is none), however it was learnt."""
        self._footprint.expect(self._info.table, key, version)

    def put(self, key: str, value: Any) -> None:
        """Set a row at commit, to the value as it is now."""
        self._footprint.write(self._info.table, key, value)

    def delete(self, key: str) -> None:
        """Remove a row at commit; removing one that is not there is no error."""
        self._footprint.write(self._info.table, key, ABSENT)

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def __getitem__(self, key: str) -> NoReturn:
        raise UsageError("reads in a transaction are awaited: await t.get(key)")

    def scan(
        self, start: str | None = None, stop: str | None = None, *, prefix: str | None = None
    ) -> AsyncIterator[tuple[str, Any]]:
        """Pairs in key order, own writes included; what was given is validated at commit.

        A write made during the scan shows from the scan's next page of 1,000 rows on.
        """
        low, high = bounds(start, stop, prefix)
        return self._footprint.scan(self._info.table, low, high)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._info.name!r}>"


class Transaction(TransactionTable):
    """``async with table.transaction() as t``. Ends at exit; `receipt` tells where it landed.

    Itself the view on its first table; `on` gives the others.
    """

    def __init__(self, context: Context, *tables: TableInfo) -> None:
        lines = sorted({info.line for info in tables})
        if len(lines) != 1:
            raise BadSettings(
                f"a transaction needs tables of one line, these are on {', '.join(lines) or 'none'}"
            )
        super().__init__(Footprint(context, lines[0]), tables[0])
        self._context = context
        self._line = lines[0]
        self._entered = False
        self.receipt: Receipt | None = None  # None also if there was nothing to commit

    def on(self, table: Described) -> TransactionTable:
        """The view on another table of the same line, named before or not."""
        self._footprint.check()
        info = table.info
        if info.line != self._line:
            raise BadSettings(
                f"table {info.name!r} is on line {info.line}, the transaction on {self._line}"
            )
        return TransactionTable(self._footprint, info)

    async def __aenter__(self) -> "Transaction":
        self._footprint.check()
        if self._entered:
            raise Closed("a transaction is entered once; make another")
        self._entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._footprint.ended = True
        if kind is None:
            self._context.check()
            command = self._footprint.command()
            if command is not None:
                self.receipt = await self._context.submit(self._line, command, None)


async def run_transaction(
    make: Callable[[], Transaction],
    body: Callable[[Transaction], Awaitable[T]],
    attempts: int,
    random: Random,
) -> T:
    """Run `body` in a transaction, and again in a new one after each `Conflict`."""
    pauses = back_offs_s(attempts, random)
    while True:
        try:
            async with make() as transaction:
                return await body(transaction)
        except Conflict:
            pause_s = next(pauses, None)
            if pause_s is None:
                raise
        await asyncio.sleep(pause_s)


def back_offs_s(attempts: int, random: Random) -> Iterator[float]:
    """Seconds to pause between so many attempts: jittered, doubling up to a limit."""
    if attempts < 1:
        raise BadSettings(f"attempts={attempts!r} is not at least 1")
    for attempt in range(1, attempts):
        yield random.uniform(0, min(BACK_OFF_S * 2**attempt, BACK_OFF_S_MAX))
