"""The log under fault: what it loses (nothing acknowledged) and what it says."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
from disks import EVERYTHING, FaultyVFS, append, faulty_vfs, flip_byte, mounted, rows, submitted

from plait.base.errors import Corrupt, DiskFull, StorageError
from plait.base.ports import AppendRows, CutSuffix, PutHardState, ResetLine, TrimPrefix
from plait.host import checkpointer, durable_log
from plait.host.storage import SqliteStorage, open_storage
from plait.host.wal import FRAME_HEADER_BYTES, HEADER_BYTES

FRAME_BYTES = FRAME_HEADER_BYTES + 4096


@pytest.fixture
async def storage(tmp_path) -> AsyncIterator[SqliteStorage]:
    storage = await open_storage(tmp_path / "data")
    yield storage
    await storage.close()


def image_of(folder: Path, name: str = "image") -> Path:
    """What kill -9 would leave of an open folder."""
    return Path(shutil.copytree(folder, folder.parent / name))


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


async def test_a_torn_last_transaction_is_as_if_it_never_was(tmp_path, storage: SqliteStorage):
    for position in range(5):
        await append(storage.log, "a", position, b"x" * 100)
    before = image_of(tmp_path / "data", "before")
    await append(storage.log, "a", 5, b"y" * 9000)  # several frames
    image = image_of(tmp_path / "data")
    # The process died before the fsync: no mark was written, and some sectors were not either.
    shutil.copyfile(before / "log.mark", image / "log.mark")
    first_frame = HEADER_BYTES + FRAME_BYTES * (
        ((before / "log.db-wal").stat().st_size - HEADER_BYTES) // FRAME_BYTES
    )
    flip_byte(image / "log.db-wal", first_frame + 1000)
    again = await open_storage(image)
    assert again.log.suspect is None
    assert rows(again.log, "a") == [b"x" * 100] * 5
    await append(again.log, "a", 5, b"anew")
    await again.close()


@pytest.mark.parametrize("mark", [True, False])
async def test_a_flipped_byte_amid_the_wal_makes_the_log_suspect(
    tmp_path, storage: SqliteStorage, mark: bool
):
    for position in range(20):
        await append(storage.log, "a", position, b"x" * 100)
    image = image_of(tmp_path / "data")
    if not mark:  # the page with the newest mark was lost in a power cut
        (image / "log.mark").unlink()
    middle = (image / "log.db-wal").stat().st_size // FRAME_BYTES // 2
    flip_byte(image / "log.db-wal", HEADER_BYTES + middle * FRAME_BYTES + 2000)

    for _ in range(2):  # and it stays suspect, whatever SQLite did to the file meanwhile
        again = await open_storage(image)
        assert again.log.suspect is not None
        assert isinstance(again.log.read_only, Corrupt)
        kept = rows(again.log, "a")
        assert 0 < len(kept) < 20
        with pytest.raises(Corrupt):
            await append(again.log, "a", len(kept), b"y")
        with pytest.raises(Corrupt):
            await again.recover()
        await again.close()
    assert (image / "suspect-wal").exists()

    again = await open_storage(image)
    await again.log.trust([ResetLine("a", 20)])
    await append(again.log, "a", 20, b"refetched")
    await again.close()
    healed = await open_storage(image)
    assert (healed.log.suspect, healed.log.read_only) == (None, None)
    assert rows(healed.log, "a") == [b"refetched"]
    await healed.close()


async def test_a_flip_in_the_very_last_commit_is_found_by_the_mark(
    tmp_path, storage: SqliteStorage
):
    for position in range(3):
        await append(storage.log, "a", position, b"x")
    image = image_of(tmp_path / "data")
    flip_byte(image / "log.db-wal", (image / "log.db-wal").stat().st_size - 50)
    again = await open_storage(image)
    assert again.log.suspect is not None
    await again.close()


@pytest.mark.parametrize("what", ["missing", "empty", "cut"])
async def test_a_wal_that_lacks_synced_commits_makes_the_log_suspect(
    tmp_path, storage: SqliteStorage, what: str
):
    for position in range(5):
        await append(storage.log, "a", position, b"x")
    image = image_of(tmp_path / "data")
    wal = image / "log.db-wal"
    if what == "missing":
        wal.unlink()
    else:
        os.truncate(wal, 0 if what == "empty" else HEADER_BYTES + 3 * FRAME_BYTES)
    again = await open_storage(image)
    assert again.log.suspect is not None
    await again.close()


async def test_an_image_taken_at_any_commit_opens_without_suspicion(
    tmp_path, monkeypatch, storage: SqliteStorage
):
    monkeypatch.setattr(durable_log, "WAKE_FRAMES", 12)  # the write-ahead log starts over often
    for position in range(40):
        await append(storage.log, "a", position, b"x" * 3000)
        if position % 4:
            continue
        again = await open_storage(image_of(tmp_path / "data", f"image{position}"))
        assert (again.log.suspect, again.log.lines()["a"].tail) == (None, position + 1)
        await again.close()


# --------------------------------------------------------------------------------- damage


def _damage_row(database: Path, sql: str) -> None:
    connection = apsw.Connection(str(database))
    connection.execute(sql)
    connection.close()


async def test_a_flipped_byte_in_a_row_is_corrupt_and_its_neighbours_are_not(tmp_path):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, *(b"the row %d" % n for n in range(9)))
    await storage.close()
    log = tmp_path / "data" / "log.db"
    flip_byte(log, log.read_bytes().index(b"the row 4") + 2)
    storage = await open_storage(tmp_path / "data")
    with pytest.raises(Corrupt, match="row 4"):
        storage.log.read("a", 0, 9, EVERYTHING)
    assert storage.log.read("a", 5, 9, EVERYTHING)[0] == b"the row 5"
    await storage.close()


async def test_rows_that_changed_places_or_vanished_are_corrupt(tmp_path):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, *(b"%d" % n for n in range(6)))
    await storage.close()
    log = tmp_path / "data" / "log.db"
    _damage_row(
        log,
        "UPDATE entries_1 SET (guard, data) = (SELECT guard, data FROM entries_1"
        " WHERE position = 2) WHERE position = 1; DELETE FROM entries_1 WHERE position = 3",
    )
    storage = await open_storage(tmp_path / "data")
    with pytest.raises(Corrupt, match="row 1"):
        storage.log.read("a", 0, 6, EVERYTHING)
    with pytest.raises(Corrupt, match=r"row 3 .* missing"):
        storage.log.read("a", 2, 6, EVERYTHING)
    await storage.close()


async def test_a_line_whose_last_row_is_gone_makes_the_log_suspect(tmp_path):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, b"0", b"1")
    await storage.close()
    _damage_row(tmp_path / "data" / "log.db", "DELETE FROM entries_1 WHERE position = 1")
    storage = await open_storage(tmp_path / "data")
    assert "row 1" in (storage.log.suspect or "")
    assert storage.log.read("a", 0, 1, EVERYTHING) == [b"0"]
    await storage.close()


async def test_a_changed_extent_or_hard_state_is_corrupt(tmp_path):
    for column, value in (("tail", "1"), ("head", "1"), ("hard_state", "x'00'")):
        storage = await open_storage(tmp_path / column)
        await append(storage.log, "a", 0, b"0", b"1")
        await submitted(storage.log, PutHardState("a", b"vote"))
        await storage.close()
        _damage_row(tmp_path / column / "log.db", f"UPDATE lines SET {column} = {value}")
        with pytest.raises(Corrupt, match="checksum"):
            await open_storage(tmp_path / column)


@pytest.mark.parametrize("what", ["removed", "emptied", "overwritten"])
async def test_a_log_that_cannot_be_read_is_corrupt_and_never_new(tmp_path, what: str):
    storage = await open_storage(tmp_path / "data")
    await append(storage.log, "a", 0, b"x")
    await storage.close()
    log = tmp_path / "data" / "log.db"
    if what == "removed":
        log.unlink()
    else:
        log.write_bytes(b"" if what == "emptied" else b"not a database " * 1000)
    for _ in range(2):
        with pytest.raises(Corrupt):
            await open_storage(tmp_path / "data")


# --------------------------------------------------------------------------------- failing disks


async def test_a_failed_fsync_poisons_the_log_until_it_recovers(tmp_path):
    with faulty_vfs() as disk:
        storage = await open_storage(tmp_path / "data", vfs=FaultyVFS.name)
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
    with faulty_vfs() as disk:
        storage = await open_storage(tmp_path / "data", vfs=FaultyVFS.name)
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


async def test_a_callback_that_raises_keeps_nobody_else_from_hearing(storage: SqliteStorage):
    loop = asyncio.get_running_loop()
    reported: list[object] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    storage.log.submit([AppendRows("a", 0, (b"x",))], lambda _: 1 / 0)
    await append(storage.log, "a", 1, b"y")
    assert [type(error) for error in reported] == [ZeroDivisionError]


# --------------------------------------------------------------------------------- upkeep


async def test_the_wal_stays_bounded_under_a_steady_writer(tmp_path, storage, monkeypatch):
    monkeypatch.setattr(durable_log, "WAKE_FRAMES", 50)
    monkeypatch.setattr(durable_log, "_WAL_BYTES", 0)  # not laid out beforehand
    monkeypatch.setattr(checkpointer, "_LEFT_FRAMES", 10)
    wal, largest, tail = tmp_path / "data" / "log.db-wal", 0, 0
    for _ in range(60):
        done = [
            submitted(storage.log, AppendRows("a", tail + n, (b"x" * 8000,))) for n in range(20)
        ]
        tail += len(done)
        await asyncio.gather(*done)
        largest = max(largest, wal.stat().st_size)
    assert tail * 8000 > 9_000_000
    assert largest < 3_000_000
    assert len(rows(storage.log, "a")) == tail


async def test_a_wal_far_too_long_is_emptied_by_the_writer_itself(tmp_path, storage, monkeypatch):
    monkeypatch.setattr(durable_log, "FRAMES_MAX", 40)  # and no background round is due
    for position in range(100):
        await append(storage.log, "a", position, b"x" * 3000)
    assert (tmp_path / "data" / "log.db-wal").stat().st_size < 60 * FRAME_BYTES


async def test_trimmed_rows_are_removed_little_by_little(tmp_path, storage: SqliteStorage):
    await append(storage.log, "a", 0, *(b"x" for _ in range(600)))
    await submitted(storage.log, TrimPrefix("a", 590))
    reader = apsw.Connection(str(tmp_path / "data" / "log.db"))
    left = []
    for position in range(600, 604):
        left.append(reader.execute("SELECT count(*) FROM entries_1").get)
        await append(storage.log, "a", position, b"y")
    reader.close()
    assert left == [600 - 256, 600 - 512 + 1, 10 + 2, 10 + 3]
    assert len(rows(storage.log, "a")) == 14
    await submitted(storage.log, CutSuffix("a", 590))
    await append(storage.log, "a", 590, b"z")
    assert rows(storage.log, "a") == [b"z"]
