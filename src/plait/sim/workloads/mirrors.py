"""A consensus table read at every node: each read sees what was acknowledged before it was asked.

Writers count upwards in a row of their own, and take another row after a write of unknown fate.
Each node has readers that are connected to it alone, so that a follower that answers from what it
has, without asking what is committed, is found at once.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from random import Random

import plait
from plait import Consensus
from plait.base.errors import PlaitError
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

TABLE = "mirrors"
READERS = 2  # at each node, so that they may share a question
SHOWN_MAX = 5


class Mirrors(Workload):
    """Writers anywhere, readers at one node each."""

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.acknowledged: dict[str, int] = {}  # by row, the newest value
        self.asked: dict[str, int] = {}
        self.problems: list[str] = []
        self._rows: list[str] = []  # in use, by writer

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        await store.table(TABLE, Consensus())

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        writers = range(self.config.clients)
        self._rows = [f"w{number}.0" for number in writers]
        programs: dict[str, Program] = {
            f"mw{number}": partial(self._writer, number) for number in writers
        }
        for node in self.world.nodes:
            for number in range(READERS):
                name = f"mr-{node}-{number}"
                programs[name] = partial(self._reader, node, name)
        return programs

    async def _writer(self, number: int, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            table = await self.insist(partial(store.table, TABLE))
            await self.each(f"mw{number}", partial(self._write, number, table))

    async def _write(self, number: int, table: plait.Table, random: Random) -> None:
        row = self._rows[number]
        value = self.asked[row] = self.asked.get(row, 0) + 1
        try:
            await table.put(row, value)
        except (PlaitError, asyncio.CancelledError):
            self._rows[number] = f"w{number}.{int(row.partition('.')[2]) + 1}"
            raise
        self.acknowledged[row] = value

    async def _reader(self, node: str, name: str, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS, node) as store:
            table = await self.insist(partial(store.table, TABLE))
            await self.each(name, partial(self._read, node, table))

    async def _read(self, node: str, table: plait.Table, random: Random) -> None:
        row = random.choice(self._rows)
        floor = self.acknowledged.get(row, 0)
        found = await table.get(row, 0, read="nearest")
        self.check(node, row, floor, found)

    def check(self, node: str, row: str, floor: int, found: int) -> None:
        """Judge one read: `floor` was acknowledged when it was asked."""
        asked = self.asked.get(row, 0)
        if not floor <= found <= asked:
            self.problems.append(
                f"{node} read {found} in {row}; {floor} was acknowledged, {asked} asked for"
            )

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        yield from self.problems[:SHOWN_MAX]
