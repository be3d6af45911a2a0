"""Ended segments whose engine answers no more: noted, and opened again as newcomers find them."""

import pytest
from silenced_world import World

from plait.base.errors import HistoryTrimmed, Unavailable
from plait.engines.conformance.engine import append_all, read_texts, spin, start


async def test_what_an_ended_loglet_does_not_answer_is_noted_and_can_be_asked_again() -> None:
    world = World()
    chain, left, loglet = await world.moved()
    assert await read_texts(chain, 0, 3) == {0: "x", 1: "y", 2: "z"}
    assert not chain.unanswered
    loglet.silent = True
    with pytest.raises(Unavailable):
        await chain.read(0, 3)
    assert list(chain.unanswered) == [left]
    with pytest.raises(Unavailable):
        await chain.unanswered[left]()
    loglet.silent = False
    assert len(await chain.unanswered[left]()) == 2  # type: ignore[arg-type]


async def test_what_the_last_loglet_does_not_answer_is_not_noted() -> None:
    world = World()
    chain, _, _ = await world.moved()
    world.loglets[chain.configuration.last.loglet].silent = True
    with pytest.raises(Unavailable):
        await chain.read(2, 3)
    assert not chain.unanswered


async def test_a_segment_that_is_opened_again_is_as_newcomers_find_it() -> None:
    world = World()
    chain, left, loglet = await world.moved()
    loglet.silent = world.folds = True
    await chain.give_up(left)
    assert loglet._closed
    assert chain.head == 2
    with pytest.raises(HistoryTrimmed):
        await chain.read(0, 3)
    assert await read_texts(chain, 2, 3) == {2: "z"}
    await append_all(chain, ["more"])
    assert (await chain.check_tail()).position == 4


async def test_who_reads_while_a_segment_is_opened_again_is_told_what_it_is_by_then() -> None:
    world = World()
    chain, left, loglet = await world.moved()
    loglet.hangs = True
    reading = start(chain.read(0, 3))
    await spin()
    assert not reading.done()
    world.folds = True
    await chain.give_up(left)
    with pytest.raises(HistoryTrimmed):
        await reading


async def test_the_log_can_be_trimmed_again_once_what_is_silent_is_given_up() -> None:
    world = World()
    chain, left, loglet = await world.moved()
    following = chain.configuration.last
    loglet.silent = True
    with pytest.raises(Unavailable):
        await chain.trim(3)
    assert list(chain.unanswered) == [left]
    world.folds = True
    await chain.give_up(left)
    await chain.trim(3)
    assert chain.configuration.segments == (following,)
    assert not chain.unanswered


async def test_the_segment_that_takes_appends_is_not_opened_again() -> None:
    world = World()
    chain, _, _ = await world.moved()
    world.folds = True
    loglet = chain.last
    await chain.give_up(chain.configuration.last)
    assert chain.last is loglet
    await append_all(chain, ["more"])
