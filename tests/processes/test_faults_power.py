"""Power cuts, for real: each node on a file system of its own that loses all that was not synced.

The disk goes first and the process after it, so whatever a node said between the two was said on
the strength of what it had synced. `make soak` cuts more often.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import FaultyNodes
from loop_disk import LoopDisk, missing
from nodes import HERE
from test_faults_acks import Writers
from workload import Workload

from plait import Consensus

CUTS = int(os.environ.get("PLAIT_POWER_CUTS", "1"))
SEED = int(os.environ.get("PLAIT_SEED", "1"))
LINE = "consensus"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 30 * CUTS)]


class Powered(FaultyNodes):
    """Nodes whose folders are on disks that can lose their power."""

    def __init__(self, folder: Path, program: tuple[str, ...] = ("-m", "plait")) -> None:
        super().__init__(folder, program=program)
        self.disks: dict[str, LoopDisk] = {}
        try:
            for name in self.addresses:
                self.disks[name] = LoopDisk(folder / name, folder / f"{name}.image")
        except BaseException:
            self.close()
            raise

    def cut(self, *names: str) -> None:
        """The power of these goes; at the same moment, as nearly as we can."""
        for name in names:
            self.disks[name].cut()
        for name in names:
            self.kill(name)

    def restore(self, *names: str) -> None:
        """Their power is back, and so are they."""
        for name in names:
            self.disks[name].unmount()
            self.disks[name].mount()
        self.start(*names)

    def log_after_a_cut(self, name: str) -> bytes:
        """All that is in a node's segments once its disk has power again."""
        self.disks[name].unmount()
        self.disks[name].mount()
        segments = sorted((self.folder / name / "log").glob("*.seg"))
        return b"".join(segment.read_bytes() for segment in segments)

    def suspicions(self) -> list[str]:
        """Nodes that call their log suspect; after a mere power cut nobody may."""
        return [name for name in self.addresses if (self.folder / name / "suspect").exists()]

    def close(self) -> None:
        """End the nodes and take their disks away."""
        with contextlib.ExitStack() as stack:
            for disk in self.disks.values():
                stack.callback(disk.close)
            super().close()


@pytest.fixture
def nodes(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Powered]:
    if (lacking := missing()) is not None:
        pytest.skip(f"NO POWER IS CUT: this machine lacks {lacking}")
    cluster = Powered(tmp_path, *getattr(request, "param", ()))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


async def test_acknowledged_writes_survive_power_cuts_of_one_node_and_of_all(
    nodes: Powered,
) -> None:
    writers, chance = Writers(nodes), random.Random(SEED)
    async with asyncio.TaskGroup() as group:
        group.create_task(writers.run())
        await writers.more()
        for turn in range(CUTS):
            everybody = tuple(nodes.addresses)
            names = (await nodes.leader(writers.line),) if turn % 2 else everybody
            nodes.cut(*names)
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            nodes.restore(*names)
            await nodes.leader(writers.line)
            await writers.more()
        writers.stop()
    await writers.audit()
    assert nodes.suspicions() == []
    print(f"{CUTS} cuts, {len(writers.acknowledged):,} rows acknowledged")


async def test_histories_are_linearizable_while_the_power_of_nodes_is_cut(nodes: Powered) -> None:
    if "PLAIT_POWER_CUTS" not in os.environ:
        pytest.skip("rows are counted after a cut anyhow; `make soak` judges histories, too")
    work, chance = Workload(nodes, nodes.folder, Consensus(), SEED), random.Random(SEED)
    async with asyncio.TaskGroup() as group:
        group.create_task(work.run())
        await work.more()
        for turn in range(CUTS):
            everybody = tuple(nodes.addresses)
            names = (await nodes.leader(LINE),) if turn % 2 else everybody
            nodes.cut(*names)
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            nodes.restore(*names)
            await nodes.leader(LINE)
            await work.more()
        work.stop()
    operations = work.judge()
    assert nodes.suspicions() == []
    print(f"{CUTS} cuts, {operations:,} operations, {work.acknowledged:,} writes acknowledged")


@pytest.mark.parametrize(
    ("nodes", "loses"),
    [((("-m", "plait"),), False), (((str(HERE / "careless_disk.py"),),), True)],
    indirect=["nodes"],
    ids=["ours", "careless"],
)
async def test_a_cut_shows_who_does_not_sync_its_log(nodes: Powered, loses: bool) -> None:
    writers = Writers(nodes)
    writing = asyncio.create_task(writers.run())
    await writers.more()
    nodes.cut(*nodes.addresses)
    acknowledged = list(writers.acknowledged)
    writing.cancel()
    await asyncio.wait([writing])
    logs = [nodes.log_after_a_cut(name) for name in nodes.addresses]
    copies = [sum(key.encode() in log for log in logs) for key in acknowledged]
    assert (min(copies) < 2) == loses
