"""Copies: states of lines for newcomers, as chunks of rows.

Invariant: a copy is visible only when every chunk of it is there, and its first chunk goes only
after it was hidden; so whoever finds a chunk missing has a copy that went meanwhile. Of each name
the last two whole ones stay. Absent: what is in a copy.
"""

import asyncio
import zlib
from typing import Any

from plait.base.errors import Corrupt, HistoryTrimmed, Unavailable
from plait.base.ports import Snapshot
from plait.engines.postgres import statements
from plait.engines.postgres.pool import Pool
from plait.engines.postgres.session import Session
from plait.engines.shared import SharedCopy

CHUNK_BYTES = 1 << 20
KEPT = 2
DELETE_CHUNKS = 32


class Copies:
    """The copies of one namespace."""

    def __init__(self, pool: Pool, namespace: str) -> None:
        self._pool = pool
        self._namespace = namespace

    async def put(self, name: str, copy: SharedCopy, data: Snapshot) -> None:
        """Keep `data` as `copy`; `Corrupt` if it is not what `copy` says it is."""
        key = self._namespace, name
        ((number,),) = await self._rows(
            statements.BEGIN_COPY, *key, copy.position, copy.size, copy.checksum, copy.meta
        )
        checksum = 0
        chunks = -(-copy.size // CHUNK_BYTES)
        for index in range(chunks):
            offset = index * CHUNK_BYTES
            chunk = data.read(offset, min(CHUNK_BYTES, copy.size - offset))
            checksum = zlib.crc32(chunk, checksum)
            await self._rows(statements.PUT_CHUNK, number, index, chunk)
            await asyncio.sleep(0)
        if checksum != copy.checksum:
            await self._remove(number)
            raise Corrupt(f"the copy of {name!r} at {copy.position} is not what it should be")
        if not await self._rows(statements.FINISH_COPY, number, chunks):
            raise Unavailable(f"the copy of {name!r} was removed before it was whole")
        for (old,) in await self._rows(statements.OLD_COPIES, *key, KEPT):
            await self._remove(old)

    async def latest(self, name: str) -> SharedCopy | None:
        """The whole copy at the highest position."""
        rows = await self._rows(statements.LATEST_COPY, self._namespace, name)
        return SharedCopy(*rows[0]) if rows else None

    async def read(self, name: str, copy: SharedCopy, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`; `HistoryTrimmed` if it went meanwhile."""
        stop = min(offset + count, copy.size)
        if offset >= stop:
            return b""
        gone = HistoryTrimmed(f"the copy of {name!r} at {copy.position} is gone")
        found = await self._rows(
            statements.FIND_COPY, self._namespace, name, copy.position, copy.size, copy.checksum
        )
        if not found:
            raise gone
        first, last = offset // CHUNK_BYTES, (stop - 1) // CHUNK_BYTES
        parts = []
        for index in range(first, last + 1):
            chunk = await self._rows(statements.READ_CHUNKS, found[0][0], index, index)
            if not chunk:
                raise gone
            parts.append(chunk[0][1])
        start = offset - first * CHUNK_BYTES
        return b"".join(parts)[start : start + stop - offset]

    async def drop(self, name: str) -> None:
        """Remove every copy of that name."""
        for (number,) in await self._rows(statements.ALL_COPIES, self._namespace, name):
            await self._remove(number)

    async def _remove(self, number: int) -> None:
        await self._rows(statements.HIDE_COPY, number)
        while await self._rows(statements.DELETE_CHUNKS, number, DELETE_CHUNKS) != [(0,)]:
            await asyncio.sleep(0)
        await self._rows(statements.DELETE_COPY, number)

    async def _rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        async def work(session: Session) -> list[tuple[Any, ...]]:
            return await session.rows(statement, *parameters)

        return await self._pool.persist(work)
