"""Old backups go by rules; what a backup that stays needs does not."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from backup_world import opened

import plait
import plait.blocking
from plait import Consensus
from plait.base.errors import BadSettings, Corrupt
from plait.host import backup_folder
from plait.host.backup_folder import BackupFolder
from plait.host.memory_vault import MemoryVault
from plait.node.backup.layout import GOING, Manifest, Piece, digest_of, piece_name
from plait.node.backup.pruning import Rules, kept, prune
from plait.node.backup.vault import Pieces, manifest_names, put_manifest, read_manifest
from tests.fakes_cli import Shell

DAY_MS = 86_400_000
NOW_MS = 100 * DAY_MS + DAY_MS // 2


async def three_backups(tmp_path: Path) -> BackupFolder:
    async with plait.open(tmp_path / "data") as store:
        table = await store.table("t", Consensus())
        for number in range(3):
            await table.put(f"k{number}", "x" * 1000)
            await store.backup(tmp_path / "backup")
    return BackupFolder(tmp_path / "backup")


async def with_a_piece_of_its_own(vault: BackupFolder) -> Manifest:
    """An older backup than all others, which alone names one piece."""
    first = await read_manifest(vault, (await manifest_names(vault))[0])
    piece = await Pieces(vault).put(b"only the oldest has it")
    line = first.lines[0]
    own = msgspec.structs.replace(line.log[0], piece=piece)
    changed = msgspec.structs.replace(line, log=(own, *line.log[1:]))
    old = msgspec.structs.replace(first, number=0, lines=(changed, *first.lines[1:]))
    await put_manifest(vault, old, "oldest")
    return old


def test_a_backup_stays_if_any_rule_keeps_it() -> None:
    at = [(f"b{number}", NOW_MS - round(ago * DAY_MS)) for number, ago in
          enumerate((40.0, 9.1, 9.0, 3.1, 3.0, 0.2, 0.1))]  # fmt: skip
    assert kept(at, Rules(), NOW_MS) == ["b6"]
    assert kept(at, Rules(newest=2), NOW_MS) == ["b5", "b6"]
    assert kept(at, Rules(days=3.05), NOW_MS) == ["b4", "b5", "b6"]
    assert kept(at, Rules(daily=3), NOW_MS) == ["b2", "b4", "b6"]
    assert kept(at, Rules(newest=0), NOW_MS) == ["b6"]  # the newest always stays
    assert kept([], Rules(), NOW_MS) == []


async def test_what_stays_is_whole_and_what_only_others_needed_is_gone(tmp_path: Path) -> None:
    vault = await three_backups(tmp_path)
    before = await manifest_names(vault)
    needed = (await read_manifest(vault, before[-1])).pieces()
    looked = await prune(vault, Rules(), NOW_MS, act=False)
    assert await manifest_names(vault) == before
    done = await prune(vault, Rules(), NOW_MS)
    assert done == looked
    assert (done.kept, done.removed) == ((before[-1],), tuple(before[:-1]))
    left: list[str] = []
    for each in await vault.names("pieces"):
        left += await vault.names(f"pieces/{each}")
    assert set(needed) == set(left)
    shell = Shell()
    backup, new = str(tmp_path / "backup"), tmp_path / "new"
    verified = await asyncio.to_thread(shell.run, "backup", "verify", backup, "--deep")
    assert verified.exit_code == 0
    restored = await asyncio.to_thread(shell.run, "restore", backup, "--data", str(new))
    assert restored.exit_code == 0
    async with plait.open(new) as store:
        assert await (await store.table("t")).count() == 3


async def test_pieces_that_nobody_names_go_only_when_told(tmp_path: Path) -> None:
    vault = await three_backups(tmp_path)
    await Pieces(vault).put(b"of an interrupted backup")
    await prune(vault, Rules(newest=9), NOW_MS)
    count = (await prune(vault, Rules(newest=9), NOW_MS, unnamed=True, act=False)).pieces
    assert count == 1
    await prune(vault, Rules(newest=9), NOW_MS, unnamed=True)
    assert (await prune(vault, Rules(newest=9), NOW_MS, unnamed=True)).pieces == 0


async def test_a_damaged_manifest_may_need_anything_so_nothing_goes(tmp_path: Path) -> None:
    vault = await three_backups(tmp_path)
    names = await manifest_names(vault)
    await vault.write(names[1], b"nonsense")
    with pytest.raises(Corrupt):
        await prune(vault, Rules(), NOW_MS)
    assert await manifest_names(vault) == names
    with pytest.raises(BadSettings):
        await prune(vault, Rules(days=-1), NOW_MS)


async def test_a_folder_is_synced_once_for_all_that_goes_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = BackupFolder(tmp_path)
    names = [f"{part}/{number}" for part in ("a", "b") for number in range(5)]
    for name in names:
        await folder.write(name, b"x")
    synced: list[Path] = []
    monkeypatch.setattr(backup_folder, "sync_folder", synced.append)
    await folder.remove(*names, "a/gone")
    assert synced == [tmp_path / "a", tmp_path / "b"]
    assert [await folder.names(part) for part in ("a", "b")] == [[], []]


async def test_a_prune_syncs_a_few_times_and_not_once_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = await three_backups(tmp_path)
    for number in range(200):
        await Pieces(vault).put(b"nobody's %d" % number)
    synced: list[Path] = []
    monkeypatch.setattr(backup_folder, "sync_folder", synced.append)
    pruned = await prune(vault, Rules(), NOW_MS, unnamed=True)
    assert pruned.pieces >= 200
    assert len(synced) < 10


async def test_a_backup_that_comes_meanwhile_keeps_what_it_names(tmp_path: Path) -> None:
    folder = await three_backups(tmp_path)
    old = await with_a_piece_of_its_own(folder)
    names = await manifest_names(folder)

    class Late(BackupFolder):
        """Somebody finishes a backup that names what the oldest did, once that is gone."""

        async def remove(self, *gone: str) -> None:
            await super().remove(*gone)
            if names[0] in gone:
                late = msgspec.structs.replace(old, number=99)
                await put_manifest(folder, late, "late")

    await prune(Late(folder.path), Rules(), NOW_MS)
    for piece in old.pieces().values():
        assert await folder.size(piece_name(piece.digest)) == piece.size


async def test_a_backup_that_ends_between_the_look_and_the_removal_keeps_what_it_names(
    tmp_path: Path,
) -> None:
    folder = await three_backups(tmp_path)
    old = await with_a_piece_of_its_own(folder)

    class Late(BackupFolder):
        """Somebody finishes a backup just when the first piece is about to go."""

        late = False

        async def _finish(self, name: str) -> None:
            if name.startswith("pieces/") and not self.late:
                self.late = True
                await put_manifest(self, msgspec.structs.replace(old, number=99), "late")

        async def move(self, name: str, to: str) -> None:
            await self._finish(name)
            await super().move(name, to)

        async def remove(self, *gone: str) -> None:
            for name in gone:
                await self._finish(name)
            await super().remove(*gone)

    vault = Late(folder.path)
    await prune(vault, Rules(), NOW_MS)
    assert vault.late
    for piece in old.pieces().values():
        assert await folder.size(piece_name(piece.digest)) == piece.size
    assert await folder.names(GOING) == []


async def test_what_a_prune_that_died_had_set_aside_is_put_back_if_it_is_needed(
    tmp_path: Path,
) -> None:
    vault = await three_backups(tmp_path)
    needed = (await read_manifest(vault, (await manifest_names(vault))[-1])).pieces()
    await Pieces(vault).put(b"nobody's")
    for digest in [*needed, digest_of(b"nobody's")]:
        await vault.move(piece_name(digest), f"{GOING}/{digest}")
    await prune(vault, Rules(), NOW_MS)
    for digest, piece in needed.items():
        assert await vault.size(piece_name(digest)) == piece.size
    assert await vault.names(GOING) == []
    assert await vault.size(piece_name(digest_of(b"nobody's"))) is None


async def test_a_backup_whose_beginning_was_pruned_meanwhile_is_taken_again(tmp_path: Path) -> None:
    async with opened() as world:
        await world.fill()
        await world.back_up()
        first = (await manifest_names(world.vault))[0]
        old = await read_manifest(world.vault, first)

        class Pruned(MemoryVault):
            """What the backup goes on from goes, when all else of it is there."""

            async def write(self, name: str, data: bytes) -> None:
                if name.startswith("manifests/") and first in self.files:
                    await self.remove(first)
                    for digest in old.pieces():
                        await self.remove(piece_name(digest))
                await super().write(name, data)

        vault = Pruned()
        vault.files = world.vault.files
        await (await world.store.table("films")).put("new", 1)
        taken = await world.back_up(vault=vault)
        (left,) = await manifest_names(vault)
        assert left == taken.name
        for digest, piece in taken.manifest.pieces().items():
            assert await vault.size(piece_name(digest)) == piece.size


async def test_a_piece_that_was_counted_on_and_went_is_noticed(tmp_path: Path) -> None:
    vault = BackupFolder(tmp_path)
    kept_piece: Piece = await Pieces(vault).put(b"there")
    later = Pieces(vault)
    await later.put(b"there")
    assert await later.still_there()
    await vault.remove(piece_name(kept_piece.digest))
    assert not await later.still_there()
    await later.put(b"there")
    assert await later.still_there()


def test_the_command_says_what_went_or_would(tmp_path: Path) -> None:
    with plait.blocking.open(tmp_path / "data") as store:
        for _ in range(2):
            store.backup(tmp_path / "backup")
            store.table("t", Consensus()).put("a", 1)
    shell, folder = Shell(), str(tmp_path / "backup")
    told: Any = shell.run("backup", "prune", folder, "--dry-run")
    assert told.stdout.startswith("1 backups would go")
    report = msgspec.json.decode(shell.run("backup", "prune", folder, "--json").stdout)
    assert len(report["removed"]) == len(report["kept"]) == 1
    assert "0 backups went" in shell.run("backup", "prune", folder, "--days", "7").stdout
