"""A copy of a node's folder finds its original, whatever the original asks of clients."""

import random
from pathlib import Path

import pytest

from plait.base.errors import FolderInUse
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.host.tcp import TcpNetwork
from plait.node.config import NodeConfig
from plait.node.namesake import refuse_namesake
from plait.node.peers import greeting
from plait.node.rights import Rights
from plait.node.serve import build, open_service


@pytest.mark.parametrize("rights", [False, True])
async def test_a_copy_is_refused_with_rights_and_without(
    monkeypatch: pytest.MonkeyPatch, rights: bool
) -> None:
    monkeypatch.setattr(Rights, "on", property(lambda self: rights))
    storage, network = MemoryStorage(MemoryDisk()), TcpNetwork()
    config = NodeConfig(Path("nowhere"), listen="127.0.0.1:0")
    node = await build(config, storage, network, SystemClock(), random.SystemRandom())
    try:
        await node.start()
        service = await open_service(node, network, config)
        try:
            hello = greeting(node.cluster, config, node.name, "", node.versions.reads)
            with pytest.raises(FolderInUse, match=f"{node.name} runs at"):
                await refuse_namesake(network, node.address, hello)
            assert node.name not in node.down
            other = greeting("another", config, node.name, "", node.versions.reads)
            await refuse_namesake(network, node.address, other)
        finally:
            await service.close()
    finally:
        await node.close()
