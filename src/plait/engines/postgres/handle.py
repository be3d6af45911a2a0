"""Handle: one loglet at whatever server there is, asked only after it has shown that it has all
that was seen.

Invariant: no statement about the loglet is begun at a server (a generation of the pool) before
the loglet's row there was held against the standing. Absent: what is asked.
"""

from contextlib import suppress
from typing import TypeVar

from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.engines.postgres.pool import Pool, ServerChanged, Work
from plait.engines.postgres.session import Session
from plait.engines.postgres.shared_answer import SharedAnswer
from plait.engines.postgres.standing import Mark, Row, Standing
from plait.engines.postgres.statements import ROW
from plait.line.loglet import Tail

T = TypeVar("T")


class Handle:
    """The way to one loglet's rows."""

    def __init__(self, pool: Pool, clock: Clock, log: int, standing: Standing) -> None:
        self.log = log  # its id at the server
        self.standing = standing
        self._pool = pool
        self._clock = clock
        self._generation = 0  # the last in which it was looked at
        self._row = SharedAnswer(self._ask)

    @property
    def name(self) -> str:
        """The loglet's."""
        return self.standing.name

    def now(self) -> float:
        """Seconds, as deadlines count them."""
        return self._clock.monotonic()

    def deadline(self) -> float:
        """When somebody who asks now has waited long enough."""
        return self._clock.monotonic() + self._pool.timeout_s

    async def pause(self, failures: int) -> None:
        """Wait before the next try."""
        await self._pool.pause(failures)

    def see(self, generation: int, mark: Mark, row: Row | None) -> None:
        """Take in a row that a server of that generation showed to whoever had seen `mark`."""
        self.standing.see(mark, row)
        self._generation = generation

    async def look(self) -> Tail:
        """The tail as the server has it: every append that has returned is below it."""
        self.standing.check()
        return await self._row.get()

    async def verified(self) -> Mark:
        """What was seen, once the present server is known to have it."""
        self.standing.check()
        if self._generation != self._pool.generation:
            await self._row.get()
        return self.standing.mark

    async def run(self, work: Work[T]) -> T:
        """What `work` gives, once, at a server that was looked at."""
        while True:
            await self.verified()
            with suppress(ServerChanged):
                return await self._pool.run(work, generation=self._generation)

    async def persist(self, work: Work[T]) -> T:
        """`run`, again and again, for what may happen twice."""
        while True:
            await self.verified()
            with suppress(ServerChanged):
                return await self._pool.persist(work, generation=self._generation)

    async def leave(self, work: Work[object]) -> None:
        """`run` if that is possible right now; nothing depends on it."""
        if self.standing.failure is None and self._generation == self._pool.generation:
            with suppress(PlaitError, ServerChanged):
                await self._pool.run(work, generation=self._generation)

    async def _ask(self) -> Tail:
        mark = self.standing.mark

        async def work(session: Session) -> tuple[int, list[tuple[object, ...]]]:
            return session.generation, await session.rows(ROW, self.log, mark.committed)

        generation, rows = await self._pool.persist(work)
        self.see(generation, mark, Row(*rows[0]) if rows else None)  # type: ignore[arg-type]
        return self.standing.tail
