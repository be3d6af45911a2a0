"""How far the design carries: many replicas over real distances, beside what nature allows.

One node a region, and guests in every region for the rest of the replicas. Measured are the writes
of each mode from each region, against the light that their messages need; and documents that every
replica edits, until all have all: time, bytes on the network and memory in messages, against the
light and against the bytes that the edits themselves are.

Invariant: nothing strikes here; what is measured is the system at rest but for this.
"""

import asyncio
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import msgspec

import plait
from plait import Consensus, Document, Eventual, Leader, Register
from plait.client.limits import ClientLimits
from plait.node.config import Limits
from plait.node.local import Local
from plait.sim.disk import DiskRules
from plait.sim.loop import VirtualLoop
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.paths import PathRules
from plait.sim.topology import Topology, topology
from plait.sim.world import World, run_world

LIMITS = ClientLimits(start_s=120.0, read_s=60.0, write_s=120.0, attempt_s=30.0, silence_s=30.0)
# Beyond a continent the timers of a region are too short: elections would be called for no reason.
NODES = Limits(election_s=2.0, failover_s=3.0)
_WRITES = 15
_QUIET_S = 0.02  # between two looks at whether all replicas have all
_CONVERGE_MAX_S = 600.0


class Note(Document):
    """What every replica edits: a register of its own in one document each."""

    text = Register(str)


class ModeLatency(msgspec.Struct, frozen=True):
    """Writes of one mode from one region."""

    mode: str
    region: str
    median_ms: float
    light_ms: float  # that its messages need, in fibre along great circles


class Convergence(msgspec.Struct, frozen=True):
    """Documents that every replica edits once."""

    replicas: int
    edits: int
    seconds: float  # from the last edit until every replica has every edit
    light_s: float  # the longest way that an edit takes, in fibre
    bytes_sent: int
    bytes_needed: int  # the edits' own bytes, once to each other replica
    joining_s: float  # until every replica had its first copy
    joining_bytes: int
    real_s: float  # of the machine that simulates


class Scale(msgspec.Struct, frozen=True):
    """Everything measured."""

    topology: str
    latencies: list[ModeLatency]
    convergence: list[Convergence]
    zones: list[ModeLatency] = []


def measure(
    replicas: int,
    name: str = "wan5",
    seed: int = 1,
    progress: Callable[[str], None] = lambda text: None,
) -> Scale:
    """Latencies of every mode, and convergence of so many replicas and of fewer.

    replicas: nodes and guests together; at least one for each region.
    """
    where = topology(name)
    progress(f"latencies over {name}")
    latencies = run_world(lambda loop: _Modes(where, seed, loop).run())
    counts = [len(where.regions)]
    while counts[-1] * 5 < replicas:
        counts.append(counts[-1] * 3)
    convergence = []
    for count in dict.fromkeys((*counts, max(replicas, counts[0]))):
        progress(f"{count} replicas over {name}")
        convergence.append(_converge(where, seed, count))
    return Scale(name, latencies, convergence)


def _converge(where: Topology, seed: int, count: int) -> Convergence:
    began = time.perf_counter()
    found: dict[str, Any] = run_world(lambda loop: _Documents(where, seed, loop, count).run())
    return Convergence(replicas=count, real_s=time.perf_counter() - began, **found)


class Spread:
    """A cluster with one node in each region."""

    def __init__(self, where: Topology, seed: int, loop: VirtualLoop) -> None:
        self.where = where
        self.world = World(seed, loop, PathRules(), DiskRules())
        self.placed = {f"n{i + 1}": region.name for i, region in enumerate(where.regions)}

    async def found(self, more: dict[str, str]) -> None:
        """Start the nodes; `more` machines will be where they are said to be."""
        nodes = list(self.placed)
        self.placed |= more
        self.where.lay(self.world.fabric, self.placed, nodes)
        await self.world.found(len(nodes), NODES)

    def node_of(self, region: str) -> str:
        """The node that is there."""
        return next(name for name, place in self.placed.items() if place == region)


class _Modes(Spread):
    """Writes of each mode from each region, one after another."""

    async def run(self) -> list[ModeLatency]:
        """Measure."""
        regions = [region.name for region in self.where.regions]
        await self.found({f"c-{region}": region for region in regions})
        found: list[ModeLatency] = []
        for region in regions:
            machine = self.world.add_client(f"c-{region}")
            found += await machine.run(self._client)
        self.world.end()
        return sorted(found, key=lambda row: [mode[0] for mode in MODES].index(row.mode))

    async def _client(self, network: SimNetwork) -> list[ModeLatency]:
        region = self.placed[network.machine.name]
        loop = self.world.loop
        found = []
        async with self.world.store(network, LIMITS) as store:
            for number, (mode, settings) in enumerate(MODES):
                if isinstance(settings, Eventual):
                    found.append(ModeLatency(mode, region, 0.0, 0.0))
                    continue
                table = await store.table(f"mode{number}", settings)
                seconds = []
                for count in range(_WRITES):
                    began = loop.time()
                    await table.put(f"{region}-{count}", count)
                    seconds.append(loop.time() - began)
                light_s = self._light_s(region, settings)
                found.append(ModeLatency(mode, region, median(seconds) * 1e3, light_s * 1e3))
        return found

    def _light_s(self, region: str, settings: Leader | Consensus) -> float:
        """To the leader (wherever it is now) and back, and from it to those it waits for."""
        node = next(one.node for one in self.world.nodes.values() if one.node is not None)
        leader = self.placed[node.host(settings.line_name("")).leader or "n1"]
        others = sorted(
            self.where.light_s(leader, place)
            for name, place in self.placed.items()
            if name in self.world.nodes and place != leader
        )
        waits = _waits_for(settings, len(self.world.nodes))
        return self.where.light_s(region, leader) + (others[waits - 1] if waits else 0.0)


