"""What rows were before they changed: noted by the fold, told by feeds."""

import asyncio
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

import plait
from plait import ABSENT, UNKNOWN, Consensus, Leader
from plait.base.codec import encode
from plait.base.errors import Unavailable
from plait.engines import feed
from plait.engines.feed import follow
from plait.engines.replica import Replica
from plait.node import versions
from plait.node.versions import Versions
from plait.types.before import is_kept, kept_tables
from plait.types.commands import BEFORES_SINCE, ClearTable, Delete, KeepBefore, Transact, Write
from plait.types.keys import BEFORE
from plait.types.queries import FeedItem
from tests.fakes import FakeLoglet, FakeState
from tests.lines import group, put, running


async def befores(replica: Replica, count: int) -> list[tuple[str, Any]]:
    found: list[FeedItem] = []
    async with asyncio.timeout(30), aclosing(follow(replica, 1, (0, 0))) as changes:
        async for items in changes:
            found.extend(items)
            if len(found) >= count:
                break
    return [(item.key, told(item)) for item in found]


def told(item: FeedItem) -> Any:
    if not item.before:
        return item.before
    return msgspec.msgpack.decode(item.before[0])


async def test_a_feed_tells_what_rows_were_from_when_it_was_asked_for() -> None:
    async with running() as replica:
        await replica.propose(group(put("a", 1), KeepBefore(1, True), put("a", 2), put("a", 3)))
        await replica.propose(group(Delete(1, "a"), put("a", 4), put("a", 5, table=2)))
        await replica.propose(group(KeepBefore(1, False), put("a", 6)))
        await replica.propose(group(KeepBefore(1, True), put("a", 7)))
        assert await befores(replica, 7) == [
            ("a", None),
            ("a", 1),
            ("a", 2),
            ("a", 3),
            ("a", ()),
            ("a", None),
            ("a", 6),
        ]


async def test_a_transaction_that_writes_a_key_twice_tells_what_was_before_both() -> None:
    async with running() as replica:
        await replica.propose(group(KeepBefore(1, True), put("a", "old")))
        new = (msgspec.Raw(encode("new")),)
        await replica.propose(
            group(Transact((), (), (Write(1, "a", None), Write(1, "b", new), Write(1, "a", new))))
        )
        assert await befores(replica, 3) == [("a", ()), ("a", "old"), ("b", ())]


async def test_a_failed_command_and_a_clearing_leave_no_note() -> None:
    async with running() as replica:
        await replica.propose(group(KeepBefore(1, True), put("a", 1), put("a", 2, if_version=9)))
        await replica.propose(group(ClearTable(1), put("a", 3)))
        assert await befores(replica, 3) == [("a", ()), ("", None), ("a", ())]
        assert len(replica.view.scan(BEFORE, b"", None, 100)) == 2


async def test_a_replica_that_begins_again_goes_on_noting() -> None:
    loglet, state = FakeLoglet(), FakeState()
    async with running(loglet, state) as replica:
        await replica.propose(group(KeepBefore(1, True), put("a", 1)))
        await replica.flush()
    async with running(loglet, state) as replica:
        assert is_kept(replica.view, 1)
        assert kept_tables(replica.view) == {1}
        await replica.propose(group(put("a", 2)))
        assert await befores(replica, 2) == [("a", ()), ("a", 1)]


async def test_notes_go_with_the_log_that_they_belong_to() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        await replica.propose(group(KeepBefore(1, True), put("a", 1)))
        await replica.propose(group(put("a", 2)))
        assert len(replica.view.scan(BEFORE, b"", None, 100)) == 2
        loglet.head = 1
        await replica.propose(group(put("a", 3)))
        await replica.flush()
        assert len(replica.view.scan(BEFORE, b"", None, 100)) == 2


async def test_values_before_that_are_too_much_for_one_message_are_not_told(monkeypatch) -> None:
    monkeypatch.setattr(feed, "BEFORE_BYTES_MAX", 100)
    async with running() as replica:
        await replica.propose(group(KeepBefore(1, True), put("a", "x" * 60), put("b", "x" * 60)))
        await replica.propose(group(put("a", 1), put("b", 1)))
        both = Transact((), (), (Write(1, "a", None), Write(1, "b", None)))
        await replica.propose(group(put("a", "x" * 60), put("b", "x" * 60), both))
        found = await befores(replica, 8)
        assert found[2:4] == [("a", "x" * 60), ("b", "x" * 60)]
        assert found[-2:] == [("a", "x" * 60), ("b", None)]
        lists = [len(items) async for items in first_lists(replica, 3)]
        assert lists == [3, 1, 4]


async def first_lists(replica: Replica, count: int) -> Any:
    async with asyncio.timeout(30), aclosing(follow(replica, 1, (0, 0))) as changes:
        async for items in changes:
            yield items
            count -= 1
            if not count:
                return


async def test_a_store_tells_what_rows_were_across_a_restart(tmp_path) -> None:
    async with plait.open(tmp_path) as store:
        films = await store.table("films", Leader())
        await films.put("f1", {"n": 1})
        await films.keep_before()
        await films.put("f1", {"n": 2})
    async with plait.open(tmp_path) as store:
        films = await store.table("films")
        await films.delete("f1")
        await films.put("f1", None)
        async with films.watch("0.0") as watch:
            seen = [await asyncio.wait_for(anext(watch), 5) for _ in range(4)]
        assert [change.before for change in seen] == [UNKNOWN, {"n": 1}, {"n": 2}, ABSENT]
        assert [repr(change.before) for change in (seen[0], seen[3])] == ["UNKNOWN", "ABSENT"]


async def test_nodes_that_do_not_know_of_it_keep_it_from_being_written(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "ENABLED_S", 0.05)
    monkeypatch.setattr(Versions, "allows", lambda self, version: version < BEFORES_SINCE)
    async with plait.open(tmp_path) as store:
        films = await store.table("films", Consensus())
        with pytest.raises(Unavailable, match="upgrade"):
            await films.keep_before()
        await films.put("f1", 1)
        await films.put("f1", 2)
        async with films.watch("0.0") as watch:
            seen = [await asyncio.wait_for(anext(watch), 5) for _ in range(2)]
        assert [change.before for change in seen] == [UNKNOWN, UNKNOWN]
