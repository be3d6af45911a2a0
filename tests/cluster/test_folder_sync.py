"""Stores that meet in a folder only: they join, converge, and lose nothing, whatever carries it."""

import errno
import os
import random
import shutil
from pathlib import Path

import pytest
from folder_stores import FolderStore, agree

from plait.base.causality import Context
from plait.base.codec import encode
from plait.base.errors import DiskFull
from plait.graph.offers import Piece
from plait.host.shared_folder import Label, SharedFolder
from plait.node import folder_sync


@pytest.fixture
async def stores(tmp_path):
    """Three open stores; the first has founded the notes."""
    found = [await FolderStore(tmp_path / name, name).open() for name in ("ann", "bob", "cem")]
    await found[0].found()
    yield found
    for store in found:
        if store.storage is not None:
            await store.close()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "shared"
    path.mkdir()
    return path


async def rounds(folder: Path, *stores: FolderStore, count: int = 4):
    """Everybody in turn, so many times; the last reports."""
    reports = []
    for _ in range(count):
        reports = [await store.round(folder) for store in stores]
        for report in reports:
            assert report.wrong == []
    return reports


async def test_an_empty_store_joins_in_its_first_rounds(stores, folder):
    ann, bob, _ = stores
    ann.put("n1", "milk")
    ann.add("n1", 3)
    await ann.round(folder)
    await bob.round(folder)
    assert not bob.notes().parts.scope.writable
    report = await ann.round(folder)
    assert report.collections[0].admitted == ["bob"]
    report = await bob.round(folder)
    assert report.collections[0].events_in > 0
    assert bob.total("n1") == 3
    bob.add("n1", 4)
    await bob.round(folder)
    await ann.round(folder)
    await bob.round(folder)
    assert agree([ann, bob])
    assert ann.total("n1") == 7


async def test_stores_converge_in_any_order_of_rounds(stores, folder):
    for seed in range(4):
        chance = random.Random(seed)
        for _ in range(25):
            store = chance.choice(stores)
            if store.graphs.infos() and store.notes().status()["writable"]:
                store.put(f"k{chance.randrange(5)}", chance.randrange(100))
                store.add("count", 1)
            assert (await store.round(folder)).wrong == []
        await rounds(folder, *stores, count=3)
        assert agree(stores)
    assert len({store.total("count") for store in stores}) == 1


async def test_two_sticks_carry_everything_through_a_store_in_the_middle(stores, tmp_path):
    ann, bob, cem = stores
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    ann.put("n1", "from ann")
    for _ in range(4):
        await rounds(one, ann, bob, count=1)
        await rounds(two, bob, cem, count=1)
    cem.put("n2", "from cem")
    cem.add("n1", 2)
    ann.add("n1", 5)
    for _ in range(4):
        await rounds(two, cem, bob, count=1)
        await rounds(one, bob, ann, count=1)
    assert agree(stores)
    assert ann.total("n1") == 7


async def test_stores_that_are_never_open_at_once_converge(stores, folder):
    for store in stores:
        await store.close()
    for turn in range(12):
        store = await stores[turn % 3].open()
        if store.graphs.infos() and store.notes().status()["writable"]:
            store.add("n1", 1)
        assert (await store.round(folder)).wrong == []
        await store.close()
    totals = []
    for store in [*stores, *stores]:
        await store.open()
        await store.round(folder)
        totals.append(store.total("n1"))
        await store.close()
    assert len(set(totals[-3:])) == 1
    assert totals[-1] >= 6


async def test_what_everybody_has_is_removed_and_quiet_stores_write_nothing(stores, folder):
    await rounds(folder, *stores)
    for turn in range(40):
        stores[turn % 3].add("n1", 1)
        await rounds(folder, *stores, count=1)
    await rounds(folder, *stores, count=3)
    before = listed(folder)
    reports = await rounds(folder, *stores, count=2)
    assert listed(folder) == before
    assert not any(report.moved for report in reports)
    assert len([name for name in before if "piece" in name]) == 0
    assert len(before) <= 6


async def test_a_silent_store_does_not_make_the_folder_grow_without_end(stores, folder):
    ann, bob, cem = stores
    await rounds(folder, *stores)
    sizes = []
    for turn in range(120):
        ann.add(f"n{turn % 3}", 1)
        await ann.round(folder)
        await bob.round(folder)
        sizes.append(len(listed(folder)))
    assert max(sizes) < 100
    await rounds(folder, *stores, count=2)
    assert agree(stores)
    assert sum(cem.total(f"n{number}") for number in range(3)) == 120


