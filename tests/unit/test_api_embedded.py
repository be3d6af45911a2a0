"""The handles over a real store in a folder: what is kept, what is refused, what a kill leaves."""

import asyncio
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plait
from plait import ABSENT, Conflict, Leader
from plait.api.token import decode_token, encode_token
from plait.base.errors import (
    BadKey,
    BadSettings,
    BadValue,
    Closed,
    FolderInUse,
    NoSuchCollection,
    RuleUnmet,
    WrongThread,
)
from plait.line.entry import Epoch

WRITER = """
import asyncio, sys, plait

async def main(folder):
    async with plait.open(folder) as store:
        table = await store.table("t", plait.Leader())
        number = 0
        while True:
            await table.put(f"k{number}", number)
            print(number, flush=True)
            number += 1

asyncio.run(main(sys.argv[1]))
"""
ACKNOWLEDGED = 50  # writes to hear of before the kill


@pytest.fixture
async def store(tmp_path):
    async with plait.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def table(store):
    return await store.table("t", Leader())


async def test_rows_survive_a_reopen(tmp_path):
    async with plait.open(tmp_path) as store:
        table = await store.table("t", Leader())
        kept = await table.put("kept", {"deep": [1, None, "é"]})
        await table.put("gone", 1)
        await table.delete("gone")
    async with plait.open(tmp_path) as store:
        table = await store.table("t")
        row = await table.get_row("kept")
        assert row is not None
        assert row.value == {"deep": [1, None, "é"]}
        await table.put("kept", 2, if_version=row.version)
        assert [key async for key, _ in table.scan()] == ["kept"]
        assert (await table.get_row("kept")).version > kept.version


async def test_versions_and_values_decide_who_wins(table):
    await table.put("k", 1, if_version=0)
    with pytest.raises(Conflict, match="'k'"):
        await table.put("k", 2, if_version=0)
    stale = (await table.get_row("k")).version
    await table.cas("k", 1, 2)
    with pytest.raises(Conflict):
        await table.delete("k", if_version=stale)
    with pytest.raises(Conflict):
        await table.cas("k", ABSENT, 3)
    await table.cas("k", 2, ABSENT)
    assert await table.get_row("k") is None


async def test_a_scan_orders_by_code_point_over_pages_both_ways(table):
    keys = sorted([f"{number:04}" for number in range(2_100)] + ["é", "ｚ", "\U0001f600", "a\0"])
    await table.put_many((key, None) for key in reversed(keys))
    assert [key async for key, _ in table.scan()] == keys
    assert [key async for key, _ in table.scan(reverse=True)] == keys[::-1]
    assert [key async for key, _ in table.scan(prefix="20")] == keys[2_000:2_100]
    assert [key async for key, _ in table.scan("0005", "0009", limit=2)] == ["0005", "0006"]
    assert await table.count() == len(keys)


@pytest.mark.parametrize("key", ["", 1, None, b"k", "\ud800", "x" * 5_000])
async def test_a_bad_key_is_refused_and_stores_nothing(table, key):
    with pytest.raises(BadKey):
        await table.put(key, 1)
    assert await table.count() == 0


@pytest.mark.parametrize("value", [object(), 1 << 64, "\ud800", b"x" * (17 << 20)])
async def test_a_bad_value_is_refused_by_the_name_of_its_key(table, value):
    with pytest.raises(BadValue, match="'culprit'"):
        await table.put("culprit", value)
    assert await table.count() == 0


async def test_what_message_pack_carries_comes_back_and_what_is_like_a_list_as_one(table):
    await table.put_many({"nan": math.nan, "integers": {1: b"x"}, "set": {7}, "tuple": (1, 2)})
    assert math.isnan(await table.get("nan"))
    assert await table.get_many(["integers", "set", "tuple"]) == {
        "integers": {1: b"x"}, "set": [7], "tuple": [1, 2],
    }  # fmt: skip


async def test_a_bulk_put_with_a_bad_row_sets_those_before_it_and_none_after(table):
    with pytest.raises(BadValue, match="'b'"):
        await table.put_many([("a", 1), ("b", object()), ("c", 3)])
    assert [pair async for pair in table.scan()] == [("a", 1)]


async def test_concurrent_increments_all_land(store, table):
    await table.put("n", 0)
    met = asyncio.Barrier(2)
    runs = 0

    async def increment(transaction):
        nonlocal runs
        runs += 1
        value = await transaction.get("n")
        if runs <= 2:  # both have read before either writes
            await met.wait()
        transaction["n"] = value + 1

    await asyncio.gather(*(store.transact(increment, table) for _ in range(2)))
    assert await table.get("n") == 2
    assert runs == 3


