"""Storms over real replicas: every type, every road, links that come and go, disks that forget.

One seed draws everything; time is virtual. Each count is written with a token of its own into a
set, in one batch, so at the end the counter must be exactly the number of tokens that are there,
and every token that was ever flushed must be.

Legal losses, which the storm keeps account of: what was not flushed when the power went, and what
only a disk knew that was replaced by an older copy.
"""

import asyncio
import contextlib
from random import Random

from graph_storm_judge import check, converged
from graph_storm_machines import (
    COUNT,
    GROWN,
    KEYS,
    LEDGER,
    TOKENS,
    Link,
    Machine,
    copied,
    picture,
    values_of,
)

from plait.base.codec import encode
from plait.base.errors import DiskFull, PlaitError, StorageError
from plait.engines.graph import Replica
from plait.engines.graph.syncing import RELINK
from plait.graph.event import Pack, unpack
from plait.graph.messages import Ops, decode_message
from plait.host.memory_storage import MemoryDisk
from plait.types.catalogue import type_of
from plait.types.paths import Path, tag_of

TAGS = ("gc", "c", "b", "ew", "dw", "gs", "tp", "aw", "rw", "r", "m", "q", "t", "x", "x", "l")
NESTS: tuple[Path, ...] = ((), ("o:m",), ("o:m", "o:n"))
ROADS = ("auto", "ops", "delta", "state")
HEAL_S = 240.0
NODES_MAX = 5


