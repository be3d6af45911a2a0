"""Rounds: when watchers look, and what becomes of one that raises."""

from plait.base.errors import Unavailable
from plait.node.rounds import TURN_S, Rounds
from plait.sim.loop import VirtualLoop


class Watcher:
    def __init__(self, every_s, raises_at=None, error=RuntimeError):
        self.every_s = every_s
        self.looks = []
        self.raises_at = raises_at
        self.error = error

    def watch(self):
        self.looks.append(1)
        if len(self.looks) == self.raises_at:
            raise self.error("no more")


def run(seconds, *watchers):
    """Rounds for so many virtual seconds, stopped then, and watched for as long again."""
    told = []
    loop = VirtualLoop()

    async def main():
        rounds = Rounds(lambda what, error: told.append(what), *watchers)
        rounds.start()
        loop.call_later(seconds, rounds.stop)
        await loop.create_task(sleeping(loop, 2 * seconds))

    loop.run_until_complete(main())
    loop.close()
    return told


async def sleeping(loop, seconds):
    woken = loop.create_future()
    loop.call_later(seconds, woken.set_result, None)
    await woken


def test_every_watcher_looks_at_its_own_pace_until_the_rounds_are_stopped():
    often, seldom = Watcher(TURN_S), Watcher(0.5)
    assert run(2.01, often, seldom) == []
    assert (len(often.looks), len(seldom.looks)) == (40, 4)


def test_a_watcher_that_raises_is_told_of_and_looks_no_more_and_the_others_go_on():
    one, other = Watcher(TURN_S, raises_at=3), Watcher(TURN_S)
    assert run(1.01, one, other) == ["a watcher ended: RuntimeError: no more"]
    assert (len(one.looks), len(other.looks)) == (3, 20)


def test_a_watcher_that_the_world_refuses_looks_again():
    watcher = Watcher(TURN_S, raises_at=3, error=Unavailable)
    assert run(1.01, watcher) == []
    assert len(watcher.looks) == 20
