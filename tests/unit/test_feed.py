"""The feed: what changed, in order, and nothing else."""

import asyncio
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from plait.base.codec import encode
from plait.base.errors import HistoryTrimmed, SessionLost
from plait.engines.feed import ITEMS_MAX, follow
from plait.engines.replica import Replica
from plait.line.entry import Epoch
from plait.types.commands import (
    ClearTable,
    CompareAndSet,
    Delete,
    OpenSession,
    Present,
    Transact,
    Write,
)
from plait.types.queries import FeedItem
from tests.fakes import FakeLoglet
from tests.lines import entry, group, put, running


def some(value: object) -> Present:
    return (msgspec.Raw(encode(value)),)


def plain(item: FeedItem) -> tuple[Any, ...]:
    value = None if item.value is None else msgspec.msgpack.decode(item.value[0])
    return (item.position, item.offset, item.version, item.key, value, item.last)


async def take(replica: Replica, count: int, start: tuple[int, int] | None = (0, 0)) -> list[Any]:
    found: list[Any] = []
    async with asyncio.timeout(30), aclosing(follow(replica, 1, start)) as feed:
        async for items in feed:
            found.extend(plain(item) for item in items)
            if len(found) >= count:
                break
    return found


async def test_a_feed_shows_every_effective_change_of_its_table() -> None:
    async with running() as replica:
        await replica.propose(
            group(
                put("a", 1),
                put("a", 2, if_version=9),
                put("other", 1, table=2),
                CompareAndSet(1, "a", some(1), some(5)),
                Delete(1, "a"),
                Transact(
                    (), (), (Write(1, "x", some(1)), Write(2, "y", some(1)), Write(1, "z", None))
                ),
                ClearTable(1),
            )
        )
        assert await take(replica, 6) == [
            (0, 0, 1, "a", 1, True),
            (0, 3, 4, "a", 5, True),
            (0, 4, 5, "a", None, True),
            (0, 5, 6, "x", 1, False),
            (0, 5, 6, "z", None, True),
            (0, 6, 7, "", None, True),
        ]
        assert (await take(replica, 1, start=(0, 5)))[0][:2] == (0, 5)


async def test_a_retry_does_not_show_twice_flushed_or_not() -> None:
    async with running() as replica:
        await replica.propose(group(OpenSession(7)))
        data = group(put("a", 1), put("b", 1), session=7, first=1)
        await replica.propose(data)
        await replica.propose(data)
        await replica.propose(group(put("c", 1)))
        wanted = [(1, 0, 2, "a", 1, True), (1, 1, 3, "b", 1, True), (3, 0, 6, "c", 1, True)]
        assert await take(replica, 3) == wanted
        await replica.flush()
        assert await take(replica, 3) == wanted


async def test_a_feed_goes_on_with_what_is_written_later() -> None:
    async with running() as replica:
        await replica.propose(group(put("before", 1)))
        taking = asyncio.ensure_future(take(replica, 1, start=None))
        await asyncio.sleep(0.01)
        await replica.propose(group(put("after", 2)))
        assert [item[3] for item in await taking] == ["after"]


async def test_a_list_is_bounded_and_never_ends_within_a_transaction() -> None:
    async with running() as replica:
        writes = tuple(Write(1, f"{n}", some(n)) for n in range(ITEMS_MAX - 1))
        await replica.propose(
            group(Transact((), (), writes), Transact((), (), writes), put("a", 1))
        )
        sizes = []
        async with aclosing(follow(replica, 1, (0, 0))) as feed:
            async for items in feed:
                assert items[-1].last
                sizes.append(len(items))
                if items[-1].key == "a":
                    break
        assert sizes == [2 * (ITEMS_MAX - 1), 1]


async def test_a_change_has_the_same_time_wherever_a_feed_began() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        loglet.add(entry(put("a", 1), time_ms=5000))
        loglet.add(entry(put("b", 1), time_ms=3000))  # by a leader whose clock is behind
        await replica.wait_applied(2, 5)
        seen = []
        for start in ((0, 0), (1, 0)):
            async with asyncio.timeout(30), aclosing(follow(replica, 1, start)) as feed:
                seen.append([item.time_ms for item in await anext(feed)])
        assert seen == [[5000, 3000], [3000]]


async def test_below_the_head_history_is_trimmed() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        for n in range(3):
            loglet.add(entry(put("a", n)))
        await replica.wait_applied(3, 5)
        await loglet.trim(2)
        with pytest.raises(HistoryTrimmed):
            await take(replica, 1)
        assert len(await take(replica, 1, start=(2, 0))) == 1


async def test_notes_of_ineffective_commands_go_with_the_log() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        for _ in range(2):
            loglet.add(entry(put("a", 1, if_version=9)))
        await replica.wait_applied(2, 5)
        await replica.flush()
        assert replica.view.count(2) == 2
        await loglet.trim(1)
        await replica.propose(group(put("a", 1)))
        await replica.flush()
        assert replica.view.count(2) == 1


async def test_a_feed_that_showed_cut_entries_says_so() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        await replica.propose(group(put("a", 1)))
        async with asyncio.timeout(30), aclosing(follow(replica, 1, (0, 0))) as feed:
            assert (await anext(feed))[0].key == "a"
            loglet.cut(0, Epoch(2, "b"))
            with pytest.raises(SessionLost):
                await anext(feed)
