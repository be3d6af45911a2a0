"""Followers that are fed by followers, on real nodes: entries cross the leader's link once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from following import KINDS
from members import Members, until

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings
from plait.node.config import Limits

FED, SOURCE = "n4", "n3"
ROW = "x" * 2000
ROWS = 200
PAYLOAD_BYTES = ROWS * len(ROW)


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    async with Members(tmp_path, 4) as members:
        yield members


def feeds(members: Members, line: str, name: str = FED) -> bool:
    """Whether a node says that its source feeds it."""
    source = members.nodes[name].host(line).status().get("source")
    return bool(source and source["feeds"])


def fed_as_leader_sees(members: Members, line: str, name: str = FED) -> bool:
    hosts = [node.host(line) for node in members.nodes.values()]
    senders = [host.group.loglet.sender for host in hosts if host.leads]
    return bool(senders) and all(name in s.progress and s.progress[name].fed for s in senders)


def said_bytes(members: Members, name: str, peer: str) -> int:
    return int(members.nodes[name].links[peer].said_bytes)


async def put(table: plait.Table, first: int, count: int = ROWS) -> None:
    for start in range(first, first + count, 20):
        await table.put_many((f"k{n:05}", ROW) for n in range(start, start + 20))


async def led_by(members: Members, store: plait.Store, line: str, name: str) -> None:
    """Let a node lead, for the measure of who sends what."""
    if not members.nodes[name].host(line).leads:
        await store.switch_over(name, line)
    await until(lambda: members.nodes[name].host(line).leads)


async def fed(members: Members, line: str, name: str = FED) -> None:
    """Return once a node is fed by its source, and the leader knows."""
    await until(lambda: feeds(members, line, name) and fed_as_leader_sees(members, line, name))


@asynccontextmanager
async def fed_by_another(
    members: Members, settings: Any
) -> AsyncIterator[tuple[plait.Store, plait.Table]]:
    """A store, and a table of it, led by n1, whose entries n4 has from n3."""
    async with plait.connect(members.url) as store:
        table = await store.table("t", settings)
        await table.put("a", 1)
        await store.set_follower(FED, votes=False)
        answer = await store.set_follower(FED, source=SOURCE)
        assert answer["source"] == SOURCE
        await led_by(members, store, table.line, "n1")
        await fed(members, table.line)
        yield store, table


async def equal(members: Members, line: str) -> None:
    """Return once all have applied the same; their states are the same then."""
    await members.settled(line)
    hashes = set()
    for node in members.nodes.values():
        replica = node.host(line).replica
        await replica.flush()
        hashes.add(tuple(replica.view.scan(16 + 1, b"", None, 100_000)))
    assert len(hashes) == 1


@KINDS
async def test_entries_reach_a_fed_follower_by_way_of_its_source(
    members: Members, settings: Any
) -> None:
    async with fed_by_another(members, settings) as (store, table):
        by_leader = said_bytes(members, "n1", FED)
        by_source = said_bytes(members, SOURCE, FED)
        await put(table, 0)
        await members.settled(table.line)
        assert said_bytes(members, "n1", FED) - by_leader < PAYLOAD_BYTES / 20
        assert said_bytes(members, SOURCE, FED) - by_source > PAYLOAD_BYTES
        await equal(members, table.line)
        async with members.only(FED) as there:
            assert await (await there.table("t")).count(read="nearest", max_lag=5.0) == ROWS + 1
        page = (await store.status())["nodes"][FED]["source"]
        assert page["node"] == SOURCE
        assert table.line in page["lines"]


@KINDS
async def test_a_follower_whose_source_dies_is_fed_by_the_leader_until_it_is_back(
    members: Members, settings: Any
) -> None:
    async with fed_by_another(members, settings) as (_store, table):
        await members.stop(SOURCE)
        await until(lambda: not fed_as_leader_sees(members, table.line))
        await put(table, 0)
        await members.settled(table.line)
        await members.start(SOURCE)
        await fed(members, table.line)
        by_leader = said_bytes(members, "n1", FED)
        await put(table, ROWS)
        await members.settled(table.line)
        assert said_bytes(members, "n1", FED) - by_leader < PAYLOAD_BYTES / 20
        await equal(members, table.line)


@KINDS
async def test_who_is_fed_and_was_away_is_brought_up_to_date_by_its_source(
    tmp_path: Path, settings: Any
) -> None:
    limits = Limits(log_keep_bytes=20_000, slot_bytes_max=20_000)
    async with (
        Members(tmp_path, 4, limits) as members,
        fed_by_another(members, settings) as (_store, table),
    ):
        had = members.nodes[FED].host(table.line).group.loglet.member.log.tail
        await members.stop(FED)
        hosts = [members.nodes[name].host(table.line) for name in ("n1", SOURCE)]
        async with asyncio.timeout(20.0):
            while any(host.group.loglet.head <= had for host in hosts):
                await put(table, 0)
                await asyncio.sleep(0.5)
        by_leader = said_bytes(members, "n1", FED)
        await members.start(FED)
        await members.settled(table.line)
        assert said_bytes(members, "n1", FED) - by_leader < PAYLOAD_BYTES / 4
        await until(lambda: members.nodes[FED].host(table.line).group.installed > 0)
        await equal(members, table.line)


async def test_a_chain_of_sources_feeds_its_end_and_goes_on_over_a_new_leader(
    tmp_path: Path,
) -> None:
    async with Members(tmp_path, 5) as members, plait.connect(members.url) as store:
        table = await store.table("t", Leader("any:1"))
        await table.put("a", 1)
        for name, source in (("n4", "n3"), ("n5", "n4")):
            await store.set_follower(name, votes=False, source=source)
        await led_by(members, store, table.line, "n1")
        for name in ("n4", "n5"):
            await fed(members, table.line, name)
        await put(table, 0)
        await members.settled(table.line)
        await store.switch_over("n2", table.line)
        for name in ("n4", "n5"):
            await fed(members, table.line, name)
        by_leader = [said_bytes(members, "n2", name) for name in ("n4", "n5")]
        await put(table, ROWS)
        await members.settled(table.line)
        now = [said_bytes(members, "n2", name) for name in ("n4", "n5")]
        assert max(b - a for a, b in zip(by_leader, now, strict=True)) < PAYLOAD_BYTES / 20
        await equal(members, table.line)


async def test_a_witness_without_a_vote_passes_on_what_it_does_not_apply(tmp_path: Path) -> None:
    async with Members(tmp_path, 1) as members, plait.connect(members.url) as store:
        for name in ("n2", "n3", "n4"):
            await members.add(name)
            await store.join(name, members.addresses[name], witness=name == SOURCE)
        table = await store.table("t", Consensus())
        await table.put("a", 1)
        await store.set_follower(SOURCE, votes=False)
        await store.set_follower(FED, votes=False, source=SOURCE)
        await led_by(members, store, table.line, "n1")
        await fed(members, table.line)
        by_leader = said_bytes(members, "n1", FED)
        await put(table, 0)
        last = members.nodes["n1"].host(table.line).replica.applied
        await until(lambda: members.nodes[FED].host(table.line).replica.applied >= last)
        assert said_bytes(members, "n1", FED) - by_leader < PAYLOAD_BYTES / 20


async def test_circles_strangers_and_voters_are_refused(members: Members) -> None:
    async with plait.connect(members.url) as store:
        with pytest.raises(BadSettings, match="votes"):
            await store.set_follower(FED, source=SOURCE)
        await store.set_follower(FED, votes=False, source=SOURCE)
        await store.set_follower(SOURCE, votes=False)
        for source in (FED, SOURCE):
            with pytest.raises(BadSettings, match=f"{SOURCE} from"):
                await store.set_follower(SOURCE, source=source)
        with pytest.raises(BadSettings, match="no node"):
            await store.set_follower(FED, source="n9")
        assert (await store.set_follower(FED, source="any"))["source"] is None
        assert (await store.set_follower(SOURCE, source=FED))["source"] == FED


@KINDS
async def test_who_gets_its_vote_back_is_fed_by_the_leader(members: Members, settings: Any) -> None:
    async with fed_by_another(members, settings) as (store, table):
        answer = await store.set_follower(FED, votes=True)
        assert answer["source"] is None
        await until(lambda: FED in members.nodes["n1"].host(table.line).membership.voters)
        await put(table, 0)
        await asyncio.sleep(0.3)
        assert not fed_as_leader_sees(members, table.line)
        await members.settled(table.line)


async def test_a_follower_may_be_read_as_fresh_while_it_is_fed(members: Members) -> None:
    async with (
        fed_by_another(members, Leader("any:1")) as (_store, table),
        members.only(FED) as there,
    ):
        copy = await there.table("t")
        for n in range(20):
            await table.put("a", n)
            await asyncio.sleep(0.05)
            assert isinstance(await copy.get("a", read="nearest", max_lag=2.0), int)
