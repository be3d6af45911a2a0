"""A node that is told to stop: others lead first, what is under way is answered, clients go on."""

import asyncio
import contextlib
import itertools
import time

import pytest
from nodes import Nodes, caught_up

import plait
from plait import Consensus, Leader
from plait.base.errors import NotLeader

STEP_S = 60.0
PAUSE_S_MAX = 2.0  # loopback: some tens of milliseconds; this machine may be busy
WRITERS = 8

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Writer:
    """Writes one key after the other, and notes when each was acknowledged."""

    def __init__(self, table: plait.Table, name: str) -> None:
        self.table, self.name = table, name
        self.times: list[float] = []
        self.stopped = False

    async def run(self) -> None:
        """Any error ends it, and the test."""
        while not self.stopped:
            await self.table.put(f"{self.name}-{len(self.times)}", len(self.times))
            self.times.append(time.monotonic())

    def longest_pause(self, since: float) -> float:
        times = [at for at in self.times if at >= since]
        return max(after - before for before, after in itertools.pairwise(times))


async def leads_all(nodes: Nodes, name: str) -> None:
    async with plait.connect(nodes.url) as store:
        await caught_up(nodes, STEP_S)
        with contextlib.suppress(NotLeader):  # it leads them already
            await store.switch_over(name)


@pytest.mark.parametrize("settings", [Consensus(), Leader(acks="any:1")], ids=["raft", "primary"])
async def test_nobody_fails_and_writers_wait_for_a_moment_while_the_leader_drains(
    nodes: Nodes, settings: Consensus | Leader
) -> None:
    async with asyncio.timeout(STEP_S), plait.connect(nodes.url) as store:
        table = await store.table("t", settings)
        await table.put("first", 1)
        await leads_all(nodes, "n1")
        writers = [Writer(table, f"w{number}") for number in range(WRITERS)]
        tasks = [asyncio.create_task(writer.run()) for writer in writers]
        await asyncio.sleep(0.5)
        began = time.monotonic()
        assert await asyncio.to_thread(nodes.stop, "n1") == 0
        took_s = time.monotonic() - began
        await asyncio.sleep(0.5)
        for writer in writers:
            writer.stopped = True
        await asyncio.gather(*tasks)  # not one write failed, or had no answer
        pause_s = max(writer.longest_pause(began) for writer in writers)
        print(f"stopped in {took_s * 1000:.0f} ms; the longest pause was {pause_s * 1000:.0f} ms")
        assert pause_s < PAUSE_S_MAX
        rows = await table.count()
        assert rows == 1 + sum(len(writer.times) for writer in writers)
    assert "some requests have no answer" not in nodes.log("n1")
