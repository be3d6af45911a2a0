"""Where a node refuses to listen: on a public address, while strangers would be let in there."""

import asyncio
from pathlib import Path

import pytest

import plait
from plait.base.errors import BadSettings
from plait.host.exposure import is_public
from plait.node.config import NodeConfig
from plait.node.node import Node
from plait.node.serve import serve
from tests.tls_files import Papers


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("127.0.0.1:7401", False), ("[::1]:7401", False), ("localhost:7401", False),
        ("10.1.2.3:7401", False), ("192.168.0.9:7401", False), ("172.16.5.5:7401", False),
        ("100.64.0.1:7401", False), ("169.254.1.1:7401", False), ("[fd00::1]:7401", False),
        ("[fe80::1]:7401", False), ("[::ffff:10.0.0.1]:7401", False),
        ("0.0.0.0:7401", True), ("[::]:7401", True), ("8.8.8.8:7401", True),
        ("[2606:4700::1]:7401", True), ("[::ffff:8.8.8.8]:7401", True),
        ("no-such-host.invalid:7401", False),
    ],
)  # fmt: skip
def test_a_public_address_is_told_from_a_private_one(address, public):
    assert is_public(address) is public


async def served(config: NodeConfig) -> None:
    """Serve until the node is ready, or raise why it is not."""
    ready: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(serve(config, ready.set_result))
    async with asyncio.timeout(30):
        await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    done = await asyncio.gather(serving, return_exceptions=True)
    if not ready.done():
        raise done[0]


async def test_a_public_address_wants_tls_then_rights_and_the_error_says_how(tmp_path: Path):
    folder = tmp_path / "d1"
    with pytest.raises(
        BadSettings, match=r"0\.0\.0\.0:0 is a public address: .*plait certs.*insec"
    ):
        await served(NodeConfig(folder, listen="0.0.0.0:0"))
    tls = Papers(tmp_path / "certs").of("node", "n1")
    with pytest.raises(BadSettings, match=r"public address: .*plait rights init.*--insecure"):
        await served(NodeConfig(folder, listen="0.0.0.0:0", tls=tls))
    async with plait.open(folder) as store:
        await store.rights.put_user("root", ["admin"])
        await store.rights.switch(True)
    await served(NodeConfig(folder, listen="0.0.0.0:0", tls=tls))


async def test_insecure_says_that_one_knows(tmp_path: Path):
    await served(NodeConfig(tmp_path / "d1", listen="0.0.0.0:0", insecure=True))


async def test_a_private_address_is_as_it_was(tmp_path: Path):
    await served(NodeConfig(tmp_path / "d1", listen="127.0.0.1:0"))


async def test_a_node_that_waits_to_be_taken_in_needs_tls_only(tmp_path: Path):
    tls = Papers(tmp_path / "certs").of("node", "n2")
    await served(NodeConfig(tmp_path / "d2", "n2", "0.0.0.0:0", joins=True, tls=tls))
