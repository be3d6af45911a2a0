"""No dot is ever used for two contents: on real folders, through every way of losing one's memory.

A ledger listens at those who hear: whatever arrives under a dot that it knows must be the same.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from graph_replicas import Wire, opened, put, same, title, until

import plait
from plait.base.codec import encode
from plait.base.errors import ClockWrong, FolderInUse, NotLoaded, StorageError
from plait.engines.graph import Replica
from plait.engines.graph_port import Changed
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.host.storage import open_storage
from tests.paper.people import People
from tests.unit.disks import FaultyDisk


class Note(plait.Document):
    title = plait.Register(str)
    likes = plait.Counter()


class Ledger:
    """What was heard under each dot."""

    def __init__(self, *listeners: Any) -> None:
        self.heard: dict[tuple[int, int], bytes] = {}
        for replica in listeners:
            replica.listen(self._note)

    def _note(self, changes: Sequence[Changed]) -> None:
        for change in changes:
            event, op = change.event, change.op
            if not event.replica:
                continue  # it came as a state, which does not say who wrote what
            content = encode([op.key, op.path, op.body, op.kind, event.hlc])
            assert self.heard.setdefault(event.dot, content) == content


async def wait(holds: Callable[[], bool]) -> None:
    def now() -> bool:
        try:
            return holds()
        except NotLoaded:
            return False  # a replica takes over what others have

    await until(now, 5.0)


# --------------------------------------------------------------------------- a crash, a fork


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


# --------------------------------------------------------------------------- copies of a folder


async def documents(store: plait.Store) -> Any:
    """The collection, once the store has heard of it."""
    async with asyncio.timeout(20):
        while not await store.collections():
            await asyncio.sleep(0.02)
    return await store.documents("notes", Note)


def replica_of(docs: Any) -> Replica:
    return docs._access.replica  # type: ignore[no-any-return]


async def founded(folder: Path) -> int:
    """A data folder with a document in it; the id of its replica."""
    async with plait.open(folder) as store:
        notes = await store.documents("notes", Note)
        notes["n"].likes += 1
        notes["common"].title = "of both"
        return replica_of(notes).replica


RESTORED_IN_PLACE = pytest.mark.xfail(
    reason="an older backup of a store that had no other members, in its old folder, cannot know"
    " that its id is used; what it folds then, alone, cannot be told apart any more",
    strict=True,
)


async def test_a_lone_store_and_its_copy_lose_nothing_when_they_meet(tmp_path: Path):
    shared = tmp_path / "shared"
    shared.mkdir()
    await founded(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    async with plait.open(tmp_path / "a") as one, plait.open(tmp_path / "b") as two:
        mine, yours = await documents(one), await documents(two)
        for docs, text in ((mine, "original"), (yours, "clone")):
            docs["n"].likes += 10
            docs[text].title = text
        await asyncio.sleep(1.5)  # the original folds alone; the copy must not
        syncs = [await store.sync_folder(shared, every_s=0.05) for store in (one, two)]
        await wait(lambda: mine["n"].likes == yours["n"].likes == 21)
        for docs in (mine, yours):
            assert (docs["original"].title, docs["clone"].title) == ("original", "clone")
        for sync in syncs:
            await sync.close()


async def test_a_cloned_folder_takes_a_fresh_id_and_both_keep_their_data(tmp_path: Path):
    shared = tmp_path / "shared"
    shared.mkdir()
    before = await founded(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    async with plait.open(tmp_path / "a") as one, plait.open(tmp_path / "b") as two:
        mine, yours = await documents(one), await documents(two)
        assert replica_of(mine).replica == before
        assert replica_of(yours).replica != before
        assert "copy" in replica_of(yours).status()["fresh_ids"][0]
        ledger = Ledger(replica_of(mine), replica_of(yours))
        for docs, text in ((mine, "original"), (yours, "clone")):
            docs["n"].likes += 10
            docs[text].title = text
        syncs = [await store.sync_folder(shared, every_s=0.05) for store in (one, two)]
        await wait(lambda: mine["n"].likes == yours["n"].likes == 21)
        for docs in (mine, yours):
            assert {key: note.title for key, note in docs.items()} == {
                "clone": "clone", "common": "of both", "n": None, "original": "original",
            }  # fmt: skip
        # the original's, the copy's, and the one that what the copy wrote was written anew under
        assert len({replica for replica, _ in ledger.heard}) == 3
        for sync in syncs:
            await sync.close()


@pytest.mark.parametrize(
    ("in_place", "met"),
    [(False, False), (True, True), pytest.param(True, False, marks=RESTORED_IN_PLACE)],
)
async def test_an_older_backup_that_is_restored_reuses_no_dot(
    tmp_path: Path, in_place: bool, met: bool
):
    """`in_place`: into the folder that is there, so that nothing tells that it is another; `met`:
    the backup knows the other store, without which it folds nothing."""
    shared = tmp_path / "shared"
    shared.mkdir()
    before = await founded(tmp_path / "a")
    if met:
        async with plait.open(tmp_path / "a") as one, plait.open(tmp_path / "b") as other:
            syncs = [await store.sync_folder(shared, every_s=0.05) for store in (one, other)]
            members = replica_of(await documents(one)).parts.scope.members
            await wait(lambda: len(members.remaining()) == 2)
            for sync in syncs:
                await sync.close()
    shutil.copytree(tmp_path / "a", tmp_path / "backup")
    async with plait.open(tmp_path / "b") as other:
        others = await other.sync_folder(shared, every_s=0.05)
        async with plait.open(tmp_path / "a") as one:
            mine = await documents(one)
            syncs = await one.sync_folder(shared, every_s=0.05)
            yours = await documents(other)
            ledger = Ledger(replica_of(yours))
            mine["n"].likes += 10  # after the backup
            mine["late"].title = "after the backup"
            await wait(lambda: yours["n"].likes == 11 and yours["late"].title is not None)
            await syncs.close()
        lost = dict(ledger.heard)
        restore(tmp_path / "backup", tmp_path / "a", in_place)
        async with plait.open(tmp_path / "a") as one:
            mine = await documents(one)
            assert mine["n"].likes == 1
            assert (replica_of(mine).replica == before) == in_place  # it cannot know yet
            mine["n"].likes += 100  # may be under dots that others know as something else
            mine["new"].title = "after the restore"
            if in_place and not met:
                await asyncio.sleep(1.5)  # it folds alone
            syncs = await one.sync_folder(shared, every_s=0.05)
            await wait(lambda: mine["n"].likes == yours["n"].likes == 111)
            await wait(lambda: yours["new"].title == "after the restore")
            assert mine["late"].title == yours["late"].title == "after the backup"
            assert replica_of(mine).replica != before
            assert lost.items() <= ledger.heard.items()
            await syncs.close()
        await others.close()


def restore(backup: Path, folder: Path, in_place: bool) -> None:
    if not in_place:
        shutil.rmtree(folder)
        shutil.copytree(backup, folder)
        return
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.name != "lock":
            path.rmdir() if path.is_dir() else path.unlink()
    for path in sorted(backup.rglob("*")):
        target = folder / path.relative_to(backup)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif path.name != "lock":
            shutil.copy2(path, target)


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


# --------------------------------------------------------------------------- clocks


async def test_a_stream_from_ten_minutes_ahead_is_held_relayed_and_accepted_or_reached():
    """Held here and at whoever hears of it through here, outside the vector, across a restart."""
    people = People(Note, "auto")
    bad, hub, tip = await people.come("bad", "hub", "tip")
    replicas = people.replicas
    people.clocks[0].ahead_ms = 600_000
    bad["n"].title = "from the future"
    bad["n"].likes += 5
    await replicas[0].flush()
    wires = [Wire(replicas[1], replicas[2]), Wire(replicas[0], replicas[1])]
    held = [lambda one=one: one.status()["quarantined_batches"] > 0 for one in replicas[1:]]
    await until(lambda: all(holds() for holds in held))  # relayed to who is not linked with it
    assert [docs["n"].likes for docs in (hub, tip)] == [0, 0]
    assert all(dict(one.vector).get(replicas[0].replica, 0) <= 3 for one in replicas[1:])
    witness = Wire(replicas[0], replicas[2])  # two others say otherwise
    await until(lambda: replicas[0].status()["clock"] is not None)
    with pytest.raises(ClockWrong, match="more than a minute behind"):
        bad["n"].likes += 1
    witness.cut()
    assert bad["n"].likes == 5  # what was written stays written
    hub["n"].title = "meanwhile"  # and does not move the others' clocks
    await until(lambda: tip["n"].title == "meanwhile")
    assert abs(replicas[2].parts.scope.clock.last - replicas[1].parts.scope.clock.last) < (
        60_000 << 16
    )
    wires.pop().cut()
    replicas[1].syncing.accept(replicas[0].replica)
    assert hub["n"] == {"title": "from the future", "likes": 5}
    assert tip["n"].likes == 0  # everybody accepts for themselves
    people.clocks[2].ahead_ms = 600_000  # ten minutes later
    await until(lambda: tip["n"] == {"title": "from the future", "likes": 5})
    wires.pop().cut()
    await people.leave()


async def test_what_is_in_quarantine_survives_a_restart():
    people = People(Note, "auto")
    (bad,) = await people.come("bad")
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    one = await opened(storage, "one", founds=False)
    wire = Wire(people.replicas[0], one)
    await until(lambda: one.parts.scope.writable)
    await same(people.replicas[0], one)
    wire.cut()
    people.clocks[0].ahead_ms = 600_000
    bad["n"].title = "from the future"
    wire = Wire(people.replicas[0], one)
    await until(lambda: one.status()["quarantined_batches"] == 1)
    await one.flush()
    wire.cut()
    storage.crash()
    one.flusher.halt()
    again = await opened(MemoryStorage(disk), "one", founds=False)
    assert again.status()["quarantined_batches"] == 1
    assert title(again, "n") is None
    again.syncing.accept(people.replicas[0].replica)
    assert title(again, "n") == "from the future"
    await again.flush()
    await again.close()
    await people.leave()


# --------------------------------------------------------------------------- refusals, membership


async def test_a_refused_event_is_undone_everywhere_and_its_author_reads_why():
    people = People(Note, "ops")
    ann, bob, cem = await people.come("ann", "bob", "cem")
    ann["n"].title = "fine"
    await people.meet()
    people.replicas[1].settle()
    seq = people.replicas[1].parts.scope.next_seq
    bob["n"].title = "not allowed"
    bob["n"].likes += 1
    await people.meet()
    assert cem["n"].title == "not allowed"
    owner = people.replicas[0]
    owner.say((owner.parts.scope.void((people.replicas[1].replica, seq), "no rights"),))
    await people.meet()
    for docs in (ann, bob, cem):
        assert docs["n"] == {"title": "fine", "likes": 1}  # only that event
    assert any("no rights" in notice for notice in people.replicas[1].status()["notices"])
    await people.leave()


async def test_who_was_retired_for_its_silence_comes_back_and_nothing_of_it_is_lost():
    people = People(Note, "auto")
    ann, bob = await people.come("ann", "bob")
    mine, theirs = people.replicas
    ann["n"].title = "base"
    ann["n"].likes += 1
    ann["other"].title = "base"
    await people.meet()
    gone = theirs.replica
    bob["n"].likes += 10
    bob["n"].title = "of the silent one"
    bob["other"].title = "early"
    bob["mine"].title = "new"
    await asyncio.sleep(0.005)
    ann["n"].likes += 100
    ann["other"].title = "late"
    mine.say((mine.parts.scope.retire(gone),))
    await mine.flush()
    assert gone not in mine.parts.scope.members.remaining()
    wire = Wire(mine, theirs)
    await until(lambda: theirs.replica != gone and theirs.parts.scope.writable)
    await until(lambda: ann["n"].likes == 111)
    await same(mine, theirs)
    wire.cut()
    for docs in (ann, bob):
        assert docs["n"] == {"title": "of the silent one", "likes": 111}
        assert docs["mine"].title == "new"
        assert docs["other"].title == "late"  # written later, by somebody who had not seen "early"
    assert any("early" in notice for notice in theirs.status()["notices"])  # for people
    assert gone not in theirs.parts.scope.members.remaining()
    ann["n"].likes += 1
    bob["n"].likes += 1
    await people.meet()
    assert ann["n"].likes == bob["n"].likes == 113
    await people.leave()
