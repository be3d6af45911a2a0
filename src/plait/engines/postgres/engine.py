"""Engine: one PostgreSQL, as one node uses it. `connect` is how it is had.

Invariant: tables are made, and nothing is opened, only at a server that is fit (`setup`).
Everything is kept under a namespace; loglets are known by their ids from then on.
"""

import asyncio
import hashlib
from contextlib import suppress
from typing import NamedTuple

from plait.base.errors import BadSettings, Closed, LogForked, PlaitError, Unavailable
from plait.base.ports import Clock, Random, Snapshot
from plait.engines.metastore import Metastore
from plait.engines.postgres import statements
from plait.engines.postgres.address import Address
from plait.engines.postgres.bell import Bell
from plait.engines.postgres.copies import Copies
from plait.engines.postgres.handle import Handle
from plait.engines.postgres.loglet import DELETE_ENTRIES, ENTRY_BYTES_MAX, PostgresLoglet
from plait.engines.postgres.pool import TIMEOUT_S, Pool
from plait.engines.postgres.register import PostgresRegister
from plait.engines.postgres.schema import prepare
from plait.engines.postgres.session import Session
from plait.engines.postgres.setup import Setup
from plait.engines.postgres.standing import Row, Standing
from plait.engines.shared import Finding, Known, SharedCopy
from plait.line.loglet import BEGINNING, Loglet, Origin


async def connect(
    url: str, namespace: str, clock: Clock, random: Random, *, timeout_s: float = TIMEOUT_S
) -> "PostgresEngine":
    """The engine at `url`, once the server has answered.

    Raises `BadSettings` for a URL that is none, `Unavailable` if nothing answers in time.
    """
    address = Address(url)
    setup = await _inspect(address, timeout_s)
    return PostgresEngine(address, namespace, clock, random, setup, timeout_s)


async def _inspect(address: Address, timeout_s: float) -> Setup:
    """How the server is set up right now, fit or not."""
    try:
        async with asyncio.timeout(timeout_s):
            session = await Session.connect(address)
    except TimeoutError:
        raise Unavailable(f"no answer from {address.url} in {timeout_s:g} s") from None
    await session.close()
    return session.setup


class _Found(NamedTuple):
    """A loglet's row, as it was found or made."""

    log: int
    born: int
    permit: int | None  # to append, for whoever made it
    generation: int  # of the server


