"""What must hold inside, looked at while a world runs: truths that no client could see broken.

A probe finds a line or a replica when it is opened (`look`, every few virtual milliseconds), and
from then on sees every step of its core and every word that it says (`member_probe`), or what it
has delivered at each look (`graph_probe`); of a line that moves, what becomes of its chain, and
every entry that is applied (`chain_probe`). Judges tell that a promise was broken; probes tell
where it began, and find what was not visible yet.

Invariant: a probe only reads. It notes nothing in the trace, draws no chance and asks for no time,
so a run has the same hash whatever is looked at; unless a fault lies in wait (`moments`) for what
probes see.
Absent: disks that lost what they held (`wipe`, `rot`, older copies): what such a machine had said
may be gone, and from then on nothing is held against it.
"""

import asyncio
import traceback
from collections.abc import Iterable
from typing import Any

from plait.base.ports import LineExtent
from plait.engines.chain import Chain
from plait.engines.graph.replica import Replica
from plait.node.line_host import LineHost
from plait.sim.chain_probe import ChainProbe
from plait.sim.graph_probe import GraphProbe
from plait.sim.line_truth import LineTruth
from plait.sim.loop import owner
from plait.sim.machine import NodeMachine
from plait.sim.member_probe import MemberProbe
from plait.sim.moments import Kind
from plait.sim.world import World

LOOK_S = 0.05
FOUND_MAX = 8


class Probes:
    """Everything that is looked at in one world."""

    def __init__(self, world: World) -> None:
        self.found: list[str] = []
        self.lost: set[str] = set()  # machines whose disks lost something; only asked for members
        self._world = world
        self._lines: dict[str, LineTruth] = {}
        self._members: dict[tuple[str, str], MemberProbe] = {}  # by machine and line
        self._chains: dict[str, ChainProbe] = {}
        self._graphs: dict[str, GraphProbe] = {}
        self._disks: dict[str, tuple[object, object]] = {}

    def watch(self) -> None:
        """Look, and again and again."""
        self.look()
        self._world.fabric.world_at(self._world.now() + LOOK_S, self.watch)

    def look(self) -> None:
        """Meet whoever is new, and look at what is not seen step by step."""
        held: dict[str, list[tuple[str, Replica]]] = {}
        for machine in self._world.nodes.values():
            self._look_at_disk(machine)
            node = machine.node
            if node is None or node.closed or not machine.up:
                continue
            for host in node.hosts():
                self._look_at_member(machine.name, host)
                self._look_at_chain(machine.name, host)
            for replica in node.graphs.replicas():
                held.setdefault(replica.parts.options.lineage, []).append((machine.name, replica))
        for lineage, replicas in held.items():
            graph = self._graphs.get(lineage)
            if graph is None:
                graph = self._graphs[lineage] = GraphProbe(self)
            graph.look(replicas)

    def _look_at_member(self, name: str, host: LineHost) -> None:
        group = host.group
        if group is None:
            return
        log = group.line  # each segment of a chain has one of its own
        line = self._lines.get(log)
        if line is None:
            line = self._lines[log] = LineTruth(log, self)
        known = self._members.get((name, log))
        if known is None or known.driver is not group.loglet.driver:
            known = self._members[name, log] = MemberProbe(line, name, host)
        known.look()

    def _look_at_chain(self, name: str, host: LineHost) -> None:
        if isinstance(host.loglet, Chain):
            chain = self._chains.get(host.line)
            if chain is None:
                chain = self._chains[host.line] = ChainProbe(host.line, self, self._lines)
            chain.look(name, host, host.loglet)

    def _look_at_disk(self, machine: NodeMachine) -> None:
        disk = machine.disk
        known = self._disks.get(machine.name)
        if known is None:
            known = self._disks[machine.name] = (disk, disk.log)
        if disk.damage or disk.rotten or known[0] is not disk or known[1] is not disk.log:
            self.lost.add(machine.name)
            self._disks[machine.name] = (disk, disk.log)

    def unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback raised, which no program of ours means to do; what a task raised that nobody
        asked for is told whenever it is collected, and cannot be counted on."""
        error = context.get("exception")
        if "handle" in context and error is not None:
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            process = owner.get()
            self.report("a callback", ("the world" if process is None else process.name,), what)

    # ------------------------------------------------------------------ what probes ask and tell

    def holders(self, line: str, position: int, row: bytes) -> list[str]:
        """The machines whose disks have this row, or must be believed that they had it."""
        for machine in self._world.nodes.values():
            self._look_at_disk(machine)  # what it said may be on its way still
        return [
            machine.name
            for machine in self._world.nodes.values()
            if machine.name in self.lost or _has(machine, line, position, row)
        ]

    def tail_on_disk(self, name: str, line: str) -> int:
        """Where a line ends on a machine's disk."""
        extent = self._world.nodes[name].disk.log.extents.get(line)
        return 0 if extent is None else extent.tail

    def extent(self, name: str, line: str) -> LineExtent | None:
        """What a machine's disk says of a line."""
        machine = self._world.nodes.get(name)
        return None if machine is None else machine.disk.log.extents.get(line)

    def hard_state(self, name: str, line: str) -> bytes | None:
        """What a machine's disk says must never be forgotten."""
        extent = self.extent(name, line)
        return None if extent is None else extent.hard_state

    def row(self, name: str, line: str, position: int) -> bytes | None:
        """A row of a machine's disk."""
        return self._world.nodes[name].disk.log.rows.get(line, {}).get(position)

    def tell(self, kind: Kind, name: str, line: str) -> None:
        """Something happens that faults may wait for."""
        self._world.moments.tell(kind, name, line)

    def report(self, line: str, who: Iterable[str], what: str) -> None:
        """Something is not as it must be."""
        if len(self.found) < FOUND_MAX:
            names = ", ".join(who)
            self.found.append(f"at {self._world.now():.4f} s, {line}, {names}: {what}")


def _has(machine: NodeMachine, line: str, position: int, row: bytes) -> bool:
    log = machine.disk.log
    extent = log.extents.get(line)
    if extent is None:
        return False
    return position < extent.head or log.rows.get(line, {}).get(position) == row
