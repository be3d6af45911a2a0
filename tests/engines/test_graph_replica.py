"""One replica and its disk: what is written is seen at once, and what was flushed is never lost."""

import asyncio
import os

import pytest
from graph_replicas import LINEAGE, TITLE, canonical, opened, put, title, until

from plait.base.errors import (
    ChangeOpen,
    Closed,
    Corrupt,
    HistoryTrimmed,
    ReadOnly,
    StorageError,
)
from plait.base.ports import AppendRows
from plait.engines.graph.identity import distrusted
from plait.engines.graph.options import line_of
from plait.engines.graph.spaces import HISTORY, META, SCOPE
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.host.storage import open_storage
from tests.unit.disks import FaultyDisk, flip_byte, frames_in, newest_segment

LINE = line_of("notes", LINEAGE)


async def test_what_is_written_is_seen_at_once_and_after_a_restart():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    replica = await opened(storage)
    put(replica, "a", 1)
    assert title(replica, "a") == 1
    await replica.close()
    await storage.close()
    again = await opened(MemoryStorage(disk))
    assert title(again, "a") == 1
    assert again.replica == replica.replica
    put(again, "a", 2)
    assert dict(again.vector) == {again.replica: 2}
    await again.close()


async def test_what_was_flushed_survives_a_kill_and_what_was_not_frees_its_dots():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    replica = await opened(storage)
    put(replica, "a", 1)
    await replica.flush()
    lost = put(replica, "b", 2)
    storage.crash()
    again = await opened(MemoryStorage(disk))
    assert (title(again, "a"), title(again, "b")) == (1, None)
    assert put(again, "c", 3) == lost
    await again.close()


async def test_a_kill_at_any_turn_of_a_flush_loses_nothing_acknowledged():
    for turns in range(12):
        for power_cut in (False, True):
            disk = MemoryDisk()
            storage = MemoryStorage(disk)
            replica = await opened(storage)
            for number in range(20):
                put(replica, f"k{number}", number)
            await replica.flush()
            flushing = asyncio.ensure_future(replica.flusher.flush())
            put(replica, "late", 1)
            for _ in range(turns):
                await asyncio.sleep(0)
            storage.crash(power_cut=power_cut)
            flushing.cancel()
            replica.flusher.halt()
            again = await opened(MemoryStorage(disk))
            assert [title(again, f"k{n}") for n in range(20)] == list(range(20)), turns
            assert again.vector[again.replica] in (20, 21)
            put(again, "more", 1)
            await again.flush()
            await again.close()


async def test_a_message_leaves_only_when_its_events_are_durable():
    replica = await opened(MemoryStorage())
    left: list[int] = []
    put(replica, "a", 1)
    replica.settle()
    position, durable = replica.journal.position, replica.journal.durable
    replica.syncing.outbox.put(position, durable, lambda: left.append(replica.journal.durable))
    assert left == []
    await replica.flush()
    assert left == [position]
    await replica.close()


async def test_a_failed_commit_keeps_events_visible_and_retries_them_after_recovery():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    replica = await opened(storage)
    await replica.flush()
    storage.log.fail(StorageError("pulled out"))
    put(replica, "a", 1)
    with pytest.raises(StorageError):
        await replica.flush()
    assert title(replica, "a") == 1
    with pytest.raises(ReadOnly):
        put(replica, "a", 2)
    before = replica.replica
    await storage.recover()
    await until(lambda: replica.writer.error is None)
    put(replica, "b", 3)
    await replica.flush()
    assert replica.replica != before  # the disk failed: the id is not used any more
    assert replica.status()["fresh_ids"]
    storage.crash()
    again = await opened(MemoryStorage(disk))
    assert (title(again, "a"), title(again, "b")) == (1, 3)
    assert again.replica == replica.replica
    await again.close()


