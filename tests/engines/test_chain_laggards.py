"""Chains whose caller came late: what was prepared for another moment, what a copy has already."""

import pytest

from plait.base.errors import HistoryTrimmed, Unavailable
from plait.engines.chain import Chain
from plait.engines.checkpoint import continues
from plait.engines.conformance.engine import append_all, read_texts, spin, start
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.line.chain import Next, Segment
from plait.line.entry import Epoch
from plait.line.loglet import READ_BYTES, Tail


class Gone:
    """A loglet that ended, and that nobody serves."""

    def __init__(self, base: int) -> None:
        self.head = self.committed = base

    async def wait(self, position: int) -> Tail:
        raise Unavailable("nobody serves it")

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[object]:
        raise Unavailable("nobody serves it")

    def on_retracted(self, callback: object) -> None:
        """Never called."""

    async def close(self) -> None:
        """Nothing is open."""


class World:
    """Loglets by name, some of which are gone for whoever opens them from now on."""

    def __init__(self) -> None:
        self.metastore = MemoryMetastore()
        self.loglets: dict[Next, MemoryLoglet] = {}
        self.gone: list[str] = []

    async def prepare(self, following: Next) -> None:
        """Everything can be created."""

    async def open(self, segment: Segment, stop: int | None) -> MemoryLoglet:
        if segment.engine in self.gone:
            return Gone(segment.base)  # type: ignore[return-value]
        return self.loglets.setdefault(segment.loglet, MemoryLoglet(segment.origin))


async def test_what_was_prepared_to_follow_one_segment_does_not_follow_another() -> None:
    world = World()
    chain = await Chain.create(world.metastore, world, "a")
    other = await Chain.open(world.metastore, world)
    first = chain.configuration.last
    second = await other.extend("b", b"1", after=first)
    assert await chain.extend("b", b"1, made too late", after=first) == second
    assert [segment.engine for segment in chain.configuration.segments] == ["a", "b"]
    await append_all(chain, ["x"])
    third = await chain.extend("c", after=second)
    assert [segment.engine for segment in chain.configuration.segments] == ["a", "b", "c"]
    assert await other.extend("b", b"1", after=first) == third  # a repeated one is no mistake


async def test_a_copy_of_the_state_takes_the_place_of_what_nobody_serves() -> None:
    world = World()
    chain = await Chain.create(world.metastore, world, "a")
    await append_all(chain, ["x", "y"])
    await chain.extend("b")
    await append_all(chain, ["z"])
    world.gone.append("a")
    late = await Chain.open(world.metastore, world)
    folded = 0
    late.on_folded(lambda: folded)
    assert late.lagging is not None
    assert (late.head, late.committed) == (0, 0)
    following = start(late.wait(0))
    await spin()
    with pytest.raises(Unavailable):
        await following
    folded = 2
    assert late.lagging is None
    assert (late.head, late.committed) == (2, 3)
    assert await read_texts(late, 2, 3) == {2: "z"}
    with pytest.raises(HistoryTrimmed):
        await late.read(1, 3)


async def test_nothing_is_kept_from_before_what_a_copy_took_the_place_of() -> None:
    world = World()
    chain = await Chain.create(world.metastore, world, "a")
    await append_all(chain, ["x", "y"])
    await chain.extend("b")
    await append_all(chain, ["z"])
    await chain.extend("c")
    await append_all(chain, ["more"])
    assert chain.head == 0
    world.gone.append("b")
    late = await Chain.open(world.metastore, world)
    late.on_folded(lambda: 3)
    assert (late.head, late.committed) == (3, 4)  # though "a" could be read
    assert await continues(late, 3, Epoch(9, "whoever wrote what nobody serves"))
    assert await read_texts(late, 3, 4) == {3: "more"}
    with pytest.raises(HistoryTrimmed):
        await late.read(1, 4)


async def test_who_waits_goes_over_even_if_what_ended_never_says_so() -> None:
    world = World()
    chain = await Chain.create(world.metastore, world, "a")
    await append_all(chain, ["x"])
    late = await Chain.open(world.metastore, world)
    unheard = MemoryLoglet(chain.configuration.last.origin)  # it hears of "x", and of no seal
    await append_all(unheard, ["x"])
    late._register._loglets[chain.configuration.last.loglet] = unheard
    waiting = start(late.wait(1))
    await spin()
    await chain.extend("b")
    await append_all(chain, ["y"])
    await spin()
    assert not waiting.done()
    await late.refresh()
    await spin()
    assert waiting.done()
    assert (await waiting).position == 2
    assert await read_texts(late, 0, 2) == {0: "x", 1: "y"}
