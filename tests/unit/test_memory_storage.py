"""What is the memory's own: crashes, and a log told to fail."""

import pytest
from disks import append, put, rows, submitted

from plait.base.errors import Closed, DiskFull
from plait.base.ports import AppendRows
from plait.host.memory_storage import MemoryDisk, MemoryStorage


async def test_a_power_cut_takes_unanswered_writes_and_unsynced_states():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    await append(storage.log, "a", 0, b"kept")
    state = storage.state("a")
    await put(state, (0, b"synced", b"1"))
    await state.sync()
    await put(state, (0, b"synced", b"2"), (0, b"unsynced", b"1"))
    done = submitted(storage.log, AppendRows("a", 1, (b"lost",)))
    storage.crash()
    again = MemoryStorage(disk)
    assert rows(again.log, "a") == [b"kept"]
    assert again.state("a").scan(0, b"", None, 9) == [(b"synced", b"1")]
    await append(again.log, "a", 1, b"next")
    assert not done.done()


async def test_a_crash_of_the_process_keeps_finished_transactions():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    await put(storage.state("a"), (0, b"k", b"v"))
    storage.crash(power_cut=False)
    assert MemoryStorage(disk).state("a").get(0, b"k") == b"v"


async def test_a_crashed_storage_is_dead_and_harms_its_successor_no_more():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    state = storage.state("a")
    storage.crash()
    again = MemoryStorage(disk)
    await put(again.state("a"), (0, b"k", b"v"))
    storage.crash()
    await storage.close()
    assert again.state("a").get(0, b"k") == b"v"
    for use in (
        lambda: storage.state("a"),
        lambda: state.get(0, b"k"),
        lambda: submitted(storage.log, AppendRows("a", 0, (b"x",))),
    ):
        with pytest.raises(Closed):
            use()


async def test_a_failed_log_refuses_until_it_recovers():
    storage = MemoryStorage()
    await append(storage.log, "a", 0, b"x")
    queued = submitted(storage.log, AppendRows("a", 1, (b"y",)))
    storage.log.fail(DiskFull("no space"))
    for done in (queued, submitted(storage.log, AppendRows("a", 2, (b"z",)))):
        with pytest.raises(DiskFull):
            await done
    assert rows(storage.log, "a") == [b"x"]
    await storage.recover()
    await append(storage.log, "a", 1, b"y")
    await storage.close()
