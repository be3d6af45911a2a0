"""Several handles of one chain, and handles that die at any step of an extension."""

import asyncio
from typing import Any

import pytest
from chain_world import Follower, SlowLoglet, World, texts

from plait.base.errors import (
    Conflict,
    HistoryTrimmed,
    NoSuchCollection,
    Sealed,
    Unavailable,
)
from plait.engines.chain import Chain
from plait.engines.conformance.engine import (
    append_all,
    entry,
    read_texts,
    spin,
    start,
    text,
)
from plait.engines.metastore import MemoryMetastore
from plait.line.chain import End, Next, Segment
from plait.line.entry import Entry
from plait.line.loglet import Tail

# ------------------------------------------------------------------------- several handles


async def test_of_two_extensions_at_once_one_wins_and_both_adopt_it() -> None:
    world = World()
    one, other = await world.create(), await world.handle()
    adopted = await asyncio.gather(one.extend("memory", b"one"), other.extend("memory", b"other"))
    assert adopted[0] == adopted[1]
    assert one.configuration == other.configuration
    assert len(one.configuration.segments) == 2
    loser = {b"one": b"other", b"other": b"one"}[adopted[0].params]
    assert Next("memory", loser) not in world.loglets
    assert await one.append(entry("a")) == 0
    assert await other.append(entry("b")) == 1
    assert await texts(one) == await texts(other) == ["a", "b"]


async def test_other_handles_follow_an_extension_without_losing_or_doubling() -> None:
    world = World()
    writers = [await world.create(), await world.handle(), await world.handle()]

    async def write(chain: Chain, name: str) -> dict[int, str]:
        return {await chain.append(entry(f"{name}{i}")): f"{name}{i}" for i in range(30)}

    async def extend(chain: Chain) -> None:
        for number in range(1, 6):
            await spin(8)
            await chain.extend("memory", bytes([number]))

    *acknowledged, _ = await asyncio.gather(
        *(write(chain, name) for chain, name in zip(writers, "abc", strict=True)),
        extend(writers[2]),
    )
    expected = {at: each for written in acknowledged for at, each in (written or {}).items()}
    assert len(expected) == 90
    reader = await world.handle()
    assert await read_texts(reader, 0, 90) == expected
    assert len(reader.configuration.segments) == 6


async def test_the_tail_of_a_handle_that_slept_covers_what_others_appended_since() -> None:
    world = World()
    sleeper, busy = await world.create(), await world.handle()
    for number in (1, 2):
        await append_all(busy, ["a", "b"])
        await busy.extend("memory", bytes([number]))
    await append_all(busy, ["c"])
    assert await sleeper.check_tail() == (5, False)
    assert await sleeper.append(entry("d")) == 5
    await busy.trim(5)
    assert await sleeper.check_tail() == (6, False)


async def test_an_append_does_not_overtake_one_that_has_not_heard_of_the_switch_yet() -> None:
    world = World()
    chain, other = await world.create(), await world.handle()
    await other.extend("memory", b"1")
    early = start(chain.append(entry("early")))
    await asyncio.sleep(0)
    await chain.check_tail()
    assert len(chain.configuration.segments) == 2
    assert not early.done()
    late = start(chain.append(entry("late")))
    assert [await early, await late] == [0, 1]


async def test_a_handle_that_lags_reads_all_of_a_sealed_segment_before_the_next() -> None:
    world = World()
    chain = await world.create()
    await append_all(chain, ["a", "b"])
    await chain.extend("memory", b"1")

    class OnAnotherNode(World):
        async def open(self, segment: Segment, stop: int | None) -> Follower:  # type: ignore[override]
            return Follower(world.loglets[segment.loglet])

    follower = await Chain.open(world.metastore, OnAnotherNode())
    assert (follower.committed, await follower.read(0, 10)) == (0, [])
    assert await follower.wait(0) == Tail(2, False)
    assert [text(each) for each in await follower.read(0, 10)] == ["a", "b"]


