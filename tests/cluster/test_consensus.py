"""Consensus tables on real nodes: elections, linearizable reads, nodes that come and go."""

import asyncio
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, PlaitError

LINE = "consensus"


def leader_of(members: Members, line: str) -> str:
    (leader,) = [n for n, node in members.nodes.items() if node.host(line).leads]
    return leader


async def test_any_node_answers_reads_that_see_every_completed_write(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        assert table.line == LINE
        near = {name: members.only(name) for name in members.nodes}
        stores = {name: await context.__aenter__() for name, context in near.items()}
        tables = {name: await one.table("accounts") for name, one in stores.items()}
        for number in range(30):
            receipt = await table.put("a", number)
            assert receipt.acks == "consensus"
            for name in tables:
                assert await tables[name].get("a") == number
        for context in near.values():
            await context.__aexit__(None, None, None)


async def test_another_node_leads_when_the_leader_stops_and_nothing_is_lost(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        for number in range(20):
            await table.put(f"k{number}", number)
        await members.stop(leader_of(members, LINE))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await table.put("after", True)
        assert loop.time() - began < 3.0
        assert await table.count() == 21


async def test_a_minority_refuses_writes_and_reads(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await table.put("a", 1)
        await members.settled(LINE)
    await asyncio.gather(members.stop("n1"), members.stop("n3"))
    async with members.only("n2") as one:
        table = await one.table("accounts")
        with pytest.raises((PlaitError, TimeoutError)):
            await asyncio.wait_for(table.get("a"), 3)
        stale = table.stale(3600)
        assert await stale.get("a") == 1


async def test_leader_lines_fail_over_by_themselves(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("films", Leader(acks="any:1"))
        for number in range(20):
            await table.put(f"k{number}", number)
        line = table.line
        old = leader_of(members, line)
        await members.stop(old)
        await table.put("after", True)
        assert await table.count() == 21
        new = leader_of(members, line)
        assert new != old
        status = (await store.status())["nodes"][new]["lines"][line]
        assert status["failover"]["appointed"] == new
        await members.start(old)
        await members.settled(line)
        assert leader_of(members, line) == new


async def test_transactions_are_retried_and_add_up(members: Members) -> None:
    async with plait.connect(members.url) as store:
        accounts = await store.table("accounts", Consensus())
        await accounts.put("a", 100)
        await accounts.put("b", 0)

        async def move(t: plait.Transaction) -> None:
            a, b = await t.get("a"), await t.get("b")
            t["a"], t["b"] = a - 1, b + 1

        await asyncio.gather(*(store.transact(move, accounts, attempts=1000) for _ in range(20)))
        assert (await accounts.get("a"), await accounts.get("b")) == (80, 20)


async def test_one_node_becomes_three_and_one_again_while_it_is_written(tmp_path: Path) -> None:
    members = Members(tmp_path, 1)
    await members.start()
    async with plait.connect(members.url) as store:
        strong = await store.table("accounts", Consensus())
        films = await store.table("films", Leader())
        written: list[str] = []
        stop = False

        async def write() -> None:
            while not stop:
                key = f"k{len(written):06}"
                await asyncio.gather(strong.put(key, 1), films.put(key, 1))
                written.append(key)

        writer = asyncio.ensure_future(write())
        for name in ("n2", "n3"):
            await members.add(name)
            await store.join(name, members.addresses[name])
        assert {row["name"]: row["role"] for row in await store.members()} == {
            "n1": "member", "n2": "member", "n3": "member",
        }  # fmt: skip
        async with asyncio.timeout(10):
            while len(members.nodes["n1"].host(films.line).membership.voters) < 3:
                await asyncio.sleep(0.05)
        await store.leave("n1")
        await members.stop("n1")
        before = len(written)
        async with asyncio.timeout(20):
            while len(written) < before + 20:
                await asyncio.sleep(0.05)
        await store.leave("n2")
        await members.stop("n2")
        stop = True
        await writer
        assert [row["name"] for row in await store.members()] == ["n3"]
        for table in (strong, films):
            found = [key async for key, _ in table.scan()]
            assert found == sorted(written)
        with pytest.raises(BadSettings, match="left"):
            await store.join("n1", "127.0.0.1:1")
    await members.close()