async def test_a_full_disk_keeps_the_id(tmp_path):
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    replica = await opened(storage)
    put(replica, "a", 1)
    await replica.flush()
    disk.full = True
    put(replica, "b", 2)
    with pytest.raises(StorageError):
        await replica.flush()
    disk.full = False
    before = replica.replica
    await storage.recover()
    await until(lambda: replica.writer.error is None)
    await replica.flush()
    assert replica.replica == before
    await replica.close()
    await storage.close()
    storage = await open_storage(tmp_path / "data")
    again = await opened(storage)
    assert (title(again, "a"), title(again, "b")) == (1, 2)
    await again.close()
    await storage.close()


async def test_a_failed_fsync_forces_a_fresh_id_that_the_old_stream_admits(tmp_path):
    disk = FaultyDisk()
    storage = await open_storage(tmp_path / "data", disk=disk)
    replica = await opened(storage)
    await replica.flush()
    disk.sync_fails = True
    put(replica, "a", 1)
    with pytest.raises(StorageError):
        await replica.flush()
    disk.sync_fails = False
    before = replica.replica
    await storage.recover()
    await until(lambda: replica.writer.error is None)
    assert replica.replica != before
    put(replica, "b", 2)
    await replica.flush()
    assert title(replica, "a") == 1
    await replica.close()
    await storage.close()


async def test_a_copied_folder_takes_a_fresh_id():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    replica = await opened(storage, fingerprint="one")
    put(replica, "a", 1)
    await replica.close()
    await storage.close()
    storage = MemoryStorage(disk)
    copy = await opened(storage, fingerprint="two", seed=2)
    assert copy.replica != replica.replica
    assert title(copy, "a") == 1
    put(copy, "b", 2)
    await copy.close()
    await storage.close()
    again = await opened(MemoryStorage(disk), fingerprint="two")
    assert again.replica == copy.replica
    assert title(again, "b") == 2
    await again.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_forked_child_may_not_use_its_parents_replica():
    replica = await opened(MemoryStorage())
    put(replica, "a", 1)
    pid = os.fork()
    if pid == 0:
        try:
            put(replica, "a", 2)
        except StorageError:
            os._exit(7)
        finally:
            os._exit(1)
    _, ended = await asyncio.to_thread(os.waitpid, pid, 0)
    assert os.waitstatus_to_exitcode(ended) == 7
    put(replica, "a", 3)
    await replica.close()


async def test_a_row_of_the_log_that_is_no_tick_is_corrupt():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    replica = await opened(storage)
    put(replica, "a", 1)
    await replica.flush()
    tail = storage.log.lines()[LINE].tail
    storage.log.submit((AppendRows(LINE, tail, (b"\x91\x92\x01\xc1",)),), lambda _: None)
    await asyncio.sleep(0)
    storage.crash()
    with pytest.raises(Corrupt):
        await opened(MemoryStorage(disk))


@pytest.mark.parametrize("space_key", [(META, SCOPE), (HISTORY, (0).to_bytes(8, "big"))])
async def test_a_row_of_the_state_that_does_not_fit_is_corrupt(space_key):
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    replica = await opened(storage, history="forever")
    put(replica, "a", 1)
    replica.say((replica.parts.scope.admit(99, "silent"),))  # it holds everything back
    await replica.flusher.flush()
    await replica.close()
    await storage.close()
    space, key = space_key
    assert key in disk.states[LINE].spaces[space].values
    disk.states[LINE].put(space, key, b"\x93\x01\x02")
    with pytest.raises(Corrupt):
        await opened(MemoryStorage(disk))


async def test_a_discarded_draft_leaves_nothing_and_its_dots_are_used_again():
    replica = await opened(MemoryStorage())
    put(replica, "a", 1)
    replica.begin("try")
    dot = put(replica, "a", 2)
    assert title(replica, "a") == 2
    replica.discard()
    assert title(replica, "a") == 1
    replica.begin("really")
    assert put(replica, "a", 3) == dot
    put(replica, "b", 4)
    replica.commit()
    await replica.flush()
    batches = list(replica.parts.archive.batches())
    assert [(len(b.ops), b.message) for b in batches] == [(1, None), (2, "really")]
    await replica.close()


