"""A damaged folder that nobody else has the data of goes on with what can be read of it."""

from pathlib import Path

import pytest
from members import Members
from surveys import looked_at
from test_damage import flip_a_byte_in_the_middle

import plait
from plait import AddWinsSet, Consensus, Document, Eventual, Leader
from plait.base.errors import Corrupt, PlaitError
from plait.base.ports import TrimPrefix
from plait.host.storage import open_storage
from plait.node.written import written as on_disk

COUNT = 200


class Note(Document):
    tags = AddWinsSet()


async def written(folder: Path, *, flush: bool = True) -> None:
    async with plait.open(folder) as store:
        for name, settings in (("strong", Consensus()), ("films", Leader())):
            table = await store.table(name, settings)
            for number in range(COUNT):
                await table.put(f"k{number:03}", number)
        notes = await store.documents("notes", Note, Eventual())
        notes["one"].tags.add("kept")
        await store.flush()
        if not flush:
            await table.put("late", 1)


def damage_state(folder: Path, line: str) -> None:
    """Damage every page of a line's state behind the first."""
    (path,) = (folder / "state").glob(f"{line}.db")
    for log in (folder / "state").glob(f"{line}.db-*"):
        log.unlink()
    data = bytearray(path.read_bytes())
    data[100:] = bytes(byte ^ 0x55 for byte in data[100:])
    path.write_bytes(data)


async def goes_on(folder: Path, at_least: int = COUNT) -> None:
    async with plait.open(folder) as store:
        for name in ("strong", "films"):
            table = await store.table(name)
            rows = {key: value async for key, value in table.scan(prefix="k")}
            assert len(rows) >= at_least
            assert rows == {f"k{number:03}": number for number in range(len(rows))}
            await table.put("after", True)
        notes = await store.documents("notes", Note)
        assert set(notes["one"].tags) == {"kept"}
        notes["one"].tags.add("after")
    async with plait.open(folder) as store:
        assert await (await store.table("strong")).get("after") is True
        notes = await store.documents("notes", Note)
        assert set(notes["one"].tags) == {"kept", "after"}
    assert not (await looked_at(folder)).needed


async def test_a_lone_node_goes_on_with_what_its_state_has_beyond_a_damaged_log(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "d"
    await written(folder)
    flip_a_byte_in_the_middle(folder)
    found = await looked_at(folder)
    assert found.needed
    assert found.others == ()
    assert any("which the state has" in line.kept.lost for line in found.lines)
    assert all("cannot be read here" in line.may_lose for line in found.lines)
    await looked_at(folder, act=True)
    await goes_on(folder)
    assert (folder / "suspect-log").is_dir()  # as it was found


async def test_a_damaged_state_is_folded_again_from_its_log(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    await written(folder)
    for line in ("consensus", "control"):
        damage_state(folder, line)
    with pytest.raises(PlaitError):
        async with plait.open(folder) as store:
            await (await store.table("strong")).get("k001")
    found = await looked_at(folder, act=True)
    assert "consensus: its state is damaged and is folded again" in found.damage
    await goes_on(folder)


async def test_without_state_and_without_the_logs_beginning_only_a_backup_helps(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "d"
    await written(folder)
    storage = await open_storage(folder)
    extent = storage.log.lines()["consensus"]
    await on_disk(storage.log, (TrimPrefix("consensus", extent.tail - 3),))
    await storage.close()
    damage_state(folder, "consensus")
    with pytest.raises(Corrupt, match="restore a backup"):
        await looked_at(folder)


async def test_the_last_survivor_goes_on_though_it_is_damaged(tmp_path: Path) -> None:
    members = Members(tmp_path)
    await members.start()
    async with plait.connect(members.url) as store:
        table = await store.table("strong", Consensus())
        await table.put_many({f"k{number:03}": number for number in range(COUNT)}, acks="all")
        await store.flush()
    await members.close()
    flip_a_byte_in_the_middle(tmp_path / "n3")
    found = await looked_at(tmp_path / "n3", act=True)
    assert found.others == ("n1", "n2")
    async with plait.open(tmp_path / "n3") as store:
        table = await store.table("strong")
        rows = {key: value async for key, value in table.scan()}
        assert rows == {f"k{number:03}": number for number in range(COUNT)}
        await table.put("after", 1)
