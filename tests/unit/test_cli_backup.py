"""`plait backup` and `plait restore` on real folders: what is printed, and the exit codes."""

from pathlib import Path

import click
import msgspec
import pytest

import plait.blocking
from plait import Consensus
from plait.base.errors import BadSettings, PlaitError
from plait.cli.main import cli
from plait.host.backup_folder import BackupFolder


def run(*args: object) -> int:
    """The exit code of a command."""
    code = cli.main([str(arg) for arg in args], standalone_mode=False)
    return code if isinstance(code, int) else 0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is closed, with a backup beside it."""
    folder = tmp_path_factory.mktemp("shop")
    with plait.blocking.open(folder / "data") as store:
        store.table("films", Consensus()).put("f1", 1)
        store.documents("notes")["a"]["title"] = "first"
        store.backup(folder / "backup")
    return folder


def test_a_folder_is_backed_up_listed_verified_and_restored(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup, new = tmp_path / "backup", tmp_path / "new"
    assert run("backup", backup, "--data", data / "data") == 0
    assert "2 lines and 1 collections of documents" in capsys.readouterr().out
    assert run("backup", "take", backup, "--data", data / "data", "--json") == 0
    report = msgspec.json.decode(capsys.readouterr().out)
    assert set(report["positions"]) == {"control", "consensus"}
    assert run("backup", "list", backup) == 0
    out = capsys.readouterr().out
    assert out.count("manifests/") == 2
    assert "the beginning" in out
    assert run("backup", "verify", backup, "--deep") == 0
    assert "2 backups are whole" in (out := capsys.readouterr().out)
    assert "3 states came to what they were" in out
    assert run("restore", backup, "--data", new) == 0
    captured = capsys.readouterr()
    assert "consensus" in captured.out
    assert "new cluster 'alone-" in captured.err
    with plait.blocking.open(new) as store:
        assert store.table("films").get("f1") == 1
        assert store.documents("notes")["a"]["title"] == "first"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["backup", "new"]


@pytest.mark.parametrize("rate", ["50MB", "1.5 GB", "100000k", "1000000000"])
def test_a_rate_is_an_amount_of_bytes(data: Path, tmp_path: Path, rate: str) -> None:
    assert run("backup", tmp_path / "b", "--data", data / "data", "--rate", rate) == 0


@pytest.mark.parametrize("rate", ["fast", "0", "-1MB", "10MB/s", ""])
def test_a_rate_that_is_no_amount_is_a_mistake_of_usage(
    data: Path, tmp_path: Path, rate: str
) -> None:
    with pytest.raises(click.BadParameter, match="no amount of bytes"):
        run("backup", tmp_path / "b", "--data", data / "data", "--rate", rate)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_backup_is_said_to_be_and_makes_no_store(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = tmp_path / "backup"
    run("backup", backup, "--data", data / "data")
    piece = next((backup / "pieces").glob("*/*"))
    piece.write_bytes(piece.read_bytes()[:-1] + b"?")
    assert run("backup", "verify", backup) == 1
    assert piece.name in capsys.readouterr().err
    with pytest.raises(PlaitError, match=piece.name):
        run("restore", backup, "--data", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]


def test_what_cannot_be_is_refused_before_anything_is_made(data: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    backup = data / "backup"
    for args, why in (
        (("restore", backup, "--data", tmp_path / "full"), "not empty"),
        (("restore", tmp_path / "full", "--data", tmp_path / "new"), "no backup"),
        (("restore", tmp_path / "none", "--data", tmp_path / "new"), "there is no folder"),
        (("restore", backup, "--data", tmp_path / "new", "--at", "noon"), "neither 'latest'"),
        (("restore", backup, "--data", tmp_path / "new", "--name", "a/b"), "node name"),
        (("backup", tmp_path / "full", "--data", data / "data"), "holds no backup"),
        (("backup", "verify", tmp_path / "full"), "no backup"),
        (("backup", "list", tmp_path / "none"), "there is no folder"),
    ):
        with pytest.raises(BadSettings, match=why):
            run(*args)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert (tmp_path / "full" / "mine").read_text() == "keep"


async def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path / "new")
    assert await folder.names("") == []
    assert await folder.size("a/b") is None
    await folder.write("a/b", b"one")
    await folder.write("a/b", b"two")
    assert (await folder.read("a/b", 3), await folder.size("a/b")) == (b"two", 3)
    (tmp_path / "new" / "a" / ".c.1234.new").write_bytes(b"half")
    assert await folder.names("a") == ["b"]
    with pytest.raises(PlaitError, match="longer"):
        await folder.read("a/b", 2)
    with pytest.raises(PlaitError, match="missing"):
        await folder.read("a/c", 2)
    await folder.remove("a/b")
    await folder.remove("a/b")
    assert await folder.names("a") == []