async def test_another_task_may_not_write_into_an_open_draft():
    replica = await opened(MemoryStorage())
    replica.begin(None)
    put(replica, "a", 1)

    async def other() -> None:
        put(replica, "a", 2)

    replica.writer.draft, draft = replica.writer.draft, replica.writer.draft
    assert draft is not None
    import contextvars

    with pytest.raises(ChangeOpen):
        await asyncio.get_running_loop().create_task(other(), context=contextvars.Context())
    replica.commit()
    put(replica, "a", 2)
    await replica.close()


async def test_the_past_is_rebuilt_and_a_trimmed_one_says_so():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    kept = await opened(storage, history="forever")
    versions = []
    for number in range(5):
        put(kept, "a", number)
        versions.append(dict(kept.vector))
        await kept.flush()
    await kept.flusher.flush()
    await kept.close()
    await storage.close()
    kept = await opened(MemoryStorage(disk), history="forever")
    for number, version in enumerate(versions):
        past = kept.past(version, None)
        state = past.object("a", TITLE)
        assert max(c for cells in state.slots.values() for c in cells.values())[1] == number
    assert [len(p.ops) for p in kept.history("a")] == [1] * 5
    await kept.close()
    short = await opened(MemoryStorage(), history="stable")
    put(short, "a", 1)
    await short.flush()
    await short.flusher.flush()
    put(short, "a", 2)
    with pytest.raises(HistoryTrimmed):
        short.past({}, None)
    await short.close()


async def test_listeners_are_told_each_batch_with_its_end():
    replica = await opened(MemoryStorage())
    heard = []
    stop = replica.listen(heard.extend)
    put(replica, "a", 1)
    put(replica, "b", 2)
    await replica.flush()
    stop()
    put(replica, "c", 3)
    await replica.flush()
    assert [(c.key, c.last) for c in heard] == [("a", False), ("b", True)]
    await replica.close()


async def test_a_closed_replica_refuses():
    replica = await opened(MemoryStorage())
    await replica.close()
    with pytest.raises(Closed):
        replica.check()
    with pytest.raises(Closed):
        put(replica, "a", 1)


async def test_the_log_is_trimmed_below_what_is_flushed_and_synced():
    storage = MemoryStorage()
    replica = await opened(storage)
    for number in range(600):
        put(replica, f"k{number % 7}", number)
        await asyncio.sleep(0)
    await replica.flusher.flush()
    replica.flusher._synced_at = -10.0
    put(replica, "k", 1)
    await replica.flush()
    await replica.flusher.flush()
    await asyncio.sleep(0)
    extent = storage.log.lines()[LINE]
    assert 0 < extent.head <= replica.flusher.flushed
    assert replica.status()["events_retained"] < 600
    before = canonical(replica)
    await replica.close()
    storage.crash()
    again = await opened(MemoryStorage(storage.disk))
    assert canonical(again) == before
    await again.close()


async def test_a_damaged_log_keeps_what_is_good_and_takes_a_fresh_id(tmp_path):
    storage = await open_storage(tmp_path / "data")
    replica = await opened(storage)
    for number in range(3):
        put(replica, "a", number)
        await replica.flush()
    before = replica.replica
    await replica.close()
    await storage.close()
    segment = newest_segment(tmp_path / "data")
    frames = frames_in(segment)
    flip_byte(segment, frames[-3].end - 2)
    storage = await open_storage(tmp_path / "data")
    assert storage.log.suspect is not None
    await storage.log.trust(distrusted(storage.log, LINE))
    again = await opened(storage, seed=9)
    assert again.replica != before
    assert title(again, "a") == 2  # the state file has it, though the log has lost it
    put(again, "a", 3)
    await again.flush()
    await again.close()
    await storage.close()
    storage = await open_storage(tmp_path / "data")
    third = await opened(storage)
    assert (third.replica, title(third, "a")) == (again.replica, 3)
    await third.close()
    await storage.close()
