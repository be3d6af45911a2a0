"""State files under fault, and what is SQLite's own about them."""

import asyncio
import shutil
import threading
import zlib
from pathlib import Path

import pytest
from disks import FaultyVFS, faulty_vfs, flip_byte, put

from plait.base.errors import Busy, Closed, Corrupt, DiskFull, UnknownFormat
from plait.base.ports import Change
from plait.host.sqlite_snapshot import SnapshotFile
from plait.host.sqlite_state import SqliteState
from plait.host.state_making import mark_of
from plait.host.storage import open_storage


async def _made(path: Path, *changes: Change) -> Path:
    """A folder with these changes in the state of line "a"; the state's file."""
    storage = await open_storage(path)
    await put(storage.state("a"), *changes)
    await storage.close()
    return path / "state" / "a.db"


async def test_a_flipped_byte_in_a_value_is_corrupt(tmp_path):
    file = await _made(tmp_path, (0, b"good", b"a fine value"), (0, b"key", b"the value itself"))
    flip_byte(file, file.read_bytes().index(b"the value itself") + 3)
    storage = await open_storage(tmp_path)
    with pytest.raises(Corrupt):
        storage.state("a").get(0, b"key")
    with pytest.raises(Corrupt):
        storage.state("a").scan(0, b"", None, 9)
    assert storage.state("a").get(0, b"good") == b"a fine value"
    await storage.close()


@pytest.mark.parametrize("content", [b"", b"not a database" * 500])
async def test_a_damaged_file_is_corrupt_until_it_is_cleared(tmp_path, content: bytes):
    file = await _made(tmp_path, (0, b"k", b"v"))
    file.write_bytes(content)
    storage = await open_storage(tmp_path)
    state = storage.state("a")
    for use in (lambda: state.get(0, b"k"), lambda: state.scan(0, b"", None, 1)):
        with pytest.raises(Corrupt):
            use()
    for wait in (put(state, (0, b"k", b"v")), state.sync(), state.snapshot()):
        with pytest.raises(Corrupt):
            await wait
    await state.clear()
    assert state.get(0, b"k") is None
    await put(state, (0, b"k", b"rebuilt"))
    assert state.get(0, b"k") == b"rebuilt"
    await storage.close()


async def test_a_state_whose_making_found_no_space_is_made_when_there_is_some(tmp_path):
    with faulty_vfs() as vfs:
        storage = await open_storage(tmp_path, vfs=vfs.name)
        vfs.full = True
        with pytest.raises(DiskFull):
            storage.state("a")
        vfs.full = False
        [file] = (tmp_path / "state").glob("*.db")
        assert file.stat().st_size == 0
        state = storage.state("a")
        await put(state, (0, b"k", b"v"))
        assert not list((tmp_path / "state").glob("*.making"))
        await storage.close()


async def test_a_state_is_not_made_anew_by_a_mark_that_a_cut_brought_back(tmp_path):
    file = await _made(tmp_path, (0, b"k", b"v"))
    mark_of(file).touch()
    storage = await open_storage(tmp_path)
    assert storage.state("a").get(0, b"k") == b"v"
    assert not mark_of(file).exists()
    await storage.close()


async def test_a_damaged_file_can_be_replaced_by_a_snapshot(tmp_path):
    file = await _made(tmp_path, (0, b"k", b"v"))
    storage = await open_storage(tmp_path)
    await put(storage.state("good"), (0, b"k", b"from afar"))
    file.write_bytes(b"x" * 10_000)
    snapshot, state = await storage.state("good").snapshot(), storage.state("a")
    incoming = state.incoming(snapshot.snapshot_id)
    incoming.write(snapshot.read(0, snapshot.size))
    await state.install(incoming, snapshot.size, snapshot.checksum)
    assert state.get(0, b"k") == b"from afar"
    await storage.close()
    assert not list((tmp_path / "snapshots").rglob("*.partial"))


async def test_an_intact_snapshot_that_is_no_state_of_ours_is_refused(tmp_path):
    storage = await open_storage(tmp_path)
    state = storage.state("a")
    await put(state, (0, b"k", b"v"))
    for data in (b"hello", b"SQLite format 3\0" + bytes(200)):
        incoming = state.incoming("theirs")
        incoming.write(data)
        with pytest.raises(UnknownFormat):
            await state.install(incoming, len(data), zlib.crc32(data))
    assert state.get(0, b"k") == b"v"
    await storage.close()


async def test_an_old_write_ahead_log_is_never_replayed_over_a_new_file(tmp_path):
    storage = await open_storage(tmp_path / "data")
    await put(storage.state("a"), (0, b"old", b"v"))
    await put(storage.state("good"), (0, b"new", b"v"))
    snapshot = await storage.state("good").snapshot()
    data = snapshot.read(0, snapshot.size)
    image = Path(shutil.copytree(tmp_path / "data", tmp_path / "image"))  # as kill -9 leaves it
    await storage.close()
    (image / "state" / "a.db").write_bytes(b"")
    assert (image / "state" / "a.db-wal").stat().st_size > 4096
    again = await open_storage(image)
    state = again.state("a")
    incoming = state.incoming(snapshot.snapshot_id)
    incoming.write(data)
    await state.install(incoming, snapshot.size, snapshot.checksum)
    assert state.scan(0, b"", None, 9) == [(b"new", b"v")]
    await again.close()


