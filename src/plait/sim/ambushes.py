"""Faults that strike at a moment, and faults that follow one another as bad luck has it.

`crash_at_...` lie in wait for a moment that a probe tells (`moments`) and strike milliseconds later
at the machine that it concerns. `exile` cuts a leader off, with whoever is connected to it, until
the others have another one, and may let either die as the two meet again; `banish` leaves it alone
for longer, and in peace.
`lost_voter` takes a leader away and gives a follower a new disk, so that those who are left have to
elect with a voter that forgot.

Invariants: those of `faults`: only `lost_voter` takes a disk away, and only one that may be lost.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from random import Random

from plait.line.entry import Epoch
from plait.node.lines import CONTROL
from plait.sim.machine import NodeMachine
from plait.sim.membership import may_be_lost
from plait.sim.moments import Kind
from plait.sim.world import World

PATIENCE_S = 10.0  # in wait for a moment
DELAYS_S = (0.0, 0.0, 0.02, 1.0)  # from a moment to the blow, at most
LOOK_S = 0.02
REPLACED_S = 8.0  # within that another one leads, or nobody can


# ----------------------------------------------------------------------------- at a moment


async def crash_at_election(world: World, random: Random) -> None:
    """A leader dies, or is cut off, as soon as it leads."""
    await _crash_at(world, random, "leads")


async def crash_at_change(world: World, random: Random) -> None:
    """A leader dies, or is cut off, as soon as it has logged other members."""
    await _crash_at(world, random, "members")


async def crash_at_copy(world: World, random: Random) -> None:
    """A follower dies when it has installed a copy of the state."""
    await _crash_at(world, random, "copied")


async def crash_at_cut(world: World, random: Random) -> None:
    """A member dies when it has cut what a newer leader contradicts."""
    await _crash_at(world, random, "cut")


async def _crash_at(world: World, random: Random, kind: Kind) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            moment = await world.moments.next(kind)
    except TimeoutError:
        return
    delay_s = random.choice(DELAYS_S) * random.random()
    if delay_s:  # what follows the moment takes a few turns of the loop only
        await asyncio.sleep(delay_s)
    machine = world.nodes.get(moment.machine)
    if machine is None or not machine.up:
        return
    if kind in ("leads", "members") and random.random() < 0.5:
        async with _cut_off(world, machine.name):
            await _replaced(world, machine.name, moment.line, random.choice((2.0, 8.0)))
        return
    machine.kill(power_cut=random.random() < 0.5)
    await asyncio.sleep(random.choice((0.05, 3.0)) * random.random())
    _revive([machine])


# ----------------------------------------------------------------------------- bad luck


async def exile(world: World, random: Random) -> None:
    """A leader is alone for a while, and another leads; one of them may die as they meet."""
    led = _led(world)
    if not led:
        return
    line = random.choice(list(led))
    name = led[line]
    dead: list[NodeMachine] = []
    async with _cut_off(world, name):
        await _replaced(world, name, line, REPLACED_S)
        await asyncio.sleep(random.choice((0.0, 0.01, 0.1, 1.0)) * random.random())
        dies = random.choice((None, name, *[_led(world, name).get(line)] * 2))
        if dies is not None:
            dead = _killed(world, dies, random)
    await asyncio.sleep(random.choice((0.02, 1.0, 3.0)) * random.random())
    _revive(dead)


async def banish(world: World, random: Random) -> None:
    """A leader is alone for long after another one leads, and nobody dies."""
    led = _led(world)
    if led:
        line = random.choice(list(led))
        async with _cut_off(world, led[line]):
            await _replaced(world, led[line], line, REPLACED_S)
            await asyncio.sleep(random.uniform(2.0, 10.0))


async def lost_voter(world: World, random: Random) -> None:
    """A leader is gone, and a follower comes back with a new disk meanwhile."""
    led = _led(world)
    follower = may_be_lost(world, random, "lost voter") if led else None
    if follower is None:
        return
    async with _cut_off(world, led[random.choice(list(led))]):
        follower.kill()
        follower.wipe()
        await asyncio.sleep(random.choice((0.01, 0.2)) * random.random())
        _revive([follower])
        await asyncio.sleep(random.uniform(1.0, 4.0))


# ----------------------------------------------------------------------------- means


@contextlib.asynccontextmanager
async def _cut_off(world: World, name: str) -> AsyncIterator[None]:
    """No other node hears it, nor is heard; clients go on with either side."""
    others = [other for other in world.nodes if other != name]
    world.trace.note("cut off", name)
    for other in others:
        world.fabric.cut(name, other)
        world.fabric.cut(other, name)
    try:
        yield
    finally:
        for other in others:
            world.fabric.mend(name, other)
            world.fabric.mend(other, name)
        world.trace.note("back", name)


def _led(world: World, but: str = "") -> dict[str, str]:
    """Every line that somebody leads now, and who; of two the one with the newer epoch."""
    newest: dict[str, tuple[Epoch, str]] = {}
    for machine in world.up():
        assert machine.node is not None
        for host in machine.node.hosts():
            if host.leads and machine.name != but:
                found = (host.epoch, machine.name)
                newest[host.line] = max(newest.get(host.line, found), found)
    return {line: name for line, (_, name) in newest.items()}


async def _replaced(world: World, name: str, line: str, within_s: float) -> None:
    """Wait until another one leads."""
    until = world.now() + within_s
    while world.now() < until and not _is_led(world, line, name):
        await asyncio.sleep(LOOK_S)


def _is_led(world: World, line: str, but: str) -> bool:
    """Whether somebody else leads a line now."""
    for machine in world.nodes.values():
        node = machine.node
        if node is not None and machine.name != but:
            host = node.control if line == CONTROL else node.lines.get(line)
            if host is not None and host.leads:
                return True
    return False


def _killed(world: World, name: str, random: Random) -> list[NodeMachine]:
    machine = world.nodes.get(name)
    if machine is None:
        return []  # it was thrown away meanwhile
    machine.kill(power_cut=random.random() < 0.5)
    return [machine]


def _revive(machines: Iterable[NodeMachine]) -> None:
    for machine in machines:
        if not machine.up:
            machine.start()
