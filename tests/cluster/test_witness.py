"""Witnesses on real nodes: they vote and keep the log, fold nothing, and hand their tails over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from members import Members, until, with_a_witness

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, NotLeader, PlaitError
from plait.host.storage import open_storage
from plait.line.replication.messages import SnapshotOffer
from plait.node import line_host
from plait.node.config import Limits
from plait.node.local import Local
from plait.node.recovery import survey

DATA = ("n1", "n2")
WITNESS = "n3"
ALL = (*DATA, WITNESS)
SETTINGS = [Consensus(), Leader()]


def leader_of(members: Members, line: str) -> str | None:
    leaders = [n for n, node in members.nodes.items() if node.host(line).leads]
    return leaders[0] if len(leaders) == 1 else None


def is_everywhere(members: Members, line: str) -> bool:
    """Whether the line has all three nodes as members, as every running one knows."""
    hosts = [node.lines.get(line) for node in members.nodes.values()]
    return all(
        host is not None
        and host.membership.halves == (ALL,)
        and host.membership.witnesses == (WITNESS,)
        for host in hosts
    )


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    async with with_a_witness(tmp_path, WITNESS) as cluster:
        yield cluster


async def led_by(members: Members, line: str, name: str) -> None:
    """Let a data node lead the line, as an operator would."""
    await until(lambda: leader_of(members, line) in DATA)
    now = leader_of(members, line)
    if now != name:
        assert now is not None
        await members.nodes[now].host(line).group.loglet.hand_over(name, 5.0)
    await until(lambda: leader_of(members, line) == name)


@pytest.mark.parametrize("settings", SETTINGS, ids=["consensus", "leader"])
@pytest.mark.parametrize("lost", DATA)
async def test_either_data_node_can_be_lost_and_writing_goes_on(
    members: Members, settings: Any, lost: str
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", settings)
        await until(lambda: is_everywhere(members, table.line))
        for number in range(20):
            await table.put(f"k{number}", number)
        await led_by(members, table.line, "n1")
        await members.stop(lost)
        began = asyncio.get_running_loop().time()
        await table.put("after", True)
        assert asyncio.get_running_loop().time() - began < 5.0
        assert await table.count() == 21
        other = await store.table("made-later", settings)
        await other.put("a", 1)
        assert await other.get("a") == 1


@pytest.mark.parametrize("settings", SETTINGS, ids=["consensus", "leader"])
async def test_what_only_the_lost_leader_and_the_witness_held_is_not_lost(
    members: Members, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", settings)
        line = table.line
        await until(lambda: is_everywhere(members, line))
        await led_by(members, line, "n1")
        survivor, witness = members.nodes["n2"].host(line), members.nodes[WITNESS].host(line)
        with monkeypatch.context() as patch:
            hear = survivor.hear
            deaf = lambda peer, message: None if peer == "n1" else hear(peer, message)  # noqa: E731
            patch.setattr(survivor, "hear", deaf)
            for number in range(20):
                await table.put(f"k{number}", number)
            behind = survivor.group.loglet.member.log.tail
            assert behind + 5 < witness.group.loglet.member.log.tail
            await members.stop("n1")
        assert await table.count() == 20
        await until(lambda: leader_of(members, line) == "n2")
        assert survivor.group.loglet.member.log.head <= behind  # no copy of a state helped
        assert survivor.installed == 0


async def test_a_witness_folds_the_control_line_and_nothing_else(members: Members) -> None:
    async with plait.connect(members.url) as store:
        tables = [await store.table(f"t{n}", how) for n, how in enumerate(SETTINGS)]
        for table in tables:
            await until(lambda line=table.line: is_everywhere(members, line))
            await table.put_many({f"k{number:05}": "x" * 100 for number in range(2000)})
            witness = members.nodes[WITNESS].host(table.line)
            await until(lambda w=witness, t=table: w.loglet.committed >= committed(members, t.line))
            assert witness.replica.applied == 0
            assert witness.status()["role"] == "witness"
            assert "halted" not in witness.status()
    states = {path.name for path in (members.folder / WITNESS).rglob("*.db")}
    assert len(states) == 1
    assert "control" in states.pop()


def committed(members: Members, line: str) -> int:
    return max(node.host(line).loglet.committed for node in members.nodes.values())


async def test_reads_feeds_and_openings_at_a_witness_name_a_data_node(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Leader())
        await until(lambda: is_everywhere(members, table.line))
        await table.put("a", 1)
        local = Local(members.nodes[WITNESS])
        refused = (
            local.open_table("accounts", None),
            local.open_table("another", Leader()),
            local.read(table.line, (), plait.api.settings.ReadOptions("follower", 60.0), None),
            anext(local.follow(table.line, 1, None)),
        )
        for work in refused:
            with pytest.raises(NotLeader, match="n3 is a witness") as raised:
                await work
            assert raised.value.leader in DATA
            assert raised.value.details["address"] == members.addresses[raised.value.leader]


async def test_a_client_that_knows_only_the_witness_is_sent_on(members: Members) -> None:
    for name, settings in (("accounts", Consensus()), ("films", Leader())):
        async with plait.connect(f"plait://{members.addresses[WITNESS]}") as store:
            table = await store.table(name, settings)
            await until(lambda line=table.line: is_everywhere(members, line))
            await table.put("a", 1)
            assert await table.get("a") == 1
            for _ in ALL:  # whoever's turn it is
                assert await table.stale(60.0).get("a") == 1
            async with asyncio.timeout(10), table.watch() as watch:
                await table.put("b", 2)
                assert (await anext(watch)).key == "b"


async def test_a_witness_is_never_promoted_nor_handed_the_lead(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Leader(acks="any:1"))
        await until(lambda: is_everywhere(members, table.line))
        await table.put("a", 1)
        await led_by(members, table.line, "n1")
        for accept_loss in (False, True):
            primary = members.nodes[WITNESS].host(table.line).primary
            assert primary is not None
            promotion = await primary.promote(2.0, accept_loss)
            assert not promotion.won
            assert "witness" in promotion.why
        handed = await members.nodes["n1"].host(table.line).group.loglet.hand_over(WITNESS, 2.0)
        assert not handed.won
        await asyncio.gather(members.stop("n1"), members.stop("n2"))
        await asyncio.sleep(1.5)  # nobody is left who may lead
        assert leader_of(members, table.line) is None


SMALL = Limits(log_keep_bytes=20_000, slot_bytes_max=40_000, slot_age_s_max=3600.0)
ROWS = {f"k{number:03}": "x" * 500 for number in range(100)}


async def written_until(table: plait.Table, what: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await table.put_many(ROWS)
            await asyncio.sleep(0.06)  # the log is looked at now and then


@pytest.mark.parametrize("settings", SETTINGS, ids=["consensus", "leader"])
async def test_a_witness_keeps_what_an_absent_data_node_lacks_and_then_lets_it_go(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.05)
    async with (
        with_a_witness(tmp_path, WITNESS, SMALL) as members,
        plait.connect(members.url) as store,
    ):
        table = await store.table("accounts", settings)
        line = table.line
        await until(lambda: is_everywhere(members, line))
        await led_by(members, line, "n1")
        leader, witness = (
            members.nodes[n].host(line).group.loglet.member.log for n in ("n1", WITNESS)
        )
        absent_from = members.nodes["n2"].host(line).group.loglet.member.log.tail
        await members.stop("n2")
        await written_until(table, lambda: leader.head > absent_from)  # its slot is broken
        await asyncio.sleep(0.5)
        assert witness.head <= absent_from
        await members.add("n2", members.addresses["n2"])
        await written_until(table, lambda: witness.head > absent_from)
        checkpointed = members.nodes[WITNESS].host(line).group.checkpointed
        assert witness.head <= checkpointed <= members.nodes["n2"].host(line).loglet.committed


@pytest.mark.parametrize("settings", SETTINGS, ids=["consensus", "leader"])
async def test_a_witness_alone_brings_back_a_data_node_that_its_lost_leader_had_given_up(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.05)
    async with (
        with_a_witness(tmp_path, WITNESS, SMALL) as members,
        plait.connect(members.url) as store,
    ):
        table = await store.table("accounts", settings)
        line = table.line
        await until(lambda: is_everywhere(members, line))
        await led_by(members, line, "n1")
        leader = members.nodes["n1"].host(line)
        absent_from = members.nodes["n2"].host(line).group.loglet.member.log.tail
        await members.stop("n2")
        await written_until(table, lambda: leader.loglet.head > absent_from)
        await table.put("last", True)
        await members.stop("n1")
        await members.add("n2", members.addresses["n2"])
        assert await table.count() == len(ROWS) + 1
        await until(lambda: leader_of(members, line) == "n2")
        assert members.nodes["n2"].host(line).installed == 0


@pytest.mark.parametrize("settings", SETTINGS, ids=["consensus", "leader"])
async def test_a_witness_that_fell_behind_a_trimmed_log_begins_where_that_begins(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.05)
    async with (
        with_a_witness(tmp_path, WITNESS, SMALL) as members,
        plait.connect(members.url) as store,
    ):
        table = await store.table("accounts", settings)
        line = table.line
        await until(lambda: is_everywhere(members, line))
        await led_by(members, line, "n1")
        leader = members.nodes["n1"].host(line)
        tail = members.nodes[WITNESS].host(line).group.loglet.member.log.tail
        await members.stop(WITNESS)
        await written_until(table, lambda: leader.loglet.head > tail)
        # by its config as by its folder: it is a node of the cluster that knows everything
        await members.add(WITNESS, members.addresses[WITNESS])
        witness = members.nodes[WITNESS].host(line)
        await until(
            lambda: witness.group.loglet.member.log.tail == leader.group.loglet.member.log.tail
        )
        assert witness.installed == 1
        log = witness.group.loglet.member.log
        assert (log.head, log.records) == (
            leader.loglet.head,
            leader.group.loglet.member.log.records,
        )
        assert witness.membership == leader.membership
        await members.stop("n2")
        await table.put("after", 1)  # its word counts
        assert not list((members.folder / WITNESS).rglob("*consensus*.db"))


@pytest.mark.parametrize("settings", SETTINGS, ids=["consensus", "leader"])
async def test_a_late_offer_of_a_base_takes_nothing_away_and_a_state_is_declined(
    members: Members, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", settings)
        line = table.line
        await until(lambda: is_everywhere(members, line))
        await led_by(members, line, "n1")
        for number in range(5):
            await table.put("k", number)
        leader, witness = members.nodes["n1"].host(line), members.nodes[WITNESS].host(line)
        await until(lambda: witness.loglet.committed == leader.loglet.committed)
        log, epoch = witness.group.loglet.member.log, leader.group.loglet.member.log.last_epoch
        tail = log.tail
        said: list[Any] = []
        await witness.group.loglet.trim(4)
        with monkeypatch.context() as patch:
            for speaker in (witness.group, witness.group._receiver):
                patch.setattr(speaker, "_send", lambda peer, ack: said.append(ack))
            for size in (100, 0):
                witness.hear("n1", SnapshotOffer(line, epoch, f"s{size}", size, 0, 2, epoch, 2))
            await until(lambda: said and said[-1].installed)
        assert said[0].error
        assert (log.head, log.tail) == (4, tail)


async def test_a_witness_that_starts_again_knows_what_it_is(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await until(lambda: is_everywhere(members, table.line))
        await table.put("a", 1)
        await members.stop(WITNESS)
        await members.add(WITNESS, members.addresses[WITNESS])
        await members.stop("n2")
        await table.put("b", 2)
        assert not members.nodes[WITNESS].host(table.line).folds
        with pytest.raises(PlaitError):
            await members.nodes[WITNESS].host(table.line).replica.read(())


async def test_the_folder_of_a_witness_is_not_recovered_from(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.table("accounts", Consensus())
    await members.stop(WITNESS)
    storage = await open_storage(members.folder / WITNESS)
    with pytest.raises(BadSettings, match="witness"):
        survey(storage)
    await storage.close()
