"""The log under fault: what it loses (nothing acknowledged) and what it says."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from disks import (
    EVERYTHING,
    FaultyDisk,
    append,
    flip_byte,
    frames_in,
    mounted,
    newest_segment,
    rows,
    submitted,
)

from plait.base.errors import Corrupt, DiskFull, StorageError
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    DropRescued,
    LineExtent,
    LogWrite,
    PutHardState,
    ResetLine,
    TrimPrefix,
)
from plait.host import durable_log, relocation
from plait.host.log_frames import HEADER_BYTES
from plait.host.storage import FolderStorage, open_storage


@pytest.fixture
async def storage(tmp_path) -> AsyncIterator[FolderStorage]:
    storage = await open_storage(tmp_path / "data")
    yield storage
    await storage.close()


@pytest.fixture
def small_segments(monkeypatch) -> None:
    monkeypatch.setattr(durable_log, "SEGMENT_BYTES_MIN", 1 << 10)
    monkeypatch.setattr(durable_log, "SEGMENT_BYTES_MAX", 4 << 10)
    monkeypatch.setattr(durable_log, "_SPARE_BYTES", 256)
    monkeypatch.setattr(durable_log, "_PROBE_BYTES", 256)


def image_of(folder: Path, name: str = "image") -> Path:
    """What kill -9 would leave of an open folder."""
    return Path(shutil.copytree(folder, folder.parent / name))


def segments_of(folder: Path) -> list[int]:
    """The segments that are begun."""
    found = sorted((folder / "log").glob("*.seg"))
    return [int(path.stem) for path in found if any(path.read_bytes())]


# --------------------------------------------------------------------------------- crashes

_CHILD = """
import asyncio, sys
from plait.base.ports import AppendRows
from plait.host.storage import open_storage

async def main():
    storage = await open_storage(sys.argv[1])
    loop = asyncio.get_running_loop()
    for position in range(1_000_000):
        done = loop.create_future()
        storage.log.submit([AppendRows("a", position, (b"%d" % position,))], done.set_result)
        assert await done is None
        print(position, flush=True)

