import asyncio

import msgspec
import pytest

from plait.api.settings import Leader, ReadOptions
from plait.api.store import Store
from plait.api.table import KEYS_MAX, PUTS_IN_FLIGHT, TableRow
from plait.api.values import ABSENT
from plait.base.errors import (
    BadKey,
    BadSettings,
    BadValue,
    Busy,
    Conflict,
    NoSuchCollection,
    UsageError,
)
from plait.types.commands import Put
from tests.fakes_backend import FakeBackend


async def opened(backend=None, **options):
    store = Store(backend or FakeBackend())
    return await store.table("t", Leader(), **options)


async def pairs(rows):
    return [row async for row in rows]


async def test_a_value_comes_back_as_it_was_put_even_none():
    table = await opened()
    for value in ({"a": [1, 2.5, "x", None]}, None, 0, "", b"\xff", [], -(2**63)):
        await table.put("k", value)
        assert await table.get("k", "default") == value
    assert await table.get("other", "default") == "default"


async def test_a_put_is_the_command_that_the_contract_names():
    backend = FakeBackend()
    table = await opened(backend)
    receipt = await table.put("k", [1], if_version=0, acks="any:1")
    put = Put(1, "k", msgspec.Raw(msgspec.msgpack.encode([1])), 0)
    assert backend.submitted == [("leader/majority", put, "any:1")]
    assert (receipt.position, receipt.version, receipt.acks) == (0, 1, "any:1")


async def test_a_row_has_the_version_that_if_version_compares():
    table = await opened()
    first = await table.put("k", 1)
    assert await table.get_row("k") == TableRow("k", 1, first.version)
    assert await table.get_row("other") is None
    second = await table.put("k", 2, if_version=first.version)
    for write in (table.put("k", 3, if_version=0), table.delete("k", if_version=first.version)):
        with pytest.raises(Conflict):
            await write
    await table.delete("k", if_version=second.version)
    assert await table.get("k") is None


async def test_compare_and_set_tells_none_from_absent():
    table = await opened()
    await table.cas("k", ABSENT, None)
    with pytest.raises(Conflict):
        await table.cas("k", ABSENT, 1)
    await table.cas("k", None, {"x": 1})
    await table.cas("k", {"x": 1}, ABSENT)
    assert await table.get_row("k") is None


@pytest.mark.parametrize("key", ["", 5, None, b"k", "k" * 4097, "\ud800"])
async def test_a_key_that_is_none_is_refused_before_anything_is_sent(key):
    backend = FakeBackend()
    table = await opened(backend)
    for attempt in (
        table.put(key, 1),
        table.delete(key),
        table.cas(key, 1, 2),
        table.get(key),
        table.get_many([key]),
        table.put_many({key: 1}),
    ):
        with pytest.raises(BadKey):
            await attempt
    assert not backend.submitted
    assert not backend.reads


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"value": object()}, BadValue),
        ({"value": 2**64}, BadValue),
        ({"value": b"x" * (17 << 20)}, BadValue),
        ({"value": 1, "if_version": "1"}, BadValue),
        ({"value": 1, "if_version": True}, BadValue),
        ({"value": 1, "if_version": -1}, BadValue),
        ({"value": 1, "acks": "most"}, BadSettings),
    ],
)
async def test_a_put_that_no_node_could_read_is_refused_here(options, error):
    backend = FakeBackend()
    table = await opened(backend)
    with pytest.raises(error):
        await table.put("k", **options)
    assert not backend.submitted


