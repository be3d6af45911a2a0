"""Plait's own client under load, in the two ways that programs use it."""

import itertools
from contextlib import AsyncExitStack
from typing import ClassVar

from plait import Table
from plait.bench.cluster import ClusterHandle
from plait.bench.load import MANY, ONE, ROWS_READ, VALUE, Operation, closed_loop, fresh_keys
from plait.bench.measure import Sample

TABLE = "writes"
BATCH_COMMANDS = 1000


class _Client:
    """What both ways share: N tasks over so many stores, one operation at a time each."""

    system: ClassVar[str] = "plait"
    label: ClassVar[str] = "client"
    weight: ClassVar[int] = 1  # commands an operation stands for

    def __init__(self, cluster: ClusterHandle) -> None:
        self.cluster = cluster

    async def _measure(self, stores: int, tasks: int, seconds: float) -> Sample:
        async with AsyncExitStack() as stack:
            tables = []
            for _ in range(stores):
                store = await stack.enter_async_context(self.cluster.connect())
                tables.append(await store.table(TABLE, self.cluster.settings))
            operations = await self._operations(tables)
            return await closed_loop(
                [operations[task % stores] for task in range(tasks)], seconds, weight=self.weight
            )

    async def _operations(self, tables: list[Table]) -> list[Operation]:
        """An operation for each table: here, the put of a new row."""
        keys = fresh_keys()

        def put_on(table: Table) -> Operation:
            return lambda: table.put(next(keys), VALUE)

        return [put_on(table) for table in tables]


class OneStore(_Client):
    """One client process, one store, N tasks that each await their put."""

    mode: ClassVar[str] = ONE

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from one connected store."""
        return await self._measure(1, in_flight, seconds)


class ManyStores(_Client):
    """N connected stores with one task each."""

    mode: ClassVar[str] = MANY

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` connected stores."""
        return await self._measure(in_flight, in_flight, seconds)


class _Reads(_Client):
    """Reads, as the table's settings have them, of a few rows that are there."""

    async def _operations(self, tables: list[Table]) -> list[Operation]:
        keys = [f"read-{row}" for row in range(ROWS_READ)]
        await tables[0].put_many(dict.fromkeys(keys, VALUE))

        def get_on(table: Table) -> Operation:
            endless = itertools.cycle(keys)

            async def get() -> None:
                if await table.get(next(endless)) != VALUE:
                    raise RuntimeError("Plait lost a row")

            return get

        return [get_on(table) for table in tables]


class OneStoreReads(_Reads, OneStore):
    """N reads in flight from one store."""


class ManyStoresReads(_Reads, ManyStores):
    """N stores with one read at a time each."""


class Batches(OneStore):
    """One store, N calls in flight that each propose a thousand commands."""

    label: ClassVar[str] = "put_many"
    weight: ClassVar[int] = BATCH_COMMANDS

    async def _operations(self, tables: list[Table]) -> list[Operation]:
        keys = fresh_keys()

        def put_many_on(table: Table) -> Operation:
            return lambda: table.put_many(
                (key, VALUE) for key in itertools.islice(keys, BATCH_COMMANDS)
            )

        return [put_many_on(table) for table in tables]


class Transactions(OneStore):
    """One store, N transactions in flight of a thousand puts each: all or nothing."""

    label: ClassVar[str] = "transaction"
    weight: ClassVar[int] = BATCH_COMMANDS

    async def _operations(self, tables: list[Table]) -> list[Operation]:
        keys = fresh_keys()

        def transaction_on(table: Table) -> Operation:
            async def transact() -> None:
                async with table.transaction() as transaction:
                    for key in itertools.islice(keys, BATCH_COMMANDS):
                        transaction.put(key, VALUE)

            return transact

        return [transaction_on(table) for table in tables]
