"""Delayed followers on real nodes: they acknowledge now, apply later, and stop where they must."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from following import (
    FOLLOWER,
    HOUR_S,
    INF,
    KINDS,
    OTHERS,
    applied,
    count_at,
    delayed,
    follows,
    led_by_another,
    led_by_the_follower,
    put,
    told,
)
from members import Members, until, with_a_witness

import plait
from plait import Consensus
from plait.api.messages import Get
from plait.api.settings import ReadOptions
from plait.base.errors import BadSettings, NoSuchCollection, NotLeader, TooStale
from plait.node import followers
from plait.node.config import Limits
from plait.node.local import Local


@KINDS
async def test_a_delayed_follower_acknowledges_now_and_applies_later(
    members: Members, settings: Any
) -> None:
    async with follows(members, settings, rows=10, delay_s=HOUR_S) as (_store, table):
        before = applied(members, table.line)
        await members.stop("n2")  # whoever of the others is left needs its acknowledgement
        for number in range(20):
            await table.put(f"late{number}", number)
        host = members.nodes[FOLLOWER].host(table.line)
        await until(lambda: host.loglet.committed > before + 5)
        assert applied(members, table.line) == before
        status = delayed(members, table.line)
        assert status["delay_s"] == HOUR_S
        assert status["waiting_entries"] > 5
        assert 0 < host.lag_s() < HOUR_S


async def test_a_delay_that_has_passed_lets_entries_through(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await table.put("a", 1)
        await members.settled(table.line)
        await told(store, members, delay_s=1.0)
        await table.put("b", 2)
        records = 3  # a session, and two rows
        await until(lambda: applied(members, table.line, "n1") == records)
        assert applied(members, table.line) < records
        await until(lambda: applied(members, table.line) == records, 5.0)


async def host_read(members: Members, table: plait.Table, max_lag: float | None) -> Any:
    """What the delayed node itself answers, once."""
    query = Get(table.info.table, "a")
    local = Local(members.nodes[FOLLOWER])
    return await local.read(table.line, [query], ReadOptions("nearest", max_lag), None)


@KINDS
async def test_reads_of_a_delayed_follower_are_honest(members: Members, settings: Any) -> None:
    async with plait.connect(members.url) as store, members.only(FOLLOWER) as there:
        table = await store.table("t", settings)
        await table.put("a", "old")
        await members.settled(table.line)
        await told(store, members, delay_s=HOUR_S)
        await table.put("a", "new")
        host = members.nodes[FOLLOWER].host(table.line)
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
    async with follows(members, Consensus(), delay_s=HOUR_S) as (store, table):
        await put(table, 100, 5)
        before = applied(members, table.line)
        await members.stop(FOLLOWER)
        await members.start(FOLLOWER)
        host = members.nodes[FOLLOWER].host(table.line)
        await until(lambda: host.pace is not None and host.pace.waits)
        assert applied(members, table.line) == before
        await store.set_follower(FOLLOWER, delay_s=0)
        await members.settled(table.line)


@KINDS
async def test_a_dropped_table_is_brought_back_from_a_delayed_follower(
    members: Members, settings: Any
) -> None:
    async with follows(members, settings, rows=30, delay_s=HOUR_S, name="people") as (store, table):
        await put(table, 30, 30)
        await store.drop_table("people")
        (dropped,) = await store.dropped()
        assert dropped["name"] == "people"
        await store.set_follower(FOLLOWER, hold=f"{dropped['line']}:{dropped['cleared_at']}")
        host = members.nodes[FOLLOWER].host(table.line)
        await until(lambda: host.replica.applied == dropped["cleared_at"])
        async with members.only(FOLLOWER) as there:
            rescue = await there.dropped_table("people")
            rows = {key: value async for key, value in rescue.scan()}
        assert rows == {f"k{n:04}": n for n in range(60)}
        again = await store.table("people", settings)
        await again.put_many(rows)
        assert await again.count() == 60
        await store.set_follower(FOLLOWER, delay_s=0, go=True)
        await members.settled(table.line)
        async with members.only(FOLLOWER) as there:
            assert await (await there.dropped_table("people")).count() == 0


async def test_a_follower_is_held_where_it_stands_and_goes_on(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await put(table, 0, 5)
        await members.settled(table.line)
        answer = await told(store, members, hold="now")
        assert answer["hold"] is not None
        await asyncio.sleep(0.01)  # later than the hold, by the clock
        await put(table, 5, 5)
        host = members.nodes[FOLLOWER].host(table.line)
        await until(lambda: host.pace.waits)
        assert await count_at(members, FOLLOWER) == 5
        findings = (await store.examine())[FOLLOWER]
        assert any("held" in finding["what"] for finding in findings)
        await store.set_follower(FOLLOWER, go=True)
        await members.settled(table.line)


@KINDS
async def test_a_delayed_follower_hands_over_what_it_leads(members: Members, settings: Any) -> None:
    async with led_by_the_follower(members, settings) as (store, table):
        await store.set_follower(FOLLOWER, delay_s=HOUR_S)
        await led_by_another(members, table.line)
        await table.put("b", 2)
        with pytest.raises(BadSettings):
            await store.switch_over(FOLLOWER, table.line)


@KINDS
async def test_of_two_survivors_the_one_that_is_not_delayed_leads(
    members: Members, settings: Any
) -> None:
    async with follows(members, settings, delay_s=HOUR_S) as (_store, table):
        await put(table, 5, 5)
        before = applied(members, table.line)
        leader = await led_by_another(members, table.line)
        (other,) = set(OTHERS) - {leader}
        await members.stop(leader)
        await table.put("after", 1)
        await until(lambda: members.nodes[other].host(table.line).leads)
        assert applied(members, table.line) == before


@KINDS
async def test_a_delayed_follower_leads_when_nobody_else_can(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "STEP_IN_S", 1.0)
    async with (
        with_a_witness(tmp_path, "n2") as members,
        plait.connect(members.url) as store,
    ):
        table = await store.table("t", settings)
        await put(table, 0, 5)
        await told(store, members, delay_s=HOUR_S)
        await put(table, 5, 5)
        await members.stop("n1")
        await table.put("after", 1)  # waits until it has stepped in
        assert members.nodes[FOLLOWER].host(table.line).leads
        assert await table.count() == 11
        assert delayed(members, table.line)["leads_anyway"]


async def test_a_held_follower_never_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "STEP_IN_S", 0.5)
    async with (
        Members(tmp_path) as members,
        follows(members, Consensus(), hold="now") as (store, table),
    ):
        await store.set_follower("n2", delay_s=HOUR_S)
        await members.stop("n1")
        await table.put("after", 1)
        assert members.nodes["n2"].host(table.line).leads
        assert await count_at(members, FOLLOWER) == 5


async def test_a_held_follower_takes_no_copy_of_a_newer_state(tmp_path: Path) -> None:
    limits = Limits(log_keep_bytes=1, slot_bytes_max=1, slot_age_s_max=0.5)
    async with (
        Members(tmp_path, limits=limits) as members,
        follows(members, Consensus(), hold="now") as (store, table),
    ):
        await members.stop(FOLLOWER)
        for part in range(30):
            await put(table, 100 * part, 100)
            await asyncio.sleep(0.1)
        await store.flush()
        logs = [members.nodes[n].host(table.line).group.loglet.member.log for n in OTHERS]
        await until(lambda: all(log.head > 10 for log in logs))
        await members.start(FOLLOWER)
        async with members.only(FOLLOWER) as there:
            rows = await there.table("t")
            await until(lambda: members.nodes[FOLLOWER].host(table.line).leader is not None)
            await asyncio.sleep(1.5)
            assert await rows.count(read="nearest", max_lag=INF) == 5
        await store.set_follower(FOLLOWER, go=True)
        await members.settled(table.line, 30.0)
        await until(lambda: members.nodes[FOLLOWER].host(table.line).installed)


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
    async with follows(members, Consensus(), delay_s=HOUR_S) as (store, table):
        there = Local(members.nodes[FOLLOWER])
        with pytest.raises(NotLeader, match="delayed"):
            await there.backup(tmp_path / "backups")
        with pytest.raises(TooStale, match="delayed"):
            await anext(there.follow(table.line, table.info.table, None))
        for _ in range(3):
            answer = await store.backup(tmp_path / "backups")
            assert answer["node"] != FOLLOWER


async def test_a_line_moves_under_a_delayed_follower(members: Members) -> None:
    async with follows(members, Consensus(), delay_s=HOUR_S) as (store, table):
        await put(table, 5, 5)
        before = applied(members, table.line)
        await store.move("t", "raft")
        await put(table, 10, 5)
        await asyncio.sleep(4.0)  # longer than a former group may be stuck
        host = members.nodes[FOLLOWER].host(table.line)
        assert applied(members, table.line) == before
        assert not host.installed
        await store.set_follower(FOLLOWER, delay_s=0)
        await until(lambda: applied(members, table.line) == before + 10)
