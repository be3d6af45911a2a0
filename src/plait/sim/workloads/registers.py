"""Consensus tables of registers and of rows: every history must be linearizable."""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from random import Random

import plait
from plait import ABSENT, Consensus
from plait.api.recording import RecordedTable
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.workload import LIMITS, MemoryRecorder, Program, Workload
from plait.sim.world import World

_KEYS = 3
_USES = 300  # of a key, until another takes its place: indefinite operations never end


class Registers(Workload):
    """get, put, cas and, of rows, delete."""

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self._records = {name: MemoryRecorder(world) for name in ("registers", "rows")}
        self._values = count(1)
        self._uses = 0
        self._seen: dict[tuple[str, str], object] = {}  # what a cas expects

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name in self._records:
            await store.table(name, Consensus())

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients)
        return {f"r{number}": partial(self._client, number) for number in numbers}

    async def _client(self, number: int, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            tables = {}
            for name, recorder in self._records.items():
                table = await self.insist(partial(store.table, name))
                tables[name] = RecordedTable(table, recorder, number)
            await self.each(f"r{number}", partial(self._use, tables))

    async def _use(self, tables: dict[str, RecordedTable], random: Random) -> None:
        self._uses += 1
        name = random.choice(tuple(tables))
        table = tables[name]
        key = f"k{random.randrange(_KEYS)}.{self._uses // (_USES * _KEYS)}"
        kind, value = random.random(), next(self._values)
        if kind < 0.4:
            self._seen[name, key] = await table.get(key, ABSENT)
        elif kind < 0.7:
            await table.put(key, value)
            self._seen[name, key] = value
        elif kind < 0.9 or name == "registers":
            await table.cas(key, self._seen.get((name, key), ABSENT), value)
            self._seen[name, key] = value
        else:
            await table.delete(key)
            self._seen[name, key] = ABSENT

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        yield from self._records["registers"].judge("cas-register")
        yield from self._records["rows"].judge("kv")
