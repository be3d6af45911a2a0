"""Nodes that come and go on real nodes: who is refused, who waits, who is told."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from members import Members, free_port

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, Busy, Unavailable
from plait.node.config import NodeConfig
from plait.node.local import Local
from plait.node.serve import running
from plait.node.takeover import hand_over_all


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Members]:
    cluster = Members(tmp_path, 1)
    await cluster.start()
    yield cluster
    await cluster.close()


async def grown(members: Members, *names: str) -> None:
    async with members.only("n1") as store:
        for name in names:
            await members.add(name)
            await store.join(name, members.addresses[name])


async def everywhere(members: Members, line: str, *names: str) -> None:
    """Return once the line has these voters and no others, as every running node knows it."""
    async with asyncio.timeout(10):
        while True:
            hosts = [node.lines.get(line) for node in members.nodes.values()]
            known = [host.membership.halves for host in hosts if host is not None]
            if known == [(names,)] * len(hosts):
                return
            await asyncio.sleep(0.02)


async def test_a_client_that_knew_one_node_finds_the_others_when_that_one_is_gone(
    one: Members,
) -> None:
    async with plait.connect(f"plait://{one.addresses['n1']}") as store:
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
        await grown(one, "n2", "n3")
        await everywhere(one, "consensus", "n1", "n2", "n3")
        await one.stop("n1")
        await table.put("a", 2)
        assert await table.get("a") == 2


class Last(random.Random):
    """Dials the last address first."""

    def getrandbits(self, k: int, /) -> int:
        return -1 % (1 << k)


async def test_a_client_that_meets_a_node_that_waits_to_be_taken_in_asks_the_others(
    one: Members,
) -> None:
    await one.add("n2")
    async with plait.connect(one.url, random=Last()) as store:
        assert [link.node for link in store._backend._cluster.live()] == ["n2"]
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
    async with plait.connect(one.url, random=Last()) as store:
        await store.join("n2", one.addresses["n2"], timeout_s=10.0)
        assert [row["name"] for row in await store.members()] == ["n1", "n2"]


async def test_one_node_joins_at_a_time_and_one_that_never_arrives_can_be_given_up(
    one: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = one.nodes["n1"]
    local = Local(node)

    async def admit(*ignored: object) -> None:
        pass

    with monkeypatch.context() as patch:
        patch.setattr(node.versions, "admit", admit)
        with pytest.raises(Unavailable):
            await local.join("ghost", "127.0.0.1:1", False, 0.2)
    assert node.membership.joining == ("ghost",)
    await one.add("n2")
    with pytest.raises(Busy, match="ghost is joining"):
        await local.join("n2", one.addresses["n2"], False, 5.0)
    with pytest.raises(Busy, match="ghost is joining"):
        await local.leave("n1", 5.0)
    await local.leave("ghost", 5.0)
    await local.join("n2", one.addresses["n2"], False, 10.0)
    assert node.membership.voters == ("n1", "n2")
    assert node.membership.retired == ("ghost",)


async def test_a_witness_joins_every_line_and_leaves_again(one: Members) -> None:
    async with plait.connect(one.url) as store:
        await store.table("accounts", Consensus())
        await store.table("films", Leader())
        await one.add("n2")
        await one.add("n3")
        await store.join("n2", one.addresses["n2"])
        await store.join("n3", one.addresses["n3"], witness=True)
        roles = {row["name"]: row["role"] for row in await store.members()}
        assert roles == {"n1": "member", "n2": "member", "n3": "witness"}
        for line in ("consensus", "leader/majority"):
            await everywhere(one, line, "n1", "n2", "n3")
            assert one.nodes["n1"].lines[line].membership.witnesses == ("n3",)
        await store.leave("n3", timeout_s=10.0)
        assert [row["name"] for row in await store.members()] == ["n1", "n2"]


async def test_a_folder_that_waits_to_be_taken_in_founds_no_cluster_of_its_own(
    one: Members, tmp_path: Path
) -> None:
    await one.add("n2")
    await one.stop("n2")
    folder = tmp_path / "n2"
    with pytest.raises(BadSettings):
        async with plait.open(folder):
            pass
    async with running(NodeConfig(folder), served=True) as node:
        assert (node.name, node.cluster) == ("n2", one.nodes["n1"].cluster)
        assert node.membership.members == ()
        assert not node.control.leads


async def test_a_node_that_is_about_to_stop_hands_over_everything_it_leads(one: Members) -> None:
    async with plait.connect(one.url) as store:
        await store.table("accounts", Consensus())
        await store.table("films", Leader())
    await grown(one, "n2", "n3")
    for line in ("consensus", "leader/majority"):
        await everywhere(one, line, "n1", "n2", "n3")
    node = one.nodes["n1"]
    assert all(host.leads for host in node.hosts())
    await hand_over_all(node, 5.0)
    assert not any(host.leads for host in node.hosts())
    assert {host.leader for host in node.hosts()} <= {"n2", "n3"}


async def test_a_lone_node_stops_at_once(one: Members) -> None:
    node = one.nodes["n1"]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            await hand_over_all(node, 5.0)
            assert node.control.leads
            return
    pytest.fail("it waited for somebody to take over")


async def test_who_founds_alone_founds_a_cluster_of_its_own_id_and_restarts_as_it_was(
    tmp_path: Path,
) -> None:
    address = f"127.0.0.1:{free_port()}"
    ids = []
    for folder in ("one", "one", "wiped"):
        config = NodeConfig(tmp_path / folder, "n1", address, {"n1": address}, "n1", "films")
        async with running(config, served=True) as node:
            ids.append(node.cluster)
    assert ids[0] == ids[1] != ids[2], "a wiped founder must not be taken for the old one"
