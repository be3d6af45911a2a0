"""Writes that nobody waits for, by clients anywhere and by clients that know one node only.

Some clients know the whole cluster, and each node has one that knows nobody else and hardly pauses.
So a leader that was cut off goes on being written to, gets far ahead of everybody, and is asked
what it holds. Each use sends a burst of puts, each with a key of its own, a few milliseconds apart,
and then waits for all of them.

Every read is of a generation of keys, and as fresh as its table promises: on the consensus table it
has everything that was acknowledged before it was asked for; a leader's of a leader–follower table
everything that was acknowledged a lease before. At the end every node's own copy has what the
leader's has: nothing lost, nothing that was cut.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import ClassVar, TypeAlias

import plait
from plait import Consensus, Leader
from plait.base.errors import PlaitError
from plait.node.config import Limits
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Deed, Record, accounts_for
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

LOSSY = "torrents-quick"
BURSTS = (1, 4, 12, 30)
PAUSES_S = (0.002, 0.02)  # between two puts of a burst, on average
WAIT_S = 1.5  # for a burst; who knows a follower only cannot write
THINK_S = 0.3
READ_S = 0.2
BESIEGED_S = 0.1  # a pause of who knows one node only
GENERATION = 30  # puts that one read looks for
AGES = 6  # generations that are read: what is older than a lease must be there
SLACK_S = 1.0  # beyond the lease, which nodes measure with clocks of their own
SAME_S = 30.0  # of calm, until all nodes hold the same
LACKS_MAX = 5


Use: TypeAlias = Callable[[str, plait.Table, Random], Awaitable[None]]


class Floods(Workload):
    """Bursts of puts to a consensus table, and reads at nodes."""

    name: ClassVar[str] = "floods"
    tables: ClassVar[dict[str, Consensus | Leader]] = {"floods": Consensus()}

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)
        self.held: dict[str, dict[str, list[str]]] = {}  # in the end, by table and node
        self.agreed: dict[str, list[str]] = {}  # in the end, by table
        self._puts = 0

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name, settings in self.tables.items():
            await store.table(name, settings)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        programs: dict[str, Program] = {}
        for number in range(self.config.clients):
            who = f"{self.name}{number}"
            programs[who] = partial(self._client, who, (), self._use, THINK_S)
        for node in self.world.nodes:
            who = f"{self.name}-{node}"
            programs[who] = partial(self._client, who, (node,), self._burst, BESIEGED_S)
            who = f"{self.name}-{node}-reader"
            programs[who] = partial(self._client, who, (node,), self._read, READ_S)
        return programs

    # ------------------------------------------------------------------ clients

    async def _client(
        self, who: str, only: tuple[str, ...], use: Use, think_s: float, network: SimNetwork
    ) -> None:
        async with self.world.store(network, LIMITS, *only) as store:
            tables = [await self.insist(partial(store.table, name)) for name in self.tables]

            async def use_one(random: Random) -> None:
                await use(who, random.choice(tables), random)

            await self.each(who, use_one, think_s)

    async def _use(self, who: str, table: plait.Table, random: Random) -> None:
        await (self._burst if random.random() < 0.5 else self._read)(who, table, random)

    async def _burst(self, who: str, table: plait.Table, random: Random) -> None:
        """Send puts, and wait for all; who gives up does not know what became of them."""
        puts, pause_s = [], random.choice(PAUSES_S)
        try:
            async with asyncio.timeout(WAIT_S):
                for _ in range(random.choice(BURSTS)):
                    puts.append(asyncio.ensure_future(self._put(who, table)))
                    await asyncio.sleep(exponential(random, pause_s))
                for put in puts:
                    await put
        finally:
            for put in puts:
                put.cancel()
            await asyncio.gather(*puts, return_exceptions=True)

    async def _put(self, who: str, table: plait.Table) -> None:
        token, generation = self.record.token(who), self._generation(0)
        self._puts += 1
        put = table.put(f"{generation}/{token}", token)
        await self.record.do(token, "put", put, key=table.name, argument=generation)
        self.operations += 1

    async def _read(self, who: str, table: plait.Table, random: Random) -> None:
        token, generation = self.record.token(who), self._generation(random.randrange(AGES))
        agreed = isinstance(self.tables[table.name], Consensus)
        pairs = table.scan(prefix=f"{generation}/", read="nearest" if agreed else "leader")

        async def read() -> list[str]:
            return [value async for _, value in pairs]

        async with asyncio.timeout(WAIT_S):
            await self.record.do(token, "read", read(), key=table.name, argument=generation)

    def _generation(self, age: int) -> str:
        return f"{max(0, self._puts // (GENERATION * len(self.tables)) - age):04}"

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        members = [one["name"] for one in await self.insist(store.members)]
        for name in self.tables:
            table = await self.insist(partial(store.table, name))
            self.agreed[name] = await self.insist(partial(_tokens, table, "leader"))
            self.held[name] = {}
        ends = [
            self.world.add_client(f"{self.name} end {node}").run(partial(self._end, node))
            for node in members
        ]
        for end in ends:
            await end

    async def _end(self, node: str, network: SimNetwork) -> None:
        """What one node holds, once that is what the leader held, or it is late."""
        until = self.world.now() + SAME_S
        async with self.world.store(network, LIMITS, node) as store:
            for name in self.tables:
                while True:
                    try:
                        table = await store.table(name)
                        held = self.held[name][node] = await _tokens(table, "nearest")
                        if held == self.agreed[name]:
                            break
                    except PlaitError as error:
                        self.world.trace.note("again", f"{self.name} end {node}", str(error))
                    if self.world.now() > until:
                        break
                    await asyncio.sleep(0.5)

    # ------------------------------------------------------------------ the judge

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        for name in self.tables:
            found = self.agreed[name]
            puts = self.record.of("put", key=name)
            lost = "was acknowledged and is lost"
            for text in accounts_for(puts, found, name):
                if name != LOSSY or not text.endswith(lost):
                    yield text
            for node, held in self.held[name].items():
                if held != found:
                    yield f"{name}: {node} differs from the leader in {_differ(held, found)}"
            for read in self.record.answered("read", key=name):
                yield from self._judge_read(read, puts, found)

    def _judge_read(self, read: Deed, puts: list[Deed], found: list[str]) -> Iterator[str]:
        where = f"{read.key}: read {read.token} at {read.started_s:.3f} s"
        if read.key != LOSSY:
            strange = [token for token in read.result if token not in found]
            if strange:
                yield f"{where} saw {strange[:LACKS_MAX]}, which were never committed"
        before_s = read.started_s - self._old_s(read.key)
        lacks = [
            put.token
            for put in puts
            if put.argument == read.argument
            and put.fate == "acknowledged"
            and put.token not in read.result
            and put.token in found
            and put.ended_s is not None
            and put.ended_s < before_s
        ]
        if lacks:
            yield f"{where} lacks {lacks[:LACKS_MAX]}, acknowledged before {before_s:.3f} s"

    def _old_s(self, name: str) -> float:
        """How old a read may be."""
        if isinstance(self.tables[name], Consensus):
            return 0.0
        return self.config.limits.get("lease_s", Limits().lease_s) + SLACK_S


class Torrents(Floods):
    """Bursts of puts to leader–follower tables, where a leader's word is enough and where not."""

    name: ClassVar[str] = "torrents"
    tables: ClassVar[dict[str, Consensus | Leader]] = {
        "torrents-led": Leader("majority", line="own"),
        LOSSY: Leader("leader", line="own"),
    }


async def _tokens(table: plait.Table, source: str) -> list[str]:
    return sorted([value async for _, value in table.scan(read=source)])  # type: ignore[arg-type]


def _differ(held: list[str], found: list[str]) -> list[str]:
    return sorted(set(held) ^ set(found))[:LACKS_MAX]
