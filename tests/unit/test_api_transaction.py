# ruff: noqa: PT012 (the error of a transaction is that of its whole body)

import random

import pytest

from plait.api import footprint
from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.transaction import BACK_OFF_S_MAX, back_offs_s
from plait.base.errors import BadKey, BadSettings, BadValue, Closed, Conflict, UsageError
from plait.types.commands import ReadVersion, ScannedRange, Transact
from tests.fakes_backend import FakeBackend


async def opened(rows=(), backend=None):
    store = Store(backend or FakeBackend(), random=random.Random(1))
    table = await store.table("t", Leader())
    await table.put_many(rows)
    return table


async def pairs(rows, count=None):
    found = []
    async for row in rows:
        found.append(row)
        if len(found) == count:
            break
    return found


def committed(table):
    """The commands that transactions sent."""
    submitted = table._context.backend.submitted
    return [command for _, command, _ in submitted if isinstance(command, Transact)]


async def test_writes_land_together_at_exit():
    table = await opened({"a": 1})
    async with table.transaction() as t:
        t["b"] = (await t.get("a")) + 1
        del t["a"]
        t.put("c", None)
        t.delete("d")
        assert t.receipt is None
        assert await table.get_many("abcd") == {"a": 1}
    assert await table.get_many("abcd") == {"b": 2, "c": None}
    assert (await table.get_row("b")).version == t.receipt.version


async def test_a_body_that_raises_writes_nothing():
    table = await opened()
    with pytest.raises(ZeroDivisionError):
        async with table.transaction() as t:
            t["a"] = 1
            raise ZeroDivisionError
    assert not committed(table)
    assert t.receipt is None


async def test_a_row_that_changed_after_it_was_read_is_a_conflict_at_exit():
    table = await opened({"a": 1})
    t = table.transaction()
    await t.__aenter__()
    await t.get("a")
    t["b"] = 1
    await table.put("a", 1)
    with pytest.raises(Conflict):
        await t.__aexit__(None, None, None)
    assert await table.get("b") is None


async def test_a_row_that_appeared_where_none_was_read_is_a_conflict():
    table = await opened()
    with pytest.raises(Conflict):
        async with table.transaction() as t:
            assert await t.get("a", "none") == "none"
            t["b"] = 1
            await table.put("a", 1)


async def test_a_key_answers_the_same_however_often_it_is_asked():
    table = await opened({"a": [1]})
    with pytest.raises(Conflict):
        async with table.transaction() as t:
            (await t.get("a")).append(2)  # a copy of its own
            await table.put("a", [9])
            assert await t.get("a") == [1]
            t["x"] = 1


async def test_own_writes_show_as_they_were_written():
    table = await opened({"a": 1})
    async with table.transaction() as t:
        value = {"n": (1, 2)}
        t["b"] = value
        value["n"] = 0
        assert await t.get("b") == {"n": [1, 2]}
        del t["a"]
        assert await t.get("a", "gone") == "gone"
    assert await table.get("b") == {"n": [1, 2]}
    assert committed(table)[0].reads == ()


async def test_a_blind_write_validates_nothing():
    table = await opened({"a": 1})
    async with table.transaction() as t:
        t["a"] = 2
        await table.put("a", 9)
    assert await table.get("a") == 2


@pytest.mark.parametrize(
    ("change", "wins"),
    [
        (lambda table: table.put("b5", 1), False),
        (lambda table: table.put("b1", "other"), False),
        (lambda table: table.delete("b1"), False),
        (lambda table: table.put("c", 1), True),
        (lambda table: table.put("a", 1), True),
    ],
)
async def test_a_scanned_range_must_hold_until_the_end(change, wins):
    table = await opened({"a": 0, "b1": 1, "b2": 2, "c": 3})
    t = table.transaction()
    await t.__aenter__()
    assert await pairs(t.scan(prefix="b")) == [("b1", 1), ("b2", 2)]
    t["x"] = 1
    await change(table)
    if wins:
        await t.__aexit__(None, None, None)
    else:
        with pytest.raises(Conflict):
            await t.__aexit__(None, None, None)
    assert (await table.get("x") is not None) == wins


