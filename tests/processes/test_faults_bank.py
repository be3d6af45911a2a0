"""No money is lost, made or moved twice while leaders are killed with -9 again and again."""

import asyncio
import os
import random
from pathlib import Path

import pytest
from faults import FaultyNodes, kill_leader
from tellers import Tellers

KILLS = int(os.environ.get("PLAIT_BANK_KILLS", "5"))
SEED = int(os.environ.get("PLAIT_SEED", "1"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 20 * KILLS)]


async def test_transfers_are_done_exactly_once_while_leaders_are_killed(tmp_path: Path) -> None:
    nodes = FaultyNodes(tmp_path, machines=("bank:Bank",))
    nodes.start()
    try:
        tellers, chance = Tellers(nodes, SEED), random.Random(SEED)
        await tellers.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(tellers.run())
            for _ in range(KILLS):
                before = tellers.acknowledged
                await kill_leader(nodes, chance.choice(tellers.lines), chance)
                async with asyncio.timeout(60):
                    while tellers.acknowledged < before + 20:
                        await asyncio.sleep(0.02)
            tellers.stop()
        await tellers.audit()
        assert tellers.audits > KILLS
        print(f"{KILLS} kills, {tellers.acknowledged:,} transfers, {tellers.audits:,} audits")
    finally:
        nodes.close()
