"""Three nodes whose links can be cut, people with clients at them, and a look at what every folder
holds in the end.

::

    person ──proxy── n1 ──proxies── n2 ──proxies── n3 ──proxy── person

Every link is a proxy of its own, so a node is cut off from the others and keeps its clients, and a
person goes offline and keeps the program.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from collaboration_bytes import same_bytes
from collaboration_documents import CLASSES
from nodes import Nodes

import plait
from plait import Documents
from plait.api.infos import GraphInfo
from plait.base.errors import PlaitError
from plait.cli.demo.proxy import Proxy
from plait.client.limits import ClientLimits
from plait.engines.graph import Replica

PATIENCE_S = 40.0  # this machine may have a lot to do
QUIET_S = 1.3
LIMITS = ClientLimits(start_s=PATIENCE_S, read_s=4.0, attempt_s=4.0, silence_s=1.0, pause_max_s=0.2)


class Person:
    """Somebody with a program that keeps documents in memory, connected with one node."""

    def __init__(self, name: str, docs: Documents[Any], link: Proxy) -> None:
        self.name = name
        self.docs = docs
        self._link = link

    def go_offline(self) -> None:
        self._link.sever()

    def come_back(self) -> None:
        self._link.heal()

    @property
    def replica(self) -> Replica:
        found = self.docs._access.replica
        assert isinstance(found, Replica)
        return found


class Office(Nodes):
    """Nodes with a proxy on every link; `folder` holds their data."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._between: dict[tuple[str, str], Proxy] = {}
        self._open = AsyncExitStack()
        self.people: list[Person] = []

    async def begin(self) -> "Office":
        for source in self.addresses:
            for target in self.addresses:
                if source != target:
                    self._between[source, target] = await self._proxy(target)
        self.start()
        return self

    def command(self, name: str) -> list[str]:
        """What starts a node: it finds the others behind proxies."""
        command = super().command(name)
        seen = {
            other: address if other == name else self._between[name, other].address
            for other, address in self.addresses.items()
        }
        members = ",".join(f"{other}={address}" for other, address in seen.items())
        command[command.index("--members") + 1] = members
        return command

    async def person(self, name: str, node: str, collection: str) -> Person:
        """A client at one node, through a link of its own."""
        link = await self._proxy(node)
        url = f"plait://{link.address}"
        store = await self._open.enter_async_context(
            plait.connect(url, name=name, only=True, limits=LIMITS)
        )
        docs = await store.documents(collection, CLASSES[collection], author=name)
        self.people.append(Person(name, docs, link))
        return self.people[-1]

    async def create(self, collection: str) -> GraphInfo:
        """Make a collection; what it is called everywhere."""
        async with plait.connect(self.url, limits=LIMITS) as store:
            await store.documents(collection, CLASSES[collection])
            return next(info for info in await store.collections() if info.name == collection)

    async def _proxy(self, target: str) -> Proxy:
        proxy = Proxy(self.addresses[target])
        await proxy.start()
        self._open.push_async_callback(proxy.close)
        return proxy

    # ------------------------------------------------------------------ faults

    def isolate(self, name: str) -> None:
        """Cut a node off from the other nodes; its clients stay."""
        for ends, proxy in self._between.items():
            if name in ends:
                proxy.sever()

    def heal(self) -> None:
        for proxy in self._between.values():
            proxy.heal()

    async def restart(self, name: str) -> None:
        """kill -9, and start it again."""
        self.kill(name)
        self.start(name)
        await self.status(name)

    # ------------------------------------------------------------------ the end

    async def status(self, name: str) -> dict[str, Any]:
        """What a node says of itself, as soon as it answers."""
        url = f"plait://{self.addresses[name]}"
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(PlaitError):
                    async with plait.connect(url, only=True, limits=LIMITS) as store:
                        status = (await store.status())["nodes"][name]
                    if "lines" in status:
                        return dict(status)
                await asyncio.sleep(0.05)

    async def settled(self, collection: str) -> None:
        """Return once everybody has all that anybody wrote, and nobody has anything to add.

        A replica that only reads says what it has seen after a second of quiet.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            before, since = 0, loop.time()
            while loop.time() < since + QUIET_S:
                counts = await self._events(collection)
                if counts != {before}:
                    before, since = max(counts), loop.time()
                await asyncio.sleep(0.1)

    async def _events(self, collection: str) -> set[int]:
        """How many events each node and each person has."""
        counts = {person.replica.status()["events"] for person in self.people}
        for name in self.addresses:
            status = await self.status(name)
            held = status["documents"].get(collection)  # None: it has only just started
            counts.add(-1 if held is None else held["events"])
        return counts

    async def same_bytes(self, info: GraphInfo) -> None:
        """Kill every node, open their folders, and compare them and the people byte by byte.

        Everything has `settled`.
        """
        for name in list(self._running):
            self.kill(name)
        folders = {name: self.folder / name for name in self.addresses}
        people = {person.name: person.replica for person in self.people}
        await same_bytes(folders, info, people)

    async def end(self) -> None:
        self.close()
        await self._open.aclose()


async def until(holds: Callable[[], bool]) -> None:
    """Return once something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.02)
