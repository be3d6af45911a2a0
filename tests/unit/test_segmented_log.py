"""The log under crashes and on failing disks: what it loses (nothing acknowledged), and says."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from disks import (
    FaultyDisk,
    append,
    flip_byte,
    frames_in,
    mounted,
    newest_segment,
    rows,
    submitted,
)
from small_logs import image_of, segments_of, shrink_segments

from plait.base.errors import Corrupt, DiskFull, StorageError
from plait.base.ports import (
    AppendRows,
    ResetLine,
)
from plait.host.storage import FolderStorage, open_storage


@pytest.fixture
async def storage(tmp_path) -> AsyncIterator[FolderStorage]:
    storage = await open_storage(tmp_path / "data")
    yield storage
    await storage.close()


@pytest.fixture
def small_segments(monkeypatch) -> None:
    shrink_segments(monkeypatch)


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
