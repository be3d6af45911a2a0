"""Backups under load, and restores: parts of the scenario `operations`.

Three nodes as processes take writes at 16 in flight, in turns without a backup, while one full
backup follows the other without a pause, and while the log is archived every two seconds. The loss
is the share of writes a second that is missing beside the round without. Under load a backup gives
way, so its speed is measured beside nobody as well; both stand beside that of bytes written and
synced plainly to the same disk, in turns.

A restore is of a store with so many records of 100 bytes, until a new store has answered a count.
"""

import asyncio
import os
import time
from pathlib import Path
from statistics import median

import plait
from plait import Consensus
from plait.bench.aims import Judged
from plait.bench.cluster import ClusterHandle, start_cluster
from plait.bench.load import VALUE
from plait.bench.operations_part import OperationsOptions
from plait.bench.parts import Part
from plait.bench.plait_client import TABLE, OneStore
from plait.bench.rounds import Progress

IN_FLIGHT = 16
LOSS_MAX = 0.2
SHARE_MIN = 0.5  # of the disk's speed
ALONE = 2  # backups beside nobody, in a round
RESTORE_S_MAX = 10.0  # "seconds", for a million records
EVERY_S = 2.0  # between two backups that archive the log
BATCH = 10_000
ROWS_BEFORE = 300_000  # in the store: some 80 MB of log and state to be copied
_CHUNK = 4 << 20


async def measure_backups(options: OperationsOptions, folder: Path, progress: Progress) -> Part:
    """The loss of foreground writes, and the speed of backups under load."""
    cluster = await start_cluster(folder, settings=Consensus())
    try:
        rows = min(ROWS_BEFORE, options.records)
        await _filled(cluster, rows)
        plain, full, following, speeds, alone, disks = [], [], [], [], [], []
        for number in range(options.rounds):
            progress(f"backups, round {number + 1} of {options.rounds}")
            plain.append(await _writes(cluster, options.seconds))
            per_s, found = await _beside(cluster, options.seconds, folder / f"full-{number}", 0.0)
            full.append(per_s)
            speeds += found
            await _one_backup(cluster, folder / f"kept-{number}")  # what archiving adds to
            per_s, _ = await _beside(cluster, options.seconds, folder / f"kept-{number}", EVERY_S)
            following.append(per_s)
            for again in range(ALONE):
                alone.append(await _one_backup(cluster, folder / f"alone-{number}-{again}"))
                disks.append(await asyncio.to_thread(_disk_speed, folder / "plain", 64 << 20))
    finally:
        cluster.close()
    disk, at_rest = median(disks), median(alone)
    losses = {
        "full backups without a pause": 1 - median(full) / median(plain),
        f"archiving every {EVERY_S:g} s": 1 - median(following) / median(plain),
    }
    judged = [
        Judged(f"writes lost to {what}", f"{loss:.0%}", f"< {LOSS_MAX:.0%}", loss < LOSS_MAX)
        for what, loss in losses.items()
    ]
    speed = median(speeds) if speeds else 0.0
    for what, share in (("under load", speed / disk), ("beside nobody", at_rest / disk)):
        what = f"a full backup {what}, of the disk's speed"
        judged.append(Judged(what, f"{share:.0%}", "50%", share >= SHARE_MIN))
    figures = {
        "in_flight": IN_FLIGHT,
        "writes_per_s": plain,
        "writes_per_s_beside_full": full,
        "writes_per_s_beside_archiving": following,
        "backups": len(speeds),
        "backup_bytes_per_s": speed,
        "backup_bytes_per_s_beside_nobody": at_rest,
        "disk_bytes_per_s": disk,
        "losses": losses,
    }
    return Part(figures, judged)


async def measure_restore(options: OperationsOptions, folder: Path, progress: Progress) -> Part:
    """How long it takes until a new store of a backup answers."""
    count = options.records
    progress(f"restore: writing {count:,} records")
    async with plait.open(folder / "data") as store:
        table = await store.table(TABLE, Consensus())
        for start in range(0, count, BATCH):
            await table.put_many(_rows(start, min(start + BATCH, count)))
        began = time.perf_counter()
        report = await store.backup(folder / "backup")
        backup_s = time.perf_counter() - began
    restores, opened = [], []
    for number in range(options.rounds):
        progress(f"restore, round {number + 1} of {options.rounds}")
        new = folder / f"new-{number}"
        began = time.perf_counter()
        await plait.restore(folder / "backup", new)
        restores.append(time.perf_counter() - began)
        async with plait.open(new) as store:
            if await (await store.table(TABLE)).count() != count:
                raise RuntimeError("a restored store lacks records")
        opened.append(time.perf_counter() - began)
    took_s = median(opened)
    aim_s = RESTORE_S_MAX * max(count / 1_000_000, 0.1)
    what = f"{count:,} records, restored and counted"
    figures = {
        "records": count,
        "backup_s": backup_s,
        "backup_bytes": report["written_bytes"],
        "restore_s": restores,
        "answered_s": opened,
    }
    judged = [Judged(what, f"{took_s:.1f} s", f"< {aim_s:g} s", took_s < aim_s)]
    return Part(figures, judged)


def _rows(start: int, stop: int) -> dict[str, str]:
    return {f"row-{number:09}": VALUE for number in range(start, stop)}


async def _filled(cluster: ClusterHandle, count: int) -> None:
    async with plait.connect(cluster.url) as store:
        table = await store.table(TABLE, cluster.settings)
        for start in range(0, count, BATCH):
            await table.put_many(_rows(start, min(start + BATCH, count)))


async def _writes(cluster: ClusterHandle, seconds: float) -> float:
    return (await OneStore(cluster).measure(IN_FLIGHT, seconds)).per_s


async def _beside(
    cluster: ClusterHandle, seconds: float, folder: Path, every_s: float
) -> tuple[float, list[float]]:
    """Writes a second while backups are taken, and the bytes a second of each that ended.

    every_s: between two, into one folder; 0: each into a new one, without a pause.
    """
    speeds: list[float] = []
    stopped = asyncio.Event()

    async def backups() -> None:
        async with plait.connect(cluster.url) as store:
            number = 0
            while not stopped.is_set():
                began = time.perf_counter()
                into = folder if every_s else folder / str(number)
                report = await store.backup(into)
                speeds.append(report["written_bytes"] / (time.perf_counter() - began))
                number += 1
                if every_s:
                    await asyncio.sleep(every_s)

    task = asyncio.create_task(backups())
    try:
        per_s = await _writes(cluster, seconds)
    finally:
        stopped.set()
        await task
    return per_s, speeds


async def _one_backup(cluster: ClusterHandle, folder: Path) -> float:
    """The bytes a second of a full backup while nobody writes."""
    async with plait.connect(cluster.url) as store:
        began = time.perf_counter()
        report = await store.backup(folder)
        return float(report["written_bytes"] / (time.perf_counter() - began))


def _disk_speed(path: Path, count: int) -> float:
    """Bytes a second of a file that is written in chunks, each synced, as a backup's pieces are."""
    chunk, began = b"\xa5" * _CHUNK, time.perf_counter()
    for number in range(count // _CHUNK):
        piece = path.with_name(f"{path.name}-{number}")
        with open(piece, "wb") as file:
            file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        piece.unlink()
    return count / (time.perf_counter() - began)
