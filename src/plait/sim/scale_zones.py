"""What zones cost and save: five nodes in three regions, writers and readers in five.

Two nodes are in Virginia, two in Oregon, one in Frankfurt, each region a zone; leaders are
preferred in Virginia. Measured are writes under rules that survive the loss of a zone beside one
that does not, and reads of the leader and of the nearest, against the light that their messages
need.

Invariant: nothing strikes here, as in `scale`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import plait
from plait import Consensus, Leader
from plait.sim.loop import VirtualLoop
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.scale import LIMITS, NODES, ModeLatency, Spread
from plait.sim.topology import Topology
from plait.sim.world import run_world

HOME = "virginia"
PLACED = {"n1": HOME, "n2": HOME, "n3": "oregon", "n4": "oregon", "n5": "frankfurt"}
ACROSS = "any:1@other-zone"
_MADE = 15  # writes, or reads, of each kind from each region
_SETTLED_S = 60.0

WRITES: tuple[tuple[str, Leader | Consensus], ...] = (
    ("any:1", Leader(acks="any:1", line="own")),
    (ACROSS, Leader(acks=ACROSS, line="own")),
    ("majority", Leader(acks="majority", line="own")),
    ("consensus", Consensus(line="own")),
)
READS: tuple[tuple[str, Any, Any], ...] = (
    ("read: leader", "leader", None),
    ("read: nearest", "nearest", None),
    ("read: nearest, own writes", "nearest", "own"),
)


def measure_zones(where: Topology, seed: int = 1) -> list[ModeLatency]:
    """Every kind of write and read, from every region."""
    found: list[ModeLatency] = run_world(lambda loop: _Zones(where, seed, loop).run())
    return found


class _Zones(Spread):
    """The cluster, and one client in each region after another."""

    def __init__(self, where: Topology, seed: int, loop: VirtualLoop) -> None:
        super().__init__(where, seed, loop)
        self.placed = dict(PLACED)

    async def run(self) -> list[ModeLatency]:
        """Measure."""
        regions = [region.name for region in self.where.regions]
        nodes = list(PLACED)
        self.placed |= {f"c-{region}": region for region in ("maker", *regions)} | {"c-maker": HOME}
        self.where.lay(self.world.fabric, self.placed, nodes)
        for name in nodes:
            self.world.add_node(name, nodes, limits=NODES, zone=PLACED[name])
        for task in [self.world.nodes[name].start() for name in nodes]:
            await task
        await self.world.add_client("c-maker").run(self._make)
        found: list[ModeLatency] = []
        for region in regions:
            found += await self.world.add_client(f"c-{region}").run(self._client)
        self.world.end()
        kinds = [kind for kind, *_ in (*WRITES, *READS)]
        return sorted(found, key=lambda row: kinds.index(row.mode))

    async def _make(self, network: SimNetwork) -> None:
        """Wait until everybody knows where all are; make the tables, led from home."""
        while any(len(node.membership.zones) < len(PLACED) for node in self._nodes()):
            await asyncio.sleep(0.1)
        async with self.world.store(network, LIMITS) as store:
            await store.prefer_zones(HOME)
            tables = [await store.table(kind_name(kind), rule) for kind, rule in WRITES]
            for table in tables:
                await table.put("there", 1)
        await asyncio.sleep(_SETTLED_S)
        for kind, settings in WRITES:
            line = settings.line_name(kind_name(kind))
            leaders = [node.name for node in self._nodes() if node.host(line).leads]
            assert [PLACED[name] for name in leaders] == [HOME], (line, leaders)

    def _nodes(self) -> list[Any]:
        machines: list[NodeMachine] = list(self.world.nodes.values())
        return [machine.node for machine in machines]

    async def _client(self, network: SimNetwork) -> list[ModeLatency]:
        region = self.placed[network.machine.name]
        found = []
        async with self.world.store(network, LIMITS, zone=region) as store:
            for kind, _ in WRITES:
                table = await store.table(kind_name(kind))
                took = await self._median(_writing(table, region))
                light_ms = 1e3 * self._write_light_s(kind, region)
                found.append(ModeLatency(kind, region, took, light_ms))
            for kind, source, own in READS:
                found.append(await self._reads(store, region, kind, source, own))
        return found

    async def _reads(
        self, store: plait.Store, region: str, kind: str, source: Any, own: Any
    ) -> ModeLatency:
        table = await store.table(kind_name(ACROSS), read=source)
        await table.get("there")
        if own:
            took = await self._median(lambda i: table.get("k"), lambda i: table.put("k", i))
        else:
            took = await self._median(lambda i: table.get("there"))
        to = HOME if source == "leader" else self._nearest(region)
        return ModeLatency(kind, region, took, 1e3 * self.where.light_s(region, to))

    async def _median(
        self,
        act: Callable[[int], Awaitable[Any]],
        before: Callable[[int], Awaitable[Any]] | None = None,
    ) -> float:
        """Milliseconds of `act`."""
        loop, seconds = self.world.loop, []
        for number in range(_MADE):
            if before is not None:
                await before(number)
            began = loop.time()
            await act(number)
            seconds.append(loop.time() - began)
        return median(seconds) * 1e3

    def _nearest(self, region: str) -> str:
        return min(PLACED.values(), key=lambda place: self.where.round_trip_s(region, place))

    def _write_light_s(self, kind: str, region: str) -> float:
        """To the leader and back, and from it to whom it waits for."""
        others = sorted(
            self.where.light_s(HOME, place)
            for name, place in PLACED.items()
            if name != "n1" and (kind != ACROSS or place != HOME)
        )
        waits = 1 if kind in ("any:1", ACROSS) else len(PLACED) // 2
        return self.where.light_s(region, HOME) + others[waits - 1]


def _writing(table: plait.Table, region: str) -> Callable[[int], Awaitable[Any]]:
    return lambda number: table.put(f"{region}-{number}", number)


def kind_name(kind: str) -> str:
    """A table's name."""
    return kind.replace(":", "-").replace("@", "-")
