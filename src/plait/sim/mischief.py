"""Faults of the network that no connection shows as broken: ghosts, slowness, unruly paths.

A *ghost* is a connection that one end believes reset while its frames are still on their way: they
arrive after those of the connection that was dialled next. What a slow path brings comes when it
was given up, and asked for again elsewhere. An unruly path (`unruly`) is an adversary's.
"""

import asyncio
from random import Random

import msgspec

from plait.sim.unruly import Unruly
from plait.sim.world import World

_HELD_S = (0.05, 0.3, 1.0)  # before one end learns of it
_LATE_S = (0.05, 0.5, 4.0)  # and until the other does


async def ghost(world: World, random: Random) -> None:
    """Connections are gone for one end; what it sent comes late, and the other end is not told."""
    one, other = _way(world, random)
    fabric = world.fabric
    fabric.cut(one, other)
    try:
        await asyncio.sleep(random.choice(_HELD_S) * random.random())
        late_s = random.choice(_LATE_S) * random.random()
        frames = sum(end.abandoned(late_s) for end in fabric.ends(one, other))
        what = f"is reset for it, and {frames} frames come {late_s:.3f} s later"
        world.trace.note("ghost", one, what, other)
    finally:
        fabric.mend(one, other)
    if frames:
        fabric.world_at(world.now() + late_s, lambda: _came(world, frames, one, other))


def _came(world: World, frames: int, one: str, other: str) -> None:
    world.trace.note("ghost comes", other, f"{frames} frames of", one)


async def slow(world: World, random: Random) -> None:
    """Everything takes seconds for a while, to a machine or from it, or both ways."""
    one, _ = _way(world, random)
    ways = [(one, each) for each in (*world.nodes, *world.clients) if each != one]
    if random.random() < 0.6:
        ways += [(other, one) for one, other in ways]
    if random.random() < 0.3:
        ways = [(other, one) for one, other in ways]
    seconds = random.choice((0.3, 2.0, 6.0)) * random.uniform(0.5, 1.0)
    before = {way: world.fabric.path(*way).rules for way in ways}
    world.trace.note("slow", one, f"{seconds:.3f} s")
    for way, rules in before.items():
        world.fabric.set_rules(*way, msgspec.structs.replace(rules, latency_s=seconds))
    try:
        await asyncio.sleep(random.uniform(0.5, 8.0))
    finally:
        for way, rules in before.items():
            world.fabric.set_rules(*way, rules)
        world.trace.note("as fast as before", one)


async def twice(world: World, random: Random) -> None:
    """Some of what nodes say to each other comes twice."""
    await _unruly(world, random, "comes twice", random.choice((0.1, 0.5, 1.0)), 0.0)


async def shuffle(world: World, random: Random) -> None:
    """Some of what nodes say to each other comes behind what they said later."""
    await _unruly(world, random, "comes out of order", 0.0, random.choice((0.05, 0.3)))


async def _unruly(world: World, random: Random, what: str, twice: float, behind: float) -> None:
    one = random.choice(list(world.nodes))
    late_s = random.choice((0.01, 0.2, 1.5))
    paths = [world.fabric.path(one, other) for other in world.nodes if other != one]
    unruly = Unruly(Random(random.getrandbits(64)), twice, behind, late_s)
    for path in paths:
        path.unruly = unruly
    world.trace.note("unruly", one, f"{what}, up to {late_s:g} s later")
    try:
        await asyncio.sleep(random.uniform(0.5, 8.0))
    finally:
        for path in paths:
            if path.unruly is unruly:
                path.unruly = None
        world.trace.note("in order again", one, f"{unruly.met} frames were not")


def _way(world: World, random: Random) -> tuple[str, str]:
    """From a machine to another, one of which is a node; of clients, those that work now."""
    names = [*world.nodes, *(name for name, one in world.clients.items() if one.works)]
    one = random.choice(list(world.nodes))
    other = random.choice([name for name in names if name != one] or [one])
    return (one, other) if random.random() < 0.5 else (other, one)
