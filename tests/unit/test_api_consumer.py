# ruff: noqa: PT012 (the error of a transaction is that of its whole body)
"""Consumers: a group's position is kept in the store, and one at a time moves it."""

import asyncio
from contextlib import AsyncExitStack

import pytest

import plait
from plait import Consensus, Leader
from plait.api.store import Store
from plait.base.errors import BadSettings, BadValue, Closed, Conflict, Fenced, HistoryTrimmed
from plait.engines import feed
from tests.fakes_backend import FakeBackend

SOON = 5.0


@pytest.fixture
async def table():
    return await Store(FakeBackend()).table("t", Leader())


async def take(consumer, most=1000):
    batches = await asyncio.wait_for(consumer.take(most), SOON)
    return [change.key for batch in batches for change in batch.changes]


async def test_a_group_goes_on_behind_what_was_committed(table):
    for key in "abcd":
        await table.put(key, 1)
    async with table.consumer("index", "0.0") as consumer:
        assert (consumer.epoch, consumer.cursor) == (1, "0.0")
        assert await take(consumer, 2) == ["a", "b"]
        await consumer.commit()
        assert await take(consumer, 1) == ["c"]  # and never says that it is done
    async with table.consumer("index", "0.0") as consumer:
        assert consumer.epoch == 2
        assert await take(consumer) == ["c", "d"]


async def test_a_batch_in_the_middle_of_what_was_given_can_be_committed(table):
    for key in "abc":
        await table.put(key, 1)
    async with table.consumer("index", "0.0") as consumer:
        batches = await consumer.take()
        await consumer.commit(batches[1])
        await consumer.commit(batches[0])  # says nothing new
        assert consumer.cursor == batches[1].cursor
    async with table.consumer("index") as consumer:
        assert await take(consumer) == ["c"]


async def test_a_new_group_begins_now_unless_it_is_told_where(table):
    await table.put("before", 1)
    async with table.consumer("index") as consumer:
        await table.put("after", 1)
        async for batch in consumer:
            assert [change.key for change in batch.changes] == ["after"]
            break


async def test_groups_know_nothing_of_each_other(table):
    await table.put("a", 1)
    async with table.consumer("one", "0.0") as one, table.consumer("two", "0.0") as two:
        assert await take(one) == await take(two) == ["a"]
        await one.commit()
        assert (one.cursor, two.cursor) != (two.cursor, one.cursor)


async def test_only_what_a_group_wants_is_given(table):
    for key in ("a1", "b1", "b2"):
        await table.put(key, 1)
    async with table.consumer("b", "0.0", prefix="b", where=lambda c: c.key != "b1") as consumer:
        assert await take(consumer) == ["b2"]


async def test_one_that_stands_by_follows_as_soon_as_the_group_is_let_go(table):
    await table.put("a", 1)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(table.consumer("g", "0.0", takeover_s=60))
        assert await take(first) == ["a"]
        await first.commit()
        second = table.consumer("g", takeover_s=60)
        entering = asyncio.create_task(second.__aenter__())
        await asyncio.sleep(0.05)
        assert not entering.done()
        await stack.aclose()
        await asyncio.wait_for(entering, SOON)
        await table.put("b", 1)
        assert await take(second) == ["b"]
        await second.__aexit__(None, None, None)


async def test_a_consumer_that_gives_signs_of_life_is_not_followed(table):
    async with table.consumer("g", takeover_s=0.2) as first:
        entering = asyncio.create_task(table.consumer("g", takeover_s=0.2).__aenter__())
        await asyncio.sleep(0.7)
        assert not entering.done()
        assert first.epoch == 1
        entering.cancel()


async def test_a_silent_consumer_is_followed_and_can_commit_nothing_any_more(table):
    for key in "ab":
        await table.put(key, 1)
    first = await table.consumer("g", "0.0", takeover_s=600, owner="first").__aenter__()
    batches = await first.take()
    await first.commit(batches[0])
    async with table.consumer("g", takeover_s=0.1, owner="second") as second:
        with pytest.raises(Fenced, match="taken over by second") as caught:
            await first.commit(batches[1])
        assert caught.value.details["epoch"] == second.epoch == 2
        assert caught.value.definite
        for again in (first.take, first.commit):
            with pytest.raises(Fenced):
                await again()
        with pytest.raises(Fenced):
            async with first.transaction(batches[1]):
                raise AssertionError("never entered")
        assert await take(second) == ["b"]
        await second.commit()
    await first.__aexit__(None, None, None)


