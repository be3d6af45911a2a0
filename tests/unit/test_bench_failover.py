"""Fail-over: what is killed, what counts as the next write, and what is waited for after it."""

import asyncio
import sys
from contextlib import asynccontextmanager

import pytest

from plait.bench import failover
from plait.bench.failover import first_success, summary, time_to_write_s
from plait.bench.processes import PeerUnavailable, Server


class Three:
    """Three idle processes, the second of which leads; writes go in while it is up."""

    system = "three"
    timers = "none"

    def __init__(self, folder):
        self.servers = []
        for number in range(3):
            data = folder / f"t{number}"
            data.mkdir()
            command = [sys.executable, "-c", "import signal; signal.pause()"]
            self.servers.append(Server(f"t{number}", command, data))
        self.pids = [server.pid for server in self.servers]
        self.recovers = True

    async def leader(self):
        return self.servers[1]

    async def level(self):
        return True

    @asynccontextmanager
    async def writer(self, leader):
        async def write():
            if await leader.ended() and not self.recovers:
                await asyncio.Event().wait()

        yield write


@pytest.fixture
def three(tmp_path):
    target = Three(tmp_path)
    yield target
    for server in target.servers:
        server.stop()


async def test_the_leader_alone_is_killed_and_comes_back(three):
    took = await time_to_write_s(three)
    assert 0 <= took < failover.PATIENCE_S
    same = [old == new.pid for old, new in zip(three.pids, three.servers, strict=True)]
    assert same == [True, False, True]
    for server in three.servers:
        server.check()


async def test_a_system_that_acknowledges_nothing_more_is_told_so_and_its_leader_comes_back(
    three, monkeypatch
):
    monkeypatch.setattr(failover, "PATIENCE_S", 0.2)
    three.recovers = False
    with pytest.raises(TimeoutError):
        await time_to_write_s(three)
    three.servers[1].check()


async def test_a_server_that_runs_is_not_started_a_second_time(three):
    with pytest.raises(RuntimeError, match="still runs"):
        three.servers[0].restart()
    three.servers[0].kill()
    with pytest.raises(PeerUnavailable):
        three.servers[0].check()


async def test_the_first_of_many_attempts_to_succeed_counts():
    asked = []

    async def refuses():
        asked.append("refuses")
        raise ConnectionError("gone")

    async def hangs():
        asked.append("hangs")
        await asyncio.Event().wait()

    async def recovers():
        asked.append("recovers")
        if asked.count("recovers") < 3:
            raise ConnectionError("not yet")

    await asyncio.wait_for(first_success([refuses, hangs, recovers]), 5.0)
    assert asked.count("recovers") == 3
    assert asked.count("hangs") >= 2


async def test_attempts_that_are_given_up_are_cancelled():
    running = 0

    async def hangs():
        nonlocal running
        running += 1
        try:
            await asyncio.Event().wait()
        finally:
            running -= 1

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(first_success([hangs]), 0.05)
    assert running == 0


def test_figures_are_milliseconds_in_the_order_of_the_kills(three):
    row = summary(three, [0.3, 0.1, 0.2])
    assert row["all_ms"] == [300.0, 100.0, 200.0]
    assert (row["median_ms"], row["min_ms"], row["max_ms"]) == (200.0, 100.0, 300.0)
    assert summary(three, []) == {"system": "three", "timers": "none"}