async def test_the_end_of_a_chain_is_the_end_for_every_handle() -> None:
    world = World()
    one, other = await world.create(), await world.handle()
    await append_all(one, ["a"])
    waiter = start(other.wait(5))
    await spin()
    assert await one.seal() == 1
    assert await waiter == (1, True)
    with pytest.raises(Sealed):
        await other.append(entry("b"))
    assert await other.seal() == 1


# ------------------------------------------------------------------------- crashes


async def crash_at(world: World, step: str) -> None:
    """Extend on a handle that dies at `step`."""
    chain = await world.create()
    await append_all(chain, ["a", "b"])
    sets = world.metastore.sets
    if step.startswith("intent"):
        world.metastore.breaks_at = sets + 1
    elif step.startswith("segment"):
        world.metastore.breaks_at = sets + 2
    else:
        world.loglets[Next("memory", b"0")].seal_fails = step.split()[0]
    world.metastore.takes_effect = step.endswith("set")
    with pytest.raises(Unavailable):
        await chain.extend("memory", b"1")
    await chain.close()
    world.loglets[Next("memory", b"0")].seal_fails = None


STEPS = (
    "intent lost",
    "intent set",
    "before the seal",
    "after the seal",
    "segment lost",
    "segment set",
)


@pytest.mark.parametrize("step", STEPS)
async def test_a_writer_goes_on_whatever_step_the_extending_handle_died_at(step: str) -> None:
    world = World()
    await crash_at(world, step)
    chain = await world.handle()
    assert await append_all(chain, ["c", "d"]) == [2, 3]
    assert await texts(chain) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("step", STEPS)
async def test_the_next_extension_finishes_one_that_died(step: str) -> None:
    world = World()
    await crash_at(world, step)
    chain = await world.handle()
    await chain.extend("memory", b"2")
    engines = [segment.params for segment in chain.configuration.segments]
    assert engines in ([b"0", b"1"], [b"0", b"2"], [b"0", b"1", b"2"])
    assert chain.configuration.intent is None
    assert await append_all(chain, ["c"]) == [2]
    assert await texts(chain) == ["a", "b", "c"]


@pytest.mark.parametrize("step", ["after the seal", "segment lost"])
async def test_a_waiter_finishes_a_switch_that_died(step: str) -> None:
    world = World()
    await crash_at(world, step)
    chain = await world.handle()
    waiter = start(chain.wait(2))
    await spin()
    assert len(chain.configuration.segments) == 2
    assert not waiter.done()
    await chain.append(entry("c"))
    assert await waiter == (3, False)


async def intended_for_a_dead_engine(step: str) -> tuple[World, Chain]:
    """A handle that finds an intent, whose author and whose engine are both gone."""
    world = World()
    chain = await world.create()
    await append_all(chain, ["a"])
    world.metastore.breaks_at = world.metastore.sets + (1 if step == "intent set" else 2)
    world.metastore.takes_effect = step == "intent set"
    with pytest.raises(Unavailable):
        await chain.extend("mortal", b"1")
    await chain.close()
    world.dead = "mortal"
    return world, await world.handle()


async def test_nothing_is_sealed_for_an_engine_that_died_since_it_was_intended() -> None:
    world, chain = await intended_for_a_dead_engine("intent set")
    with pytest.raises(Unavailable, match="mortal does not answer"):
        await chain.finish()
    assert await append_all(chain, ["b"]) == [1]
    assert len(chain.configuration.segments) == 1
    world.dead = ""
    await chain.finish()
    assert chain.configuration.last.engine == "mortal"


@pytest.mark.parametrize("step", ["intent set", "segment lost"])
async def test_an_engine_that_died_since_it_was_intended_gives_way_to_another(step: str) -> None:
    world, chain = await intended_for_a_dead_engine(step)
    late = await world.handle()
    assert (await chain.extend("memory", b"1")).loglet == Next("memory", b"1")
    await late.finish()  # it knew of the first intent only
    assert late.configuration == chain.configuration
    assert await append_all(chain, ["b"]) == [1]
    assert await texts(late) == ["a", "b"]


async def test_an_engine_that_answers_is_not_given_up_for_another() -> None:
    world, chain = await intended_for_a_dead_engine("segment lost")
    world.dead = ""
    assert (await chain.extend("memory", b"2")).engine == "mortal"


