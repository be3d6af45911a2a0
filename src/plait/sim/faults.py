"""What goes wrong in a world, and is put right again.

A fault is a function that does it, waits, and undoes it; each kind strikes at times of its own and
draws from a stream of its own. A fault that would touch a machine that is already down or stopped
does nothing. `mend` puts everything right, whatever was under way.

Invariant: at most a minority of nodes ever loses what it acknowledged (`rot`, `wipe`), because no
replication survives more; all other faults may strike all nodes at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeAlias

import msgspec

from plait.engines.chain import Chain
from plait.sim.ambushes import (
    banish,
    crash_at_change,
    crash_at_copy,
    crash_at_cut,
    crash_at_election,
    exile,
    lost_voter,
)
from plait.sim.chance import exponential
from plait.sim.machine import NodeMachine
from plait.sim.membership import bit_rot, new_disk, older_graphs, restart, rotten_log
from plait.sim.mischief import ghost, shuffle, slow, twice
from plait.sim.world import World

Fault: TypeAlias = Callable[[World, Random], Awaitable[None]]

FAULTS: dict[str, Fault] = {}
ENGINE_FAULTS = (
    "engine_down",
    "engine_cut",
    "engine_slow",
    "kill_mover",
)  # of worlds that have engines

MOVE_WITHIN_S = 3.0  # that long somebody who would kill a mover waits for a move


def fault(act: Fault) -> Fault:
    """Make a fault known by its name."""
    FAULTS[act.__name__] = act
    return act


async def strike(world: World, name: str, every_s: float) -> None:
    """Let one kind of fault happen again and again."""
    random = world.stream(f"fault {name}")
    while True:
        await asyncio.sleep(exponential(random, every_s))
        await FAULTS[name](world, random)


async def mend(world: World) -> None:
    """Put everything right: paths, disks, clocks' pace, and every node runs."""
    world.trace.note("mend", "world")
    world.fabric.mend_all()
    for machine in world.nodes.values():
        machine.disk.full = False
        machine.disk.failing = 0
        machine.go_on()
        await revive(machine)
    for engine in world.engines.values():
        engine.come_back()
    for client in world.clients.values():
        client.go_on()


async def revive(machine: NodeMachine) -> None:
    """Start a node that is down."""
    if not machine.up:
        machine.start()


def _target(world: World, random: Random) -> NodeMachine | None:
    """A node that runs, or None; more often one that leads something."""
    machines = world.up()
    if not machines:
        return None
    leading = [one for one in machines if one.node and any(h.leads for h in one.node.hosts())]
    return random.choice(leading if leading and random.random() < 0.5 else machines)


def _pair(world: World, random: Random) -> tuple[str, str]:
    names = [*world.nodes, *world.clients]
    one = random.choice(list(world.nodes))
    return one, random.choice([name for name in names if name != one])


# ----------------------------------------------------------------------------- processes


@fault
async def kill(world: World, random: Random) -> None:
    """kill -9, and a start soon after."""
    machine = _target(world, random)
    if machine is not None:
        machine.kill()
        await asyncio.sleep(random.choice((0.01, 0.5, 3.0)) * random.random())
        await revive(machine)


@fault
async def power_cut(world: World, random: Random) -> None:
    """One machine loses its power, or all of them at once."""
    everybody = random.random() < 0.2
    machines = world.up() if everybody else [_target(world, random)]
    for machine in machines:
        if machine is not None:
            machine.kill(power_cut=True)
    await asyncio.sleep(random.choice((0.1, 2.0, 8.0)) * random.random())
    for machine in machines:
        if machine is not None:
            await revive(machine)


@fault
async def pause(world: World, random: Random) -> None:
    """SIGSTOP for a while."""
    machine = _target(world, random)
    if machine is not None:
        machine.stop()
        await asyncio.sleep(random.choice((0.1, 1.0, 5.0)) * random.random())
        machine.go_on()


# ----------------------------------------------------------------------------- network


@fault
async def partition(world: World, random: Random) -> None:
    """Two groups of machines that do not hear each other."""
    names = [*world.nodes, *world.clients, *world.engines]
    random.shuffle(names)
    split = random.randrange(1, len(names)) if len(names) > 1 else 0
    await _cut(world, random, [(a, b) for a in names[:split] for b in names[split:]], both=True)


@fault
async def one_way(world: World, random: Random) -> None:
    """One machine is not heard by some of the others, but hears them."""
    one = random.choice(list(world.nodes))
    others = [name for name in world.nodes if name != one and random.random() < 0.7]
    await _cut(world, random, [(one, other) for other in others], both=False)


@fault
async def bridge(world: World, random: Random) -> None:
    """Two groups of nodes that only one node in between hears."""
    names = list(world.nodes)
    if len(names) < 3:
        return
    random.shuffle(names)
    half = len(names) // 2
    sides = [(a, b) for a in names[1 : half + 1] for b in names[half + 1 :]]
    await _cut(world, random, sides, both=True)


@fault
async def reset(world: World, random: Random) -> None:
    """Connections between two machines break."""
    one, other = _pair(world, random)
    world.trace.note("reset", one, other=other)
    world.fabric.reset(one, other)


fault(ghost)
fault(slow)
fault(twice)
fault(shuffle)


