"""Consensus tables are linearizable while their leaders are killed, paused and cut off.

A run takes some seconds; `make soak` makes it minutes. A violation keeps the history and prints the
command that judges it again.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import faults
import pytest
from faults import Fault, FaultyNodes, seconds
from wires import Wires, missing
from workload import Workload

from plait import Consensus

SEED = int(os.environ.get("PLAIT_SEED", "1"))
LINE = "consensus"
MORE_S = 3.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 3 * seconds(MORE_S))]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[FaultyNodes]:
    cluster = FaultyNodes(tmp_path)
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[FaultyNodes]:
    """Nodes in namespaces of their own."""
    lacking = missing()
    if lacking is not None:
        pytest.skip(f"LINKS ARE NOT CUT: this machine has no {lacking}")
    wires = Wires(("n1", "n2", "n3"))
    cluster = FaultyNodes(tmp_path, wires=wires)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()
        wires.close()


async def judged(nodes: FaultyNodes, *kinds: Fault) -> None:
    """Break things while clients work; then judge what they saw."""
    work = Workload(nodes, nodes.folder, Consensus(), SEED)
    async with asyncio.TaskGroup() as group:
        group.create_task(work.run())
        await work.more()
        chance = random.Random(SEED)
        count = await faults.break_things(nodes, LINE, kinds, chance, seconds(MORE_S))
        await work.more()
        work.stop()
    assert set(work.read) == set(nodes.addresses)
    assert min(work.read.values()) > 20
    operations = work.judge()
    print(f"{count} faults, {operations:,} operations, {work.acknowledged:,} writes acknowledged")


async def test_histories_are_linearizable_while_leaders_are_killed(nodes: FaultyNodes) -> None:
    await judged(nodes, faults.kill_leader)


async def test_histories_are_linearizable_while_leaders_are_paused_and_replaced(
    nodes: FaultyNodes,
) -> None:
    await judged(nodes, faults.pause_leader)


async def test_histories_are_linearizable_while_links_are_cut_in_both_or_one_direction(
    apart: FaultyNodes,
) -> None:
    await judged(
        apart,
        faults.isolate_leader, faults.deafen_leader, faults.mute_leader, faults.bridge,
    )  # fmt: skip


async def test_histories_are_linearizable_while_everything_goes_wrong(apart: FaultyNodes) -> None:
    if "PLAIT_SOAK_SECONDS" not in os.environ:
        pytest.skip("each kind of fault has a test of its own; `make soak` mixes them")
    await judged(
        apart,
        faults.kill_leader, faults.pause_leader, faults.isolate_leader, faults.deafen_leader,
        faults.mute_leader, faults.bridge,
    )  # fmt: skip
