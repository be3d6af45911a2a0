"""Delayed followers on real nodes: they acknowledge now, apply later, and stop where they must."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from members import Members

import plait
from plait import Consensus, Leader
from plait.api.messages import Get
from plait.api.settings import ReadOptions
from plait.base.errors import BadSettings, NoSuchCollection, NotLeader, TooStale
from plait.node import followers
from plait.node.config import Limits
from plait.node.local import Local

SETTINGS = [Consensus(), Leader("any:1")]
KINDS = pytest.mark.parametrize("settings", SETTINGS, ids=["consensus", "leader"])
LATE = "n3"
HOUR_S = 3600.0
INF = float("inf")


async def until(what: Callable[[], Any], timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not what():
            await asyncio.sleep(0.01)


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    cluster = Members(tmp_path, 3)
    await cluster.start()
    yield cluster
    await cluster.close()


def applied(members: Members, line: str, name: str) -> int:
    """How many records: entries that have none, of elections, wait for nothing."""
    return int(members.nodes[name].host(line).replica.record_index)


def delayed(members: Members, line: str, name: str = LATE) -> dict[str, Any]:
    return dict(members.nodes[name].host(line).status().get("delayed") or {})


async def adopted(members: Members, name: str = LATE) -> None:
    await until(lambda: members.nodes[name].followers.mine is not None)
    lines = members.nodes[name].lines.values()
    await until(lambda: all(host.pace and host.pace.record for host in lines))


async def put(table: plait.Table, first: int, count: int) -> None:
    await table.put_many((f"k{n:04}", n) for n in range(first, first + count))


@KINDS
async def test_a_delayed_follower_acknowledges_now_and_applies_later(
    members: Members, settings: Any
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", settings)
        await put(table, 0, 10)
        await members.settled(table.line)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await adopted(members)
        before = applied(members, table.line, LATE)
        await members.stop("n2")  # whoever of the others is left needs its acknowledgement
        for number in range(20):
            await table.put(f"late{number}", number)
        host = members.nodes[LATE].host(table.line)
        await until(lambda: host.loglet.committed > before + 5)
        assert applied(members, table.line, LATE) == before
        status = delayed(members, table.line)
        assert status["delay_s"] == HOUR_S
        assert status["waiting_entries"] > 5
        assert 0 < host.lag_s() < HOUR_S


async def test_a_delay_that_has_passed_lets_entries_through(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await table.put("a", 1)
        await members.settled(table.line)
        await store.set_follower(LATE, delay_s=1.0)
        await adopted(members)
        await table.put("b", 2)
        records = 3  # a session, and two rows
        await until(lambda: applied(members, table.line, "n1") == records)
        assert applied(members, table.line, LATE) < records
        await until(lambda: applied(members, table.line, LATE) == records, 5.0)


async def host_read(members: Members, table: plait.Table, max_lag: float | None) -> Any:
    """What the delayed node itself answers, once."""
    query = Get(table.info.table, "a")
    local = Local(members.nodes[LATE])
    return await local.read(table.line, [query], ReadOptions("nearest", max_lag), None)


@KINDS
async def test_reads_of_a_delayed_follower_are_honest(members: Members, settings: Any) -> None:
    async with plait.connect(members.url) as store, members.only(LATE) as there:
        table = await store.table("t", settings)
        await table.put("a", "old")
        await members.settled(table.line)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await adopted(members)
        await table.put("a", "new")
        host = members.nodes[LATE].host(table.line)
        await until(lambda: host.pace.waits)
        local = await there.table("t")
        for max_lag in (None, 0.0):
            with pytest.raises(TooStale, match="behind on"):
                await host_read(members, table, max_lag)
        assert await local.get("a", read="nearest", max_lag=INF) == "old"
        for _ in range(5):  # programs that know nothing of it are served by the others
            assert await table.get("a", read="nearest") == "new"
            assert await table.get("a", read="nearest", max_lag=30.0) in ("old", "new")


async def test_the_delay_of_a_follower_outlives_its_restart(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await put(table, 0, 5)
        await members.settled(table.line)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await adopted(members)
        await put(table, 100, 5)
        before = applied(members, table.line, LATE)
        await members.stop(LATE)
        await members.start(LATE)
        host = members.nodes[LATE].host(table.line)
        await until(lambda: host.pace is not None and host.pace.waits)
        assert applied(members, table.line, LATE) == before
        await store.set_follower(LATE, delay_s=0)
        await members.settled(table.line)


@KINDS
async def test_a_dropped_table_is_brought_back_from_a_delayed_follower(
    members: Members, settings: Any
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("people", settings)
        await put(table, 0, 30)
        await members.settled(table.line)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await adopted(members)
        await put(table, 30, 30)
        await store.drop_table("people")
        (dropped,) = await store.dropped()
        assert dropped["name"] == "people"
        await store.set_follower(LATE, hold=f"{dropped['line']}:{dropped['cleared_at']}")
        host = members.nodes[LATE].host(table.line)
        await until(lambda: host.replica.applied == dropped["cleared_at"])
        async with members.only(LATE) as there:
            rescue = await there.dropped_table("people")
            rows = {key: value async for key, value in rescue.scan()}
        assert rows == {f"k{n:04}": n for n in range(60)}
        again = await store.table("people", settings)
        await again.put_many(rows)
        assert await again.count() == 60
        await store.set_follower(LATE, delay_s=0, go=True)
        await members.settled(table.line)
        async with members.only(LATE) as there:
            assert await (await there.dropped_table("people")).count() == 0


async def test_a_follower_is_held_where_it_stands_and_goes_on(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await put(table, 0, 5)
        await members.settled(table.line)
        answer = await store.set_follower(LATE, hold="now")
        assert answer["hold"] is not None
        await adopted(members)
        await asyncio.sleep(0.01)  # later than the hold, by the clock
        await put(table, 5, 5)
        host = members.nodes[LATE].host(table.line)
        await until(lambda: host.pace.waits)
        async with members.only(LATE) as there:
            stood = await (await there.table("t")).count(read="nearest", max_lag=INF)
        assert stood == 5
        findings = (await store.examine())[LATE]
        assert any("held" in finding["what"] for finding in findings)
        await store.set_follower(LATE, go=True)
        await members.settled(table.line)


@KINDS
async def test_a_delayed_follower_hands_over_what_it_leads(members: Members, settings: Any) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", settings)
        await table.put("a", 1)
        await members.settled(table.line)
        await store.switch_over(LATE, table.line)
        await until(lambda: members.nodes[LATE].host(table.line).leads)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await until(lambda: any(members.nodes[n].host(table.line).leads for n in ("n1", "n2")))
        await table.put("b", 2)
        with pytest.raises(BadSettings):
            await store.switch_over(LATE, table.line)


@KINDS
async def test_of_two_survivors_the_one_that_is_not_delayed_leads(
    members: Members, settings: Any
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", settings)
        await put(table, 0, 5)
        await members.settled(table.line)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await adopted(members)
        await put(table, 5, 5)
        before = applied(members, table.line, LATE)
        hosts = {name: members.nodes[name].host(table.line) for name in ("n1", "n2")}
        await until(lambda: any(host.leads for host in hosts.values()))
        leader = next(name for name, host in hosts.items() if host.leads)
        other = "n2" if leader == "n1" else "n1"
        await members.stop(leader)
        await table.put("after", 1)
        await until(lambda: members.nodes[other].host(table.line).leads)
        assert applied(members, table.line, LATE) == before


@KINDS
async def test_a_delayed_follower_leads_when_nobody_else_can(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "STEP_IN_S", 1.0)
    members = Members(tmp_path, 1)
    await members.start()
    try:
        async with members.only("n1") as first:
            for name, witness in (("n2", True), (LATE, False)):
                await members.add(name)
                await first.join(name, members.addresses[name], witness=witness)
        async with plait.connect(members.url) as store:
            table = await store.table("t", settings)
            await put(table, 0, 5)
            await store.set_follower(LATE, delay_s=HOUR_S)
            await adopted(members)
            await put(table, 5, 5)
            await members.stop("n1")
            await table.put("after", 1)  # waits until it has stepped in
            assert members.nodes[LATE].host(table.line).leads
            assert await table.count() == 11
            assert delayed(members, table.line)["leads_anyway"]
    finally:
        await members.close()


async def test_a_held_follower_never_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "STEP_IN_S", 0.5)
    members = Members(tmp_path, 3)
    await members.start()
    try:
        async with plait.connect(members.url) as store:
            table = await store.table("t", Consensus())
            await put(table, 0, 5)
            await members.settled(table.line)
            await store.set_follower(LATE, hold="now")
            await adopted(members)
            await store.set_follower("n2", delay_s=HOUR_S)
            await members.stop("n1")
            await table.put("after", 1)
            assert members.nodes["n2"].host(table.line).leads
            async with members.only(LATE) as there:
                assert await (await there.table("t")).count(read="nearest", max_lag=INF) == 5
    finally:
        await members.close()


async def test_a_held_follower_takes_no_copy_of_a_newer_state(tmp_path: Path) -> None:
    limits = Limits(log_keep_bytes=1, slot_bytes_max=1, slot_age_s_max=0.5)
    members = Members(tmp_path, 3, limits)
    await members.start()
    try:
        async with plait.connect(members.url) as store:
            table = await store.table("t", Consensus())
            await put(table, 0, 5)
            await members.settled(table.line)
            await store.set_follower(LATE, hold="now")
            await adopted(members)
            await members.stop(LATE)
            for part in range(30):
                await put(table, 100 * part, 100)
                await asyncio.sleep(0.1)
            await store.flush()
            logs = [members.nodes[n].host(table.line).group.loglet.member.log for n in ("n1", "n2")]
            await until(lambda: all(log.head > 10 for log in logs), 20.0)
            await members.start(LATE)
            async with members.only(LATE) as there:
                rows = await there.table("t")
                await until(lambda: members.nodes[LATE].host(table.line).leader is not None)
                await asyncio.sleep(1.5)
                assert await rows.count(read="nearest", max_lag=INF) == 5
            await store.set_follower(LATE, go=True)
            await members.settled(table.line, 30.0)
            await until(lambda: members.nodes[LATE].host(table.line).installed)
    finally:
        await members.close()


async def test_somebody_must_be_left_to_lead(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.table("t", Consensus())
        await store.set_follower("n1", delay_s=1)
        await store.set_follower("n2", hold="now")
        for settings in ({"delay_s": 1.0}, {"hold": "now"}):
            with pytest.raises(BadSettings):
                await store.set_follower("n3", **settings)
        for hold in ("consensus", "nowhere:3", "2999-01-01T00:00:00", "latest"):
            with pytest.raises(BadSettings):
                await store.set_follower("n2", hold=hold)
        for name, delay_s in (("n9", 1.0), ("n2", -1.0)):
            with pytest.raises(BadSettings):
                await store.set_follower(name, delay_s=delay_s)
        with pytest.raises(NoSuchCollection):
            await store.dropped_table("t")


async def test_backups_and_feeds_are_asked_elsewhere(members: Members, tmp_path: Path) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await put(table, 0, 5)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await adopted(members)
        there = Local(members.nodes[LATE])
        with pytest.raises(NotLeader, match="delayed"):
            await there.backup(tmp_path / "backups")
        with pytest.raises(TooStale, match="delayed"):
            await anext(there.follow(table.line, table.info.table, None))
        for _ in range(3):
            answer = await store.backup(tmp_path / "backups")
            assert answer["node"] != LATE


async def test_a_line_moves_under_a_delayed_follower(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await put(table, 0, 5)
        await members.settled(table.line)
        await store.set_follower(LATE, delay_s=HOUR_S)
        await adopted(members)
        await put(table, 5, 5)
        before = applied(members, table.line, LATE)
        await store.move("t", "raft")
        await put(table, 10, 5)
        await asyncio.sleep(4.0)  # longer than a former group may be stuck
        host = members.nodes[LATE].host(table.line)
        assert applied(members, table.line, LATE) == before
        assert not host.installed
        await store.set_follower(LATE, delay_s=0)
        await until(lambda: applied(members, table.line, LATE) == before + 10)