async def test_a_scan_shows_own_writes_in_order():
    table = await opened({"a": 1, "c": 3, "e": 5})
    async with table.transaction() as t:
        t["b"] = 2
        t["c"] = 33
        t["z"] = 26
        del t["e"]
        del t["d"]
        assert await pairs(t.scan(stop="z")) == [("a", 1), ("b", 2), ("c", 33)]
        assert await pairs(t.scan("b")) == [("b", 2), ("c", 33), ("z", 26)]


async def test_a_scan_over_pages_is_validated_page_by_page():
    rows = {f"k{n:05}": n for n in range(2500)}
    table = await opened(rows)
    async with table.transaction() as t:
        assert await pairs(t.scan()) == list(rows.items())
        t["x"] = 1
    ranges = committed(table)[0].ranges
    assert [scanned.count for scanned in ranges] == [1000, 1000, 500]
    assert [scanned.start for scanned in ranges] == ["", *(r.stop for r in ranges[:-1])]
    assert ranges[-1].stop is None


@pytest.mark.parametrize(
    ("key", "wins"), [("b", True), ("a5", True), ("a1", False), ("a05", False)]
)
async def test_a_scan_that_is_left_early_has_seen_as_far_as_it_gave(key, wins):
    table = await opened({"a0": 0, "a1": 1, "a2": 2, "b": 3})
    t = table.transaction()
    await t.__aenter__()
    assert await pairs(t.scan(), count=2) == [("a0", 0), ("a1", 1)]
    t["x"] = 1
    await table.put(key, "changed")
    if wins:
        await t.__aexit__(None, None, None)
        (command,) = committed(table)
        assert command.ranges == (ScannedRange(1, "", "a1\0", 2, 2),)
    else:
        with pytest.raises(Conflict):
            await t.__aexit__(None, None, None)


async def test_a_scan_left_at_an_own_row_has_seen_that_nothing_stood_before_it():
    table = await opened({"a": 1, "z": 26})
    t = table.transaction()
    await t.__aenter__()
    t["m"] = 13
    assert await pairs(t.scan(), count=2) == [("a", 1), ("m", 13)]
    await table.put("c", 3)
    with pytest.raises(Conflict):
        await t.__aexit__(None, None, None)


async def test_an_empty_range_must_stay_empty():
    table = await opened()
    with pytest.raises(Conflict):
        async with table.transaction() as t:
            assert await pairs(t.scan("a", "c")) == []
            t["x"] = 1
            await table.put("b", 1)


async def test_get_answers_what_a_scan_has_seen():
    table = await opened({"a": 1})
    with pytest.raises(Conflict):
        async with table.transaction() as t:
            await pairs(t.scan())
            await table.put("a", 2)
            assert await t.get("a") == 1
            t["x"] = 1


async def test_a_scan_that_contradicts_a_read_is_a_conflict_at_once():
    table = await opened({"a": 1})
    with pytest.raises(Conflict) as caught:
        async with table.transaction() as t:
            await t.get("a")
            await table.put("a", 2)
            await pairs(t.scan())
            pytest.fail("the scan should have raised")
    assert caught.value.details["key"] == "a"


async def test_without_writes_what_one_state_said_needs_no_validation():
    table = await opened({"a": 1, "b": 2})
    async with table.transaction() as t:
        await t.get("a")
        await t.get("b")
        await pairs(t.scan())
    assert not committed(table)
    assert t.receipt is None


async def test_without_writes_what_several_states_said_is_validated():
    table = await opened({"a": 1, "b": 2})
    async with table.transaction() as t:
        await t.get("a")
        await table.put("c", 1)
        await t.get("b")
    assert committed(table) == [Transact((ReadVersion(1, "a", 1), ReadVersion(1, "b", 2)), (), ())]
    with pytest.raises(Conflict):
        async with table.transaction() as t:
            await t.get("a")
            await table.put("a", 2)
            await t.get("b")


