"""A table of PostgreSQL kept in step with one of Plait: every change is in it exactly once.

    python examples/postgres_copy.py plait://127.0.0.1:7401 postgresql://postgres@127.0.0.1/postgres

copies the table `films` into a table of the same name, and follows it for ever. Kill it and start
it again, or start two: one copies, the other stands by.

The place of what is copied stands in PostgreSQL, and is moved in the transaction that writes the
rows. A consumer that was taken over, and does not know it yet, finds that the place was moved.
"""

import asyncio
import sys
from collections.abc import Sequence

import psycopg
from psycopg.types.json import Jsonb

import plait
from plait import Batch, Table
from plait.base.errors import Fenced
from plait.sinks import Mark, deliver, mark_of

GROUP = "postgres"
TABLES = """
CREATE TABLE IF NOT EXISTS films (key text PRIMARY KEY, value jsonb);
CREATE TABLE IF NOT EXISTS films_place (one bool PRIMARY KEY DEFAULT true CHECK (one),
    cursor text, version bigint, time_ms bigint);
"""
PUT = """
INSERT INTO films VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
MOVE = """
INSERT INTO films_place VALUES (true, %s, %s, %s) ON CONFLICT (one) DO UPDATE SET
    cursor = excluded.cursor, version = excluded.version, time_ms = excluded.time_ms
"""


class PostgresCopy:
    """A sink: rows as JSON in a table of PostgreSQL."""

    most = 1000

    def __init__(self, connection: "psycopg.AsyncConnection", films: Table) -> None:
        self._connection = connection
        self._films = films
        self._mark: Mark | None = None

    async def place(self) -> Mark | None:
        """What is copied; the row is locked until the end of the transaction."""
        query = "SELECT cursor, version, time_ms FROM films_place FOR UPDATE"
        row = await (await self._connection.execute(query)).fetchone()
        return None if row is None else Mark(*row)

    async def open(self, cursor: str) -> Mark | None:
        """What is there. If that is nothing it begins with a copy of the table, which may be a
        little further than the group; what comes again changes nothing."""
        async with self._connection.transaction():
            self._mark = await self.place()
            if self._mark is None:
                await self._connection.execute("DELETE FROM films")
                async for key, value in self._films.scan():
                    await self._connection.execute(PUT, (key, Jsonb(value)))
        return self._mark

    async def write(self, batches: Sequence[Batch]) -> None:
        """Take some transactions, and their place, in one of PostgreSQL's."""
        async with self._connection.transaction():
            if await self.place() != self._mark:
                raise Fenced("another consumer has copied more")
            for batch in batches:
                for change in batch.changes:
                    await self._take(change)
            await self._connection.execute(MOVE, mark_of(batches[-1]))
        self._mark = mark_of(batches[-1])

    async def _take(self, change: plait.Change) -> None:
        if change.cleared:
            await self._connection.execute("DELETE FROM films")
        elif change.deleted:
            await self._connection.execute("DELETE FROM films WHERE key = %s", (change.key,))
        else:
            await self._connection.execute(PUT, (change.key, Jsonb(change.value)))

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()


async def follow(films: Table, postgres: str, limit: int | None = None) -> int:
    """Keep the copy in step with the table; for ever, or for `limit` changes."""
    connection = await psycopg.AsyncConnection.connect(postgres, autocommit=True)
    await connection.execute(TABLES)
    copy = PostgresCopy(connection, films)
    return await deliver(films, GROUP, copy, limit=limit, takeover_s=2.0)


async def main(url: str, postgres: str) -> None:
    """For ever."""
    async with plait.connect(url) as store:
        await follow(await store.table("films"), postgres)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