class Storm:
    """A world from its seed."""

    def __init__(self, seed: int) -> None:
        self.draw = draw = Random(seed)
        self.history = draw.choice(("stable", "stable", "forever"))
        self.roads = draw.choice((ROADS, ROADS, ("auto",), (draw.choice(ROADS),)))
        # who is retired and whose disk is turned back as well has lost what nobody may take
        self.copies = draw.random() < 0.4
        self.retires = not self.copies and draw.random() < 0.5
        self.skews = draw.random() < 0.3
        self.failures = draw.random() < 0.3
        self.machines: list[Machine] = []
        self.links: list[Link] = []
        self.flushed: set[str] = set()
        self.written: set[str] = set()
        self.ledger: dict[tuple[int, int], bytes] = {}
        self.wrong: list[str] = []
        self.trace: list[str] = []
        self._number = 0

    def number(self) -> int:
        self._number += 1
        return self._number

    def up(self) -> list[Machine]:
        return [machine for machine in self.machines if machine.up]

    def say(self, text: str) -> None:
        self.trace.append(f"{asyncio.get_running_loop().time():8.3f} {text}")

    # ------------------------------------------------------------------ machines, links

    async def add(self) -> Machine:
        number = len(self.machines)
        machine = Machine(self, f"n{number}", number == 0, MemoryDisk())
        self.machines.append(machine)
        await machine.start()
        return machine

    def link(self, one: Machine, other: Machine) -> None:
        if not any(set(link.ends) == {one, other} for link in self.links):
            self.links.append(Link(self, one, other))

    def cut_all(self, machine: Machine, dead: Replica | None = None) -> None:
        for link in [link for link in self.links if machine in link.ends]:
            link.cut(dead)

    def left(self, data: bytes) -> None:
        """A message has left a replica: what its dots mean, they mean for ever."""
        if data == RELINK:
            return
        message = decode_message(data)
        if not isinstance(message, Ops):
            return
        for batch in unpack(Pack(message.names, message.batches)):
            for index, op in enumerate(batch.ops):
                dot = (batch.replica, batch.first + index)
                meant = encode((batch.first, batch.hlc, batch.seen, op))
                if self.ledger.setdefault(dot, meant) != meant:
                    self.wrong.append(f"{dot} means two things")

    # ------------------------------------------------------------------ what happens

    def edit(self, machine: Machine) -> None:
        draw, replica = self.draw, machine.replica
        key = draw.choice(KEYS)
        kind = draw.randrange(20)
        try:
            if kind == 0:
                replica.delete(key)
            elif kind == 1:
                replica.clear(key, draw.choice((("o:m",), ("o:m", "o:n"), ())))
            elif kind == 2:
                path = (*draw.choice(NESTS), f"{draw.choice(TAGS)}:x")
                replica.clear(key, path)
            elif kind < 6:
                self.count(machine)
            else:
                path = (*draw.choice(NESTS), f"{draw.choice(TAGS)}:x")
                type_ = type_of(tag_of(path[-1]))
                state = replica.object(key, path)
                mutation = type_.gen_op(draw, type_.zero() if state is None else state)
                replica.mutate(key, path, mutation)
        except PlaitError:
            pass  # it is refused, and nothing happened

    def count(self, machine: Machine) -> None:
        """Count one more, in one batch with its token."""
        replica = machine.replica
        token = f"{machine.name}/{self.number()}"
        own_draft = replica.writer.draft is None
        if own_draft:
            replica.begin(None)  # `ReadOnly` and the like come before anything is written
        try:
            replica.mutate(LEDGER, TOKENS, ("add", token))
            replica.mutate(LEDGER, COUNT, ("add", 1))
            replica.mutate(LEDGER, GROWN, ("add", 1))
        except PlaitError:
            if own_draft and replica.writer.draft is not None:
                replica.discard()
            raise
        if own_draft:
            replica.commit()
        self.written.add(token)
        machine.pending.add(token)

    async def draft(self, machine: Machine) -> None:
        replica = machine.replica
        try:
            replica.begin("draft")
        except PlaitError:
            return
        before = set(machine.pending)
        for _ in range(self.draw.randrange(1, 6)):
            self.edit(machine)
            if self.draw.random() < 0.3:
                await asyncio.sleep(self.draw.choice((0.0, 0.05, 0.3)))
        if replica.writer.draft is None:
            machine.pending = before  # it was thrown away with a change of identity
        elif self.draw.random() < 0.4:
            replica.discard()
            machine.pending = before
        else:
            replica.commit()

    async def flush(self, machine: Machine) -> None:
        written = set(machine.pending)
        try:
            await machine.replica.flush()
        except PlaitError as error:
            self.say(f"{machine.name} is not flushed: {error}")
            return
        self.flushed |= written
        machine.pending -= written

    async def restart(self, machine: Machine) -> None:
        draw = self.draw
        if draw.random() < 0.3:
            await self.flush(machine)
            await machine.stop()
        else:
            await machine.kill(draw.random() < 0.5)
        machine.pending.clear()
        if draw.random() < 0.6:
            await machine.start()

    # ------------------------------------------------------------------ rare things

    async def back_up(self, machine: Machine) -> None:
        """Copy a disk as it is; or bring the copy back, in another folder."""
        if machine.backup is None:
            if machine.replica.parts.lost:
                return  # what two copies both write anew is there twice
            await self.flush(machine)
            machine.backup = (copied(machine.disk), machine.tokens())
            return
        if any(other.up and other.replica.parts.lost for other in self.machines):
            return
        for other in self.up():
            if other is not machine:
                await self.flush(other)
        (disk, had), machine.backup = machine.backup, None
        elsewhere = [other.tokens() for other in self.up() if other is not machine]
        self.flushed &= had.union(*elsewhere)
        await machine.kill(True)
        machine.pending.clear()
        machine.disk = disk
        machine.prints += 1
        await machine.start()

    async def clone(self, machine: Machine) -> None:
        if len(self.machines) >= NODES_MAX or machine.replica.parts.lost:
            return
        number = len(self.machines)
        clone = Machine(self, f"n{number}", False, copied(machine.disk))
        self.machines.append(clone)
        await clone.start()

    def retire(self) -> None:
        """The founder retires somebody who is silent now."""
        judge = self.machines[0]
        if not judge.up or not judge.replica.parts.scope.writable:
            return
        scope = judge.replica.parts.scope
        linked = {end.replica.replica for link in self.links for end in link.ends if end.up}
        silent = [r for r in scope.members.remaining() if r not in linked and r != scope.replica]
        if not silent or judge.replica.writer.draft is not None:
            return
        silent = self.draw.choice(silent)
        self.say(f"n0 retires {silent:x}")
        with contextlib.suppress(PlaitError):  # its clock is wrong
            judge.replica.say((scope.retire(silent),))

    async def fail(self, machine: Machine) -> None:
        """The disk fails for a while; nothing that was written is lost if nothing else happens."""
        assert machine.storage is not None
        machine.storage.log.fail(self.draw.choice((StorageError("failed"), DiskFull("full"))))
        for _ in range(self.draw.randrange(4)):
            self.edit(machine)
            await asyncio.sleep(self.draw.choice((0.0, 0.1, 0.5)))
        await machine.storage.recover()
        if self.draw.random() < 0.7:
            await asyncio.sleep(0.6)

    async def rare(self) -> None:
        draw = self.draw
        machine = draw.choice(self.machines)
        kind = draw.randrange(7)
        self.say(f"rare {kind} {machine.name}")
        if kind == 0 and len(self.machines) < NODES_MAX:
            await self.add()
        elif kind == 1 and self.skews:
            machine.clock.ahead_ms = draw.choice((0, 20_000, -20_000, 200_000, -200_000))
        elif kind == 2 and self.copies and machine.up:
            await self.back_up(machine)
        elif kind == 3 and self.copies and machine.up:
            await self.clone(machine)
        elif kind == 4 and self.retires:
            self.retire()
        elif kind == 5 and self.failures and machine.up:
            await self.fail(machine)
        else:
            await asyncio.sleep(draw.choice((1.5, 6.0)))

    async def step(self) -> None:
        draw = self.draw
        ups = self.up()
        machine = draw.choice(self.machines)
        if not machine.up:
            if draw.random() < 0.15:
                self.say(f"{machine.name} starts")
                await machine.start()
            return
        chance = draw.random()
        if chance < 0.55:
            for _ in range(draw.choice((1, 1, 2, 5))):
                self.edit(machine)
        elif chance < 0.62:
            await self.draft(machine)
        elif chance < 0.68:
            await self.flush(machine)
        elif chance < 0.72:
            try:
                await machine.replica.flusher.flush()
            except PlaitError as error:
                self.say(f"{machine.name} keeps its rows: {error}")
        elif chance < 0.82 and len(ups) > 1:
            self.link(*draw.sample(ups, 2))
        elif chance < 0.88 and self.links:
            draw.choice(self.links).cut()
        elif chance < 0.91:
            self.say(f"{machine.name} restarts")
            await self.restart(machine)
        elif chance < 0.97:
            await self.rare()
        if draw.random() < 0.5:
            await asyncio.sleep(draw.choice((0.0, 0.0, 0.01, 0.15, 0.5)))

    # ------------------------------------------------------------------ the end

    async def heal(self) -> None:
        """Everybody is up and linked somehow, clocks are right, and time passes."""
        for machine in self.machines:
            machine.clock.ahead_ms = 0
            if not machine.up:
                await machine.start()
        shape = self.draw.choice(("line", "star", "ring", "mesh"))
        self.say(f"heals as a {shape}")
        machines = self.machines
        for index, machine in enumerate(machines):
            if shape == "star" and index:
                self.link(machines[0], machine)
            elif shape in ("line", "ring") and index:
                self.link(machines[index - 1], machine)
            elif shape == "mesh":
                for other in machines[:index]:
                    self.link(other, machine)
        if shape == "ring":
            self.link(machines[0], machines[-1])
        if self.skews:
            await asyncio.sleep(250.0)
        stop = asyncio.get_running_loop().time() + HEAL_S
        while not converged(self.machines):
            if asyncio.get_running_loop().time() > stop:
                raise AssertionError(f"not converged: {picture(self.machines)}")
            await asyncio.sleep(0.5)
        for machine in machines:
            await self.flush(machine)

    async def reopen(self) -> None:
        """Everything is as it was when it comes from disk."""
        before = [values_of(machine.replica) for machine in self.machines]
        for machine in self.machines:
            if self.draw.random() < 0.5:
                await machine.stop()
            else:
                await machine.kill(self.draw.random() < 0.5)
        for machine, values in zip(self.machines, before, strict=True):
            await machine.start()
            assert values_of(machine.replica) == values, f"{machine.name} reads otherwise"

    async def end(self) -> None:
        for machine in self.up():
            await machine.stop()


async def storm(seed: int, steps: int = 150) -> Storm:
    """One storm from its seed, healed and checked."""
    world = Storm(seed)
    try:
        for _ in range(world.draw.randrange(2, 5)):
            await world.add()
        for other in world.machines[1:]:
            if world.draw.random() < 0.8:
                world.link(world.machines[0], other)
        if world.draw.random() < 0.8:
            await asyncio.sleep(2.0)
        for _ in range(steps):
            await world.step()
        await world.heal()
        check(world)
        await world.reopen()
        await world.heal()
        check(world)
        await world.end()
    except Exception as error:
        error.storm = world  # type: ignore[attr-defined]  # for whoever looks into it
        raise
    return world