async def test_a_transaction_spans_the_tables_of_a_line():
    table = await opened({"a": 1})
    store = Store(table._context.backend)
    one, two = await store.table("t"), await store.table("u", Leader())
    async with store.transaction(one, two) as t:
        view = t.on(two)
        view["a"] = await t.get("a")
        view.put("b", 2)
        view.delete("c")
        assert await pairs(view.scan()) == [("a", 1), ("b", 2)]
        assert await pairs(t.scan()) == [("a", 1)]
    assert await two.get_many("abc") == {"a": 1, "b": 2}
    async with one.transaction() as t:
        t.on(two)["a"] = 5
    assert await two.get("a") == 5


async def test_tables_of_two_lines_share_no_transaction():
    store = Store(FakeBackend())
    one, two = await store.table("t", Leader()), await store.table("u", Leader(line="own"))
    with pytest.raises(BadSettings, match="leader/majority, own/u"):
        store.transaction(one, two)
    with pytest.raises(BadSettings):
        store.transaction()
    async with one.transaction() as t:
        with pytest.raises(BadSettings, match="own/u"):
            t.on(two)


async def test_a_transaction_that_ended_is_of_no_more_use():
    table = await opened({"a": 1})
    async with table.transaction() as t:
        view = t.on(table)
        scan = t.scan()
    for use in (lambda: t.get("a"), lambda: view.get("a"), lambda: anext(scan), t.__aenter__):
        with pytest.raises(Closed):
            await use()
    for use in (lambda: t.put("a", 1), lambda: view.delete("a"), lambda: t.on(table)):
        with pytest.raises(Closed):
            use()
    async with table.transaction() as t:
        with pytest.raises(Closed):
            await t.__aenter__()


async def test_mistakes_are_told_where_they_are_made():
    table = await opened()
    async with table.transaction() as t:
        with pytest.raises(BadKey):
            t[5] = 1
        with pytest.raises(BadValue):
            t["a"] = object()
        with pytest.raises(BadKey):
            await t.get("")
        with pytest.raises(UsageError, match="await"):
            t["a"]
    assert not committed(table)


async def test_a_transaction_is_bounded_in_rows_and_bytes(monkeypatch):
    monkeypatch.setattr(footprint, "ROWS_MAX", 3)
    monkeypatch.setattr(footprint, "COMMAND_BYTES_MAX", 100)
    table = await opened({"a": 1, "b": 2, "c": 3, "d": 4})
    async with table.transaction() as t:
        with pytest.raises(UsageError):
            await pairs(t.scan())
    with pytest.raises(BadValue):
        async with table.transaction() as t:
            t["a"] = "x" * 100
    assert not committed(table)


async def test_transact_runs_again_after_a_conflict():
    table = await opened({"n": 0})
    store = Store(table._context.backend, random=random.Random(1))
    runs = []

    async def increment(t):
        runs.append(await t.get("n"))
        if len(runs) < 3:
            await table.put("n", runs[-1] + 10)  # somebody else is faster
        t["n"] = runs[-1] + 1
        return "done"

    assert await store.transact(increment, table) == "done"
    assert runs == [0, 10, 20]
    assert await table.get("n") == 21


async def test_transact_gives_up_after_so_many_attempts_and_at_once_on_other_errors():
    table = await opened({"n": 0})
    store = Store(table._context.backend, random=random.Random(1))
    runs = []

    async def lose(t):
        runs.append(await t.get("n"))
        await table.put("n", 0)
        t["n"] = 1

    async def fail(t):
        raise ZeroDivisionError

    with pytest.raises(Conflict):
        await store.transact(lose, table, attempts=2)
    assert len(runs) == 2
    with pytest.raises(ZeroDivisionError):
        await store.transact(fail, table)
    with pytest.raises(BadSettings):
        await store.transact(lose, table, attempts=0)


def test_pauses_grow_up_to_a_limit():
    class Longest:
        def uniform(self, low, high):
            return high

    pauses = list(back_offs_s(20, Longest()))
    assert len(pauses) == 19
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[1] < pauses[-1] == BACK_OFF_S_MAX