async def test_a_scan_gives_every_row_once_across_pages():
    table = await opened()
    expected = [(f"k{n:05}", n) for n in range(2500)]
    assert await table.put_many(expected) == 2500
    assert await pairs(table.scan()) == expected
    assert await pairs(table.scan(reverse=True)) == expected[::-1]
    assert [len(page) async for page in table.scan_pages()] == [1000, 1000, 500]
    assert await table.count() == 2500


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({}, ["a", "ab", "b", "b\0", "c"]),
        ({"start": "ab"}, ["ab", "b", "b\0", "c"]),
        ({"stop": "b"}, ["a", "ab"]),
        ({"start": "ab", "stop": "c"}, ["ab", "b", "b\0"]),
        ({"start": "ab", "stop": "c", "reverse": True}, ["b\0", "b", "ab"]),
        ({"prefix": "a"}, ["a", "ab"]),
        ({"prefix": "b", "limit": 1}, ["b"]),
        ({"prefix": "b", "limit": 1, "reverse": True}, ["b\0"]),
        ({"prefix": "x"}, []),
        ({"limit": 0}, []),
        ({"limit": 3}, ["a", "ab", "b"]),
    ],
)
async def test_a_scan_covers_its_range(options, keys):
    table = await opened()
    await table.put_many((key, 1) for key in ["c", "b\0", "ab", "b", "a"])
    assert [key for key, _ in await pairs(table.scan(**options))] == keys


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"prefix": "a", "start": "b"}, BadSettings),
        ({"prefix": "a", "stop": "b"}, BadSettings),
        ({"start": 5}, BadKey),
        ({"stop": "\ud800"}, BadKey),
        ({"limit": -1}, BadValue),
        ({"limit": 1.5}, BadValue),
        ({"read": "anybody"}, BadSettings),
        ({"max_lag": -1}, BadSettings),
    ],
)
async def test_a_scan_that_makes_no_sense_is_refused(options, error):
    table = await opened()
    with pytest.raises(error):
        await pairs(table.scan(**options))


async def test_many_rows_are_read_in_one_request():
    backend = FakeBackend()
    table = await opened(backend)
    await table.put_many({"a": 1, "b": None})
    assert await table.get_many(["b", "x", "a", "b"]) == {"b": None, "a": 1}
    assert len(backend.reads) == 1
    assert await table.get_many([]) == {}
    with pytest.raises(UsageError):
        await table.get_many(f"{n}" for n in range(KEYS_MAX + 1))


async def test_reads_ask_as_the_table_was_opened_unless_they_say_otherwise():
    backend = FakeBackend()
    table = await opened(backend, read="follower", max_lag=2.0)
    await table.get("k")
    await table.get("k", read="nearest")
    await table.count(max_lag=0.5)
    assert [options for _, _, options, _ in backend.reads] == [
        ReadOptions("follower", 2.0),
        ReadOptions("nearest", 2.0),
        ReadOptions("follower", 0.5),
    ]


async def test_bulk_puts_are_bounded_in_flight_and_in_order():
    backend = FakeBackend()
    table = await opened(backend)
    count = PUTS_IN_FLIGHT * 2
    assert await table.put_many((("k", n) for n in range(count)), acks="all") == count
    assert await table.get("k") == count - 1
    assert backend.in_air_max <= PUTS_IN_FLIGHT
    assert {acks for _, _, acks in backend.submitted} == {"all"}


async def test_a_failed_bulk_put_raises_once_the_others_are_answered():
    backend = FakeBackend()
    table = await opened(backend)
    backend.fail_with[1] = Busy("later")
    with pytest.raises(Busy):
        await table.put_many({"a": 1, "b": 2, "c": 3})
    assert not backend.in_air
    assert await table.get_many("abc") == {"a": 1, "c": 3}
    with pytest.raises(BadValue):
        await table.put_many([("d", 1), ("e", object())])
    assert not backend.in_air
    assert await table.get("d") == 1


async def test_a_cleared_table_is_empty():
    table = await opened()
    await table.put_many({"a": 1, "b": 2})
    await table.clear()
    assert await table.count() == 0


async def test_a_table_is_found_or_made():
    store = Store(FakeBackend())
    with pytest.raises(NoSuchCollection):
        await store.table("t")
    made = await store.table("t", Leader("any:1"))
    found = await store.table("t")
    assert (found.name, found.line, found.settings) == ("t", "leader/any:1", Leader("any:1"))
    assert found.info == made.info
    assert repr(found) == "<Table 't' on 'leader/any:1'>"


async def test_writes_that_are_not_awaited_together_still_share_a_tick():
    backend = FakeBackend()
    table = await opened(backend)
    await asyncio.gather(*(table.put(f"{n}", n) for n in range(10)))
    assert backend.in_air_max == 10
