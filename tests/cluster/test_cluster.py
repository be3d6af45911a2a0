"""What users of a cluster are promised, on three members with real folders and sockets."""

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Leader
from plait.api.values import put_command
from plait.base.errors import (
    BadSettings,
    NoSuchCollection,
    PromotionRefused,
    TooStale,
    Unavailable,
)
from plait.node.config import Limits
from plait.types.commands import encode_group

LINE = "leader/any:1"


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    cluster = Members(tmp_path, limits=Limits(failover_s=0.0))  # an operator promotes here
    await cluster.start()
    yield cluster
    await cluster.close()


async def test_a_write_says_its_position_and_the_rule_that_was_met(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        receipt = await table.put("a", 1)
        assert receipt.acks == "any:1"
        stricter = await table.put("a", 2, acks="all")
        assert stricter.acks == "all"
        assert stricter.position > receipt.position
        with pytest.raises(BadSettings, match="less than"):
            await table.put("a", 3, acks="leader")


async def test_a_store_reads_its_own_writes_on_every_follower(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        for number in range(50):
            await table.put("k", number)
            assert await table.get("k", read="follower") == number


async def test_a_token_carries_a_session_to_another_node(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put("k", "new")
        token = store.token
    for name in members.addresses:
        async with members.only(name) as elsewhere:
            session = elsewhere.session(token)
            table = await session.table("t", read="nearest")
            assert await table.get("k") == "new"


async def test_tables_and_settings_are_known_on_every_node(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.table("t", Leader(acks="all"))
        with pytest.raises(BadSettings, match="exists with"):
            await store.table("t", Leader(acks="any:1"))
        with pytest.raises(NoSuchCollection):
            await store.table("absent")
        with pytest.raises(plait.errors.RuleUnmet):
            await store.table("u", Leader(acks="any:3"))
        await members.settled("leader/all")
        for name in members.addresses:
            async with members.only(name) as one:
                assert [info.name for info in await one.tables()] == ["t"]


async def test_a_rule_that_is_not_met_keeps_the_write_back(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="all"))
        await table.put("a", 1)
        await members.stop("n3")
        pending = asyncio.ensure_future(table.put("a", 2))
        await asyncio.sleep(0.3)
        assert not pending.done()
        assert await table.get("a") == 1, "nothing is served past the commit"
        await members.start("n3")
        receipt = await asyncio.wait_for(pending, 20)
        assert receipt.acks == "all"


async def test_asking_for_more_than_can_be_had_is_indefinite_but_committed(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put("a", 1)
        await members.stop("n3")
        local = members.nodes["n1"].lines[LINE]
        group = encode_group(0, 0, 0, [put_command(table.info.table, "a", 2, None)])
        with pytest.raises(TimeoutError):
            await local.propose_stricter(group, "all", 0.3)
        assert await table.get("a") == 2


async def test_degrading_is_explicit_visible_and_undone(tmp_path: Path) -> None:
    members = Members(tmp_path, limits=Limits(degrade_after_s=0.5))
    await members.start()
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="all", degrade=True))
        await table.put("a", 1)
        await members.stop("n3")
        receipt = await asyncio.wait_for(table.put("a", 2), 30)
        assert receipt.acks == "any:1"
        status = (await store.status())["nodes"]["n1"]["lines"]["leader/all/degrade"]
        assert status["rule_in_force"] == "any:1"
        await members.start("n3")
        async with asyncio.timeout(20):
            while True:
                receipt = await table.put("a", 3)
                if receipt.acks == "all":
                    break
                await asyncio.sleep(0.1)
    await members.close()


async def test_promotion_without_enough_reports_is_refused(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put("a", 1)
        await members.settled(LINE)
    await members.stop("n1")
    await members.stop("n3")
    async with members.only("n2") as store:
        with pytest.raises(PromotionRefused, match="1 of the 2"):
            await store.promote("n2", timeout_s=1.0)
        report = await store.promote("n2", accept_loss=True, timeout_s=5.0)
        assert all(line["ok"] for line in report["lines"].values())


async def test_two_operators_who_promote_at_once_do_not_both_win(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put("a", 1)
    await members.settled(LINE)
    await members.stop("n1")

    async def promote(name: str) -> None:
        async with members.only(name) as operator:
            await operator.promote(name, timeout_s=5.0)

    await asyncio.gather(promote("n2"), promote("n3"), return_exceptions=True)
    async with plait.connect(members.url) as store:
        table = await store.table("t")
        await table.put("b", 2)
    await members.settled(LINE)
    leading = [name for name, node in members.nodes.items() if node.lines[LINE].leads]
    assert len(leading) == 1


async def test_a_switch_over_under_load_loses_nothing(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        stop = asyncio.Event()
        written: dict[str, int] = {}

        async def write(number: int) -> None:
            turn = 0
            while not stop.is_set():
                await table.put(f"{number}-{turn}", turn)
                written[f"{number}-{turn}"] = turn
                turn += 1

        tasks = [asyncio.ensure_future(write(n)) for n in range(8)]
        for target in ("n2", "n3", "n1"):
            await asyncio.sleep(0.2)
            report = await store.switch_over(target, timeout_s=10.0)
            assert all(line["ok"] for line in report["lines"].values()), report
        await asyncio.sleep(0.2)
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        found = {key: value async for key, value in table.scan()}
    assert found == written
    assert len(written) > 100


async def test_a_new_disk_bootstraps_by_snapshot_while_writes_continue(tmp_path: Path) -> None:
    limits = Limits(log_keep_bytes=200_000, slot_bytes_max=300_000)
    members = Members(tmp_path, limits=limits)
    await members.start()
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put_many((f"old{n}", "x" * 100) for n in range(5000))
        await members.stop("n3")
        shutil.rmtree(tmp_path / "n3")
        await table.put_many((f"more{n}", "x" * 100) for n in range(5000))
        leader = members.nodes["n1"].lines[LINE]
        async with asyncio.timeout(20):
            while leader.loglet.head == 0:
                await asyncio.sleep(0.1)
                await table.put_many((f"pad{n}", "x" * 100) for n in range(2000))
        stop = asyncio.Event()

        async def write() -> int:
            turn = 0
            while not stop.is_set():
                await table.put(f"live{turn}", turn)
                turn += 1
            return turn

        writing = asyncio.ensure_future(write())
        await members.start("n3")
        async with asyncio.timeout(30):
            while "n3" not in members.nodes or LINE not in members.nodes["n3"].lines:
                await asyncio.sleep(0.05)
            bootstrapped = members.nodes["n3"].lines[LINE]
            while bootstrapped.primary is None or bootstrapped.primary.core.member.fresh:
                await asyncio.sleep(0.05)
        stop.set()
        await writing
        await members.settled(LINE, 30)
        assert bootstrapped.loglet.head > 0, "it began with a snapshot"
        expected = {key: value async for key, value in table.scan()}
    async with members.only("n3") as one:
        copy = await one.table("t", read="nearest")
        assert {key: value async for key, value in copy.scan()} == expected
    await members.close()


async def test_a_deposed_leader_returns_with_rescued_records_and_replays_them(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put("kept", 1)
        await members.settled(LINE)
        old = members.nodes["n1"]
        for link in old.links.values():
            await link.close()  # n1 can hear, and cannot speak
        lost = asyncio.ensure_future(table.put("only on n1", 2))
        await asyncio.sleep(0.2)
        assert not lost.done()
        lost.cancel()
    await members.stop("n1")
    async with plait.connect(members.url) as store:
        await store.promote("n2", timeout_s=5.0)
        table = await store.table("t")
        await table.put("new", 3)
        await members.start("n1")
        await members.settled(LINE)
        (suffix,) = [row for row in await store.rescued() if row["line"] == LINE]
        assert suffix["node"] == "n1"
        assert not suffix["committed_here"]
        shown = await store.show_rescued("n1", suffix["rescued"])
        assert "only on n1" in str(shown["shown"])
        counts = await store.replay_rescued("n1", suffix["rescued"])
        assert counts["applied"] >= 1
        assert await table.get("only on n1") == 2
        await store.drop_rescued("n1", suffix["rescued"])
        assert [row for row in await store.rescued() if row["line"] == LINE] == []


async def test_a_follower_that_cannot_hear_is_too_stale_for_a_bounded_read(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put("a", 1)
        await members.settled(LINE)
    await asyncio.gather(members.stop("n1"), members.stop("n3"))  # else n2 would lead by itself
    await asyncio.sleep(0.8)
    async with members.only("n2") as one:
        table = await one.table("t", read="nearest")
        assert await table.get("a") == 1
        with pytest.raises((TooStale, Unavailable)):
            await asyncio.wait_for(table.get("a", max_lag=0.2), 30)


async def test_watchers_on_a_follower_see_every_change_in_order(members: Members) -> None:
    async with plait.connect(members.url) as store, members.only("n3") as near:
        table = await store.table("t", Leader(acks="any:1"))
        await table.put("warm", 0)
        await members.settled(LINE)
        watched = await near.table("t", read="nearest")
        seen: list[object] = []

        async def watch() -> None:
            async for change in watched.watch():
                seen.append(change.value)
                if len(seen) == 100:
                    return

        watching = asyncio.ensure_future(watch())
        await asyncio.sleep(0.2)
        for number in range(100):
            await table.put("k", number)
        await asyncio.wait_for(watching, 10)
        assert seen == list(range(100))


async def test_hostile_bytes_cost_a_closed_connection_and_nothing_else(members: Members) -> None:
    chance = random.Random(3)
    host, port = members.addresses["n1"].split(":")
    for _ in range(60):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(chance.randbytes(chance.choice([1, 4, 5, 64, 5000])))
        await writer.drain()
        if chance.random() < 0.5:
            writer.write_eof()
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(reader.read(), 0.05)
        writer.close()
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader())
        await table.put("alive", True)


async def test_who_is_alone_acknowledges_for_all(tmp_path: Path) -> None:
    one = Members(tmp_path, 1)
    await one.start()
    async with plait.connect(one.url) as store, asyncio.timeout(10):
        table = await store.table("t", Leader())
        assert (await table.put("a", 1, acks="all")).acks == "all"
    await one.close()
