"""An archive that others write to, replace, and leave litter in: no moment is lost by that."""

import asyncio
import fcntl
import os
import tempfile
from pathlib import Path

import pytest
from backup_world import opened
from msgspec.structs import replace

import plait
from plait import Consensus
from plait.host.memory_vault import MemoryVault
from plait.node.backup.folders import scratch_folder
from plait.node.backup.layout import MANIFESTS
from plait.node.backup.taking import take_backup
from plait.node.backup.vault import latest_named, manifests_by_name, next_number, put_manifest


async def test_a_backup_of_somebody_else_that_reaches_back_less_costs_no_moments() -> None:
    async with opened() as world:
        await world.fill()
        table, vault = await world.store.table("strong"), MemoryVault()
        await table.put("k", 1)
        ours = await world.back_up()
        await table.put("k", 2)
        theirs = await take_backup(world.node, vault, copy_after=0)  # two copies of each state
        short = [
            replace(line, copies=line.copies[-1:], log=tuple(
                part for part in line.log if part.start >= line.copies[-1].position
            ))
            for line in theirs.manifest.lines
        ]  # fmt: skip
        assert any(line.copies[0].position for line in short)
        world.vault.files |= {
            name: data for name, data in vault.files.items() if not name.startswith(MANIFESTS)
        }
        number = await next_number(world.vault)
        manifest = replace(theirs.manifest, number=number, lines=tuple(short))
        name = await put_manifest(world.vault, manifest, "0badcafe")
        await table.put("k", 3)
        next_one = await world.back_up(supersedes=ours.name)
        assert all(line.copies[0].position == 0 for line in next_one.manifest.lines)
        assert set(await manifests_by_name(world.vault)) == {name, next_one.name}


class Replaced(MemoryVault):
    """Somebody archives: whenever a manifest is to be read, another has just taken its place."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def read(self, name: str, bytes_max: int) -> bytes:
        if name.startswith(MANIFESTS) and self.times:
            self.times -= 1
            self.files[name.replace("-", f"{self.times}-")] = self.files.pop(name)
        return await super().read(name, bytes_max)


async def test_a_manifest_that_is_replaced_while_it_is_looked_for_is_no_damage() -> None:
    async with opened() as world:
        await world.fill()
        await world.back_up()
        vault = Replaced(0)
        vault.files = dict(world.vault.files)
        vault.times = 2
        assert len(await manifests_by_name(vault)) == 1
        vault.times = 2
        found = await latest_named(vault)
        assert found is not None
        vault.times = 1
        taken = await take_backup(world.node, vault, supersedes=found[0])
        assert taken.manifest.lines[0].copies[0].position == 0


async def test_what_a_killed_process_left_in_an_archive_goes(tmp_path: Path) -> None:
    pieces = tmp_path / "data" / "history" / "pieces" / "ab"
    for _ in range(2):
        async with plait.open(tmp_path / "data", history="all") as store:
            await (await store.table("films", Consensus())).put("k", 1)
        pieces.mkdir(exist_ok=True, parents=True)
        draft, piece = pieces / f".ab{'0' * 38}.12345678.new", pieces / f"ab{'0' * 38}"
        for path in (draft, piece):
            path.write_bytes(b"left")
    async with plait.open(tmp_path / "data", history="all") as store:
        async with asyncio.timeout(30):
            while draft.exists() or piece.exists():
                await asyncio.sleep(0.02)
        async with store.at("latest") as past:
            assert await (await past.table("films")).get("k") == 1


@pytest.mark.parametrize("runs", [False, True])
def test_temporary_folders_of_killed_processes_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, other = tmp_path / "plait-past-left", tmp_path / "plait-of-somebody"
    for folder in (left, other):
        (folder / "past").mkdir(parents=True)
    with open(left / "held", "w") as held:
        if runs:
            fcntl.flock(held, fcntl.LOCK_EX)
        with scratch_folder("past") as made:
            assert (left.exists(), other.exists()) == (runs, True)
            with scratch_folder("past") as second:
                assert made.exists()
                assert second.exists()
    assert not made.exists()
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["plait-of-somebody"] + ["plait-past-left"] * runs
    )
