"""Plait's own client under load, in the two ways that programs use it."""

from contextlib import AsyncExitStack
from typing import ClassVar

import plait
from plait import Leader, Table
from plait.bench.cluster import ClusterHandle
from plait.bench.load import MANY, ONE, VALUE, Operation, closed_loop, fresh_keys
from plait.bench.measure import Sample

TABLE = "writes"


class _Client:
    """What both ways share: N writers over so many stores, one single-row put at a time each."""

    system: ClassVar[str] = "plait"
    label: ClassVar[str] = "client"

    def __init__(self, cluster: ClusterHandle) -> None:
        self.cluster = cluster

    async def _measure(self, stores: int, writers: int, seconds: float) -> Sample:
        keys = fresh_keys()

        def put_on(table: Table) -> Operation:
            return lambda: table.put(next(keys), VALUE)

        async with AsyncExitStack() as stack:
            tables = []
            for _ in range(stores):
                store = await stack.enter_async_context(plait.connect(self.cluster.url))
                tables.append(await store.table(TABLE, Leader(acks=self.cluster.acks)))
            operations = [put_on(tables[number % stores]) for number in range(writers)]
            return await closed_loop(operations, seconds)


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