async def test_a_seal_of_the_chain_that_died_is_finished_by_whoever_meets_it() -> None:
    world = World()
    chain = await world.create()
    await append_all(chain, ["a"])
    world.metastore.breaks_at = world.metastore.sets + 2
    with pytest.raises(Unavailable):
        await chain.seal()
    other = await world.handle()
    assert other.configuration.intent == End()
    with pytest.raises(Sealed):
        await other.append(entry("b"))
    assert await other.check_tail() == (1, True)


async def test_the_register_sets_only_the_version_that_was_read() -> None:
    metastore = MemoryMetastore()
    assert await metastore.get() == (0, b"")
    assert await metastore.compare_and_set(0, b"a") == 1
    with pytest.raises(Conflict):
        await metastore.compare_and_set(0, b"b")
    assert await metastore.get() == (1, b"a")


async def test_an_empty_metastore_holds_no_chain() -> None:
    with pytest.raises(NoSuchCollection):
        await World().handle()


async def test_two_creators_at_once_make_one_chain() -> None:
    world = World()
    one, other = await asyncio.gather(world.create(), world.create())
    assert one.configuration == other.configuration
    assert [await one.append(entry("a")), await other.append(entry("b"))] == [0, 1]


# ------------------------------------------------------------------------- what is known already


async def test_nobody_asks_the_metastore_while_writers_wait() -> None:
    told: list[str] = []

    class Watched(World):
        async def open(self, segment: Segment, stop: int | None) -> SlowLoglet:
            told.append("open")
            return await super().open(segment, stop)

    world = Watched()
    chain = await world.create()
    get, set_, seal = world.metastore.get, world.metastore.compare_and_set, chain.last.seal

    def noting(what: str, call: Any) -> Any:
        def noted(*arguments: Any) -> Any:
            told.append(what)
            return call(*arguments)

        return noted

    world.metastore.get = noting("get", get)  # type: ignore[method-assign]
    world.metastore.compare_and_set = noting("set", set_)  # type: ignore[method-assign]
    chain.last.seal = noting("seal", seal)  # type: ignore[method-assign]
    await chain.extend("memory", b"1")
    assert told[told.index("seal") :] == ["seal", "set", "open"]


async def test_a_known_intent_that_others_saw_through_stops_nobody() -> None:
    world = World()
    chain, other = await world.create(), await world.handle()
    await append_all(chain, ["a"])
    world.metastore.breaks_at = world.metastore.sets + 2
    with pytest.raises(Unavailable):
        await chain.extend("memory", b"1")
    assert chain.configuration.intent is not None
    await other.finish()
    world.loglets[Next("memory", b"0")].seal_fails = "before"  # its engine has gone away since
    assert await chain.append(entry("b")) == 1
    assert await texts(chain) == ["a", "b"]


async def test_who_has_a_copy_for_the_last_entries_waits_for_others_to_end_the_segment() -> None:
    world = World()
    chain = await world.create()
    await append_all(chain, ["a", "b"])
    world.metastore.breaks_at = world.metastore.sets + 2
    with pytest.raises(Unavailable):
        await chain.extend("memory", b"1")
    sealed = world.loglets[Next("memory", b"0")]
    entries, sealed.read = sealed.read, trimmed  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="others have to end"):  # and not `Closed`: it goes on
        await chain.finish()
    sealed.read = entries  # type: ignore[method-assign]
    await chain.finish()
    assert await append_all(chain, ["c"]) == [2]
    assert await texts(chain) == ["a", "b", "c"]


async def trimmed(start: int, stop: int, bytes_max: int = 0) -> list[Entry]:
    raise HistoryTrimmed(f"{start} is below the head {stop}", head=stop)


async def test_what_others_say_is_adopted_unless_it_is_old() -> None:
    world = World()
    chain, other = await world.create(), await world.handle()
    old = await world.metastore.get()
    await chain.extend("memory", b"1")
    new = await world.metastore.get()
    world.metastore.down = True
    await other.learn(*new)
    assert other.configuration == chain.configuration
    await other.learn(*old)
    assert other.configuration == chain.configuration
    assert await other.append(entry("a")) == 0
