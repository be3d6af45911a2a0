"""Counters of clients that are cut off again and again: every increment counts once.

Increments are commands of a machine that counts tokens, too. Clients send several at once and lose
their connections meanwhile; the library finds the leader and sends again, by itself. One counter
is ordered by a majority, one by a leader that is replaced when it fails.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from random import Random
from typing import ClassVar

import plait
from plait import Consensus, Leader, StateMachine, command, query
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Record, accounts_for, out_of_order
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

COUNTERS: dict[str, Consensus | Leader] = {"hits": Consensus(), "visits": Leader()}
BURST_MAX = 4
CUT_WITHIN_S = 0.05  # of sending


class CounterMachine(StateMachine):
    """How often there was an increment, and which ones."""

    def __init__(self) -> None:
        self.count = 0
        self.tokens: list[str] = []

    @command
    def add(self, token: str) -> int:
        """The count after this increment."""
        self.count += 1
        self.tokens.append(token)
        return self.count

    @query
    def read(self) -> int:
        """The count."""
        return self.count

    @query
    def counted(self) -> list[str]:
        """The tokens in their order."""
        return self.tokens


class Counters(Workload):
    """Increments and reads."""

    machines = (CounterMachine,)
    counters: ClassVar[Mapping[str, Consensus | Leader]] = COUNTERS
    prefix: ClassVar[str] = "c"  # of its clients' names

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)
        self.counts: dict[str, int] = {}  # in the end
        self.counted: dict[str, list[str]] = {}  # in the end

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name, settings in self.counters.items():
            await store.machine(name, CounterMachine, settings)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        names = [f"{self.prefix}{number}" for number in range(self.config.clients)]
        return {name: partial(self._client, name) for name in names}

    async def _client(self, name: str, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            machines = {}
            for counter in self.counters:
                machines[counter] = await self.insist(
                    partial(store.machine, counter, CounterMachine)
                )
            await self.each(name, partial(self._use, name, machines))

    async def _use(self, name: str, machines: dict[str, plait.Machine], random: Random) -> None:
        key = random.choice(tuple(machines))
        machine = machines[key]
        if random.random() < 0.25:
            await self.record.do(self.record.token(name), "read", machine.read(), key=key)
            return
        tokens = [self.record.token(name) for _ in range(random.randint(1, BURST_MAX))]
        adds = [self.record.do(token, "add", machine.add(token), key=key) for token in tokens]
        sent = asyncio.gather(*adds, return_exceptions=True)
        if random.random() < 0.2:
            await asyncio.sleep(random.random() * CUT_WITHIN_S)
            self._lose_connections(name)
        for answer in await sent:
            if isinstance(answer, BaseException):
                raise answer

    def _lose_connections(self, name: str) -> None:
        self.world.trace.note("reset", name, "all its connections")
        for node in self.world.nodes:
            self.world.fabric.reset(name, node)

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name in self.counters:
            machine = await self.insist(partial(store.machine, name, CounterMachine))
            self.counted[name] = await self.insist(machine.counted)
            self.counts[name] = await self.insist(machine.read)

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        for key, tokens in self.counted.items():
            adds = self.record.of("add", key=key)
            yield from accounts_for(adds, tokens, key)
            yield from self._judge_count(key)
            places = {token: float(place) for place, token in enumerate(tokens, start=1)}
            for deed in adds:
                if deed.fate == "acknowledged" and deed.result != places.get(deed.token):
                    yield f"{key}: {deed.token} was told {deed.result} and was not the one"
            reads = []
            if isinstance(self.counters[key], Consensus):  # a leader's reads may be a lease old
                reads = [d for d in self.record.of("read", key=key) if d.fate == "acknowledged"]
                places |= {deed.token: deed.result + 0.5 for deed in reads}
            yield from out_of_order([*adds, *reads], places, key)

    def _judge_count(self, key: str) -> Iterator[str]:
        fates = [deed.fate for deed in self.record.of("add", key=key)]
        least = fates.count("acknowledged")
        most = least + fates.count("unknown")
        if not least <= self.counts[key] <= most:
            yield f"{key}: the count is {self.counts[key]}, not between {least} and {most}"