async def test_who_waits_for_changes_is_told_that_the_group_was_taken_over(table):
    first = await table.consumer("g", takeover_s=0.3).__aenter__()
    waiting = asyncio.create_task(first.take())
    await asyncio.sleep(0)
    row = await (await Store(table._context.backend).table("t.feeds")).get("g")
    await (await Store(table._context.backend).table("t.feeds")).put("g", row | {"epoch": 9})
    with pytest.raises(Fenced):
        await asyncio.wait_for(waiting, SOON)
    await first.__aexit__(None, None, None)


async def test_who_stops_waiting_loses_nothing(table):
    async with table.consumer("g", "0.0") as consumer:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(consumer.take(), 0.01)
        await table.put("a", 1)
        await asyncio.sleep(0.02)
        assert await take(consumer) == ["a"]


async def test_a_consumer_is_used_once_and_inside_its_block(table):
    consumer = table.consumer("g")
    with pytest.raises(Closed):
        await consumer.commit()
    async with consumer:
        pass
    with pytest.raises(Closed):
        await consumer.take()
    with pytest.raises(Closed):
        await consumer.__aenter__()


async def test_wrong_words_are_refused(table):
    for wrong in ({"start": "yesterday"}, {"takeover_s": 0}):
        with pytest.raises((BadValue, BadSettings)):
            table.consumer("g", **wrong)
    await (await Store(table._context.backend).table("t.feeds", Leader())).put("g", "mine")
    with pytest.raises(BadSettings, match="group"):
        await table.consumer("g").__aenter__()


@pytest.mark.parametrize("settings", [Leader(), Consensus(), Leader(line="own"), Consensus("own")])
async def test_what_is_written_with_the_position_is_done_exactly_once(tmp_path, settings):
    async with plait.open(tmp_path) as store:
        orders = await store.table("orders", settings)
        for n in range(6):
            await orders.put(f"o{n}", n)
        done = 0
        while done < 6:  # each consumer dies behind a commit, before it has heard of it
            async with orders.consumer("sum", "0.0") as consumer:
                totals = await store.table("orders.feeds")
                batch = await anext(consumer)
                async with consumer.transaction(batch) as t:
                    t["/sum"] = await t.get("/sum", 0) + batch.changes[0].value
                done += 1
        assert await totals.get("/sum") == sum(range(6))


async def test_another_row_that_changed_meanwhile_is_a_conflict_and_can_be_tried_again(table):
    store = Store(table._context.backend)
    other = await store.table("other", Leader())
    await table.put("a", 1)
    async with table.consumer("g", "0.0") as consumer:
        batch = await anext(consumer)
        with pytest.raises(Conflict) as caught:
            async with consumer.transaction(batch) as t:
                before = await t.on(other).get("n", 0)
                await other.put("n", 5)
                t.on(other)["n"] = before + 1
        assert not isinstance(caught.value, Fenced)
        assert consumer.cursor == "0.0"
        async with consumer.transaction(batch) as t:
            t.on(other)["n"] = await t.on(other).get("n") + 1
        assert (await other.get("n"), consumer.cursor) == (6, batch.cursor)


async def test_a_group_keeps_up_with_a_line_that_has_nothing_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(feed, "PASSED_BYTES", 100)
    async with plait.open(tmp_path) as store:
        quiet = await store.table("quiet", Leader())
        busy = await store.table("busy", Leader())
        async with quiet.consumer("g", takeover_s=0.15) as consumer:
            began = int(consumer.cursor.split(".")[0])
            waiting = asyncio.create_task(consumer.take())
            for n in range(50):
                await busy.put("k", "x" * 50 + str(n))
            async with asyncio.timeout(SOON):
                while int(consumer.cursor.split(".")[0]) < began + 50:
                    await asyncio.sleep(0.02)
            await quiet.put("a", 1)
            (batch,) = await asyncio.wait_for(waiting, SOON)
            await consumer.commit(batch)
            assert consumer.cursor == batch.cursor


async def test_a_group_that_fell_behind_the_log_is_told_so_and_keeps_its_place(table, monkeypatch):
    async def trimmed(self, line, number, start):
        raise HistoryTrimmed("position 0 is below 7", head=7)
        yield

    monkeypatch.setattr(FakeBackend, "follow", trimmed)
    async with table.consumer("g", "0.0") as consumer:
        for _ in range(2):
            with pytest.raises(HistoryTrimmed) as caught:
                await consumer.take()
            assert caught.value.details["head"] == 7
        assert consumer.cursor == "0.0"