asyncio.run(main())
"""


async def test_a_process_killed_amid_commits_keeps_all_that_it_acknowledged(tmp_path):
    for acknowledged in (40, 90):
        folder = tmp_path / str(acknowledged)
        with subprocess.Popen(  # noqa: ASYNC220 - the test has nothing else to do
            [sys.executable, "-c", _CHILD, str(folder)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if int(line) == acknowledged:
                    break
            child.send_signal(signal.SIGKILL)
            last = [*map(int, child.stdout.read().split()), acknowledged]
        storage = await open_storage(folder)
        assert storage.log.suspect is None
        kept = rows(storage.log, "a")
        assert kept == [b"%d" % position for position in range(len(kept))]
        assert len(kept) > max(last[:-1], default=acknowledged) - 1 >= acknowledged - 1
        await append(storage.log, "a", len(kept), b"next")
        await storage.close()


async def test_a_torn_last_commit_is_as_if_it_never_was(tmp_path, storage: FolderStorage):
    for position in range(5):
        await append(storage.log, "a", position, b"x" * 100)
    before = image_of(tmp_path / "data", "before")
    await append(storage.log, "a", 5, b"y" * 9000)  # several pages
    image = image_of(tmp_path / "data")
    # The process died before the sync: no mark was written, and some pages were not either.
    shutil.copyfile(before / "log.mark", image / "log.mark")
    segment = newest_segment(image)
    torn = frames_in(segment)[-1]
    for offset, last in ((torn.body + 5000, False), (torn.start + 3, True)):
        flip_byte(segment, offset)
        again = await open_storage(image)
        assert again.log.suspect is None
        assert rows(again.log, "a") == [b"x" * 100] * 5
        assert frames_in(segment)[-1].end == torn.start
        assert not any(segment.read_bytes()[torn.start :])
        if last:
            await append(again.log, "a", 5, b"anew")
        else:  # the next round tears the header instead
            shutil.copyfile(newest_segment(tmp_path / "data"), segment)
            shutil.copyfile(before / "log.mark", image / "log.mark")
        await again.close()
    again = await open_storage(image)
    assert rows(again.log, "a")[5:] == [b"anew"]
    await again.close()


@pytest.mark.parametrize("mark", [True, False])
async def test_a_flipped_byte_amid_the_log_makes_it_suspect(
    tmp_path, storage: FolderStorage, mark: bool
):
    for position in range(20):
        await append(storage.log, "a", position, b"x" * 100)
    image = image_of(tmp_path / "data")
    if not mark:  # the page with the newest mark was lost in a power cut
        (image / "log.mark").unlink()
    segment = newest_segment(image)
    flip_byte(segment, frames_in(segment)[10].body + 50)
    found = segment.read_bytes()

    for _ in range(2):  # and it stays suspect
        again = await open_storage(image)
        assert again.log.suspect is not None
        assert isinstance(again.log.read_only, Corrupt)
        assert rows(again.log, "a") == [b"x" * 100] * 9
        with pytest.raises(Corrupt):
            await append(again.log, "a", 9, b"y")
        with pytest.raises(Corrupt):
            await again.recover()
        await again.close()
    assert segment.read_bytes() == found

    again = await open_storage(image)
    await again.log.trust([ResetLine("a", 20)])
    await append(again.log, "a", 20, b"refetched")
    await again.close()
    assert (image / "suspect-log" / segment.name).read_bytes() == found
    healed = await open_storage(image)
    assert (healed.log.suspect, healed.log.read_only) == (None, None)
    assert rows(healed.log, "a") == [b"refetched"]
    await healed.close()


async def test_trust_that_meets_a_full_disk_leaves_the_log_suspect(tmp_path):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, b"x", b"y")
    await storage.close()
    segment = newest_segment(tmp_path / "data")
    os.truncate(segment, frames_in(segment)[-1].start)
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    disk.full = True
    with pytest.raises(DiskFull):
        await storage.log.trust([ResetLine("a", 0)])
    disk.full = False
    with pytest.raises(Corrupt):
        await storage.recover()
    assert storage.log.suspect is not None
    await storage.log.trust([ResetLine("a", 0)])
    await append(storage.log, "a", 0, b"anew")
    await storage.close()


@pytest.mark.parametrize("what", ["missing", "empty", "cut"])
async def test_a_log_that_lacks_synced_commits_is_never_taken_for_whole(
    tmp_path, small_segments, storage: FolderStorage, what: str
):
    for position in range(40):
        await append(storage.log, "a", position, b"x" * 100)
    image = image_of(tmp_path / "data")
    segment = newest_segment(image)
    assert len(frames_in(segment)) > 3
    if what == "missing":
        segment.unlink()
    else:
        os.truncate(segment, 0 if what == "empty" else frames_in(segment)[2].end)
    again = await open_storage(image)
    assert again.log.suspect is not None
    kept = rows(again.log, "a")
    assert 0 < len(kept) < 40
    await again.close()


async def test_an_image_taken_at_any_commit_opens_without_suspicion(
    tmp_path, small_segments, storage: FolderStorage
):
    for position in range(40):
        await append(storage.log, "a", position, b"x" * 300)
        if position % 4:
            continue
        again = await open_storage(image_of(tmp_path / "data", f"image{position}"))
        assert (again.log.suspect, again.log.lines()["a"].tail) == (None, position + 1)
        await append(again.log, "a", position + 1, b"y")
        await again.close()
    assert len(segments_of(tmp_path / "data")) > 3


# --------------------------------------------------------------------------------- damage


async def _small_log(folder: Path) -> tuple[dict[str, LineExtent], list[bytes]]:
    """A log of every kind of write, closed; what it holds."""
    storage = await open_storage(folder)
    writes: list[LogWrite] = [
        AppendRows("a", 0, (b"zero", b"one")),
        PutHardState("a", b"promise"),
        AppendRows("b", 0, (b"other",)),
        CutSuffix("a", 1, b"note"),
        AppendRows("a", 1, (b"uno", b"due")),
        TrimPrefix("a", 1),
    ]
    for write in writes:
        await submitted(storage.log, write)
    held = storage.log.lines(), rows(storage.log, "a")
    await storage.close()
    return held


async def test_every_flipped_byte_is_found_or_harmless(tmp_path, small_segments):
    extents, held = await _small_log(tmp_path / "data")
    segment = newest_segment(tmp_path / "data")
    whole = segment.read_bytes()
    end = frames_in(segment)[-1].end
    for offset in range(end + 2 * HEADER_BYTES):
        image = image_of(tmp_path / "data")
        flip_byte(image / "log" / segment.name, offset)
        try:
            storage = await open_storage(image)
        except Corrupt:
            assert offset < frames_in(segment)[0].end  # nothing can be read without the manifest
        else:
            if offset < end:
                assert storage.log.suspect is not None, offset
            else:
                assert (storage.log.suspect, storage.log.lines()) == (None, extents)
                assert rows(storage.log, "a") == held
                assert (image / "log" / segment.name).read_bytes() == whole
            await storage.close()
        shutil.rmtree(image)


async def test_a_log_truncated_anywhere_is_found(tmp_path, small_segments):
    extents, _ = await _small_log(tmp_path / "data")
    segment = newest_segment(tmp_path / "data")
    frames = frames_in(segment)
    for size in range(0, frames[-1].end + 1, 3):
        image = image_of(tmp_path / "data")
        os.truncate(image / "log" / segment.name, size)
        if size < frames[0].end:
            with pytest.raises(Corrupt):
                await open_storage(image)
        else:
            storage = await open_storage(image)
            assert (storage.log.suspect is None) == (size >= frames[-1].end)
            assert storage.log.lines() == extents or storage.log.suspect
            await storage.close()
        shutil.rmtree(image)


async def test_without_the_mark_only_the_last_commit_can_be_mistaken_for_a_torn_one(
    tmp_path, small_segments
):
    await _small_log(tmp_path / "data")
    (tmp_path / "data" / "log.mark").unlink()
    segment = newest_segment(tmp_path / "data")
    last = frames_in(segment)[-1]
    for offset in range(frames_in(segment)[1].start, last.end):
        image = image_of(tmp_path / "data")
        flip_byte(image / "log" / segment.name, offset)
        storage = await open_storage(image)
        assert (storage.log.suspect is None) == (offset >= last.start), offset
        await storage.close()
        shutil.rmtree(image)


async def test_a_flipped_byte_in_an_old_row_is_corrupt_and_its_neighbours_are_not(
    tmp_path, small_segments
):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, *(b"the row %d" % n for n in range(9)))
    segment = newest_segment(tmp_path / "data")
    for position in range(9, 40):
        await append(storage.log, "a", position, b"x" * 100)
    await storage.close()
    assert newest_segment(tmp_path / "data") != segment
    flip_byte(segment, segment.read_bytes().index(b"the row 4") + 2)
    storage = await open_storage(tmp_path / "data")
    with pytest.raises(Corrupt, match="row 4"):
        storage.log.read("a", 0, 9, EVERYTHING)
    assert storage.log.read("a", 5, 9, EVERYTHING)[0] == b"the row 5"
    await storage.close()


async def test_every_flip_in_an_old_segment_is_corrupt_and_never_other_data(
    tmp_path, small_segments
):
    storage = await open_storage(tmp_path / "data")
    segment = newest_segment(tmp_path / "data")
    for position in range(30):
        await append(storage.log, "a", position, b"%d" % position * 20)
    held = rows(storage.log, "a")
    await storage.close()
    assert newest_segment(tmp_path / "data") != segment
    end = frames_in(segment)[-1].end
    for offset in range(0, end, 3):
        flip_byte(segment, offset)
        storage = await open_storage(tmp_path / "data")
        assert storage.log.lines()["a"] == LineExtent(0, 30)
        for position in range(30):
            try:
                assert storage.log.read("a", position, position + 1, 1) == [held[position]]
            except Corrupt:
                assert position < 10
        await storage.close()
        flip_byte(segment, offset)


async def test_a_line_whose_last_row_is_gone_makes_the_log_suspect(tmp_path, small_segments):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "idle", 0, b"0", b"the last")
    segment = newest_segment(tmp_path / "data")
    for position in range(20):
        await append(storage.log, "a", position, b"x" * 100)
    await storage.close()
    flip_byte(segment, segment.read_bytes().index(b"the last"))
    storage = await open_storage(tmp_path / "data")
    assert "row 1" in (storage.log.suspect or "")
    assert storage.log.read("idle", 0, 1, EVERYTHING) == [b"0"]
    await storage.close()


async def test_a_missing_old_segment_makes_the_log_suspect(tmp_path, small_segments):
    storage = await open_storage(tmp_path / "data")
    for position in range(60):
        await append(storage.log, "a", position, b"x" * 100)
    await storage.close()
    first, *_ = segments_of(tmp_path / "data")
    (tmp_path / "data" / "log" / f"{first:08d}.seg").unlink()
    storage = await open_storage(tmp_path / "data")
    assert "missing" in (storage.log.suspect or "")
    with pytest.raises(Corrupt, match="missing"):
        storage.log.read("a", 0, 1, 1)
    assert storage.log.read("a", 59, 60, 1) == [b"x" * 100]
    await storage.close()


@pytest.mark.parametrize("what", ["removed", "emptied", "overwritten"])
async def test_a_log_that_cannot_be_read_is_corrupt_and_never_new(tmp_path, what: str):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, b"x")
    await storage.close()
    segment = newest_segment(tmp_path / "data")
    if what == "removed":
        segment.unlink()
    else:
        segment.write_bytes(b"" if what == "emptied" else b"not a segment " * 1000)
    for _ in range(2):
        with pytest.raises(Corrupt):
            await open_storage(tmp_path / "data")


async def test_a_folder_whose_making_was_interrupted_is_made_anew(tmp_path):
    (tmp_path / "data" / "log").mkdir(parents=True)
    (tmp_path / "data" / "log" / "00000001.seg").write_bytes(b"half a manifest")
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, b"x")
    await storage.close()


# --------------------------------------------------------------------------------- failing disks


async def test_a_failed_fsync_poisons_the_log_until_it_recovers(tmp_path):
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    await append(storage.log, "a", 0, b"kept")
    disk.sync_fails = True
    failed = [submitted(storage.log, AppendRows("a", n, (b"failed",))) for n in (1, 2)]
    for done in failed:
        with pytest.raises(StorageError):
            await done
    assert storage.log.suspect is not None
    with pytest.raises(StorageError):
        await append(storage.log, "a", 1, b"still refused")
    with pytest.raises(StorageError):
        await storage.recover()
    assert rows(storage.log, "a") == [b"kept"]

    crashed = image_of(tmp_path / "data")  # the failed commit must not be found again
    disk.sync_fails = False
    again = await open_storage(crashed)
    assert rows(again.log, "a") == [b"kept"]
    assert again.log.suspect is not None
    await again.close()

    await storage.recover()
    assert (storage.log.suspect, storage.log.read_only) == (None, None)
    await append(storage.log, "a", 1, b"anew")
    await storage.close()
    storage = await open_storage(tmp_path / "data")
    assert rows(storage.log, "a") == [b"kept", b"anew"]
    assert storage.log.suspect is None
    await storage.close()


async def test_a_full_disk_is_read_only_until_there_is_space(tmp_path):
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    await append(storage.log, "a", 0, b"kept")
    disk.full = True
    with pytest.raises(DiskFull):
        await append(storage.log, "a", 1, b"x")
    assert isinstance(storage.log.read_only, DiskFull)
    assert storage.log.suspect is None
    with pytest.raises(DiskFull):
        await storage.recover()
    assert rows(storage.log, "a") == [b"kept"]
    disk.full = False
    await storage.recover()
    await append(storage.log, "a", 1, b"y")
    await storage.close()


async def test_a_really_full_disk_is_typed_and_recovers(tmp_path):
    with mounted(tmp_path / "small", "size=2m") as mount:
        storage = await open_storage(mount / "data")
        ballast = mount / "ballast"
        ballast.write_bytes(b"x" * 900_000)
        tail = 0
        try:
            while True:
                await append(storage.log, "a", tail, b"x" * 20_000)
                tail += 1
        except DiskFull:
            assert tail > 0
        assert len(rows(storage.log, "a")) == tail
        with pytest.raises(DiskFull):
            await storage.recover()
        ballast.unlink()
        await storage.recover()
        await append(storage.log, "a", tail, b"y")
        await storage.close()
        storage = await open_storage(mount / "data")
        assert len(rows(storage.log, "a")) == tail + 1
        await storage.close()


async def test_a_callback_that_raises_keeps_nobody_else_from_hearing(storage: FolderStorage):
    loop = asyncio.get_running_loop()
    reported: list[object] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    storage.log.submit([AppendRows("a", 0, (b"x",))], lambda _: 1 / 0)
    await append(storage.log, "a", 1, b"y")
    assert [type(error) for error in reported] == [ZeroDivisionError]


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
