"""Readers who wait for a read index, while somebody leads and while nobody does."""

import asyncio

import pytest

from plait.base.errors import Closed, Unavailable
from plait.engines.raft.readers import PAUSE_S, RETRY_S, Readers
from plait.sim.clock import SimClock
from plait.sim.loop import VirtualLoop


class Line:
    """A line whose leader answers at once, if there is one."""

    def __init__(self, loop):
        self.leader = None
        self.position = 7
        self.asked = []
        self._loop = loop
        self.readers = Readers("line", SimClock(loop), 0, self.ask, lambda: self.leader is not None)

    def ask(self, id_):
        self.asked.append(self._loop.time())
        self.readers.answer(id_, self.position if self.leader else None)

    def found(self, leader):
        self.leader = leader
        assert self.readers.leaderless
        self.readers.wake()


def run(use):
    loop = VirtualLoop()

    async def main():
        return await use(Line(loop), loop)

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def test_a_reader_asks_once_more_as_soon_as_somebody_leads():
    async def use(line, loop):
        loop.call_later(0.1, line.found, "n1")
        assert await line.readers.index(5.0) == 7
        assert not line.readers.leaderless
        return line.asked, loop.time()

    assert run(use) == ([0.0, 0.1], 0.1)


def test_a_reader_that_missed_the_leader_asks_again_soon():
    async def use(line, loop):
        loop.call_later(0.1, setattr, line, "leader", "n1")
        assert await line.readers.index(5.0) == 7
        return loop.time()

    assert run(use) == RETRY_S


def test_a_reader_gives_up_when_its_time_is_over_and_nobody_leads():
    async def use(line, loop):
        with pytest.raises(Unavailable):
            await line.readers.index(0.6)
        return loop.time()

    assert 0.6 <= run(use) <= 0.6 + 2 * PAUSE_S


def test_a_leader_that_cannot_say_yet_is_asked_again_after_a_pause():
    async def use(line, loop):
        line.leader, line.position = "n1", None
        loop.call_later(2.5 * PAUSE_S, setattr, line, "position", 9)
        assert await line.readers.index(5.0) == 9
        return loop.time()

    assert run(use) == pytest.approx(3 * PAUSE_S)


def test_readers_who_wait_for_a_leader_are_told_when_there_will_be_none():
    async def use(line, loop):
        reading = loop.create_task(line.readers.index(5.0))
        await asyncio.sleep(0.01)

        def refuse(id_):
            line.readers.fail(Closed("the line is closed"))

        line.readers._ask = refuse
        line.readers.fail(Closed("the line is closed"))
        with pytest.raises(Closed):
            await reading
        return loop.time()

    assert run(use) == 0.01
