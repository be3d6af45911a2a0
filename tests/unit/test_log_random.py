"""Random writes on a folder and in memory: the same, across crashes at every kind of write."""

import contextlib
import os
import random
import shutil
from pathlib import Path

import pytest
from disks import rows, submitted

from plait.base.ports import (
    AppendRows,
    CutSuffix,
    DropRescued,
    LineExtent,
    LogStorage,
    LogWrite,
    PutHardState,
    ResetLine,
    TrimPrefix,
)
from plait.host import durable_log, relocation
from plait.host.disk import Disk
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.host.storage import open_storage

BLOCK_BYTES = 64
LINES = ("a", "b", "line/ü", "idle")


class TearingDisk(Disk):
    """Now and then keeps what the folder would be if the machine died amid a write."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        super().__init__()
        self.images: list[Path] = []
        self._folder = folder
        self._rng = rng
        self._kept = 0

    def write(self, file: int, data: bytes, offset: int) -> None:
        """Write some blocks of `data`, keep an image, then write all of it."""
        if self._rng.random() < 0.2:
            torn = bytearray(os.pread(file, len(data), offset).ljust(len(data), b"\0"))
            for start in range(0, len(data), BLOCK_BYTES):
                if self._rng.random() < 0.5:
                    torn[start : start + BLOCK_BYTES] = data[start : start + BLOCK_BYTES]
            super().write(file, bytes(torn), offset)
            self._keep()
        super().write(file, data, offset)
        if self._rng.random() < 0.1:
            self._keep()  # synced, and nobody was told

    def _keep(self) -> None:
        self._kept += 1
        image = self._folder.parent / f"image{self._kept}"
        shutil.copytree(self._folder, image, copy_function=_copy)
        if self._rng.random() < 0.5:
            (image / "log.mark").unlink()  # the power went, and the page with it
        self.images.append(image)


def _copy(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # a segment is being deleted
        shutil.copyfile(source, target)


def random_writes(rng: random.Random, log: LogStorage) -> list[LogWrite]:
    """Some possible writes, one submission."""
    extents = log.lines()
    writes: list[LogWrite] = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        line = rng.choice(LINES[:3]) if rng.random() < 0.97 else LINES[3]
        extent = extents.get(line, LineExtent(0, 0))
        head, tail = extent.head, extent.tail
        chance = rng.random()
        if chance < 0.6:
            data = tuple(rng.randbytes(rng.randrange(90)) for _ in range(rng.randrange(1, 5)))
            writes.append(AppendRows(line, tail, data))
            tail += len(data)
        elif chance < 0.75:
            head = rng.randint(head, tail)
            writes.append(TrimPrefix(line, head))
        elif chance < 0.85:
            tail = rng.randint(head, tail)
            writes.append(CutSuffix(line, tail, rng.choice((None, b"note"))))
        elif chance < 0.93:
            writes.append(PutHardState(line, rng.randbytes(9)))
        elif chance < 0.95:
            head = tail = rng.randrange(1000)
            writes.append(ResetLine(line, head))
        elif rescued := log.rescued():
            writes.append(DropRescued(rng.choice(rescued).rescued))
        extents[line] = LineExtent(head, tail)
    return writes


def held(log: LogStorage) -> object:
    """Everything that a log holds."""
    return (
        log.lines(),
        {line: rows(log, line) for line in log.lines()},
        [(suffix, log.read_rescued(suffix.rescued)) for suffix in log.rescued()],
    )


@pytest.mark.parametrize("seed", range(6))
async def test_a_folder_holds_what_memory_holds_whenever_it_is_opened(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(durable_log, "SEGMENT_BYTES_MIN", 512)
    monkeypatch.setattr(durable_log, "SEGMENT_BYTES_MAX", 2048)
    monkeypatch.setattr(durable_log, "_SPARE_BYTES", 64)
    monkeypatch.setattr(durable_log, "_PROBE_BYTES", 64)
    monkeypatch.setattr(relocation, "MOVE_BYTES", 100)
    rng = random.Random(seed)
    model = MemoryStorage(MemoryDisk())
    disk = TearingDisk(tmp_path / "data", rng)
    storage = await open_storage(tmp_path / "data", disk=disk)
    disk.images.clear()  # a folder half made holds nothing yet
    images = 0
    for _ in range(120):
        before = held(model.log)
        writes = random_writes(rng, model.log)
        await submitted(storage.log, *writes)
        await submitted(model.log, *writes)
        after = held(model.log)
        assert held(storage.log) == after
        for image in disk.images:
            crashed = await open_storage(image)
            assert (crashed.log.suspect, crashed.log.read_only) == (None, None)
            assert held(crashed.log) in (before, after)
            for count in range(3):
                await submitted(crashed.log, PutHardState("a", b"goes on %d" % count))
            goes_on = held(crashed.log)
            await crashed.close()
            crashed = await open_storage(image)
            assert crashed.log.suspect is None
            assert held(crashed.log) == goes_on
            await crashed.close()
            shutil.rmtree(image)
            images += 1
        disk.images.clear()
        if rng.random() < 0.1:
            await storage.close()
            storage = await open_storage(tmp_path / "data", disk=disk)
            assert storage.log.suspect is None
            assert held(storage.log) == after
    assert images > 20
    last = max(int(path.stem) for path in (tmp_path / "data" / "log").glob("*.seg"))
    assert last > 5
    await storage.close()
