"""Readers on real nodes: they follow everything, and neither vote nor count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from following import (
    FOLLOWER,
    HOUR_S,
    INF,
    KINDS,
    OTHERS,
    adopted,
    delayed,
    led_by_another,
    led_by_the_follower,
)
from members import Members, until, with_a_witness

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings


def halves(members: Members, line: str) -> set[tuple[tuple[str, ...], ...]]:
    hosts = [node.host(line) for node in members.nodes.values()]
    return {(*host.membership.halves, host.membership.learners) for host in hosts}


async def reads_only(members: Members, line: str) -> None:
    """Return once the line has the reader as a learner, as everybody knows."""
    await until(lambda: halves(members, line) == {(OTHERS, (FOLLOWER,))})


async def roles_become(store: plait.Store, **roles: str) -> None:
    """Return once whoever is asked knows it: a node may hear of a change a moment later."""
    async with asyncio.timeout(10.0):
        while {row["name"]: row["role"] for row in await store.members()} != roles:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def read_only_by_one(
    members: Members, settings: Any, **how: Any
) -> AsyncIterator[tuple[plait.Store, plait.Table]]:
    """A store, and a table of it with a row, of which n3 is a reader."""
    async with plait.connect(members.url) as store:
        table = await store.table("t", settings)
        await table.put("a", 1)
        answer = await store.set_follower(FOLLOWER, votes=False, **how)
        assert answer["votes"] is False
        await reads_only(members, table.line)
        yield store, table


@KINDS
async def test_a_reader_has_no_vote_and_reads_what_is_written(
    members: Members, settings: Any
) -> None:
    async with read_only_by_one(members, settings) as (store, table):
        await reads_only(members, "control")
        await roles_become(store, n1="member", n2="member", n3="reader")
        await table.put("b", 2)
        await members.settled(table.line)
        async with members.only(FOLLOWER) as there:
            assert await (await there.table("t")).get("b", read="nearest", max_lag=INF) == 2
        later = await store.table("later", Leader("any:1", line="own"))
        await later.put("c", 3)
        await reads_only(members, later.line)


@KINDS
async def test_a_readers_acknowledgement_counts_for_nothing(
    members: Members, settings: Any
) -> None:
    async with read_only_by_one(members, settings) as (_store, table):
        leader = await led_by_another(members, table.line)
        await members.stop("n2" if leader == "n1" else "n1")
        with pytest.raises((TimeoutError, plait.PlaitError)):
            async with asyncio.timeout(2.0):
                await table.put("b", 2)
        assert not members.nodes[FOLLOWER].host(table.line).leads


@KINDS
async def test_a_reader_gets_its_vote_back(members: Members, settings: Any) -> None:
    async with read_only_by_one(members, settings) as (store, table):
        await store.set_follower(FOLLOWER, votes=True)
        everybody = {((*OTHERS, FOLLOWER), ())}
        await until(lambda: halves(members, table.line) == everybody)
        await members.stop("n2")
        await table.put("b", 2)


@KINDS
async def test_a_reader_that_cannot_vote_yet_stays_a_reader(
    members: Members, settings: Any
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", settings)
        await table.put("a", 1)
        await store.set_follower(FOLLOWER, votes=False)
        await reads_only(members, table.line)
        await members.stop(FOLLOWER)
        await asyncio.sleep(1.5)  # it is missed
        voting = asyncio.create_task(store.set_follower(FOLLOWER, votes=True))
        await asyncio.sleep(1.0)  # some looks of whoever places
        assert halves(members, table.line) == {(("n1", "n2"), (FOLLOWER,))}
        await members.start(FOLLOWER)
        await voting
        everybody = {(("n1", "n2", FOLLOWER), ())}
        await until(lambda: halves(members, table.line) == everybody)


async def test_a_reader_is_delayed_and_leaves_like_any_node(members: Members) -> None:
    async with read_only_by_one(members, Consensus(), delay_s=HOUR_S) as (store, table):
        await adopted(members)
        await table.put("b", 2)
        await until(lambda: delayed(members, table.line).get("waiting_entries", 0) > 0)
        await store.leave(FOLLOWER)
        await roles_become(store, n1="member", n2="member")
        await table.put("c", 3)


@KINDS
async def test_who_leads_and_loses_its_vote_leads_no_more(members: Members, settings: Any) -> None:
    async with led_by_the_follower(members, settings) as (store, table):
        await store.set_follower(FOLLOWER, votes=False)
        await reads_only(members, table.line)
        await led_by_another(members, table.line)
        await table.put("b", 2)
        assert not members.nodes[FOLLOWER].host(table.line).leads


async def test_a_witness_without_a_vote_keeps_the_log_alone(tmp_path: Path) -> None:
    async with (
        with_a_witness(tmp_path, FOLLOWER) as members,
        plait.connect(members.url) as store,
    ):
        table = await store.table("t", Consensus())
        await store.set_follower(FOLLOWER, votes=False)
        await reads_only(members, table.line)
        await table.put("a", 1)
        host = members.nodes[FOLLOWER].host(table.line)
        await until(lambda: host.loglet.committed == host.group.loglet.member.log.tail > 1)
        assert not host.folds
        with pytest.raises(BadSettings, match="witness"):
            await store.set_follower(FOLLOWER, delay_s=1.0)


async def test_the_last_who_can_lead_keeps_its_vote(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.table("t", Consensus())
        await store.set_follower("n1", delay_s=1.0)
        await store.set_follower("n2", delay_s=1.0)
        with pytest.raises(BadSettings):
            await store.set_follower("n3", votes=False)
