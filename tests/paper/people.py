"""People with a replica each, who meet now and then: for replaying anomalies step by step."""

import asyncio
import itertools
from typing import Any

from plait.api.documents import Documents
from plait.engines.graph import Replica, open_replica
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryStorage
from tests.engines.graph_replicas import Wire, options, same, until


class SkewedClock(SystemClock):
    """A wall clock that is wrong by so much; time passes as it does."""

    def __init__(self, ahead_ms: int = 0) -> None:
        self.ahead_ms = ahead_ms

    def wall_ms(self) -> int:
        return super().wall_ms() + self.ahead_ms


class Chance:
    """Replica ids in the order in which they are drawn, so that ties are decided as told."""

    def __init__(self, first: int) -> None:
        self._next = first

    def getrandbits(self, count: int) -> int:
        self._next += 1
        return self._next % (1 << count)

    def random(self) -> float:
        return 0.5


class People:
    """Replicas of one graph; nobody hears of anybody but in `meet`."""

    def __init__(self, document: type[Any] | None, sync: str) -> None:
        self.document = document
        self.sync = sync
        self.clocks: list[SkewedClock] = []
        self.replicas: list[Replica] = []

    async def come(self, *names: str, document: Any = None) -> list[Documents[Any]]:
        """Open a replica for each, the first of all founds the graph; everybody knows everybody."""
        handles = []
        for name in names:
            place = len(self.replicas)
            clock = SkewedClock()
            replica = await open_replica(
                options(name, founds=not place, sync=self.sync, founder_node="ann"),
                MemoryStorage(), clock, Chance(5000 + 1000 * place),
            )  # fmt: skip
            self.clocks.append(clock)
            self.replicas.append(replica)
            if place:
                wire = Wire(self.replicas[0], replica)
                await until(lambda replica=replica: replica.parts.scope.writable)
                await same(self.replicas[0], replica)
                wire.cut()
            replica.author = name
            handles.append(Documents(replica, document or self.document, name))
        await self.meet()
        return handles

    async def meet(self, *places: int) -> None:
        """Those at these places (or all) exchange everything; they end with the same bytes."""
        replicas = [self.replicas[place] for place in places] or self.replicas
        wires = [Wire(one, other) for one, other in itertools.pairwise(replicas)]
        await same(*replicas)
        for wire in wires:
            wire.cut()
        await asyncio.sleep(0)

    async def leave(self) -> None:
        for replica in self.replicas:
            await replica.close()