RIVALS = {
    "insert": lambda table: table.put("aa", 1),
    "delete": lambda table: table.delete("b"),
    "change": lambda table: table.put("a", 9),
}


@pytest.mark.parametrize("rival", RIVALS)
async def test_a_transaction_loses_to_a_change_in_what_it_scanned(table, rival):
    await table.put_many({"a": 1, "b": 2})

    async def add_up():
        async with table.transaction() as t:
            t["sum"] = sum([value async for _, value in t.scan("a", "c")])
            await RIVALS[rival](table)

    with pytest.raises(Conflict):
        await add_up()
    assert await table.get("sum") is None


async def test_a_transaction_moves_a_row_between_tables_of_a_line_and_no_further(store, table):
    other = await store.table("other", Leader())
    away = await store.table("away", Leader(line="own"))
    await table.put("k", 1)
    async with store.transaction(table, other) as t:
        t.on(other)["k"] = await t.get("k")
        del t["k"]
    assert (await table.get("k"), await other.get("k")) == (None, 1)
    with pytest.raises(BadSettings):
        store.transaction(table, away)


async def test_a_watch_resumes_from_its_cursor_over_a_reopen(tmp_path):
    async with plait.open(tmp_path) as store:
        table = await store.table("t", Leader())
        async with table.watch() as changes:
            await table.put("a", 1)
            async with table.transaction() as t:
                t["b"], t["c"] = 2, 3
            first = await anext(changes)
            pair = [await anext(changes), await anext(changes)]
    assert (first.key, first.last) == ("a", True)
    assert [(change.key, change.last) for change in pair] == [("b", False), ("c", True)]
    async with plait.open(tmp_path) as store:
        table = await store.table("t")
        await table.delete("a")
        async with table.watch(first.cursor) as changes:
            seen = [await anext(changes) for _ in range(3)]
    assert [(change.key, change.deleted) for change in seen] == [
        ("b", False), ("c", False), ("a", True),
    ]  # fmt: skip


async def test_settings_that_contradict_are_refused(store, table):
    with pytest.raises(BadSettings, match="'t'"):
        await store.table("t", Leader(acks="leader"))
    with pytest.raises(NoSuchCollection):
        await store.table("unknown")
    with pytest.raises(BadSettings):
        await store.table("no/name", Leader())


async def test_a_rule_that_one_node_can_never_meet_is_told_at_once(store, table):
    with pytest.raises(RuleUnmet, match="any:1"):
        await store.table("u", Leader(acks="any:1"))
    with pytest.raises(RuleUnmet, match="any:1"):
        await table.put("k", 1, acks="any:1")
    assert await table.get("k") is None


async def test_a_table_made_again_under_a_dropped_name_is_empty(store, table):
    await table.put("k", 1)
    await store.drop_table("t")
    assert await store.tables() == []
    assert await (await store.table("t", Leader())).get("k") is None


async def test_one_folder_is_open_once(store, tmp_path):
    with pytest.raises(FolderInUse):
        async with plait.open(tmp_path / "data"):
            pass


async def test_another_thread_is_refused(table):
    def elsewhere():
        return asyncio.run(table.get("k"))

    with pytest.raises(WrongThread):
        await asyncio.to_thread(elsewhere)


async def test_every_handle_of_a_closed_store_says_so(tmp_path):
    async with plait.open(tmp_path) as store:
        session = store.session()
        table = await session.table("t", Leader())
    for call in (table.get("k"), table.put("k", 1), session.table("t"), store.tables()):
        with pytest.raises(Closed):
            await call


@given(st.one_of(st.text(), st.from_regex(r"\A[A-Za-z0-9_-]{0,80}\Z")))
def test_no_text_but_a_token_is_a_token(text):
    try:
        said = decode_token(text)
    except BadValue:
        return
    assert decode_token(encode_token(*said)) == said


@given(
    st.dictionaries(
        # as the names of lines are
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.tuples(st.integers(0, 1 << 62), st.text(), st.integers(0, 1 << 62)),
    )
)
def test_a_token_carries_every_mark(parts):
    marks = {line: (Epoch(number, who), place) for line, (number, who, place) in parts.items()}
    assert decode_token(encode_token(marks))[0] == marks


def acknowledged_until_killed(folder):
    """What a writing process said was stored, before and while it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        heard = [int(writer.stdout.readline()) for _ in range(ACKNOWLEDGED)]
        writer.kill()
        return heard + [int(line) for line in writer.stdout if line.endswith("\n")]


async def test_a_killed_process_leaves_every_write_that_it_acknowledged(tmp_path):
    heard = acknowledged_until_killed(tmp_path / "data")
    async with plait.open(tmp_path / "data") as store:
        table = await store.table("t")
        found = await table.get_many(f"k{number}" for number in heard)
    assert found == {f"k{number}": number for number in heard}
