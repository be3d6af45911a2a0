"""Waiters and the window of recent entries."""

import asyncio

from plait.engines.recent import Recent
from plait.engines.waiters import Waiters
from plait.line.entry import Entry


async def test_cancelled_sleepers_do_not_pile_up() -> None:
    waiters = Waiters()
    for _ in range(100):
        sleeper = asyncio.ensure_future(waiters.sleep(7))
        await asyncio.sleep(0)
        sleeper.cancel()
        await asyncio.gather(sleeper, return_exceptions=True)
    assert len(waiters) == 0
    assert len(waiters._heap) <= 1


async def test_only_those_below_the_committed_wake() -> None:
    waiters = Waiters()
    sleepers = [asyncio.ensure_future(waiters.sleep(position)) for position in (2, 0, 1)]
    await asyncio.sleep(0)
    waiters.passed(2)
    await asyncio.sleep(0)
    assert [sleeper.done() for sleeper in sleepers] == [False, True, True]
    waiters.wake_all()
    await sleepers[0]
    assert len(waiters) == 0


def test_the_window_keeps_the_newest_within_its_bytes() -> None:
    recent = Recent(10, bytes_max=100)
    for i in range(8):
        recent.add(Entry(bytes([i])), 30)
    assert (recent.start, recent.end) == (15, 18)
    assert [each.payload[0] for each in recent.read(15, 18, 1000)] == [5, 6, 7]
    recent.trim(17)
    assert (recent.start, recent.end) == (17, 18)
    recent.add(Entry(b"large"), 1000)
    assert (recent.start, recent.end) == (18, 19)
