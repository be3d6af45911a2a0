"""What a scenario lets happen, at times of its own choosing, to machines that it names by role.

A step is ``at_s`` (seconds after the work began), ``do`` (one of `ACTS`), ``to`` (whom) and ``by``
(how much, for acts that have an amount). Whom it concerns is found out when the step's time comes:

========================  =====================================================================
``n1``, ``r0``            a machine
``nodes``, ``clients``    all of them
``leader:TABLE``          who leads the line of a table, a machine or ``control``
``followers:TABLE``       the others, in order; ``follower:TABLE`` is the first of them
``others``                every node that the step does not name otherwise
``ROLE as NAME``          the same, and later steps find it as ``NAME``
``ONE > OTHER``           the way from one to the other, for acts on the network
``ONE | OTHER``           both ways
========================  =====================================================================

Invariant: a step that found nobody, or whose time never came, is told as a problem: a scenario
that did not happen proves nothing.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from plait.base.errors import BadSettings
from plait.sim.acts import ACTS, Scene
from plait.sim.config import Step
from plait.sim.world import World

FOUND_WITHIN_S = 10.0  # a leader is looked for that long
_LOOK_S = 0.02


class Script:
    """Performs the steps of a scenario in the order of their times."""

    def __init__(self, world: World, steps: Sequence[Step], answers: Callable[[], int]) -> None:
        self.world = world
        self.orders: dict[str, asyncio.Task[Any]] = {}  # what operators were told to do
        self.answers = answers  # how many operations clients were told to have happened
        self.answered = 0  # of them, when that was last asked
        self.found: list[str] = []  # what went wrong
        self._steps = sorted(steps, key=lambda step: step.at_s)
        self._done = 0
        self._known: dict[str, list[str]] = {}  # by the name that a step gave
        for step in self._steps:
            if step.do not in ACTS:
                raise BadSettings(f"no act {step.do!r}; there are {', '.join(sorted(ACTS))}")

    async def perform(self) -> None:
        """Let everything happen; ends with the last step."""
        began = self.world.now()
        for step in self._steps:
            await asyncio.sleep(began + step.at_s - self.world.now())
            scene = await self._scene(step)
            if scene is None:
                return
            self.world.trace.note("script", "world", f"{step.do} {', '.join(step.to)}".strip())
            await ACTS[step.do](scene)
            self._done += 1

    async def finish(self, within_s: float) -> None:
        """Wait for the orders that operators were given."""
        if self.orders:
            await asyncio.wait(self.orders.values(), timeout=within_s)

    def problems(self) -> Iterator[str]:
        """What should have happened and did not."""
        yield from self.found
        for step in self._steps[self._done :]:
            yield f"{step.do} {', '.join(step.to)} at {step.at_s:g} s did not come about"
        for order, task in self.orders.items():
            if not task.done():
                yield f"the order to {order} was not carried out"
            elif task.exception() is not None:
                yield f"the order to {order} failed: {task.exception()!r}"

    async def _scene(self, step: Step) -> Scene | None:
        """Whom a step concerns, as soon as there is somebody; None if nobody comes."""
        until = self.world.now() + FOUND_WITHIN_S
        scene = self._found(step)
        while scene is None and self.world.now() < until:
            await asyncio.sleep(_LOOK_S)
            scene = self._found(step)
        return scene

    def _found(self, step: Step) -> Scene | None:
        """The step's machines and paths; None if a role is nobody's now."""
        names: list[str] = []
        paths: list[tuple[str, str]] = []
        for text in step.to if step.do != "join" else ():  # those are nobody yet
            sign = next((sign for sign in (">", "|") if sign in text), None)
            if sign is None:
                names += [one for one in self._resolve(text, names) if one not in names]
                continue
            left, right = text.split(sign)
            ones = self._resolve(left, self._resolve(right, []))
            others = self._resolve(right, ones)
            pairs = [(one, other) for one in ones for other in others if one != other]
            paths += pairs + ([(other, one) for one, other in pairs] if sign == "|" else [])
            if not pairs:
                return None
        if step.do == "join":
            names = list(step.to)
        if step.to and not names and not paths:
            return None
        return Scene(self, step, names, paths)

    def _resolve(self, text: str, but: list[str]) -> list[str]:
        role, _, name = (part.strip() for part in text.partition(" as "))
        found = self._role(role, but)
        if name and found:
            self._known[name] = found
        return found

    def _role(self, role: str, but: list[str]) -> list[str]:
        world = self.world
        kind, _, line = role.partition(":")
        match kind:
            case _ if kind in self._known:
                return self._known[kind]
            case "nodes":
                return list(world.nodes)
            case "clients":
                return list(world.clients)
            case "others":
                return [name for name in world.nodes if name not in but]
            case "leader" | "follower" | "followers":
                leader = leader_of(world, line)
                if kind == "leader" or leader is None:
                    return [] if leader is None else [leader]
                rest = [name for name in world.nodes if name != leader]
                return rest[:1] if kind == "follower" else rest
        if kind in world.fabric.machines:
            return [kind]
        raise BadSettings(f"a script names {role!r}, which is no machine and no role")


def leader_of(world: World, name: str) -> str | None:
    """The node that leads a line, given by its name or that of a table or machine on it."""
    best: tuple[Any, str] | None = None
    for machine in world.up():
        node = machine.node
        assert node is not None
        if machine.process is None or machine.process.stopped:
            continue
        table = node.control_machine.table(node.control.replica.view, name)
        lines = (name, f"machine/{name}", table.line if table is not None else name)
        for host in node.hosts():
            if host.line in lines and host.leads:
                best = max(best or (host.epoch, machine.name), (host.epoch, machine.name))
    return None if best is None else best[1]
