"""Faults that change who the members are, or what a member remembers of itself.

`new_node` and `throw_away` are what an operator does with machines; the cluster is asked by whoever
calls them (`workloads.members`). `new_disk` lets a node come back with nothing but its name,
`older_graphs` with its documents as they were some time ago, as out of a backup.

Invariant: fewer than half of the nodes that there were at first ever lose anything, never one that
leads (where its acknowledgement is enough, only it has what it acknowledged), and one node at most
is brought back older: two that write anew what they think is lost write it twice. What a disk held
that is not in use any more is nobody's promise: judges compare `NodeMachine.disk`.

Absent: older copies of ordered lines, which no replication survives; the fingerprint of a folder,
by which a real replica finds out that it is a copy: the older identity says so itself.
"""

import asyncio
from random import Random
from weakref import WeakKeyDictionary

import msgspec

from plait.base.codec import decode
from plait.base.ports import LineExtent
from plait.engines.graph.identity import Hard, encode_hard, is_graph_line
from plait.engines.graph.options import LINE_PREFIX
from plait.host.folder import file_name
from plait.host.memory_storage import LogDisk, MemoryDisk
from plait.sim.disk import SimDisk
from plait.sim.machine import NodeMachine
from plait.sim.world import World

_GRAPH_FILES = f"state/{file_name(LINE_PREFIX)}"  # so their names begin

# The nodes of each world that lost something, by what happened to them.
_lost: WeakKeyDictionary[World, dict[str, str]] = WeakKeyDictionary()


# ----------------------------------------------------------------------------- machines


def new_node(world: World, name: str) -> NodeMachine | None:
    """A machine whose node runs and waits to be taken in; None if no other node runs."""
    running = world.up()
    if not running:
        return None
    sponsor = running[0]
    assert sponsor.node is not None
    machine = world.add_node(
        name, [], joins=True, cluster=sponsor.node.cluster, limits=sponsor.config.limits,
        machines=sponsor.config.machines,
    )  # fmt: skip
    machine.clock.drift(sponsor.clock.rate)
    machine.start()
    return machine


def throw_away(world: World, name: str) -> None:
    """Switch a machine off for ever."""
    machine = world.nodes.pop(name)
    machine.kill(power_cut=True)
    machine.powered = False  # it may have been down


# ----------------------------------------------------------------------------- disks


async def new_disk(world: World, random: Random) -> None:
    """A node dies and comes back with an empty disk."""
    machine = may_be_lost(world, random, "new disk")
    if machine is not None:
        machine.kill(power_cut=random.random() < 0.5)
        machine.wipe()
        await asyncio.sleep(random.choice((0.01, 2.0)) * random.random())
        _start(machine)


async def rotten_log(world: World, random: Random) -> None:
    """A node dies, and its log is found damaged when it is opened: the newest of it is lost."""
    machine = may_be_lost(world, random, "rotten log")
    if machine is not None:
        machine.kill(power_cut=random.random() < 0.5)
        machine.disk = machine.disk.copied()
        machine.disk.rot()
        world.trace.note("log damaged", machine.name)
        await asyncio.sleep(random.choice((0.01, 2.0)) * random.random())
        _start(machine)


async def bit_rot(world: World, random: Random) -> None:
    """A row of a node's log cannot be read any more; who hears of it starts the node anew."""
    machine = may_be_lost(world, random, "bit rot")
    if machine is None:
        return
    row = machine.disk.rot_row()
    what = "nothing to rot" if row is None else f"row {row[1]} of {row[0]}"
    world.trace.note("bit rot", machine.name, what)
    try:
        await asyncio.sleep(random.uniform(0.5, 6.0))
    finally:
        restart(world, machine)


def restart(world: World, machine: NodeMachine) -> None:
    """What an operator does with a node that says that its disk is bad."""
    if world.nodes.get(machine.name) is machine and machine.up:
        machine.go_on()
        machine.kill()
        machine.start()


async def older_graphs(world: World, random: Random) -> None:
    """A node dies, and dies again some time later: its documents are then as they were."""
    if _lost.get(world):
        return
    machine = may_be_lost(world, random, "older graphs")
    if machine is None:
        return
    machine.kill()
    backup = machine.disk.copied()
    _start(machine)
    await asyncio.sleep(random.uniform(1.0, 6.0))
    machine.kill()
    machine.disk = with_graphs_of(machine.disk, backup)
    world.trace.note("older graphs", machine.name)
    _start(machine)


def _start(machine: NodeMachine) -> None:
    if not machine.up:
        machine.start()


def may_be_lost(world: World, random: Random, what: str) -> NodeMachine | None:
    """A node that may lose something, if there is one still; it is remembered."""
    lost = _lost.setdefault(world, {})
    first = sum(1 for machine in world.nodes.values() if not machine.config.joins)
    if len(lost) >= (first - 1) // 2 or "older graphs" in lost.values():
        return None
    safe = [machine for machine in world.up() if machine.name not in lost and _may_lose(machine)]
    if not safe or not _is_steady(world):
        return None
    machine = random.choice(safe)
    lost[machine.name] = what
    return machine


def _is_steady(world: World) -> bool:
    """Whether one is a minority, as all nodes know all lines; of two members it would be half."""
    nodes = [machine.node for machine in world.nodes.values()]
    members = [host.membership for node in nodes if node for host in node.hosts()]
    return all(nodes) and all(len(one.voters) > 2 and not one.outgoing for one in members)


def _may_lose(machine: NodeMachine) -> bool:
    """Whether it leads nothing, and has written anew whatever it thought lost."""
    node = machine.node
    return (
        node is not None
        and not machine.config.joins
        and not any(host.leads for host in node.hosts())
        and not any(replica.parts.lost for replica in node.graphs.replicas())
    )


def with_graphs_of(disk: SimDisk, backup: SimDisk) -> SimDisk:
    """Another disk with what is on this one, but documents as a backup has them."""
    result, backup = disk.copied(), backup.copied()
    for line in [line for line in result.log.extents if is_graph_line(line)]:
        _drop(result, line)
    for line in backup.log.extents:
        if is_graph_line(line):
            result.log.extents[line] = backup.log.extents[line]
            result.log.rows[line] = backup.log.rows.get(line, {})
            if line in backup.states:
                result.states[line] = backup.states[line]
            _distrust(result.log, line)
    ours = {name: data for name, data in disk.files.items() if not name.startswith(_GRAPH_FILES)}
    theirs = {name: data for name, data in backup.files.items() if name.startswith(_GRAPH_FILES)}
    result.files = ours | theirs
    return result


def _distrust(log: LogDisk, line: str) -> None:
    """What a replica finds out by the fingerprint of its folder."""
    extent = log.extents[line]
    if extent.hard_state is not None:
        hard = decode(extent.hard_state, type=Hard)
        hard = msgspec.structs.replace(hard, distrusted="the folder is an older copy")
        log.extents[line] = LineExtent(extent.head, extent.tail, encode_hard(hard))


def _drop(disk: MemoryDisk, line: str) -> None:
    del disk.log.extents[line]
    disk.log.rows.pop(line, None)
    disk.states.pop(line, None)
