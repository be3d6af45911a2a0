"""What a backup writes: pieces that later ones share, that stay, and that older programs wrote."""

import zipfile
import zlib
from pathlib import Path

import pytest
from backup_world import Note, verified

import plait
from plait import Consensus
from plait.base.errors import Corrupt
from plait.host.backup_folder import BackupFolder
from plait.host.storage import open_storage
from plait.node.backup.layout import MANIFESTS, PIECES
from plait.node.backup.taking import take_backup
from plait.node.backup.vault import latest_manifest

OLD = Path(__file__).parent / "backups_of_old" / "format-1.zip"
ROWS = 10_000


async def test_a_backup_that_an_older_program_took_is_restored_and_carried_on(
    tmp_path: Path,
) -> None:
    """Its copies were made with VACUUM."""
    with zipfile.ZipFile(OLD) as old:
        old.extractall(tmp_path / "old")
    assert (await verified(BackupFolder(tmp_path / "old"))).wrong == ()
    manifest = await latest_manifest(BackupFolder(tmp_path / "old"))
    assert manifest is not None
    assert all(line.copies[-1].blob.pieces for line in manifest.lines)
    await plait.restore(tmp_path / "old", tmp_path / "new")
    async with plait.open(tmp_path / "new") as store:
        films = await store.table("films")
        expected = {f"k{number:03}": number for number in range(40)} | {"later": 41}
        assert {key: value async for key, value in films.scan()} == expected
        note = (await store.documents("notes", Note))["a"]
        assert (note.title, int(note.likes), str(note.body)) == ("first", 3, "hello")


async def test_a_later_copy_of_a_state_shares_the_pages_that_did_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.node.backup.vault.PIECE_BYTES", 1 << 17)
    async with plait.open(tmp_path / "data") as store:
        table = await store.table("rows", Consensus())
        for start in range(0, ROWS, 10_000):
            rows = {f"row-{at:06}": f"{at:0400}" for at in range(start, start + 10_000)}
            await table.put_many(rows)
        node, folder = store._backend.node, BackupFolder(tmp_path / "backup")
        first = (await take_backup(node, folder, copy_after=0)).manifest
        # the newest rows are at the end of the file, and what follows them too
        await table.put_many({f"row-{at:06}": f"{at:0400}" for at in range(ROWS, 3 * ROWS)})
        await take_backup(node, folder, copy_after=0)  # whose log makes a copy due
        second = (await take_backup(node, folder, copy_after=0)).manifest
    blobs = [next(x for x in made.lines if x.line == "consensus").copies[-1].blob
             for made in (first, second)]  # fmt: skip
    assert blobs[1].size > 1.5 * blobs[0].size
    shared = {piece.digest for piece in blobs[0].pieces} & {p.digest for p in blobs[1].pieces}
    assert len(shared) > 0.8 * len(blobs[0].pieces)
    verdict = await verified(folder)
    assert verdict.wrong == ()


@pytest.mark.parametrize("at", [0.3, 0.6])
async def test_a_damaged_chunk_of_a_state_is_named_by_verify(tmp_path: Path, at: float) -> None:
    async with plait.open(tmp_path / "data") as store:
        await (await store.table("rows", Consensus())).put_many({"a": "b" * 5000})
        taken = await take_backup(
            store._backend.node, BackupFolder(tmp_path / "backup"), copy_after=0
        )
    line = next(line for line in taken.manifest.lines if line.line == "consensus")
    digest = line.copies[-1].blob.pieces[0].digest
    piece = tmp_path / "backup" / PIECES / digest[:2] / digest
    data = bytearray(piece.read_bytes())
    data[int(at * len(data))] ^= 0x10
    piece.write_bytes(bytes(data))
    wrong = (await verified(BackupFolder(tmp_path / "backup"))).wrong
    assert any(digest in each and "damaged" in each for each in wrong)
    with pytest.raises(Corrupt, match=digest):
        await plait.restore(tmp_path / "backup", tmp_path / "new")


async def test_a_copy_with_pages_that_cannot_be_is_not_installed(tmp_path: Path) -> None:
    """Copies are made page by page, so damage comes along; who installs one finds it."""
    storage = await open_storage(tmp_path / "data")
    try:
        state = storage.state("a")
        state.submit([(1, b"k%d" % at, b"v" * 3000) for at in range(20)], lambda error: None)
        await state.sync()
        snapshot = await state.snapshot()
        data = bytearray(snapshot.read(0, snapshot.size))
        snapshot.close()
        data[4096 * 2 : 4096 * 3] = b"\xff" * 4096
        other = storage.state("b")
        incoming = other.incoming("copy")
        incoming.write(bytes(data))
        with pytest.raises(Corrupt, match="snapshot arrived"):
            await other.install(incoming, len(data), zlib.crc32(data))
        assert other.incoming("copy").received == 0
    finally:
        await storage.close()


async def test_a_folders_files_stay_once_it_has_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        "plait.host.backup_folder.sync_folder",
        lambda path: synced.append(str(path.relative_to(tmp_path))),
    )
    folder = BackupFolder(tmp_path / "backup")
    await folder.write(f"{PIECES}/ab/one", b"1")
    await folder.write(f"{PIECES}/ab/two", b"2")
    await folder.write(f"{MANIFESTS}/m", b"3")
    assert synced == ["."]  # the folder's own name
    await folder.settle()
    expected = ["backup", "backup/manifests", "backup/pieces", "backup/pieces/ab"]
    assert sorted(synced[1:]) == expected
    await folder.settle()
    assert len(synced) == 5
    # what another process left is not certain to stay
    other = BackupFolder(tmp_path / "backup")
    assert await other.size(f"{PIECES}/ab/one") == 1
    await other.settle()
    assert sorted(synced[5:]) == ["backup/pieces", "backup/pieces/ab"]
