"""No dot is ever used for two contents: after a crash, in a forked child, after a failed fsync.

A ledger listens at those who hear: whatever arrives under a dot that it knows must be the same.
"""

import asyncio
import os
from pathlib import Path

import pytest
from dot_ledger import Ledger, Note
from graph_replicas import Wire, opened, put, same, title, until

import plait
from plait.base.errors import FolderInUse, StorageError
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.host.storage import open_storage
from tests.unit.disks import FaultyDisk


async def test_a_crash_before_the_group_commit_frees_only_dots_that_nobody_heard():
    again_used = 0
    for turns in range(10):
        for power_cut in (False, True):
            disk = MemoryDisk()
            storage = MemoryStorage(disk)
            peer = await opened(MemoryStorage(), "peer")
            one = await opened(storage, "one", founds=False)
            ledger = Ledger(peer)
            wire = Wire(peer, one)
            await until(lambda one=one: one.parts.scope.writable)
            await same(peer, one)
            dot = put(one, "a", "before the crash")
            for _ in range(turns):
                await asyncio.sleep(0)
            wire.cut()
            heard = dot in ledger.heard
            storage.crash(power_cut=power_cut)
            one.flusher.halt()
            back = await opened(MemoryStorage(disk), "one", founds=False, seed=turns + 2)
            assert not heard or title(back, "a") == "before the crash", turns
            again = put(back, "b", "after the crash")
            again_used += again == dot
            Wire(peer, back)
            await same(peer, back)
            assert title(peer, "b") == "after the crash"
            assert not any("Forked" in notice for notice in peer.syncing.notices)
            await peer.close()
            await back.close()
    assert again_used, "no crash came before its commit"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_forked_child_writes_nothing_under_its_parents_id(tmp_path: Path):
    async with plait.open(tmp_path / "a") as store:
        notes = await store.documents("notes", Note)
        notes["n"].likes += 1
        pid = os.fork()
        if pid == 0:
            refused = 0
            try:
                notes["n"].likes += 100
            except StorageError:
                refused += 1
            try:
                with notes.change():
                    notes["n"].title = "child"
            except StorageError:
                refused += 1
            os._exit(refused)
        _, ended = await asyncio.to_thread(os.waitpid, pid, 0)
        assert os.waitstatus_to_exitcode(ended) == 2
        notes["n"].likes += 1
        with pytest.raises(FolderInUse):  # nor does anybody else while it is open
            async with plait.open(tmp_path / "a"):
                pass
    async with plait.open(tmp_path / "a") as store:
        notes = await store.documents("notes", Note)
        assert notes["n"] == {"title": None, "likes": 2}


async def test_a_failed_fsync_forces_a_fresh_id_and_loses_nothing(tmp_path: Path):
    """After a failed fsync nobody knows what is on the disk, and the page cache says otherwise:
    the id is given up, whatever the disk holds.

    Rebello et al., "Can applications recover from fsync failures?" (2020).
    """
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    peer = await opened(MemoryStorage(), "peer")
    one = await opened(storage, "one", founds=False)
    ledger = Ledger(peer)
    wire = Wire(peer, one)
    await until(lambda: one.parts.scope.writable)
    await same(peer, one)
    before = one.replica
    disk.sync_fails = True
    unsure = put(one, "a", "unsure")
    with pytest.raises(StorageError):
        await one.flush()
    for _ in range(20):
        await asyncio.sleep(0)
    assert unsure not in ledger.heard
    disk.sync_fails = False
    await storage.recover()
    await until(lambda: one.writer.error is None and one.replica != before)
    await until(lambda: one.parts.scope.writable)
    put(one, "b", "after")
    await same(peer, one)
    assert (title(peer, "a"), title(peer, "b")) == ("unsure", "after")
    assert not any("Forked" in notice for notice in peer.syncing.notices)
    wire.cut()
    await one.close()
    await storage.close()
    storage = await open_storage(tmp_path / "data")
    again = await opened(storage, "one", founds=False, seed=3)
    put(again, "c", "later")
    Wire(peer, again)
    await same(peer, again)
    assert [title(again, key) for key in "abc"] == ["unsure", "after", "later"]
    for replica in (peer, again):
        await replica.close()
    await storage.close()
