"""Register: a versioned row that changes by compare-and-set only.

A set carries a token drawn for it. When its outcome is unknown it is tried again as it was: it
cannot happen twice, for the version has moved then, and the token says whose doing that was.
Invariant: the version that one handle sees never falls; a server with a lower one lost something.
"""

import zlib
from typing import Any

from plait.base.errors import Conflict, Corrupt, LogForked, Unavailable
from plait.base.ports import Random
from plait.engines.postgres.pool import Pool
from plait.engines.postgres.session import Session
from plait.engines.postgres.statements import CONFIRM_SET, GET, SET, SET_FIRST


class PostgresRegister:
    """A row of the registers' table, behind the metastore port."""

    def __init__(self, pool: Pool, random: Random, namespace: str, name: str) -> None:
        self._pool = pool
        self._random = random
        self._key = namespace, name
        self._seen = 0  # the highest version

    async def get(self) -> tuple[int, bytes]:
        """Version and value; (0, b"") before the first set. Linearizable: it reads the primary."""
        seen = self._seen
        rows = await self._pool.persist(lambda session: session.rows(GET, *self._key))
        version, data, checksum = rows[0] if rows else (0, b"", 0)
        if version < seen:
            raise LogForked(
                f"the server has lost what it acknowledged of register {self._key[1]!r}: "
                f"it is at version {version}, and was at {seen}"
            )
        if zlib.crc32(data) != checksum:
            raise Corrupt(f"register {self._key[1]!r} fails its checksum")
        self._seen = max(self._seen, version)
        return version, data

    async def compare_and_set(self, version: int, data: bytes) -> int:
        """Replace the value if it still has `version`; the new version. `Conflict` if not."""
        token = self._random.getrandbits(63)
        parameters = (*self._key, version, token, data, zlib.crc32(data))

        async def work(session: Session) -> list[tuple[Any, ...]]:
            rows = await session.rows(SET if version else SET_FIRST, *parameters)
            return rows or await session.rows(CONFIRM_SET, *self._key, version + 1, token)

        tried = 0

        async def counted(session: Session) -> list[tuple[Any, ...]]:
            nonlocal tried
            tried += 1
            return await work(session)

        if await self._pool.persist(counted):
            self._seen = max(self._seen, version + 1)
            return version + 1
        now, _ = await self.get()
        if tried > 1 and now > version + 1:
            raise Unavailable(
                f"register {self._key[1]!r} is at version {now}; whether this made it "
                f"{version + 1} on the way nobody knows"
            )
        raise Conflict(f"the register is at version {now}, not {version}")
