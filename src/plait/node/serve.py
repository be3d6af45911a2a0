"""Running a node in this process: open its folder, start it, listen, until told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from random import SystemRandom

from plait.host.clock import SystemClock
from plait.host.loop import tune_process
from plait.host.storage import open_storage
from plait.host.tcp import TcpNetwork
from plait.node.config import NodeConfig
from plait.node.identity import identify
from plait.node.local import Local
from plait.node.node import Node
from plait.node.service import Service


@contextlib.asynccontextmanager
async def running(config: NodeConfig) -> AsyncIterator[Node]:
    """A started node that nobody can reach from outside yet; closed at exit."""
    random = SystemRandom()
    storage = await open_storage(config.data)
    try:
        identity = await identify(storage, config, random)
        network = TcpNetwork() if config.members else None
        node = Node(config, storage, network, SystemClock(), random, identity.cluster)
    except BaseException:
        await storage.close()
        raise
    try:
        await node.start()
        yield node
    finally:
        await node.close()


async def serve(config: NodeConfig, ready: Callable[[str], None] = lambda address: None) -> None:
    """Serve clients and members until SIGTERM, SIGINT or cancellation.

    ready: called once with the address that was bound.
    """
    tune_process()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(sign, stop.set)
    async with running(config) as node:
        service = Service(Local(node), TcpNetwork())
        node.address = await service.start(config.listen)
        ready(node.address)
        try:
            await stop.wait()
        finally:
            await service.close()
