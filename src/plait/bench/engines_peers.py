"""What a program does with the engine itself, through its usual client: inserts, reads.

PostgreSQL: as many connections as operations in flight up to `POOL_MAX`, above which they take
turns, as with any pool. NATS: the leader of a stream tells its last message; that costs nobody
but the leader a look, so it may be one that has been replaced (Plait's reads may not).
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import ClassVar

from plait.bench.jetstream import STREAM, SUBJECT, JetStream
from plait.bench.load import MANY, ONE, ROWS_READ, VALUE, closed_loop, fresh_keys
from plait.bench.measure import Sample
from plait.bench.postgres import Connection, PostgresDriver

POOL_MAX = 32

Statement = Callable[[Connection], Awaitable[None]]

_INSERT = "INSERT INTO writes (key, value) VALUES (%s, %s)"
_SELECT = "SELECT value FROM writes WHERE key = %s"


class Pooled(PostgresDriver):
    """Operations in flight that take turns at a pool's connections."""

    label: ClassVar[str] = "psycopg"
    mode: ClassVar[str] = MANY

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` tasks over at most `POOL_MAX` connections."""
        async with AsyncExitStack() as stack:
            free: list[Connection] = []
            for _ in range(min(in_flight, POOL_MAX)):
                free.append(connection := await self.server.connect())
                stack.push_async_callback(connection.close)
            statement = await self._statement(free[0])
            turns = asyncio.Semaphore(len(free))  # in the order of asking

            async def operation() -> None:
                async with turns:
                    connection = free.pop()
                    await statement(connection)
                    free.append(connection)

            return await closed_loop([operation] * in_flight, seconds)

    async def _statement(self, connection: Connection) -> Statement:
        """What each operation does with its connection; `connection` is for preparing."""
        raise NotImplementedError


class Inserts(Pooled):
    """Prepared single-row inserts, each committed by itself."""

    async def _statement(self, connection: Connection) -> Statement:
        keys = fresh_keys()

        async def insert(connection: Connection) -> None:
            await connection.execute(_INSERT, (next(keys), VALUE), prepare=True)

        return insert


class Selects(Pooled):
    """Prepared reads of single rows on the primary."""

    async def _statement(self, connection: Connection) -> Statement:
        keys = [f"read-{row}" for row in range(ROWS_READ)]
        for key in keys:
            await connection.execute(_INSERT + " ON CONFLICT DO NOTHING", (key, VALUE))
        endless = itertools.cycle(keys)

        async def select(connection: Connection) -> None:
            found = await connection.execute(_SELECT, (next(endless),), prepare=True)
            if await found.fetchone() != (VALUE,):
                raise RuntimeError("PostgreSQL lost a row")

        return select


class LastMessage:
    """N requests in flight for the last message of a stream, to whoever leads it."""

    system: ClassVar[str] = "jetstream"
    label: ClassVar[str] = "nats-py"
    mode: ClassVar[str] = ONE

    def __init__(self, cluster: JetStream) -> None:
        self.cluster = cluster

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from one connection to the stream's leader."""
        client = await self.cluster.client(await self.cluster.leader())
        try:
            stream = client.jetstream()
            return await closed_loop(
                [lambda: stream.get_last_msg(STREAM, SUBJECT)] * in_flight, seconds
            )
        finally:
            await client.close()
