"""What a script can do to a world: acts, each a function of the step that names it.

An act does what it says at once; who carries out an operator's order goes on meanwhile. The faults
of `faults` come and go by chance, acts come when they are called and stay.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

import plait
from plait.base.errors import PlaitError
from plait.sim.config import Step
from plait.sim.faults import revive
from plait.sim.machine import Machine, NodeMachine
from plait.sim.network import SimNetwork

if TYPE_CHECKING:
    from plait.sim.script import Script

Act: TypeAlias = Callable[["Scene"], Awaitable[None]]

ACTS: dict[str, Act] = {}

_AGAIN_S = 0.5


class Scene:
    """One step, with those whom it concerns."""

    def __init__(
        self, script: "Script", step: Step, names: list[str], paths: list[tuple[str, str]]
    ) -> None:
        self.script = script
        self.world = script.world
        self.step = step
        self.names = names
        self.paths = paths

    @property
    def nodes(self) -> list[NodeMachine]:
        """The nodes among those whom it concerns."""
        return [self.world.nodes[name] for name in self.names if name in self.world.nodes]

    @property
    def machines(self) -> list[Machine]:
        """Everybody whom it concerns."""
        return [self.world.fabric.machines[name] for name in self.names]


def act(perform: Act) -> Act:
    """Make an act known by its name."""
    ACTS[perform.__name__] = perform
    return perform


# ----------------------------------------------------------------------------- processes


@act
async def kill(scene: Scene) -> None:
    """kill -9."""
    for machine in scene.machines:
        machine.kill()


@act
async def power_cut(scene: Scene) -> None:
    """The power fails: what was not on the disk is gone, and nobody is told."""
    for machine in scene.machines:
        machine.kill(power_cut=True)


@act
async def start(scene: Scene) -> None:
    """Nodes that are down run again."""
    for machine in scene.nodes:
        await revive(machine)


@act
async def wipe(scene: Scene) -> None:
    """Nodes that are down get new disks."""
    for machine in scene.nodes:
        if not machine.up:
            machine.wipe()


@act
async def stop(scene: Scene) -> None:
    """SIGSTOP."""
    for machine in scene.machines:
        machine.stop()


@act
async def go_on(scene: Scene) -> None:
    """SIGCONT."""
    for machine in scene.machines:
        machine.go_on()


# ----------------------------------------------------------------------------- network


@act
async def cut(scene: Scene) -> None:
    """Nothing gets through."""
    for one, other in scene.paths:
        scene.world.trace.note("cut", one, "one way", other)
        scene.world.fabric.cut(one, other)


@act
async def mend(scene: Scene) -> None:
    """Paths are open again; without any, all of them."""
    for one, other in scene.paths:
        scene.world.trace.note("mend", one, "one way", other)
        scene.world.fabric.mend(one, other)
    if not scene.step.to:
        scene.world.trace.note("mend", "paths")
        scene.world.fabric.mend_all()


@act
async def reset(scene: Scene) -> None:
    """Connections break."""
    for one, other in scene.paths:
        scene.world.trace.note("reset", one, other=other)
        scene.world.fabric.reset(one, other)


@act
async def slow(scene: Scene) -> None:
    """Paths take `by` seconds from now on."""
    for one, other in scene.paths:
        rules = scene.world.fabric.path(one, other).rules
        scene.world.trace.note("slow", one, f"{scene.step.by:g} s", other)
        scene.world.fabric.set_rules(
            one, other, msgspec.structs.replace(rules, latency_s=scene.step.by)
        )


# ----------------------------------------------------------------------------- disks, clocks


@act
async def full(scene: Scene) -> None:
    """Disks have no space."""
    for machine in scene.nodes:
        scene.world.trace.note("disk full", machine.name)
        machine.disk.full = True


@act
async def space(scene: Scene) -> None:
    """Disks have space again."""
    for machine in scene.nodes:
        scene.world.trace.note("disk has space", machine.name)
        machine.disk.full = False


@act
async def bad_sync(scene: Scene) -> None:
    """The next fsyncs fail, `by` of them (1)."""
    for machine in scene.nodes:
        scene.world.trace.note("fsync fails", machine.name)
        machine.disk.failing = int(scene.step.by) or 1


@act
async def clock(scene: Scene) -> None:
    """Wall clocks are set forward or back, `by` milliseconds."""
    for machine in scene.machines:
        scene.world.trace.note("clock", machine.name, f"{scene.step.by:+g} ms")
        machine.clock.jump(int(scene.step.by))


# ----------------------------------------------------------------------------- clients


@act
async def progress(scene: Scene) -> None:
    """Clients must have had `by` answers since the last such step, or since the work began."""
    script, step = scene.script, scene.step
    got = script.answers() - script.answered
    script.answered += got
    scene.world.trace.note("progress", "world", f"{got} answers")
    if got < step.by:
        script.found.append(
            f"{got} answers until {step.at_s:g} s, and not {step.by:g}: no progress"
        )


# ----------------------------------------------------------------------------- members


@act
async def leave(scene: Scene) -> None:
    """An operator lets nodes go; the script goes on meanwhile."""
    for machine in scene.nodes:
        _operate(scene, f"leave {machine.name}", partial(_leave, machine.name))


@act
async def join(scene: Scene) -> None:
    """New nodes start, and an operator has them taken in; the script goes on meanwhile."""
    for name in scene.step.to:
        first = next(iter(scene.world.nodes.values())).config
        machine = scene.world.add_node(name, [], limits=first.limits, joins=True)
        machine.start()
        _operate(scene, f"join {name}", partial(_join, name, machine.address))


@act
async def delay(scene: Scene) -> None:
    """An operator lets nodes apply everything so many seconds later."""
    for machine in scene.nodes:
        order = partial(_follow, machine.name, delay_s=scene.step.by)
        _operate(scene, f"delay {machine.name} by {scene.step.by:g} s", order)


@act
async def hold(scene: Scene) -> None:
    """An operator stops nodes where they stand."""
    for machine in scene.nodes:
        _operate(scene, f"hold {machine.name}", partial(_follow, machine.name, hold="now"))


@act
async def go(scene: Scene) -> None:
    """An operator lets nodes go on that were held."""
    for machine in scene.nodes:
        _operate(scene, f"let {machine.name} go on", partial(_follow, machine.name, go=True))


@act
async def no_vote(scene: Scene) -> None:
    """An operator takes nodes their votes."""
    for machine in scene.nodes:
        _operate(scene, f"no vote for {machine.name}", partial(_follow, machine.name, votes=False))


@act
async def vote(scene: Scene) -> None:
    """An operator gives nodes their votes back."""
    for machine in scene.nodes:
        _operate(scene, f"a vote for {machine.name}", partial(_follow, machine.name, votes=True))


async def _follow(name: str, store: plait.Store, **settings: Any) -> None:
    await store.set_follower(name, **settings)


async def _leave(name: str, store: plait.Store) -> None:
    await store.leave(name)


async def _join(name: str, address: str, store: plait.Store) -> None:
    await store.join(name, address)


def _operate(scene: Scene, order: str, use: Callable[[plait.Store], Awaitable[None]]) -> None:
    """Somebody at a machine of their own carries an order out, however often it takes."""
    world, orders = scene.world, scene.script.orders

    async def program(network: SimNetwork) -> None:
        async with world.store(network) as store:
            while True:
                try:
                    await use(store)
                    break
                except PlaitError as error:
                    world.trace.note(
                        "again", network.machine.name, f"{type(error).__name__}: {error}"
                    )
                    await asyncio.sleep(_AGAIN_S)
        world.trace.note("done", network.machine.name, order)

    orders[order] = world.add_client(f"order{len(orders) + 1}").run(program)
