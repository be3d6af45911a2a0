"""A leader–follower line in one process: members that talk through the event loop."""

import asyncio

from plait.engines.primary import PrimaryLoglet
from plait.engines.primary.opening import open_core
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership
from plait.line.primary.messages import Message
from plait.line.quorum import AckRule


class PrimaryLine:
    """`members` loglets of one line, each with a disk of its own; the first leads at first."""

    def __init__(self, members: int, rule: str, origin: Origin = BEGINNING) -> None:
        self.names = tuple(f"n{i + 1}" for i in range(members))
        self.rule = AckRule.parse(rule)
        self.origin = origin
        self.disks = {name: MemoryStorage(MemoryDisk()) for name in self.names}
        self.loglets: dict[str, PrimaryLoglet] = {}
        self.cut: set[tuple[str, str]] = set()  # directed links that lose everything

    def open(self, name: str) -> PrimaryLoglet:
        known = self.names if name in self.names else Membership()
        core = open_core(
            self.disks[name].log,
            "line",
            name,
            known,
            self.rule,
            fresh=False,
            committed=0,
            origin=self.origin,
        )

        def send(peer: str, message: Message) -> None:
            asyncio.get_running_loop().call_soon(self._deliver, name, peer, message)

        loglet = PrimaryLoglet(core, self.disks[name].log, send, SystemClock())
        self.loglets[name] = loglet
        return loglet

    def add(self, name: str) -> PrimaryLoglet:
        """A new node with an empty disk that knows of no members."""
        self.disks[name] = MemoryStorage(MemoryDisk())
        return self.open(name)

    def _deliver(self, source: str, target: str, message: Message) -> None:
        if (source, target) not in self.cut and target in self.loglets:
            self.loglets[target].received(source, message)

    async def start(self) -> PrimaryLoglet:
        for name in self.names:
            self.open(name)
        promotion = await self.loglets["n1"].promote(5.0, resume=True)
        assert promotion.won, promotion.why
        return self.loglets["n1"]

    async def reopen(self, name: str, crash: bool = False) -> PrimaryLoglet:
        """Close a member (or pull its plug), open it again, and let it lead again."""
        loglet = self.loglets.pop(name)
        if crash:
            loglet.driver.close()
            disk = self.disks[name].disk
            self.disks[name].crash()
            self.disks[name] = MemoryStorage(disk)
        else:
            await loglet.close()
        loglet = self.open(name)
        promotion = await loglet.promote(5.0, resume=True)
        assert promotion.won, promotion.why
        return loglet

    async def close(self) -> None:
        for loglet in self.loglets.values():
            await loglet.close()