async def test_a_file_is_replaced_only_after_its_copies_ended(tmp_path, monkeypatch):
    begun, go, copy = threading.Event(), threading.Event(), SqliteState._copy

    def slow_copy(state: SqliteState, snapshot_id: str) -> SnapshotFile:
        begun.set()
        go.wait()
        return copy(state, snapshot_id)

    monkeypatch.setattr(SqliteState, "_copy", slow_copy)
    storage = await open_storage(tmp_path)
    state = storage.state("a")
    await put(state, (0, b"k", b"v"))
    abandoned = asyncio.create_task(state.snapshot())
    await asyncio.to_thread(begun.wait)
    abandoned.cancel()
    clearing = asyncio.create_task(state.clear())
    try:
        for _ in range(5):  # the flushing thread has had its turns
            await put(state, (0, b"more", b"v"))
        assert not clearing.done()
        assert state.get(0, b"k") == b"v"
        with pytest.raises(Busy):
            await state.snapshot()
    finally:
        go.set()
    await clearing
    assert state.count(0) == 0
    await storage.close()


async def test_what_was_synced_is_in_the_file_without_its_write_ahead_log(tmp_path):
    storage = await open_storage(tmp_path / "data")
    await put(storage.state("a"), (0, b"synced", b"v"))
    await storage.state("a").sync()
    await put(storage.state("a"), (0, b"not synced", b"v"))
    # The worst that a power cut may do: nothing after the last sync is left.
    image = Path(shutil.copytree(tmp_path / "data", tmp_path / "image"))
    await storage.close()
    for leftover in image.glob("state/*-*"):
        leftover.unlink()
    again = await open_storage(image)
    assert again.state("a").scan(0, b"", None, 9) == [(b"synced", b"v")]
    await again.close()


async def test_a_failed_transaction_changes_nothing_and_says_so(tmp_path):
    with faulty_vfs() as disk:
        storage = await open_storage(tmp_path, vfs=FaultyVFS.name)
        state = storage.state("a")
        await put(state, (0, b"k", b"before"))
        disk.full = True
        with pytest.raises(DiskFull):
            await put(state, (0, b"k", b"after"), (0, b"new", b"v"))
        assert state.scan(0, b"", None, 9) == [(b"k", b"before")]
        disk.full = False
        await put(state, (0, b"k", b"after"))
        assert state.get(0, b"k") == b"after"
        await storage.close()


async def test_a_change_of_the_wrong_type_fails_its_writer_only(tmp_path):
    storage = await open_storage(tmp_path)
    state, answer = storage.state("a"), asyncio.get_running_loop().create_future()
    state.submit([(0, b"k", object())], answer.set_result)  # type: ignore[list-item]
    assert await answer is not None
    await put(state, (0, b"k", b"v"))
    await storage.close()
    with pytest.raises(Closed):
        state.get(0, b"k")


async def test_flushes_go_on_while_a_snapshot_is_made(tmp_path):
    storage = await open_storage(tmp_path)
    state = storage.state("a")
    await put(state, *((0, b"%05d" % n, b"v" * 50) for n in range(5000)))
    copying = asyncio.create_task(state.snapshot())
    for n in range(20):
        await put(state, (1, b"%d" % n, b"v"))
    snapshot = await copying
    assert snapshot.size > 300_000
    assert state.count(1) == 20
    await storage.close()
    again = await open_storage(tmp_path)  # the copy was its process's own
    assert not list((tmp_path / "snapshots").rglob("*.copy"))
    await again.close()


async def test_lines_with_long_names_have_files_of_their_own(tmp_path):
    storage = await open_storage(tmp_path)
    for number in range(2):
        await put(storage.state("ü" * 200 + str(number)), (0, b"k", b"%d" % number))
    await storage.close()
    storage = await open_storage(tmp_path)
    assert [storage.state("ü" * 200 + str(n)).get(0, b"k") for n in range(2)] == [b"0", b"1"]
    await storage.close()


async def test_space_that_holds_nothing_any_more_is_given_back(tmp_path):
    storage = await open_storage(tmp_path)
    state = storage.state("a")
    rows = [(0, b"%05d" % n, b"v" * 500) for n in range(10_000)]
    await put(state, *rows)
    await state.sync()
    [path] = (tmp_path / "state").glob("*.db")
    full = path.stat().st_size
    await put(state, *((0, key, None) for _, key, _ in rows))
    for n in range(3):
        await put(state, (1, b"%d" % n, b"v"))
        await state.sync()
    assert path.stat().st_size < full / 4
    await storage.close()


async def test_a_count_without_some_keys_sees_a_transaction_wholly_or_not_at_all(tmp_path):
    toggled = [b"t%d" % number for number in range(300)]
    storage = await open_storage(tmp_path)
    state = storage.state("a")
    await put(state, *((1, b"k%d" % number, b"v") for number in range(200)))
    done = asyncio.Event()

    def toggle(times: int) -> None:
        if not times:
            done.set()
            return
        value = b"v" if times % 2 else None
        state.submit([(1, key, value) for key in toggled], lambda error: toggle(times - 1))

    toggle(60)
    while not done.is_set():
        assert state.count(1, toggled) == 200
        await asyncio.sleep(0)
    assert state.count(1) == 500  # the last toggle put them
    await storage.close()
