"""A cluster in one process: real nodes, real folders, real sockets on loopback."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import plait
from plait.host.tls import Tls
from plait.node.config import HistorySettings, Limits, NodeConfig
from plait.node.local import Local
from plait.node.node import Node
from plait.node.serve import network_of, running
from plait.node.service import Service


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(holds: Callable[[], Any], timeout_s: float = 20.0) -> None:
    """Return once something holds."""
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.01)


class Members:
    """Starts and stops the members of one cluster; `async with` it, they run and are ended."""

    def __init__(
        self,
        folder: Path,
        count: int = 3,
        limits: Limits | None = None,
        zones: dict[str, str] | None = None,
        history: dict[str, HistorySettings] | None = None,
    ) -> None:
        self.folder = folder
        self.history = history or {}  # of those that keep some
        self.zones = zones or {}  # where nodes say that they are
        self.limits = limits or Limits()
        self.addresses = {f"n{i + 1}": f"127.0.0.1:{free_port()}" for i in range(count)}
        self.tls: dict[str, Tls] = {}  # by name, of those that speak it
        self.nodes: dict[str, Node] = {}
        self._ends: dict[str, contextlib.AsyncExitStack] = {}

    @property
    def url(self) -> str:
        return ("plait+tls://" if self.tls else "plait://") + ",".join(self.addresses.values())

    async def start(self, *names: str) -> None:
        await asyncio.gather(*(self._start(name) for name in names or tuple(self.addresses)))

    async def __aenter__(self) -> "Members":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def add(self, name: str, address: str | None = None) -> None:
        """Start a node that waits to be taken in, or was (at `address`)."""
        self.addresses[name] = address or f"127.0.0.1:{free_port()}"
        cluster = next(iter(self.nodes.values())).cluster
        config = NodeConfig(
            self.folder / name, name, self.addresses[name], {}, None, cluster, self.limits,
            joins=True, zone=self.zones.get(name, ""), tls=self.tls.get(name),
            history=self.history.get(name),
        )  # fmt: skip
        await self._run(config)

    async def _start(self, name: str) -> None:
        members = self.addresses if len(self.addresses) > 1 else {}
        await self._run(
            NodeConfig(
                self.folder / name, name, self.addresses[name], members,
                "n1" if members else None, "test", self.limits, zone=self.zones.get(name, ""),
                tls=self.tls.get(name), history=self.history.get(name),
            )
        )  # fmt: skip

    async def _run(self, config: NodeConfig) -> None:
        name = config.name
        stack = contextlib.AsyncExitStack()
        node = await stack.enter_async_context(running(config, served=True))
        service = Service(Local(node), network_of(config))
        node.address = await service.start(config.listen)
        stack.push_async_callback(service.close)
        self.nodes = dict(sorted([*self.nodes.items(), (name, node)]))  # whoever was up first
        self._ends[name] = stack

    async def stop(self, name: str) -> None:
        del self.nodes[name]
        await self._ends.pop(name).aclose()

    async def close(self) -> None:
        for name in list(self.nodes):
            await self.stop(name)

    def only(self, name: str) -> contextlib.AbstractAsyncContextManager[plait.Store]:
        """A store that talks to one member only."""
        return plait.connect(f"plait://{self.addresses[name]}", only=True)

    async def documents(self, name: str, collection: str, *model: Any) -> plait.Documents[Any]:
        """A collection as one member has it, made at its leader if there is none yet."""
        async with plait.connect(self.url) as maker:
            await maker.documents(collection, *model)
        node = self.nodes[name]
        async with asyncio.timeout(20.0):
            while all(info.name != collection for info in node.graphs.infos()):
                await asyncio.sleep(0.01)
        return await plait.Store(Local(node)).documents(collection, *model)

    async def settled(self, line: str, timeout_s: float = 20.0) -> None:
        """Return once every running member has applied the same tail of a line."""
        async with asyncio.timeout(timeout_s):
            while True:
                hosts = [node.lines.get(line) for node in self.nodes.values()]
                places = {
                    (host.replica.applied, host.group.loglet.member.log.tail)
                    for host in hosts
                    if host is not None
                }
                if None not in hosts and len(places) == 1 and len(set(places.pop())) == 1:
                    return
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def with_a_witness(
    folder: Path, witness: str, limits: Limits | None = None
) -> AsyncIterator[Members]:
    """n1, and n2 and n3 that have joined it, one of them as a witness."""
    async with Members(folder, 1, limits) as members:
        async with members.only("n1") as first:
            for name in ("n2", "n3"):
                await members.add(name)
                await first.join(name, members.addresses[name], witness=name == witness)
        yield members
