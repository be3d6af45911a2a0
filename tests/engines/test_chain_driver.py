"""The chain's driver: switching under load, by several handles, and after crashes."""

import asyncio

import pytest

from plait.base.errors import (
    BadSettings,
    Busy,
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
    read_all,
    read_texts,
    spin,
    start,
    text,
)
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.line.chain import End, Next, Segment
from plait.line.entry import Entry, Epoch
from plait.line.loglet import BEGINNING, Origin, Tail


class World:
    """Loglets by name and one metastore, each of which can be told to fail or to be slow."""

    def __init__(self) -> None:
        self.loglets: dict[Next, SlowLoglet] = {}
        self.metastore = TroubledMetastore()

    async def prepare(self, following: Next) -> None:
        if following in self.loglets:
            raise BadSettings("used before")

    async def open(self, segment: Segment, stop: int | None) -> "SlowLoglet":
        fresh = SlowLoglet(segment.origin)
        return self.loglets.setdefault(segment.loglet, fresh)

    async def create(self, origin: Origin = BEGINNING) -> Chain:
        return await Chain.create(self.metastore, self, "memory", b"0", origin)

    async def handle(self) -> Chain:
        """Another handle to the same chain."""
        return await Chain.open(self.metastore, self)


class SlowLoglet(MemoryLoglet):
    """Appends that answer late, and refusals later still, the first ones latest; a seal that can
    break before or after it works."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        self.refusal_turns = 40
        self.seal_fails: str | None = None
        self.closes = 0

    async def append(self, entry: Entry) -> int:
        try:
            position = await super().append(entry)
        except Sealed:
            self.refusal_turns = max(0, self.refusal_turns - 9)
            await spin(self.refusal_turns)
            raise
        await spin(3)
        return position

    async def seal(self) -> int:
        if self.seal_fails == "before":
            raise Unavailable("crashed before the seal")
        tail = await super().seal()
        if self.seal_fails == "after":
            raise Unavailable("crashed after the seal")
        return tail

    async def close(self) -> None:
        self.closes += 1  # other handles go on using it


class Follower:
    """Another node's handle to a loglet: it learns what is committed only when it waits."""

    def __init__(self, loglet: MemoryLoglet) -> None:
        self._loglet = loglet
        self.committed = loglet.head

    async def wait(self, position: int) -> Tail:
        tail = await self._loglet.wait(position)
        self.committed = tail.position
        return tail

    async def read(self, start: int, stop: int, bytes_max: int) -> list[Entry]:
        return await self._loglet.read(start, min(stop, self.committed), bytes_max)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loglet, name)


class TroubledMetastore(MemoryMetastore):
    """Breaks at the `breaks_at`th compare-and-set, before or after it took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.sets = 0
        self.breaks_at: int | None = None
        self.takes_effect = False
        self.down = False

    async def get(self) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("the metastore is down")
        return await super().get()

    async def compare_and_set(self, version: int, data: bytes) -> int:
        await asyncio.sleep(0)
        self.sets += 1
        if self.sets == self.breaks_at:
            if self.takes_effect:
                await super().compare_and_set(version, data)
            raise Unavailable("crashed at a compare-and-set")
        return await super().compare_and_set(version, data)


async def texts(chain: Chain, begin: int = 0) -> list[str]:
    return list((await read_texts(chain, begin, chain.committed)).values())


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