async def _cut(world: World, random: Random, pairs: list[tuple[str, str]], both: bool) -> None:
    for one, other in pairs:
        world.trace.note("cut", one, "both ways" if both else "one way", other)
        world.fabric.cut(one, other)
        if both:
            world.fabric.cut(other, one)
    await asyncio.sleep(random.choice((0.3, 2.0, 10.0)) * random.random())
    for one, other in pairs:
        world.fabric.mend(one, other)
        world.fabric.mend(other, one)
        world.trace.note("mend", one, "both ways", other)


# ----------------------------------------------------------------------------- disks


@fault
async def full_disk(world: World, random: Random) -> None:
    """No space for a while."""
    machine = _target(world, random)
    if machine is not None:
        disk = machine.disk
        world.trace.note("disk full", machine.name)
        disk.full = True
        await asyncio.sleep(random.uniform(0.1, 5.0))
        disk.full = False
        world.trace.note("disk has space", machine.name)


@fault
async def bad_sync(world: World, random: Random) -> None:
    """A few fsyncs fail; what they were to write is not on the disk."""
    machine = _target(world, random)
    if machine is not None:
        world.trace.note("fsync fails", machine.name)
        machine.disk.failing = random.choice((1, 1, 3))


@fault
async def stall(world: World, random: Random) -> None:
    """No fsync ends for seconds, or for as long as it takes until all is mended."""
    machine = _target(world, random)
    if machine is not None:
        disk = machine.disk
        world.trace.note("disk stalls", machine.name)
        disk.stall()
        try:
            await asyncio.sleep(random.choice((1.0, 5.0, 60.0)) * random.random())
        finally:
            disk.go_on()
            world.trace.note("disk goes on", machine.name)


@fault
async def bad_reads(world: World, random: Random) -> None:
    """Some reads bring nothing, or something else than was written; who sees to it starts anew."""
    machine = _target(world, random)
    if machine is not None:
        machine.disk.bad_reads = random.choice((1, 3, 20))
        try:
            await asyncio.sleep(random.uniform(0.5, 5.0))
        finally:
            machine.disk.bad_reads = 0
            restart(world, machine)


# ----------------------------------------------------------------------------- clocks


@fault
async def clock_jump(world: World, random: Random) -> None:
    """A wall clock is set, and later set right."""
    machine = _target(world, random)
    if machine is not None:
        jump = random.choice((-60_000, -500, 500, 60_000))
        world.trace.note("clock", machine.name, f"{jump:+} ms")
        machine.clock.jump(jump)
        try:
            await asyncio.sleep(random.uniform(1.0, 5.0))
        finally:
            machine.clock.jump(-jump)  # `mend` does not know who was how far ahead from the start


# ----------------------------------------------------------------------------- shared engines


@fault
async def engine_down(world: World, random: Random) -> None:
    """A shared engine is down for a while; it refuses, or is not there at all."""
    if world.engines:
        engine = random.choice(list(world.engines.values()))
        engine.go_down(power_cut=random.random() < 0.5)
        await asyncio.sleep(random.choice((0.3, 2.0, 12.0)) * random.random())
        engine.come_back()


@fault
async def engine_cut(world: World, random: Random) -> None:
    """Some nodes and a shared engine do not hear each other, or one side not the other."""
    if world.engines:
        engine = random.choice(list(world.engines))
        pairs = [(node, engine) for node in world.nodes if random.random() < 0.6]
        both = random.random() < 0.5
        if not both and random.random() < 0.5:
            pairs = [(there, here) for here, there in pairs]  # only the answers are lost
        await _cut(world, random, pairs, both)


@fault
async def engine_slow(world: World, random: Random) -> None:
    """Some nodes' requests to a shared engine take long, and arrive when nobody waits any more."""
    if not world.engines:
        return
    engine = random.choice(list(world.engines))
    nodes = [node for node in world.nodes if random.random() < 0.6]
    by_s = random.choice((0.3, 1.5, 5.0))
    rules = world.fabric.rules
    late = msgspec.structs.replace(rules, latency_s=by_s, jitter_s=by_s / 2)
    try:
        for node in nodes:
            world.trace.note("slow", node, f"{by_s:g} s", engine)
            world.fabric.set_rules(node, engine, late)
        await asyncio.sleep(random.choice((0.3, 2.0, 10.0)) * random.random())
    finally:
        for node in nodes:
            world.fabric.set_rules(node, engine, rules)


@fault
async def kill_mover(world: World, random: Random) -> None:
    """kill -9 between two steps of a move: of a node that knows of it, or of any."""
    until = world.now() + MOVE_WITHIN_S
    while world.engines and world.now() < until:
        moving = [machine for machine in world.up() if _is_moving(machine)]
        if not moving:
            await asyncio.sleep(0.005)
            continue
        await asyncio.sleep(random.choice((0.0, 0.01, 0.1)) * random.random())
        machine = random.choice([*moving, *world.nodes.values()])
        machine.kill(power_cut=random.random() < 0.5)
        await asyncio.sleep(random.choice((0.01, 0.5, 5.0)) * random.random())
        await revive(machine)
        return


def _is_moving(machine: NodeMachine) -> bool:
    lines = () if machine.node is None else machine.node.lines.values()
    chains = [host.loglet for host in lines if isinstance(host.loglet, Chain)]
    return any(chain.configuration.intent is not None for chain in chains)


# ----------------------------------------------------------------------------- memory

fault(new_disk)
fault(older_graphs)
fault(rotten_log)
fault(bit_rot)

# ----------------------------------------------------------------------------- ambushes

fault(banish)
fault(crash_at_change)
fault(crash_at_copy)
fault(crash_at_cut)
fault(crash_at_election)
fault(exile)
fault(lost_voter)
