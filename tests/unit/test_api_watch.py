import asyncio

import pytest

from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.watch import decode_cursor, encode_cursor
from plait.base.errors import BadSettings, BadValue, HistoryTrimmed
from tests.fakes_backend import FakeBackend


async def opened():
    return await Store(FakeBackend()).table("t", Leader())


async def take(watch, count):
    return [await asyncio.wait_for(anext(watch), 5) for _ in range(count)]


async def nothing_more(watch):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(watch), 0.01)


def brief(changes):
    return [(change.key, change.value) for change in changes]


async def transact(table, *keys):
    async with table.transaction() as t:
        for key in keys:
            t[key] = key


async def test_every_change_comes_in_order():
    table = await opened()
    await table.put("a", {"n": 1})
    await table.put("b", None)
    await table.delete("a")
    await table.clear()
    one, two, three, four = await take(table.watch("0.0"), 4)
    assert (one.key, one.value, one.version, one.time_ms) == ("a", {"n": 1}, 1, 1000)
    assert (two.key, two.value, two.deleted) == ("b", None, False)
    assert (three.key, three.value, three.deleted, three.cleared) == ("a", None, True, False)
    assert (four.key, four.deleted, four.cleared) == ("", True, True)
    assert [c.cursor for c in (one, two, three, four)] == ["0.1", "1.1", "2.1", "3.1"]


async def test_from_now_on_begins_where_the_watch_is_entered():
    table = await opened()
    await table.put("before", 1)
    async with table.watch() as watch:
        assert watch.cursor == "1.0"
        await table.put("after", 2)
        assert brief(await take(watch, 1)) == [("after", 2)]
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def test_a_cursor_before_a_scan_misses_nothing_after_it():
    table = await opened()
    await table.put("a", 1)
    cursor = await table.cursor()
    rows = [row async for row in table.scan()]
    await table.put("b", 2)
    assert rows == [("a", 1)]
    assert brief(await take(table.watch(cursor), 1)) == [("b", 2)]


async def test_a_change_s_cursor_resumes_behind_it():
    table = await opened()
    for n in range(5):
        await table.put("k", n)
    changes = await take(table.watch("0.0"), 5)
    for n, change in enumerate(changes[:-1]):
        assert await take(table.watch(change.cursor), 4 - n) == changes[n + 1 :]


async def test_a_watch_that_resumes_within_a_transaction_sees_it_whole():
    table = await opened()
    await transact(table, "a", "b", "c")
    await table.put("d", 1)
    changes = await take(table.watch("0.0"), 4)
    assert [change.last for change in changes] == [False, False, True, True]
    assert brief(await take(table.watch(changes[0].cursor), 2)) == [("a", "a"), ("b", "b")]
    assert brief(await take(table.watch(changes[1].cursor), 1)) == [("a", "a")]
    assert brief(await take(table.watch(changes[2].cursor), 1)) == [("d", 1)]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"prefix": "b"}, ["b1", "b2", "b1"]),
        ({"first": "b2"}, ["b2", "c"]),
        ({"last": "b2"}, ["a", "b1", "b1"]),
        ({"first": "b", "last": "c"}, ["b1", "b2", "b1"]),
    ],
)
async def test_only_keys_in_the_range_are_shown(options, keys):
    table = await opened()
    for key in ["a", "b1", "b2", "c", "b1"]:
        await table.put(key, 1)
    watch = table.watch("0.0", **options)
    assert [change.key for change in await take(watch, len(keys))] == keys
    await nothing_more(watch)


async def test_a_filter_shows_which_watched_change_is_a_transaction_s_last():
    table = await opened()
    await transact(table, "b1", "b2", "z")
    changes = await take(table.watch("0.0", prefix="b"), 2)
    assert [(change.key, change.last) for change in changes] == [("b1", False), ("b2", True)]
    assert changes[-1].cursor == "0.1"


async def test_a_clearing_is_shown_whatever_the_filter():
    table = await opened()
    await table.clear()
    (change,) = await take(table.watch("0.0", prefix="b"), 1)
    assert change.cleared


async def test_the_cursor_moves_past_what_the_filter_hid():
    table = await opened()
    await table.put("a", 1)
    watch = table.watch("0.0", prefix="b")
    await nothing_more(watch)
    assert watch.cursor == "0.1"


async def test_an_impatient_watcher_loses_nothing():
    table = await opened()
    async with table.watch() as watch:
        await nothing_more(watch)
        await table.put("a", 1)
        await table.put("b", 2)
        assert brief(await take(watch, 1)) == [("a", 1)]
        assert brief(await take(watch, 1)) == [("b", 2)]
        await nothing_more(watch)
        await transact(table, "c", "d")
        assert brief(await take(watch, 2)) == [("c", "c"), ("d", "d")]


async def test_a_watch_goes_on_after_an_error():
    table = await opened()
    await table.put("a", 1)
    backend = table._context.backend
    follow = backend.follow

    async def trimmed(*_):
        raise HistoryTrimmed("gone", head=5)
        yield

    watch = table.watch("0.0")
    backend.follow = trimmed
    with pytest.raises(HistoryTrimmed):
        await anext(watch)
    backend.follow = follow
    assert brief(await take(watch, 1)) == [("a", 1)]


async def test_a_closed_watch_ends_its_feed():
    table = await opened()
    backend = table._context.backend
    await table.put("a", 1)
    await table.put("b", 1)
    watch = table.watch("0.0")
    await take(watch, 1)
    assert backend.feeds_open == 1
    await watch.aclose()
    await watch.aclose()
    assert backend.feeds_open == 0
    assert [change async for change in watch] == []
    assert repr(watch) == "<Watch on 't' at 0.1>"


@pytest.mark.parametrize(
    "cursor", ["", "1", "1.2.3", "-1.0", "1.-1", "a.b", "1.", "².1", " 1.1", 5, f"{1 << 63}.0"]
)
async def test_what_is_no_cursor_is_refused(cursor):
    table = await opened()
    with pytest.raises(BadValue):
        table.watch(cursor)


async def test_a_filter_that_makes_no_sense_is_refused():
    table = await opened()
    with pytest.raises(BadSettings):
        table.watch(prefix="a", first="b")


def test_a_cursor_is_a_place():
    assert decode_cursor(encode_cursor(12, 3)) == (12, 3)
