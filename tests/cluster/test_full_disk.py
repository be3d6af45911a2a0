"""A full disk: refused writes, reads that go on, and recovery without a restart."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import plait
from plait import Leader
from plait.base.errors import DiskNearlyFull, PlaitError


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(path)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs root and tmpfs: run this test as root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=False)


def fill(path: Path) -> None:
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(file, bytes(65536))
    except OSError:
        os.close(file)


async def put_until_refused(table: plait.Table, acknowledged: list[str]) -> None:
    for number in range(40_000):
        await table.put(f"k{number}", "x" * 2000)
        acknowledged.append(f"k{number}")


async def test_a_store_on_a_full_disk_reads_refuses_and_recovers(small_disk: Path) -> None:
    acknowledged: list[str] = []
    async with plait.open(small_disk / "data") as store:
        table = await store.table("t", Leader())
        await table.put("before", 1)
        await store.flush()
        fill(small_disk / "fill")
        with pytest.raises(PlaitError, match="disk"):
            await put_until_refused(table, acknowledged)
        assert await table.get("before") == 1
        (small_disk / "fill").unlink()
        async with asyncio.timeout(40):
            while True:
                try:
                    await table.put("after", 2)
                    break
                except PlaitError:
                    await asyncio.sleep(0.1)
    async with plait.open(small_disk / "data") as store:
        table = await store.table("t")
        assert await table.get("after") == 2
        assert len(await table.get_many(acknowledged)) == len(acknowledged)


async def test_a_disk_that_fills_up_is_never_full(small_disk: Path) -> None:
    acknowledged: list[str] = []
    async with plait.open(small_disk / "data") as store:
        table = await store.table("t", Leader())
        other = small_disk / "other"
        with other.open("wb") as file:
            file.write(bytes(10 << 20))
        with pytest.raises(DiskNearlyFull):
            await put_until_refused(table, acknowledged)
        await store.flush()  # folding takes room too
        found = os.statvfs(small_disk)
        assert found.f_bavail > 0
        assert await table.count() > 0
        other.unlink()
        async with asyncio.timeout(40):
            while True:
                try:
                    await table.put("after", 2)
                    break
                except DiskNearlyFull:
                    await asyncio.sleep(0.1)
