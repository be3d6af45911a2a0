"""A leader–follower table that a majority acknowledges loses nothing, though leaders are killed
with -9 again and again and nobody but the cluster itself appoints the next one."""

import asyncio
import os
import random
from itertools import count
from pathlib import Path

import pytest
from faults import FaultyNodes, kill_leader

import plait
from plait import Leader
from plait.base.errors import PlaitError

KILLS = int(os.environ.get("PLAIT_LEADER_KILLS", "3"))
SEED = int(os.environ.get("PLAIT_SEED", "1"))
WRITERS = 6

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 20 * KILLS)]


class Writers:
    """They write rows with keys of their own, and remember what they were told."""

    def __init__(self, nodes: FaultyNodes) -> None:
        self.acknowledged: dict[str, int] = {}
        self.refused: set[str] = set()
        self.line = ""
        self._nodes = nodes
        self._stop = False

    def stop(self) -> None:
        """Let every writer finish what it is doing."""
        self._stop = True

    async def more(self, rows: int = 30) -> None:
        """Return once so many more rows were acknowledged."""
        enough = len(self.acknowledged) + rows
        async with asyncio.timeout(60):
            while len(self.acknowledged) < enough:
                await asyncio.sleep(0.02)

    async def run(self) -> None:
        """Until `stop`; every writer is a client of its own."""
        async with asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(self._write(writer))

    async def _write(self, writer: int) -> None:
        async with plait.connect(self._nodes.url) as store:
            table = await store.table("kept", Leader(acks="majority"))
            self.line = table.line
            for number in count():
                if self._stop:
                    return
                key = f"{writer}-{number}"
                try:
                    await table.put(key, number)
                except PlaitError as error:
                    if error.definite:
                        self.refused.add(key)
                else:
                    self.acknowledged[key] = number

    async def audit(self) -> None:
        """Every node has every acknowledged row, and none that was refused."""
        await self._nodes.level(self.line)
        for name in self._nodes.addresses:
            async with plait.connect(self._nodes.only(name), only=True) as store:
                table = await store.table("kept", read="nearest")
                found = {key: value async for key, value in table.scan()}
            lost = [key for key, value in self.acknowledged.items() if found.get(key) != value]
            assert not lost, f"{name} lost {len(lost)} acknowledged rows: {lost[:5]}"
            assert not self.refused & set(found), f"{name} has rows that were refused"


async def test_no_acknowledged_write_is_lost_while_leaders_are_killed(tmp_path: Path) -> None:
    nodes = FaultyNodes(tmp_path)
    nodes.start()
    try:
        writers, chance = Writers(nodes), random.Random(SEED)
        async with asyncio.TaskGroup() as group:
            group.create_task(writers.run())
            await writers.more()
            for _ in range(KILLS):
                await kill_leader(nodes, writers.line, chance)
                await writers.more()
            writers.stop()
        await writers.audit()
        print(
            f"{KILLS} kills, {len(writers.acknowledged):,} rows acknowledged, "
            f"{len(writers.refused):,} refused"
        )
    finally:
        nodes.close()
