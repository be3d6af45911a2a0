"""Forcing the tail of a dead loglet: what an operator must say, what is lost, what goes on."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from plait.base.errors import BadSettings, Closed, Conflict, Sealed, Unavailable
from plait.engines.chain import Chain
from plait.engines.conformance.engine import append_all, entry, read_all, read_texts, spin, start
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.line.chain import EPOCHS_SKIPPED, MAY_BE_LOST, Next, Segment
from plait.line.entry import Entry, Epoch
from plait.line.loglet import Loglet, Origin, Tail


class Mortal(MemoryLoglet):
    """Answers nothing once its engine is dead, except what this handle knows."""

    dead = False

    async def append(self, entry: Entry) -> int:
        if self.dead:
            await self._waiters.sleep(1 << 40)
        return await super().append(entry)

    async def seal(self) -> int:
        if self.dead:
            raise Unavailable("nobody answers")
        return await super().seal()


class Handle:
    """One node's handle to a loglet: closing it ends its own calls only."""

    def __init__(self, loglet: Mortal) -> None:
        self._loglet = loglet
        self._closed = asyncio.Event()

    async def append(self, entry: Entry) -> int:
        return await self._until_closed(self._loglet.append(entry))

    async def wait(self, position: int) -> Tail:
        return await self._until_closed(self._loglet.wait(position))

    async def close(self) -> None:
        self._closed.set()

    async def _until_closed(self, work: Coroutine[Any, Any, Any]) -> Any:
        task, closing = start(work), start(self._closed.wait())
        await asyncio.wait([task, closing], return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not task.done():
            task.cancel()
            raise Closed("the handle is closed")
        return task.result()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loglet, name)


class FarMetastore(MemoryMetastore):
    """Takes its time, so that others come in between."""

    async def get(self) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        return await super().get()

    async def compare_and_set(self, version: int, data: bytes) -> int:
        await asyncio.sleep(0)
        return await super().compare_and_set(version, data)


class World:
    """Engines that die, and one metastore."""

    def __init__(self) -> None:
        self.loglets: dict[bytes, Mortal] = {}
        self.gone: set[bytes] = set()  # cannot be opened any more
        self.metastore = FarMetastore()

    async def prepare(self, following: Next) -> None:
        if following.params in self.loglets:
            raise BadSettings("used before")

    async def open(self, segment: Segment, stop: int | None) -> Loglet:
        if segment.params in self.gone:
            raise Unavailable("nobody answers")
        loglet = self.loglets.setdefault(segment.params, Mortal(segment.origin))
        return Handle(loglet)  # type: ignore[return-value]

    async def create(self) -> Chain:
        return await Chain.create(self.metastore, self, "memory", b"0")

    async def dying(self) -> Chain:
        """A chain with three entries whose loglet is dead, and which was to be extended."""
        chain = await self.create()
        await append_all(chain, ["a", "b", "c"])
        self.loglets[b"0"].dead = True
        with pytest.raises(Unavailable):
            await chain.extend("memory", b"1")
        return chain


async def test_a_dead_loglet_ends_where_an_operator_says_and_the_chain_goes_on() -> None:
    world = World()
    chain = await world.dying()
    forced = await chain.force(2, by="ada", time_ms=5000)
    assert forced is not None
    assert (forced.tail, forced.known, forced.by, forced.time_ms) == (2, 3, "ada", 5000)
    assert forced.warning == MAY_BE_LOST
    assert chain.configuration.forcings == (forced,)
    assert await chain.append(entry("d")) == 2
    entries = await read_all(chain, 0, 3)
    assert [each.payload for each in entries] == [b"a", b"b", b"d"]
    assert [each.record_index for each in entries] == [0, 1, 2]
    assert entries[2].epoch.number > 1 + EPOCHS_SKIPPED, "no epoch of what is lost is used again"


async def test_who_had_read_beyond_the_tail_hears_that_it_is_gone() -> None:
    chain = await World().dying()
    told: list[tuple[Epoch, int]] = []
    chain.on_retracted(lambda epoch, position: told.append((epoch, position)))
    await chain.force(2, by="ada", time_ms=0)
    assert told == [(Epoch(1 + EPOCHS_SKIPPED, ""), 2)]


async def test_nobody_hears_of_a_loss_that_is_none_here() -> None:
    chain = await World().dying()
    told: list[object] = []
    chain.on_retracted(lambda epoch, position: told.append(position))
    await chain.force(3, by="ada", time_ms=0)
    assert told == []


async def test_nothing_is_forced_without_an_intent() -> None:
    world = World()
    chain = await world.create()
    await append_all(chain, ["a"])
    with pytest.raises(BadSettings, match="nothing is intended"):
        await chain.force(1, by="ada", time_ms=0)
    assert await chain.append(entry("b")) == 1


