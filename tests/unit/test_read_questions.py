"""Readers who ask what is committed, over a way that takes longer than they are used to."""

import asyncio

import pytest

from plait.base.errors import Unavailable
from plait.engines.raft.readers import RETRY_S, Readers
from plait.sim.clock import SimClock
from plait.sim.loop import VirtualLoop


class Leader:
    """Answers every question after so long; None: never."""

    def __init__(self, loop: VirtualLoop, takes_s: float | None) -> None:
        self.takes_s = takes_s
        self.asked = 0
        self.readers = Readers("l", SimClock(loop), 0, self.ask)
        self._loop = loop

    def ask(self, id_: int) -> None:
        self.asked += 1
        if self.takes_s is not None:
            self._loop.call_later(self.takes_s, self.readers.answer, id_, 100 + self.asked)


@pytest.mark.parametrize(("takes_s", "questions"), [(0.1, 1), (0.4, 2), (1.5, 4)])
def test_an_answer_that_takes_long_is_waited_for_the_next_time(
    takes_s: float, questions: int
) -> None:
    loop = VirtualLoop()
    leader = Leader(loop, takes_s)
    assert loop.run_until_complete(leader.readers.index(10.0)) == 100 + questions
    assert leader.asked == questions
    loop.close()


def test_where_answers_are_quick_again_a_lost_one_is_soon_missed() -> None:
    loop = VirtualLoop()
    leader = Leader(loop, 1.5)
    loop.run_until_complete(leader.readers.index(10.0))
    leader.takes_s = 0.001
    for _ in range(20):
        loop.run_until_complete(leader.readers.index(10.0))

    async def lose_one() -> float:
        leader.takes_s = None
        loop.call_later(RETRY_S / 2, setattr, leader, "takes_s", 0.001)
        began = loop.time()
        await leader.readers.index(10.0)
        return loop.time() - began

    assert loop.run_until_complete(lose_one()) < 1.5 * RETRY_S
    loop.close()


def test_nobody_waits_for_ever() -> None:
    loop = VirtualLoop()
    leader = Leader(loop, None)
    with pytest.raises(Unavailable):
        loop.run_until_complete(asyncio.wait_for(leader.readers.index(5.0), 10.0))
    loop.close()
