"""Faults on real processes: kill -9, pauses, cut links; and a way to know that they were felt.

A fault counts only once another node leads, so a test that asks for three of them has seen three
elections.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nodes import Nodes
from wires import Wires

import plait
from plait.base.errors import PlaitError
from plait.client.limits import ClientLimits

PATIENCE_S = 40.0  # this machine may have a lot to do
ASK_S = 3.0  # for one node's status
# Clients of tests give up sooner than people would, so that their histories do not stand still.
LIMITS = ClientLimits(start_s=PATIENCE_S, read_s=4.0, write_s=8.0, attempt_s=2.0, silence_s=1.5)


def seconds(default: float, name: str = "PLAIT_SOAK_SECONDS") -> float:
    """How long to go on: `default`, or what the environment asks for."""
    return float(os.environ.get(name, default))


class FaultyNodes(Nodes):
    """Nodes that can be killed, paused and cut off."""

    def __init__(
        self, folder: Path, *, wires: Wires | None = None, **more: tuple[str, ...]
    ) -> None:
        """more: `machines` and `program`, as `Nodes` takes them."""
        super().__init__(folder, addresses=None if wires is None else wires.addresses, **more)
        self.wires = wires
        self.paused: set[str] = set()

    def command(self, name: str) -> list[str]:
        """What starts a node, in its namespace if it has one."""
        command = super().command(name)
        if self.wires is None:
            return command
        return ["ip", "netns", "exec", self.wires.namespace(name), *command]

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self.signal(name, signal.SIGSTOP)
        self.paused.add(name)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.signal(name, signal.SIGCONT)
        self.paused.discard(name)

    def kill(self, name: str) -> None:
        """kill -9, which ends a paused process too."""
        super().kill(name)
        self.paused.discard(name)

    def only(self, name: str) -> str:
        """The address of one node alone."""
        return f"plait://{self.addresses[name]}"

    @property
    def awake(self) -> list[str]:
        """The nodes that run and are not paused."""
        return [name for name in self._running if name not in self.paused]

    async def lines(self, name: str) -> dict[str, Any]:
        """What a node says of its lines; nothing if it does not answer."""
        try:
            async with asyncio.timeout(ASK_S), plait.connect(self.only(name), only=True) as store:
                status = (await store.status())["nodes"].get(name, {})
        except (PlaitError, TimeoutError):
            return {}
        lines = status.get("lines", {})
        assert isinstance(lines, dict)
        return lines

    async def leader(self, line: str, other_than: str = "") -> str:
        """Who leads a line: of those who say so the one of the highest epoch."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                names = self.awake
                found = await asyncio.gather(*(self.lines(name) for name in names))
                reigns = {
                    name: reign(lines[line])
                    for name, lines in zip(names, found, strict=True)
                    if lines.get(line, {}).get("role") == "leader"
                }
                if reigns:
                    leader = max(reigns, key=lambda name: reigns[name])
                    if leader != other_than:
                        return leader
                await asyncio.sleep(0.05)

    async def level(self, *lines: str) -> None:
        """Return once every node has applied all that any of them has, on these lines."""
        async with asyncio.timeout(2 * PATIENCE_S):
            while True:
                found = await asyncio.gather(*(self.lines(name) for name in self.addresses))
                if all(_level(line, found) for line in lines):
                    return
                await asyncio.sleep(0.1)


def reign(line: dict[str, Any]) -> int:
    """The number of the epoch that a line's status names."""
    return int(line.get("term") or line["epoch"].partition(".")[0] or 0)


def _level(line: str, found: list[dict[str, Any]]) -> bool:
    if not all(line in lines for lines in found):
        return False
    if any("tail" not in lines[line] for lines in found):
        return False  # somebody is not where the line is yet
    places = {(lines[line]["applied"], lines[line]["tail"]) for lines in found}
    return len(places) == 1 and len(set(places.pop())) == 1


# --------------------------------------------------------------------------- what goes wrong

Fault = Callable[[FaultyNodes, str, random.Random], Awaitable[None]]


async def kill_leader(nodes: FaultyNodes, line: str, chance: random.Random) -> None:
    """kill -9 of the leader; it comes back once another one leads."""
    leader = await nodes.leader(line)
    nodes.kill(leader)
    await nodes.leader(line, other_than=leader)
    nodes.start(leader)
    await _follows(nodes, line, leader)


async def pause_leader(nodes: FaultyNodes, line: str, chance: random.Random) -> None:
    """SIGSTOP of the leader until others have elected one; then it wakes and knows nothing."""
    leader = await nodes.leader(line)
    nodes.pause(leader)
    await nodes.leader(line, other_than=leader)
    await asyncio.sleep(chance.uniform(0.0, 0.4))
    nodes.resume(leader)
    await _follows(nodes, line, leader)


async def isolate_leader(nodes: FaultyNodes, line: str, chance: random.Random) -> None:
    """The leader reaches clients but no other node."""
    await _cut_off_leader(nodes, line, chance, speaks=False, hears=False)


async def deafen_leader(nodes: FaultyNodes, line: str, chance: random.Random) -> None:
    """The leader speaks and hears nothing: its heartbeats arrive, the answers to them do not."""
    await _cut_off_leader(nodes, line, chance, speaks=True, hears=False)


async def mute_leader(nodes: FaultyNodes, line: str, chance: random.Random) -> None:
    """The leader hears and cannot speak."""
    await _cut_off_leader(nodes, line, chance, speaks=False, hears=True)


async def _cut_off_leader(
    nodes: FaultyNodes, line: str, chance: random.Random, *, speaks: bool, hears: bool
) -> None:
    leader = await nodes.leader(line)
    assert nodes.wires is not None
    for other in nodes.addresses:
        if other != leader and not speaks:
            nodes.wires.cut(leader, other)
        if other != leader and not hears:
            nodes.wires.cut(other, leader)
    await nodes.leader(line, other_than=leader)
    await asyncio.sleep(chance.uniform(0.0, 0.4))
    nodes.wires.heal()
    await _follows(nodes, line, leader)


async def bridge(nodes: FaultyNodes, line: str, chance: random.Random) -> None:
    """The leader and one follower lose each other; the third node reaches both."""
    leader = await nodes.leader(line)
    assert nodes.wires is not None
    other = chance.choice([name for name in nodes.addresses if name != leader])
    nodes.wires.cut(leader, other)
    nodes.wires.cut(other, leader)
    await asyncio.sleep(chance.uniform(1.0, 2.0))
    nodes.wires.heal()


async def _follows(nodes: FaultyNodes, line: str, name: str) -> None:
    """Return once a node is back, and knows who leads."""
    async with asyncio.timeout(PATIENCE_S):
        while not (await nodes.lines(name)).get(line, {}).get("leader"):
            await asyncio.sleep(0.05)


async def break_things(
    nodes: FaultyNodes, line: str, faults: tuple[Fault, ...], chance: random.Random, for_s: float
) -> int:
    """One fault after the other, each kind at least once; how many."""
    loop = asyncio.get_running_loop()
    until = loop.time() + for_s
    count = 0
    while count < len(faults) or loop.time() < until:
        fault = faults[count] if count < len(faults) else chance.choice(faults)
        await fault(nodes, line, chance)
        count += 1
        await asyncio.sleep(chance.uniform(0.2, 0.8))
    return count
