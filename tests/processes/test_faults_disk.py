"""Consensus tables are linearizable while system calls of their leaders fail or take long.

A disk that fails a write makes a node's log suspect; it must count for nothing until it is mended,
and mend without an operator once the disk is well. A run takes some seconds; `make soak` makes it
minutes.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import freezer
import pytest
import syscalls
from faults import FaultyNodes, break_things, seconds
from syscalls import SYNCS, WRITES, injected
from workload import Workload

from plait import Consensus

SEED = int(os.environ.get("PLAIT_SEED", "1"))
LINE = "consensus"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 3 * seconds(0))]


class TracedNodes(FaultyNodes):
    """Nodes whose processes can be taken by others."""

    def pid(self, name: str) -> int:
        """Of a node's process."""
        return self._running[name].pid


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[TracedNodes]:
    cluster = TracedNodes(tmp_path)
    cluster.start()
    yield cluster
    cluster.close()


async def _meets(
    nodes: TracedNodes, line: str, chance: random.Random, calls: str, what: str
) -> None:
    leader = await nodes.leader(line)
    async with injected(nodes.pid(leader), calls, what, nodes.folder / "calls.txt"):
        await asyncio.sleep(chance.uniform(0.2, 0.6))
    await nodes.leader(line)


async def failing_writes(nodes: TracedNodes, line: str, chance: random.Random) -> None:
    """Every write of the leader fails, and then none does."""
    await _meets(nodes, line, chance, WRITES, "error=EIO")


async def full_disk(nodes: TracedNodes, line: str, chance: random.Random) -> None:
    """The leader's disk is full for a while."""
    await _meets(nodes, line, chance, WRITES, "error=ENOSPC")


async def slow_disk(nodes: TracedNodes, line: str, chance: random.Random) -> None:
    """Every write of the leader takes its time."""
    await _meets(nodes, line, chance, WRITES, "delay_enter=150000")


async def failing_syncs(nodes: TracedNodes, line: str, chance: random.Random) -> None:
    """Every sync that the leader asks for fails: those of segments, states and folders."""
    await _meets(nodes, line, chance, f"{SYNCS},{WRITES}", "error=EIO:when=2+2")


async def freeze_leader(nodes: TracedNodes, line: str, chance: random.Random) -> None:
    """The leader stands still until others have elected one."""
    leader = await nodes.leader(line)
    frozen = freezer.Freezer(nodes.pid(leader))
    try:
        frozen.freeze()
        nodes.paused.add(leader)
        await nodes.leader(line, other_than=leader)
    finally:
        frozen.close()
        nodes.paused.discard(leader)


async def judged(nodes: TracedNodes, *kinds: object) -> None:
    """Break things while clients work; then judge what they saw, and wait for all nodes."""
    work, chance = Workload(nodes, nodes.folder, Consensus(), SEED), random.Random(SEED)
    async with asyncio.TaskGroup() as group:
        group.create_task(work.run())
        await work.more()
        count = await break_things(nodes, LINE, kinds, chance, seconds(0))
        await work.more()
        work.stop()
    operations = work.judge()
    await nodes.level(LINE)
    print(f"{count} faults, {operations:,} operations, {work.acknowledged:,} writes acknowledged")


async def test_histories_are_linearizable_while_writes_of_leaders_fail_or_take_long(
    nodes: TracedNodes,
) -> None:
    if (lacking := syscalls.missing()) is not None:
        pytest.skip(f"NO CALL FAILS: this machine lacks {lacking}")
    kinds = [failing_writes, full_disk, slow_disk, failing_syncs]
    await judged(nodes, *kinds)


async def test_histories_are_linearizable_while_leaders_are_frozen(nodes: TracedNodes) -> None:
    if (lacking := freezer.missing()) is not None:
        pytest.skip(f"NOBODY IS FROZEN: this machine lacks {lacking}")
    await judged(nodes, freeze_leader)
