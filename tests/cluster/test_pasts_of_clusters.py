"""The past, asked of a cluster: of nodes that have none, are behind, have no vote, or are too old;
and branches of it, which are clusters of their own."""

import asyncio
from pathlib import Path

import pytest
from members import Members, free_port

import plait
from plait import Consensus
from plait.api.messages import Welcome
from plait.base.codec import decode, encode
from plait.base.errors import NoHistory, Unavailable, VersionMismatch, WrongCluster
from plait.client.link import Link
from plait.node.config import HistorySettings, Limits, NodeConfig
from plait.node.node import Node
from plait.node.peers import PeerHello, check_peer
from plait.node.serve import running

SMALL = Limits(log_keep_bytes=1 << 12)
RARE = HistorySettings(every_s=3600.0)


async def trim(node: Node) -> int:
    """Have a node forget what it may of a log; where that begins."""
    host = node.host("consensus")
    await host.caught_up()
    await host.replica.flush()
    assert host.group is not None
    await host.group.trim(host.retention)
    return host.loglet.head


async def test_whoever_has_the_moment_tells_it_and_lends_it(tmp_path: Path) -> None:
    async with Members(tmp_path, 3, SMALL, history={"n3": RARE}) as members:
        async with plait.connect(members.url) as store:
            table = await store.table("films", Consensus())
            end = (await table.put("k", 1)).position + 1
            await members.nodes["n3"].history.round()
            for name in ("n1", "n2"):
                async with asyncio.timeout(20):
                    while await trim(members.nodes[name]) <= end:
                        await table.put("k", "x" * 1000)
            moment = f"consensus:{end}"
            async with members.only("n1") as first:
                with pytest.raises(NoHistory):
                    async with first.at(moment):
                        pass
                with pytest.raises(NoHistory):
                    await plait.branch(first, tmp_path / "none", at=moment)
            async with store.at(moment) as past:
                assert await (await past.table("films")).get("k") == 1
            made = await plait.branch(store, tmp_path / "try", at=moment)
        async with plait.open(tmp_path / "try") as branch:
            assert await (await branch.table("films")).get("k") == 1
        config = NodeConfig(tmp_path / "try", listen=f"127.0.0.1:{free_port()}")
        original = members.nodes["n2"]
        async with running(config, served=True) as branched:
            assert branched.cluster == made["cluster"]
            for one, other in ((original, branched), (branched, original)):
                hello = PeerHello((1,), one.cluster, "n9", "127.0.0.1:1", 9, "")
                with pytest.raises(WrongCluster):
                    check_peer(hello, other.cluster, (), 1)


async def test_a_reader_tells_the_past_alone_while_the_voters_are_gone(tmp_path: Path) -> None:
    async with Members(tmp_path, 3, history={"n3": RARE}) as members:
        async with plait.connect(members.url) as store:
            table = await store.table("films", Consensus())
            await store.set_follower("n3", votes=False)
            end = (await table.put("k", 1)).position + 1
            await members.nodes["n3"].history.round()
            await table.put("k", 2)
            async with members.only("n3") as reader, reader.at("latest") as past:
                assert await (await past.table("films")).get("k") == 2
            for name in ("n1", "n2"):
                await members.stop(name)
        async with members.only("n3") as reader:
            async with reader.at(f"consensus:{end}") as past:
                assert await (await past.table("films")).get("k") == 1
            with pytest.raises(Unavailable):
                async with reader.at("latest"):
                    pass


async def test_a_node_that_does_not_know_the_past_is_not_asked_for_it(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (1, "test", "n1", (("n1", "127.0.0.1:1"),), ())
    old = decode(encode((100, *before)), type=Welcome)
    assert old.past is None
    assert decode(encode(Welcome(*before, "")), type=Welcome).past == ""
    async with plait.connect(members.url) as store:
        table = await store.table("films", Consensus())
        await table.put("k", 1)
        tells = Link.tells_past.fget
        monkeypatch.setattr(Link, "tells_past", property(lambda link: link.node == "n2"))
        async with store.at("latest") as past:
            assert await (await past.table("films")).get("k") == 1
        assert [name for name, node in members.nodes.items() if node.pasts._offered] == ["n2"]
        monkeypatch.setattr(Link, "tells_past", property(lambda link: False))
        with pytest.raises(VersionMismatch, match="cannot tell the past"):
            async with store.at("latest"):
                pass
        monkeypatch.setattr(Link, "tells_past", property(tells))
        async with members.only("n3") as store:
            await plait.branch(store, members.folder / "try")
