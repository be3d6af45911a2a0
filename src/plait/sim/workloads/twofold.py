"""Workloads of one thing in two shapes, rows of tables and a machine: clients use either."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Generic, TypeVar

import plait
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Record
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

Rows = TypeVar("Rows")


class Twofold(Workload, Generic[Rows]):
    """Clients with both shapes open; `Rows` is the one of tables."""

    letter: str  # that the clients' names begin with

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        names = [f"{self.letter}{number}" for number in range(self.config.clients)]
        return {name: partial(self._client, name) for name in names}

    async def _client(self, name: str, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            rows, machine = await self._open(store)
            await self.each(name, partial(self._use, name, rows, machine))

    @abstractmethod
    async def _open(self, store: plait.Store) -> tuple[Rows, plait.Machine]: ...

    @abstractmethod
    async def _use(self, name: str, rows: Rows, machine: plait.Machine, random: Random) -> None:
        """Do one thing with either."""