class PostgresEngine:
    """Loglets, registers and copies of one namespace, over a few connections."""

    def __init__(
        self,
        address: Address,
        namespace: str,
        clock: Clock,
        random: Random,
        setup: Setup,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._address = address
        self._namespace = namespace
        self._clock = clock
        self._random = random
        self._setup = setup  # as it was inspected last
        self._pool = Pool(address, clock, random, timeout_s=timeout_s)
        self._bell: Bell | None = None
        self._copies = Copies(self._pool, namespace)
        self._preparing = asyncio.Lock()
        self._prepared = False
        self._expected: dict[str, bool] = {}  # loglets that were prepared and not opened yet
        self._loglets: list[PostgresLoglet] = []
        self._closed = False

    def __repr__(self) -> str:
        return f"PostgresEngine({self.url!r}, namespace={self._namespace!r})"

    @property
    def url(self) -> str:
        """Hosts, ports and database; no user, no password, no options."""
        return self._address.url

    @property
    def entry_bytes_max(self) -> int:
        """The largest payload that `append` takes."""
        return ENTRY_BYTES_MAX

    async def prepare(self, name: str) -> None:
        """Connect, with every session that there is to be; see `SharedEngine.prepare`.

        A row costs no more with its origin than without, so `open` makes it.
        """
        await self._ready()
        await self._pool.warm()
        self._expected[name] = True

    async def open(
        self, name: str, origin: Origin = BEGINNING, known: Known | None = None
    ) -> Loglet:
        """The loglet called `name`, made if there is none.

        known: if the server does not have that place any more, it has lost something: `LogForked`.
        """
        bell = await self._ready()
        expected = self._expected.pop(name, False)
        found = await self._find(name, origin, new=expected)
        standing = Standing(name, found.born, origin.position)
        handle = Handle(self._pool, self._clock, found.log, standing)
        if found.permit is None:
            tail = await handle.look()
        else:
            at = origin.position
            row = Row(at, at, sealed=False, batch=found.born, born=found.born, kept=None)
            handle.see(found.generation, standing.mark, row)
            tail = standing.tail
        if known is not None and known.position >= standing.head:
            at = known.position
            rows = await handle.persist(lambda s: s.rows(statements.RECORDS_AT, found.log, at))
            if at > tail.position or not rows or rows[0][0] != known.records:
                raise LogForked(
                    f"the server has lost what it acknowledged of loglet {name!r}: "
                    f"{known.records} records stood before position {at}",
                    loglet=name,
                    position=at,
                )
        loglet = PostgresLoglet(
            handle, bell, self._random, origin, closed=self._loglets.remove, permit=found.permit
        )
        self._loglets.append(loglet)
        if expected:
            loglet.make_ready()
        return loglet

    async def _find(self, name: str, origin: Origin, *, new: bool) -> "_Found":
        """The loglet's row, made if there is none; `new`: that is tried first."""
        born, permit = self._random.getrandbits(63), self._random.getrandbits(63)
        key = self._namespace, name

        async def work(session: Session) -> _Found:
            rows = [] if new else await session.rows(statements.FIND, *key)
            if not rows:
                made = await session.rows(statements.CREATE, *key, *origin, born, permit)
                if made:
                    return _Found(made[0][0], born, permit, session.generation)
                rows = await session.rows(statements.FIND, *key)
            ((log, born_there, *began),) = rows
            if Origin(*began) != origin:
                raise BadSettings(f"loglet {name!r} began at {Origin(*began)}, not at {origin}")
            return _Found(log, born_there, None, session.generation)

        return await self._pool.persist(work)

    async def register(self, name: str) -> Metastore:
        """A register that changes by compare-and-set only."""
        await self._ready()
        return PostgresRegister(self._pool, self._random, self._namespace, name)

    async def examine(self) -> list[Finding]:
        """What is wrong with how the server is set up right now, worst first."""
        self._check_open()
        self._setup = await _inspect(self._address, self._pool.timeout_s)
        return self._setup.findings()

    async def put_copy(self, name: str, copy: SharedCopy, data: Snapshot) -> None:
        """Keep a copy of a line's state; older ones of that name go, but for the last."""
        await self._ready()
        await self._copies.put(name, copy, data)

    async def latest_copy(self, name: str) -> SharedCopy | None:
        """The newest whole copy of that name."""
        await self._ready()
        return await self._copies.latest(name)

    async def read_copy(self, name: str, copy: SharedCopy, offset: int, count: int) -> bytes:
        """Bytes of a copy; `HistoryTrimmed` if it went meanwhile."""
        await self._ready()
        return await self._copies.read(name, copy, offset, count)

    async def drop(self, name: str) -> None:
        """Remove a loglet and its copies; what a crash leaves over, another call removes."""
        await self._ready()
        for loglet in [each for each in self._loglets if each.name == name]:
            await loglet.close()
        persist = self._pool.persist
        found = await persist(lambda s: s.rows(statements.FIND, self._namespace, name))
        for log, *_ in found:
            await persist(lambda s, log=log: s.rows(statements.DROP_WRITERS, log))  # type: ignore[misc]
            await persist(lambda s, log=log: s.rows(statements.EMPTY, log))  # type: ignore[misc]
            await self._delete_entries(log)
            await persist(lambda s, log=log: s.rows(statements.DROP, log))  # type: ignore[misc]
        await self._copies.drop(name)

    async def close(self) -> None:
        """Hang up; every loglet of it is closed."""
        if self._closed:
            return
        self._closed = True
        for loglet in list(self._loglets):
            await loglet.close()
        if self._bell is not None:
            await self._bell.close()
        await self._pool.close()

    # ------------------------------------------------------------------------- helpers

    async def _ready(self) -> Bell:
        """See that the server is fit and has the tables."""
        self._check_open()
        async with self._preparing:
            if not self._prepared:
                await self._refuse_unfit()
                await self._pool.persist(lambda s: prepare(s, self._address.schema))
                self._prepared = True
            if self._bell is None:
                whose = f"{self._address.schema}/{self._namespace}".encode()
                channel = f"plait_{hashlib.sha256(whose).hexdigest()[:24]}"
                self._bell = Bell(self._pool, channel, f"{self._random.getrandbits(63):x}")
            return self._bell

    async def _refuse_unfit(self) -> None:
        if self._setup.refusals():  # it may have been repaired since
            with suppress(PlaitError):
                await self.examine()
        for finding in self._setup.refusals():
            raise BadSettings(f"{self.url} is unfit: {finding.what}; {finding.remedy}")

    async def _delete_entries(self, log: int) -> None:
        while True:
            ((lowest,),) = await self._pool.persist(
                lambda s: s.rows(statements.LOWEST, log, 2**63 - 1)
            )
            if lowest is None:
                return
            stop = lowest + DELETE_ENTRIES
            await self._pool.persist(
                lambda s, lowest=lowest, stop=stop: s.rows(  # type: ignore[misc]
                    statements.DELETE_ENTRIES, log, lowest, stop
                )
            )

    def _check_open(self) -> None:
        if self._closed:
            raise Closed(f"the engine at {self.url} is closed")
