"""A consensus line in one process: members that talk through the event loop."""

import asyncio
import random
from typing import Any

from plait.engines.raft import RaftLoglet
from plait.engines.raft.opening import open_raft
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership, founding


class RaftLine:
    """`members` loglets of one line, each with a disk of its own; the first stands at first."""

    def __init__(self, members: int, election_s: float = 1.0, origin: Origin = BEGINNING) -> None:
        self.names = tuple(f"n{i + 1}" for i in range(members))
        self.founding = founding(self.names)
        self.election_s = election_s
        self.origin = origin
        self.disks = {name: MemoryStorage(MemoryDisk()) for name in self.names}
        self.loglets: dict[str, RaftLoglet] = {}
        self.cut: set[tuple[str, str]] = set()  # directed links that lose everything

    def open(self, name: str, known: Membership | None = None) -> RaftLoglet:
        clock = SystemClock()
        core = open_raft(
            self.disks[name].log, "line", name, known or self.founding, fresh=False, committed=0,
            random=random.Random(name), now=clock.monotonic(), election_s=self.election_s,
            origin=self.origin,
        )  # fmt: skip

        def send(peer: str, message: Any) -> None:
            asyncio.get_running_loop().call_soon(self._deliver, name, peer, message)

        loglet = RaftLoglet(core, self.disks[name].log, send, clock, random.Random())
        self.loglets[name] = loglet
        return loglet

    def add(self, name: str) -> RaftLoglet:
        """A new node with an empty disk that knows of no members."""
        self.disks[name] = MemoryStorage(MemoryDisk())
        return self.open(name, Membership())

    def _deliver(self, source: str, target: str, message: Any) -> None:
        if (source, target) not in self.cut and target in self.loglets:
            self.loglets[target].received(source, message)

    async def start(self) -> RaftLoglet:
        for name in self.names:
            self.open(name)
        self.loglets["n1"].stand()
        return await self.led_by("n1")

    async def led_by(self, name: str) -> RaftLoglet:
        """The member `name`, once it leads and has committed the opening of its term."""
        loglet = self.loglets[name]
        async with asyncio.timeout(10):
            while not loglet.leads or loglet.member.commit <= loglet.core.role.opening:  # type: ignore[union-attr]
                if not loglet.leads and loglet.leader not in (None, name):
                    await self.loglets[loglet.leader].hand_over(name, 1.0)  # type: ignore[index]
                elif not loglet.leads:
                    loglet.stand()
                await asyncio.sleep(0.01)
        return loglet

    async def leader(self) -> RaftLoglet:
        """Whoever leads by now."""
        async with asyncio.timeout(10):
            while True:
                for loglet in self.loglets.values():
                    if loglet.leads:
                        return loglet
                await asyncio.sleep(0.01)

    async def reopen(self, name: str, crash: bool = False) -> RaftLoglet:
        """Close a member (or pull its plug), open it again, and let it lead again."""
        loglet = self.loglets.pop(name)
        if crash:
            loglet.driver.close()
            disk = self.disks[name].disk
            self.disks[name].crash()
            self.disks[name] = MemoryStorage(disk)
        else:
            await loglet.close()
        self.open(name)
        return await self.led_by(name)

    async def close(self) -> None:
        for loglet in self.loglets.values():
            await loglet.close()