async def test_collections_of_one_name_that_began_separately_are_refused_loudly(stores, folder):
    ann, bob, _ = stores
    await bob.found(lineage="cd" * 16)
    await bob.found("films", lineage="ef" * 16)
    for _ in range(3):
        first = await ann.round(folder)
        second = await bob.round(folder)
    assert "WrongLineage" in first.wrong[0]
    assert "WrongLineage" in second.wrong[0]
    assert {info.name for info in ann.graphs.infos()} == {"notes", "films"}
    assert ann.notes("films").status()["writable"]


def listed(folder: Path) -> list[str]:
    """Every file's name below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def copies(source: Path, target: Path, chance: random.Random) -> None:
    """What a careless carrier does: some files do not come, some come in part, or renamed."""
    for path in sorted(source.rglob("*.plait"), key=lambda path: chance.random()):
        there = target / path.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        draw = chance.random()
        data = path.read_bytes()
        if draw < 0.3:
            there.write_bytes(data[: chance.randrange(len(data) + 1)])
        elif draw < 0.4:
            there.with_name(there.name.replace(".plait", " (conflicted copy).plait")).write_bytes(
                data
            )
        elif draw < 0.8:
            shutil.copyfile(path, there)
    for path in target.rglob("*.plait"):
        if chance.random() < 0.1:
            path.unlink()


async def test_a_careless_carrier_delays_and_loses_nothing(stores, tmp_path):
    """Every store has a folder of its own; files move between them in part, late, or never."""
    chance = random.Random(7)
    folders = [tmp_path / f"box{number}" for number in range(3)]
    for path in folders:
        path.mkdir()
    added = 0
    for turn in range(45):
        number = turn % 3
        store = stores[number]
        if store.graphs.infos() and store.notes().status()["writable"] and turn < 36:
            store.add("n1", 1)
            added += 1
        await store.round(folders[number])
        for other in range(3):
            if other != number:
                copies(folders[number], folders[other], chance)
    for _ in range(6):
        for number, store in enumerate(stores):
            for other in range(3):
                if other != number:
                    shutil.copytree(folders[other], folders[number], dirs_exist_ok=True)
            await store.round(folders[number])
    assert agree(stores)
    assert stores[0].total("n1") == added


async def test_a_clone_of_a_data_folder_overwrites_nothing_and_loses_nothing(stores, folder):
    ann, bob, _ = stores
    await rounds(folder, ann, bob)
    await bob.close()
    shutil.copytree(bob.data, bob.data.with_name("clone"))
    clone = await FolderStore(bob.data.with_name("clone"), "clone").open()
    await bob.open()
    try:
        bob.add("n1", 1)
        for _ in range(4):
            for store in (clone, bob, ann):
                assert (await store.round(folder)).wrong == []
        for store in (ann, bob, clone):
            store.add("n1", 10)
        for _ in range(4):
            for store in (clone, bob, ann):
                await store.round(folder)
        assert agree([ann, bob, clone])
        assert ann.total("n1") == 31
        assert len({store.notes().replica for store in (ann, bob, clone)}) == 3
    finally:
        await clone.close()


async def test_a_data_folder_restored_from_a_backup_goes_on_under_another_id(stores, folder):
    ann, bob, _ = stores
    await rounds(folder, ann, bob)
    await bob.close()
    shutil.copytree(bob.data, bob.data.with_name("backup"))
    await bob.open()
    bob.add("n1", 1)
    await rounds(folder, bob, ann)
    before = bob.notes().replica
    await bob.close()
    shutil.rmtree(bob.data)
    shutil.copytree(bob.data.with_name("backup"), bob.data)
    await bob.open()
    for _ in range(5):
        for store in (bob, ann):
            assert (await store.round(folder)).wrong == []
    assert bob.notes().replica != before
    bob.add("n1", 2)
    await rounds(folder, bob, ann)
    assert agree([ann, bob])
    assert bob.total("n1") == 3


async def test_a_retired_store_comes_back_with_what_the_others_lack(stores, folder):
    ann, bob, cem = stores
    await rounds(folder, *stores)
    cem.add("n1", 5)
    scope = ann.notes().parts.scope
    ann.notes().say((scope.retire(cem.notes().replica),))
    await rounds(folder, ann, bob, count=2)
    for _ in range(8):
        for store in (cem, ann, bob):
            assert (await store.round(folder)).wrong == []
    assert agree(stores)
    assert ann.total("n1") == 5


async def test_a_full_disk_leaves_nothing_half_and_the_next_round_makes_it_good(
    stores, folder, monkeypatch
):
    ann, bob, _ = stores
    await rounds(folder, ann, bob)
    ann.put("n1", "milk")
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        if "shared" in os.readlink(f"/proc/self/fd/{descriptor}"):
            calls.append(descriptor)
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    before = listed(folder)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        await ann.round(folder)
    assert calls
    assert listed(folder) == before
    monkeypatch.setattr(os, "fsync", real)
    await rounds(folder, ann, bob, count=2)
    assert agree([ann, bob])


async def test_garbage_of_every_kind_in_the_folder_is_reported_and_harms_nothing(stores, folder):
    ann, bob, _ = stores
    chance = random.Random(5)
    await rounds(folder, ann, bob)
    (folder / "README").write_text("not ours")
    (folder / "plait-").write_text("a file where a folder could be")
    strange = folder / "plait-0123456789abcdef"
    strange.mkdir()
    for number in range(40):
        (strange / f"{number:012x}-head.plait").write_bytes(chance.randbytes(chance.randrange(300)))
    for path in sorted(folder.glob("plait-*/*.plait"))[:4]:
        data = bytearray(path.read_bytes())
        if data:
            data[chance.randrange(len(data))] ^= 1
        (strange / f"flipped-{path.name}").write_bytes(bytes(data))
    for number, body in enumerate(forged(chance)):
        label = Label("f" * 16, number, f"{number:08x}", *body[:2])
        SharedFolder(folder).write(label, body[2])
    os.mkfifo(strange / "pipe.plait")
    (strange / "link.plait").symlink_to("/etc/hostname")
    (strange / "folder.plait").mkdir()
    bob.add("n1", 2)
    for _ in range(3):
        first = await ann.round(folder)
        await bob.round(folder)
    assert len(first.bad) > 30
    assert agree([ann, bob])
    assert (strange / "link.plait").is_symlink()


def forged(chance: random.Random) -> list[tuple[str, bytes, bytes]]:
    """Files with good checksums and contents that no store writes."""
    lineage = bytes.fromhex("ab" * 16)
    piece = encode(Piece(lineage, "x", 0, True, "ops", (), ((1 << 62, 5),), True))
    nothing = encode(Piece(lineage, "y", 0, True, "state", (), ((7, 1 << 40),), True))
    return [
        ("head", b"", b""),
        ("head", b"", encode([4, [[3, "notes"]]])),
        ("head", b"", chance.randbytes(100)),
        ("piece", piece, chance.randbytes(100)),
        ("piece", piece, encode([b"", b"x"])),
        ("piece", nothing, encode([encode([87, lineage, 1, 0, True, b"no parcel"])])),
        ("piece", b"\x00", b""),
        ("other", b"", b"of a later version"),
    ]


async def test_a_large_state_comes_in_several_files_and_only_when_all_are_there(
    stores, folder, monkeypatch
):
    monkeypatch.setattr(folder_sync, "PARTS_PER_FILE", 2)
    ann, bob, _ = stores
    for number in range(3000):
        ann.put(f"n{number}", f"{number}" * 200)
    await ann.reopen()  # what is stable is folded, and its batches are dropped
    await ann.round(folder)
    await bob.round(folder)
    await ann.round(folder)
    pieces = sorted(folder.rglob("*-piece.plait"))
    assert len(pieces) > 2
    kept = pieces[1].read_bytes()
    pieces[1].unlink()
    report = await bob.round(folder)
    assert report.collections[0].events_in == 0
    assert "not arrived" in report.collections[0].waits
    pieces[1].write_bytes(kept)
    await rounds(folder, bob, ann, count=2)
    assert agree([ann, bob])
    assert bob.notes().count() == 3000
    assert not list(folder.rglob("*-piece.plait"))


@pytest.mark.parametrize(
    "settings", [{"history": "forever"}, {"sync": "ops"}, {"sync": "delta"}, {"sync": "state"}]
)
async def test_every_kind_of_collection_syncs(stores, folder, settings):
    ann, bob, cem = stores
    notes = await ann.found("films", "12" * 16, **settings)
    for number in range(30):
        notes.mutate("f", ("c:likes",), ("add", number))
    await rounds(folder, ann, bob, cem)
    for store in (bob, cem):
        store.notes("films").mutate("f", ("c:likes",), ("add", 1000))
    await rounds(folder, *stores)
    assert len({dict_of(store.notes("films").vector) for store in stores}) == 1
    assert len({store.canonical("films") for store in stores}) == 1


def dict_of(vector: Context) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(vector.items()))