def _waits_for(settings: Leader | Consensus, nodes: int) -> int:
    """How many others have it on disk before the answer."""
    if isinstance(settings, Consensus) or settings.acks == "majority":
        return nodes // 2
    return {"leader": 0, "any:1": 1, "all": nodes - 1}[settings.acks]


MODES: tuple[tuple[str, Leader | Consensus | Eventual], ...] = (
    ("eventual", Eventual()),
    ("leader acks=leader", Leader(acks="leader")),
    ("leader acks=any:1", Leader(acks="any:1")),
    ("leader acks=majority", Leader(acks="majority")),
    ("leader acks=all", Leader(acks="all")),
    ("consensus", Consensus()),
)


class _Documents(Spread):
    """One edit by every replica, and the wait until all have all."""

    def __init__(self, where: Topology, seed: int, loop: VirtualLoop, count: int) -> None:
        super().__init__(where, seed, loop)
        self._count = count
        self._replicas: list[Any] = []
        self._go = asyncio.Event()
        self._done = asyncio.Event()
        self._last_edit = 0.0

    async def run(self) -> dict[str, Any]:
        """Measure."""
        regions = [region.name for region in self.where.regions]
        guests = self._count - len(regions)
        names = [f"g{number + 1}" for number in range(guests)]
        await self.found({name: regions[i % len(regions)] for i, name in enumerate(names)})
        await self.world.add_client("maker").run(self._make)
        fabric, loop = self.world.fabric, self.world.loop
        before, began = fabric.bytes_sent, loop.time()
        tasks = [machine.process.spawn(self._of_node(machine)) for machine in self.world.up()
                 if machine.process is not None]  # fmt: skip
        tasks += [self.world.add_client(name).run(self._guest) for name in names]
        while len(self._replicas) < self._count:
            await asyncio.sleep(_QUIET_S)
            if failed := [task for task in tasks if task.done()]:
                await failed[0]
        joined, joining_bytes = loop.time() - began, fabric.bytes_sent - before
        await asyncio.sleep(5.0)
        idle = fabric.bytes_sent
        await asyncio.sleep(5.0)
        idle = fabric.bytes_sent - idle  # in five seconds
        before = fabric.bytes_sent
        self._go.set()
        began = loop.time()
        while not self._all_have_all():
            assert loop.time() - began < _CONVERGE_MAX_S, "the replicas do not converge"
            await asyncio.sleep(_QUIET_S)
        seconds = loop.time() - self._last_edit
        sent = fabric.bytes_sent - before - int(idle * (loop.time() - began) / 5.0)
        self._done.set()
        for task in tasks:
            await task
        self.world.end()
        size = len(_text("g1"))
        return {
            "edits": self._count, "seconds": seconds, "light_s": self._longest_light_s(),
            "bytes_sent": sent, "bytes_needed": self._count * (self._count - 1) * size,
            "joining_s": joined, "joining_bytes": joining_bytes,
        }  # fmt: skip

    async def _make(self, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            await store.documents("notes", Note)

    async def _guest(self, network: SimNetwork) -> None:
        home = self.node_of(self.placed[network.machine.name])
        async with self.world.store(network, LIMITS, home) as store:
            await self._replica(network.machine.name, store)

    async def _of_node(self, machine: NodeMachine) -> None:
        assert machine.node is not None
        while not machine.node.graphs.replicas():
            await asyncio.sleep(_QUIET_S)
        store = plait.Store(Local(machine.node))
        await self._replica(machine.name, store)

    async def _replica(self, name: str, store: plait.Store) -> None:
        notes = await store.documents("notes", Note)
        self._replicas.append(notes)
        await self._go.wait()
        notes[name].text = _text(name)
        self._last_edit = self.world.now()
        await self._done.wait()

    def _all_have_all(self) -> bool:
        return all(len(notes) == self._count for notes in self._replicas)

    def _longest_light_s(self) -> float:
        names = [region.name for region in self.where.regions]
        return max(self.where.light_s(one, other) for one in names for other in names) / 2


def _text(name: str) -> str:
    """An edit: a line of text."""
    return f"{name} was here".ljust(40, ".")
