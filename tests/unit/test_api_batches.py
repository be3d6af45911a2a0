"""Watching whole transactions, and only some changes."""

import asyncio

import pytest

from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.watch import Change
from tests.fakes_backend import FakeBackend


async def opened():
    return await Store(FakeBackend()).table("t", Leader())


async def transact(table, *keys):
    async with table.transaction() as t:
        for key in keys:
            t[key] = key


async def take(batches, count):
    return [await asyncio.wait_for(anext(batches), 5) for _ in range(count)]


def keys(batches):
    return [[change.key for change in batch.changes] for batch in batches]


async def test_a_batch_holds_what_one_transaction_changed():
    table = await opened()
    await transact(table, "a", "b", "c")
    await table.put("d", 1)
    await table.clear()
    one, two, three = await take(table.watch("0.0").batches(), 3)
    assert keys([one, two, three]) == [["a", "b", "c"], ["d"], [""]]
    assert (one.cursor, one.version, one.time_ms) == ("0.1", 1, 1000)
    assert three.changes[0].cleared
    assert keys(await take(table.watch(one.cursor).batches(), 1)) == [["d"]]


async def test_a_filter_leaves_of_a_batch_what_it_lets_through_and_of_others_nothing():
    table = await opened()
    await transact(table, "a1", "b1", "b2")
    await transact(table, "a2")
    await transact(table, "b3", "c")
    batches = await take(table.watch("0.0", prefix="b").batches(), 2)
    assert keys(batches) == [["b1", "b2"], ["b3"]]
    assert [batch.cursor for batch in batches] == ["0.1", "2.1"]


async def test_a_predicate_chooses_and_a_clearing_passes_it():
    table = await opened()
    asked: list[Change] = []

    def big(change):
        asked.append(change)
        return not change.deleted and change.value > 10

    for value in (5, 20, 7, 30):
        await table.put("k", value)
    await table.delete("k")
    await table.clear()
    watch = table.watch("0.0", where=big)
    changes = [await asyncio.wait_for(anext(watch), 5) for _ in range(3)]
    assert [change.value for change in changes] == [20, 30, None]
    assert changes[-1].cleared
    assert [change.key for change in asked] == ["k"] * 5


async def test_what_a_predicate_raises_is_raised_and_asked_again():
    table = await opened()
    await table.put("k", 1)
    wrong = [ValueError("once")]

    def fails_once(change):
        if wrong:
            raise wrong.pop()
        return True

    watch = table.watch("0.0", where=fails_once)
    with pytest.raises(ValueError, match="once"):
        await anext(watch)
    assert (await asyncio.wait_for(anext(watch), 5)).key == "k"


async def test_a_batch_that_nobody_waited_for_any_more_is_not_lost():
    table = await opened()
    batches = table.watch("0.0").batches()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(batches), 0.01)
    await transact(table, "a", "b")
    assert keys(await take(batches, 1)) == [["a", "b"]]


async def test_batches_end_with_their_watch():
    table = await opened()
    watch = table.watch("0.0")
    await table.put("a", 1)
    await take(watch.batches(), 1)
    await watch.aclose()
    assert [batch async for batch in watch.batches()] == []
