"""Upkeep of the log's segments: what nobody needs goes, and costs little."""

import os
from collections.abc import AsyncIterator

import pytest
from disks import (
    FaultyDisk,
    append,
    flip_byte,
    newest_segment,
    rows,
    submitted,
)
from small_logs import segments_of, shrink_segments

from plait.base.errors import Corrupt
from plait.base.ports import (
    CutSuffix,
    DropRescued,
    LineExtent,
    PutHardState,
    TrimPrefix,
)
from plait.host import relocation
from plait.host.storage import FolderStorage, open_storage


@pytest.fixture
async def storage(tmp_path) -> AsyncIterator[FolderStorage]:
    storage = await open_storage(tmp_path / "data")
    yield storage
    await storage.close()


@pytest.fixture
def small_segments(monkeypatch) -> None:
    shrink_segments(monkeypatch)


# --------------------------------------------------------------------------------- upkeep


async def test_segments_that_nobody_needs_are_deleted(tmp_path, small_segments, storage):
    for position in range(100):
        await append(storage.log, "a", position, b"x" * 100)
        if position % 10 == 9:
            await submitted(storage.log, TrimPrefix("a", position - 5))
    await storage.close()
    assert len(segments_of(tmp_path / "data")) <= 3
    again = await open_storage(tmp_path / "data")
    assert again.log.lines()["a"] == LineExtent(94, 100)
    assert rows(again.log, "a") == [b"x" * 100] * 6
    await again.close()


async def test_idle_lines_and_rescued_suffixes_do_not_pin_old_segments(
    tmp_path, small_segments, storage
):
    await submitted(storage.log, PutHardState("quiet", b"promise"))
    await append(storage.log, "idle", 0, b"kept", b"for", b"ever")
    await append(storage.log, "cut", 0, b"0", b"rescued", b"too")
    await submitted(storage.log, CutSuffix("cut", 1, b"note"))
    for position in range(200):
        await append(storage.log, "a", position, b"x" * 100)
        await submitted(storage.log, TrimPrefix("a", position))
    for open_again in (False, True):
        if open_again:
            await storage.close()
            storage = await open_storage(tmp_path / "data")
            assert storage.log.suspect is None
        segments = segments_of(tmp_path / "data")
        assert segments[-1] > 10
        assert segments[-1] - segments[0] < 6
        assert rows(storage.log, "idle") == [b"kept", b"for", b"ever"]
        (suffix,) = storage.log.rescued()
        assert storage.log.read_rescued(suffix.rescued) == [b"rescued", b"too"]
        assert storage.log.lines()["quiet"].hard_state == b"promise"
    await submitted(storage.log, DropRescued(suffix.rescued))
    await storage.close()


async def test_a_bad_row_stays_where_it_is_and_says_so(tmp_path, small_segments, monkeypatch):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "idle", 0, b"the bad row", b"a good row")
    segment = newest_segment(tmp_path / "data")
    flip_byte(segment, segment.read_bytes().index(b"the bad row"))
    for position in range(100):
        await append(storage.log, "a", position, b"x" * 100)
        await submitted(storage.log, TrimPrefix("a", position))
    assert storage.log.read_only is None
    with pytest.raises(Corrupt, match="row 0"):
        storage.log.read("idle", 0, 1, 1)
    assert storage.log.read("idle", 1, 2, 1) == [b"a good row"]
    assert segment.exists()
    await storage.close()


async def test_upkeep_adds_little_to_each_commit(tmp_path, small_segments, monkeypatch):
    monkeypatch.setattr(relocation, "MOVE_BYTES", 50)
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    await append(storage.log, "idle", 0, *(b"%d" % n for n in range(10)))
    for position in range(60):
        await append(storage.log, "a", position, b"x" * 100)
        await submitted(storage.log, TrimPrefix("a", position))
    assert rows(storage.log, "idle") == [b"%d" % n for n in range(10)]
    segments = segments_of(tmp_path / "data")
    assert segments[0] > 1
    # One durable write a commit, one a segment: moving rows costs no write of its own.
    assert disk.written == 1 + 2 * 60 + segments[-1]
    await storage.close()


async def test_a_row_far_larger_than_a_segment_is_one_commit(tmp_path, small_segments, storage):
    big = os.urandom(100_000)
    await append(storage.log, "a", 0, b"small", big, b"small")
    await append(storage.log, "a", 3, b"next")
    assert storage.log.read("a", 1, 4, 1) == [big]
    assert storage.log.read("a", 2, 4, 1) == [b"small"]
    assert rows(storage.log, "a") == [b"small", big, b"small", b"next"]
    await storage.close()
    again = await open_storage(tmp_path / "data")
    assert rows(again.log, "a") == [b"small", big, b"small", b"next"]
    await again.close()


async def test_a_manifest_larger_than_a_segment_does_not_fill_the_log(tmp_path, small_segments):
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    for number in range(40):
        await submitted(storage.log, PutHardState(f"line {number}", b"h" * 200))
    before = disk.written
    for position in range(100):
        await append(storage.log, "a", position, b"x")
    assert disk.written - before < 110
    await storage.close()
