"""Garbage: what is stable costs nothing, on disk too."""

import asyncio
import os
from pathlib import Path

from graph_replicas import Wire, canonical, opened

from plait.host.storage import open_storage
from plait.types.paths import Path as ObjectPath

LIKES: ObjectPath = ("c:likes",)
KEYS = 100
INCREMENTS = int(os.environ.get("GARBAGE_INCREMENTS", "60000"))  # over three replicas


async def test_increments_that_are_stable_leave_a_few_kilobytes(tmp_path: Path) -> None:
    storages = [await open_storage(tmp_path / name) for name in "abc"]
    replicas = [
        await opened(storage, name, founds=name == "a")
        for storage, name in zip(storages, "abc", strict=True)
    ]
    one, two, three = replicas
    wires = [Wire(one, two), Wire(two, three), Wire(one, three)]
    for replica in (two, three):
        await replica.ready(10.0)
    for number in range(INCREMENTS):
        replicas[number % 3].mutate(f"k{number % KEYS:02}", LIKES, ("add", 1))
        if number % 500 == 0:
            await asyncio.sleep(0)
    async with asyncio.timeout(60 + INCREMENTS / 1000):
        while any(replica.status()["events_retained"] > 50 for replica in replicas):
            await asyncio.sleep(0.1)
    for replica in replicas:
        await replica.flusher.flush()
    assert canonical(one) == canonical(two) == canonical(three)
    assert len(canonical(one)) < 10_000
    for wire in wires:
        wire.cut()
    for replica, storage in zip(replicas, storages, strict=True):
        await replica.close()
        await storage.close()
    for name in "abc":
        [state] = (tmp_path / name / "state").glob("*.db")
        assert state.stat().st_size < 200_000
