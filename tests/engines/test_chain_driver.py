"""One handle of a chain: its segments are one log."""

import asyncio

import pytest
from chain_world import SlowLoglet, World, texts

from plait.base.errors import (
    BadSettings,
    Busy,
    HistoryTrimmed,
    Sealed,
)
from plait.engines.conformance.engine import (
    append_all,
    entry,
    read_all,
    spin,
    start,
    text,
)
from plait.line.chain import Next, Segment
from plait.line.entry import Epoch
from plait.line.loglet import Origin, Tail

# ------------------------------------------------------------------------- one handle


async def test_positions_records_and_epochs_go_on_across_segments() -> None:
    chain = await World().create()
    for number in (1, 2, 3):
        await append_all(chain, [f"{number}a", f"{number}b"])
        await chain.append(entry(f"{number}c", 5))
        await chain.extend("memory", bytes([number]))
    entries = await read_all(chain, 0, chain.committed)
    assert [text(each) for each in entries] == [f"{n}{c}" for n in (1, 2, 3) for c in "abc"]
    assert [each.record_index for each in entries] == [0, 1, 2, 7, 8, 9, 14, 15, 16]
    assert [each.epoch.number for each in entries] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [segment.base for segment in chain.configuration.segments] == [0, 3, 6, 9]
    assert chain.configuration.last.origin == Origin(9, 3, 21)


async def test_an_empty_segment_is_followed_like_any_other() -> None:
    chain = await World().create()
    await chain.extend("memory", b"1")
    await chain.extend("memory", b"2")
    assert await append_all(chain, ["a", "b"]) == [0, 1]
    assert await texts(chain) == ["a", "b"]


async def test_pipelined_appends_keep_their_order_across_a_switch() -> None:
    chain = await World().create()
    appends = []
    extending = None
    for i in range(100):
        appends.append(start(chain.append(entry(f"{i:03}"))))
        if i % 5 == 0:
            await asyncio.sleep(0)
        if i == 40:
            extending = start(chain.extend("memory", b"1"))
    positions = await asyncio.gather(*appends)
    assert extending is not None
    segment = await extending
    assert positions == list(range(100))
    assert 0 < segment.base < 100
    assert await texts(chain) == [f"{i:03}" for i in range(100)]


async def test_appends_go_on_in_the_old_loglet_while_the_next_is_prepared() -> None:
    ready = asyncio.Event()

    class Slow(World):
        async def prepare(self, following: Next) -> None:
            if following.params == b"1":
                await ready.wait()

    chain = await Slow().create()
    extending = start(chain.extend("memory", b"1"))
    await spin()
    assert await chain.append(entry("before")) == 0
    ready.set()
    assert (await extending).base == 1


async def test_a_waiter_sleeps_through_a_switch_and_wakes_for_the_next_append() -> None:
    chain = await World().create()
    await append_all(chain, ["a"])
    waiter = start(chain.wait(1))
    await chain.extend("memory", b"1")
    await spin()
    assert not waiter.done()
    await chain.append(entry("b"))
    assert await waiter == Tail(2, False)


async def test_a_used_or_known_loglet_is_refused_as_the_next() -> None:
    world = World()
    chain = await world.create()
    await world.open(Segment(0, "memory", b"used"), None)
    for params in (b"used", b"0"):
        with pytest.raises(BadSettings):
            await chain.extend("memory", params)
    assert len(chain.configuration.segments) == 1
    assert chain.configuration.intent is None
    assert await chain.append(entry("a")) == 0


async def test_a_sealed_chain_is_extended_no_more() -> None:
    chain = await World().create()
    await append_all(chain, ["a"])
    assert await chain.seal() == 1
    with pytest.raises(Sealed):
        await chain.extend("memory", b"1")
    assert await chain.check_tail() == (1, True)


async def test_a_loglet_sealed_from_outside_is_busy_until_somebody_extends() -> None:
    world = World()
    chain = await world.create()
    await append_all(chain, ["a"])
    await world.loglets[Next("memory", b"0")].seal()
    with pytest.raises(Busy):
        await chain.append(entry("b"))
    assert await chain.check_tail() == (1, False)
    await chain.extend("memory", b"1")
    assert await chain.append(entry("b")) == 1


async def test_without_a_metastore_appends_that_met_the_seal_are_definitely_refused() -> None:
    world = World()
    chain, other = await world.create(), await world.handle()
    await append_all(chain, ["a"])
    await other.extend("memory", b"1")
    world.metastore.down = True
    with pytest.raises(Busy) as refused:
        await chain.append(entry("b"))
    assert refused.value.definite
    world.metastore.down = False
    assert await chain.append(entry("c")) == 1
    assert await texts(chain) == ["a", "c"]


async def test_trimming_drops_segments_and_closes_their_loglets() -> None:
    world = World()
    chain = await world.create()
    for number in (1, 2):
        await append_all(chain, [f"{number}{c}" for c in "abc"])
        await chain.extend("memory", bytes([number]))
    await append_all(chain, ["3a"])
    await chain.trim(4)
    assert chain.head == 4
    assert [segment.base for segment in chain.configuration.segments] == [3, 6]
    assert world.loglets[Next("memory", b"0")].closes == 1
    assert await texts(chain, 4) == ["2b", "2c", "3a"]
    with pytest.raises(HistoryTrimmed) as trimmed:
        await chain.read(3, 5)
    assert trimmed.value.details["head"] == 4
    assert (await world.handle()).head == 4


async def test_an_extension_after_everything_was_trimmed_still_knows_where_it_stands() -> None:
    chain = await World().create()
    await chain.append(entry("a", 7))
    await chain.trim(1)
    await chain.extend("memory", b"1")
    position = await chain.append(entry("b"))
    (found,) = await chain.read(position, 10)
    assert (position, found.record_index, found.epoch.number) == (1, 7, 2)


async def test_what_a_loglet_retracts_is_told_as_it_is() -> None:
    class Retracting(SlowLoglet):
        def on_retracted(self, callback: object) -> None:
            self.tell = callback

    class Opener(World):
        async def open(self, segment: Segment, stop: int | None) -> SlowLoglet:
            return self.loglets.setdefault(segment.loglet, Retracting(segment.origin))

    world = Opener()
    chain = await world.create()
    await append_all(chain, ["a", "b"])
    await chain.extend("memory", b"1")
    told: list[tuple[Epoch, int]] = []
    chain.on_retracted(lambda epoch, position: told.append((epoch, position)))
    first, last = world.loglets.values()
    last.tell(Epoch(5, "n"), 3)  # type: ignore[attr-defined]
    first.tell(Epoch(3, "n"), 2)  # type: ignore[attr-defined]
    assert told == [(Epoch(5, "n"), 3)], "what stands at or after the next segment is not its"


async def test_a_cancelled_append_does_not_hold_up_the_switch() -> None:
    chain = await World().create()
    appends = [start(chain.append(entry(f"e{i}"))) for i in range(10)]
    extending = start(chain.extend("memory", b"1"))
    await asyncio.sleep(0)
    for append in appends[1::2]:
        append.cancel()
    await extending
    kept = await asyncio.gather(*appends[::2])
    assert kept == sorted(kept)
    assert await chain.append(entry("last")) == chain.committed - 1