async def test_what_can_still_be_sealed_is_not_forced_and_loses_nothing() -> None:
    world = World()
    chain = await world.dying()
    world.loglets[b"0"].dead = False
    assert await chain.force(1, by="ada", time_ms=0) is None
    assert chain.configuration.forcings == ()
    assert [segment.base for segment in chain.configuration.segments] == [0, 3]
    assert list((await read_texts(chain, 0, 3)).values()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("tail", "below", "why"),
    [
        (4, None, "cannot be read here"),
        (-1, None, "below"),
        (9, Origin(8, 1, 9), "cannot be"),
    ],
)
async def test_a_tail_that_cannot_be_is_refused(tail: int, below: Origin | None, why: str) -> None:
    chain = await World().dying()
    with pytest.raises(BadSettings, match=why):
        await chain.force(tail, by="ada", time_ms=0, below=below)
    assert chain.configuration.forcings == ()


async def test_an_engine_that_is_gone_is_replaced_by_what_a_state_remembers() -> None:
    world = World()
    before = await world.dying()
    await before.close()
    world.gone.add(b"0")
    with pytest.raises(Unavailable):
        await Chain.open(world.metastore, world)
    chain = await Chain.open(world.metastore, world, accept_lost=True)
    forced = await chain.force(7, by="ada", time_ms=0, below=Origin(7, 4, 70))
    assert forced is not None
    assert forced.epoch == 4 + EPOCHS_SKIPPED
    later = await Chain.open(world.metastore, world)
    assert await later.append(entry("d")) == 7
    (found,) = await later.read(7, 8)
    assert (found.record_index, found.payload) == (70, b"d")
    with pytest.raises(Unavailable, match="forced"):
        await later.read(3, 7)
    await later.trim(7)
    assert later.head == 7
    assert [segment.base for segment in later.configuration.segments] == [7]
    assert later.configuration.forcings == (forced,), "it is remembered what was ordered"


async def test_whoever_waits_for_the_dead_loglet_goes_on_in_the_next() -> None:
    world = World()
    chain = await world.dying()
    other = await Chain.open(world.metastore, world)
    waiter = start(other.wait(3))
    await spin()
    await chain.force(3, by="ada", time_ms=0)
    await other.refresh()
    await spin()
    assert not waiter.done()
    await chain.append(entry("d"))
    assert await waiter == (4, False)


async def test_an_append_that_hung_in_the_dead_loglet_is_ended() -> None:
    world = World()
    chain = await world.create()
    world.loglets[b"0"].dead = True
    hanging = start(chain.append(entry("a")))
    await spin()
    with pytest.raises(Unavailable):
        await chain.extend("memory", b"1")
    await chain.force(0, by="ada", time_ms=0)
    async with asyncio.timeout(30):
        assert await hanging == 0, "it was refused by the closed handle, and issued again"
    assert await chain.append(entry("b")) == 1


async def test_of_two_operators_at_once_one_wins_and_the_other_is_told() -> None:
    world = World()
    one = await world.dying()
    other = await Chain.open(world.metastore, world)
    results = await asyncio.gather(
        one.force(3, by="ada", time_ms=0),
        other.force(2, by="bob", time_ms=0),
        return_exceptions=True,
    )
    won = [each for each in results if not isinstance(each, BaseException)]
    lost = [each for each in results if isinstance(each, BaseException)]
    assert len(won) == 1
    assert [type(each) for each in lost] == [Conflict]
    assert one.configuration == other.configuration
    assert one.configuration.forcings == (won[0],)


async def test_the_end_of_a_chain_can_be_forced_too() -> None:
    world = World()
    chain = await world.create()
    await append_all(chain, ["a", "b"])
    world.loglets[b"0"].dead = True
    with pytest.raises(Unavailable):
        await chain.seal()
    await chain.force(1, by="ada", time_ms=0)
    assert await chain.check_tail() == (1, True)
    assert await chain.wait(5) == (1, True)
    assert await chain.seal() == 1
    assert list((await read_texts(chain, 0, 1)).values()) == ["a"]
    with pytest.raises(Sealed):
        await chain.append(entry("late"))


async def test_a_loglet_whose_seal_never_returns_is_dead_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("plait.engines.ending.SEAL_S", 0.01)
    world = World()
    chain = await world.create()
    await append_all(chain, ["a"])
    never = asyncio.Event()
    world.loglets[b"0"].seal = never.wait  # type: ignore[assignment, method-assign]
    with pytest.raises(Unavailable, match="could not be sealed within"):
        await chain.extend("memory", b"1")
    assert await chain.force(1, by="ada", time_ms=0) is not None
    assert await chain.append(entry("b")) == 1
