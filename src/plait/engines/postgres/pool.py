"""Pool: a node's few sessions with the server, for all that it keeps there.

Work queues; a worker takes one piece at a time, connects when it has to, with growing pauses, and
gives up on nothing but the piece: its deadline makes it `Unavailable`, for it may have happened.

Invariant: all sessions in use are with one server in one run of it, the newest primary that was
seen. Each such change is a new *generation*; what an older one answers counts as unanswered, and
work that is bound to a generation is not begun in another (`ServerChanged`).

A server that is unfit (`Setup.refusals`) or on an older timeline is as good as none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from plait.base.errors import Busy, Closed, PlaitError, Unavailable
from plait.base.ports import Clock, Random
from plait.engines.postgres.address import Address
from plait.engines.postgres.session import Session
from plait.engines.postgres.setup import Setup

SESSIONS = 3
TIMEOUT_S = 10.0
PAUSE_S = 0.05  # after a failure; doubles
PAUSE_S_MAX = 1.0
GOODBYE_S = 1.0

T = TypeVar("T")
Work = Callable[[Session], Awaitable[T]]


class ServerChanged(Exception):
    """Work was bound to a server that the pool has left; it was not begun."""


class _Job:
    def __init__(self, work: Work[Any], generation: int | None) -> None:
        self.work = work
        self.generation = generation
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.session: Session | None = None  # that runs it now

    def fail(self, error: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(error)


class Pool:
    """Sessions, and work for them in the order in which it came."""

    def __init__(
        self,
        address: Address,
        clock: Clock,
        random: Random,
        *,
        sessions: int = SESSIONS,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.generation = 0  # 0: never connected
        self.setup: Setup | None = None  # of the server of `generation`
        self._clock = clock
        self._random = random
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._sessions: dict[int, Session] = {}  # by worker
        self._trouble = "no connection was made yet"  # why there is none
        self._closed = False
        self._moved: list[Callable[[], None]] = []
        self._workers = [asyncio.ensure_future(self._serve(number)) for number in range(sessions)]

    async def run(self, work: Work[T], *, generation: int | None = None) -> T:
        """What `work` gives, once; whoever is cancelled leaves it running.

        Raises `Unavailable` when it may have happened, `ServerChanged` when it was not begun.
        """
        if self._closed:
            raise Closed(f"the engine at {self.address.url} is closed")
        job = _Job(work, generation)
        timer = asyncio.get_running_loop().call_later(self.timeout_s, self._expire, job)
        # Whoever asked may be gone when it fails.
        job.result.add_done_callback(lambda done: done.cancelled() or done.exception())
        job.result.add_done_callback(lambda _: None if job.session else timer.cancel())
        self._jobs.put_nowait(job)
        return cast(T, await job.result)

    async def persist(self, work: Work[T], *, generation: int | None = None) -> T:
        """`run`, again and again within the time of one; for what may happen twice."""
        until = self._clock.monotonic() + self.timeout_s
        while True:
            try:
                return await self.run(work, generation=generation)
            except (Unavailable, Busy):
                if self._clock.monotonic() >= until:
                    raise
            await self.pause(0)

    async def warm(self) -> None:
        """Connect every session; `Unavailable` if that takes too long."""

        async def work(session: Session) -> None:
            await session.rows("SELECT 1")

        await asyncio.gather(*(self.run(work) for _ in self._workers))

    async def pause(self, failures: int) -> None:
        """Wait before the next try: longer each time, and not in step with other nodes."""
        longest = min(PAUSE_S_MAX, PAUSE_S * 2 ** min(failures, 10))
        await asyncio.sleep(self._random.uniform(longest / 2, longest))

    async def connect(self) -> Session:
        """A session with the newest primary, to be closed by the caller."""
        session = await Session.connect(self.address)
        try:
            self._admit(session)
        except PlaitError:
            await session.close()
            raise
        return session

    def on_moved(self, callback: Callable[[], None]) -> None:
        """Call back at each new generation."""
        self._moved.append(callback)

    def abort(self) -> None:
        """Break every connection, as a crash of the process would."""
        for session in self._sessions.values():
            session.abort()

    async def close(self) -> None:
        """Hang up; what is under way is left unanswered."""
        self._closed = True
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is not None:
                job.fail(Unavailable(f"the engine at {self.address.url} was closed"))
        for session in self._sessions.values():
            session.abort()
        for _ in self._workers:
            self._jobs.put_nowait(None)
        _, late = await asyncio.wait(self._workers, timeout=GOODBYE_S)
        for worker in late:  # they are connecting
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    # ------------------------------------------------------------------------- workers

    async def _serve(self, number: int) -> None:
        while (job := await self._jobs.get()) is not None and not self._closed:
            if job.result.done():
                continue
            session = await self._session(number, job)
            if session is not None:
                await self._do(session, job)
        session = self._sessions.pop(number, None)
        if session is not None:
            await session.close()
        if job is not None:
            job.fail(Unavailable(f"the engine at {self.address.url} was closed"))

    async def _session(self, number: int, job: _Job) -> Session | None:
        """The worker's session, connected anew if need be; None when nobody waits any more."""
        session = self._sessions.get(number)
        if session is not None:
            if session.generation == self.generation and session.alive():
                return session
            del self._sessions[number]
            await session.close()
        failures = 0
        while not self._closed and not job.result.done():
            try:
                session = self._sessions[number] = await self.connect()
                return session
            except PlaitError as error:
                self._trouble = error.message
            await self.pause(failures)
            failures += 1
        return None

    async def _do(self, session: Session, job: _Job) -> None:
        if job.generation not in (None, self.generation):
            job.fail(ServerChanged())
            return
        job.session = session
        try:
            result = await job.work(session)
        except Exception as error:  # a mistake of ours goes to whoever asked
            job.fail(error)
        else:
            if session.generation != self.generation:
                job.fail(Unavailable(f"{self.address.url} answered from another server"))
            elif not job.result.done():
                job.result.set_result(result)
        finally:
            job.session = None

    def _expire(self, job: _Job) -> None:
        if job.session is not None:
            job.session.abort()
        trouble = "" if job.session is not None else f": {self._trouble}"
        where = self.address.url
        job.fail(Unavailable(f"no answer from {where} in {self.timeout_s:g} s{trouble}"))

    def _admit(self, session: Session) -> None:
        """Take a new session's server for ours, or refuse the session."""
        found, known = session.setup, self.setup
        refusals = found.refusals()
        if refusals:
            raise Unavailable(f"{self.address.url} is unfit: {refusals[0].what}")
        if known is not None and found.system == known.system and found.timeline < known.timeline:
            raise Unavailable(f"{self.address.url} has been replaced by a newer primary")
        if known is None or found.identity != known.identity:
            self.generation += 1
            for each in self._sessions.values():
                with suppress(PlaitError):
                    each.abort()
            for callback in self._moved:
                callback()
        self.setup = found
        session.generation = self.generation
