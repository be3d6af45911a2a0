"""Sessions that travel: a token goes from client to client, and each asks a node of its own.

A few sessions are shared by all clients, one user at a time. Who has one writes through the whole
cluster or reads from the one node that this client is bound to, and hands the token on. However the
nodes lag, fail and change their roles, each session reads its writes and goes forward only.
"""

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from random import Random

import plait
from plait import ABSENT, Consensus, Leader
from plait.base.errors import Conflict, SessionLost
from plait.check import check_sessions
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Record, history_of
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

TABLES: dict[str, Consensus | Leader] = {"notes-led": Leader(), "notes-agreed": Consensus()}
KEYS = ("k", "l")
USERS = 3
CLIENTS_MIN = 2
LAG_S = 3.0
SHOWN_MAX = 5


class Sessions(Workload):
    """Writes anywhere, reads from one node."""

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)
        self._tokens: dict[str, str | None] = {f"user{n}": None for n in range(USERS)}
        self._free = list(self._tokens)

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name, settings in TABLES.items():
            await store.table(name, settings)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(max(CLIENTS_MIN, self.config.clients))
        return {f"s{number}": partial(self._client, number) for number in numbers}

    async def _client(self, number: int, network: SimNetwork) -> None:
        nodes = list(self.world.nodes)
        node = nodes[number % len(nodes)]
        async with (
            self.world.store(network, LIMITS) as anywhere,
            self.world.store(network, LIMITS, node) as here,
        ):
            await self.each(f"s{number}", partial(self._use, number, anywhere, here))

    async def _use(
        self, number: int, anywhere: plait.Store, here: plait.Store, random: Random
    ) -> None:
        with self._borrow(random) as user:
            if user is None:
                return
            writes = random.random() < 0.4
            session = (anywhere if writes else here).session(self._tokens[user])
            name, key = random.choice(tuple(TABLES)), random.choice(KEYS)
            table = await session.table(name)
            try:
                if writes:
                    await self._write(number, user, table, key, random)
                else:
                    await self._read(number, user, table, key, random)
            finally:
                self._tokens[user] = session.token

    @contextlib.contextmanager
    def _borrow(self, random: Random) -> Iterator[str | None]:
        """A session that nobody uses now."""
        if not self._free:
            yield None
            return
        user = self._free.pop(random.randrange(len(self._free)))
        try:
            yield user
        finally:
            self._free.append(user)

    async def _write(
        self, number: int, user: str, table: plait.Table, key: str, random: Random
    ) -> None:
        token, place = self.record.token(f"s{number}"), f"{table.name}/{key}"
        if random.random() < 0.7:
            put = table.put(key, token)
            await self.record.do(token, "put", put, key=place, argument=token, who=user)
        else:
            expected = next(iter(self.record.of("get", key=place)[-1:]), None)
            row = None if expected is None else expected.result
            cas = table.cas(key, ABSENT if row is None else row.value, token)
            pair = [None if row is None else row.value, token]
            await self.record.do(
                token, "cas", cas, key=place, argument=pair, who=user, objections=(Conflict,)
            )

    async def _read(
        self, number: int, user: str, table: plait.Table, key: str, random: Random
    ) -> None:
        token, place = self.record.token(f"s{number}"), f"{table.name}/{key}"
        lag_s = random.choice((None, LAG_S))
        get = table.get_row(key, read="nearest", max_lag=lag_s)
        await self.record.do(token, "get", get, key=place, who=user)

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        deeds = self.record.of("get", "put", "cas")
        for deed in deeds:
            if deed.error == SessionLost.__name__:
                yield f"{deed.who} was lost at {deed.f} {deed.token}, though nothing may be cut"
        for name in TABLES:  # each on a line of its own, and a session promises for each line
            mine = [deed for deed in deeds if deed.key.startswith(name)]
            violations = check_sessions(history_of(mine, name))
            yield from [str(violation) for violation in violations[:SHOWN_MAX]]
