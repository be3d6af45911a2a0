"""The store as it was, read from backups: a table that was dropped is there, and comes back."""

from pathlib import Path

import pytest

import plait
import plait.blocking
from plait import Consensus
from plait.base.errors import BadSettings
from tests.fakes_cli import Shell


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose table was dropped, with backups from before and after."""
    folder = tmp_path_factory.mktemp("past")
    with plait.blocking.open(folder / "data") as store:
        films = store.table("films", Consensus())
        for number in range(10):
            films.put(f"f{number}", number)
        store.backup(folder / "backup")
        films.put("f0", "changed")
        store.drop_table("films")
        store.backup(folder / "backup")
    return folder


def position(shop: Path) -> str:
    """The first backup's, on the line of the table."""
    listed = Shell().run("backup", "list", str(shop / "backup"), "--json").stdout
    return listed.split('"consensus":')[1].split("}")[0].split(",")[0]


async def test_a_program_reads_what_was_and_leaves_nothing(shop: Path) -> None:
    async with plait.past(shop / "backup") as store:
        assert [table.name for table in await store.tables()] == []
    with pytest.raises(BadSettings):
        async with plait.past(shop / "data"):
            pass


def test_a_dropped_table_comes_back_from_the_command_line(shop: Path, tmp_path: Path) -> None:
    shell, backup, data = Shell(), str(shop / "backup"), str(shop / "data")
    at = f"consensus:{position(shop)}"
    assert shell.run("count", "films", "--data", data).exit_code == 3
    assert shell.run("count", "films", "--backup", backup).exit_code == 3
    counted = shell.run("count", "films", "--backup", backup, "--at", at)
    assert counted.stdout.strip() == "10"
    assert shell.run("get", "films", "f0", "--backup", backup, "--at", at).stdout == "0\n"
    file = str(tmp_path / "films.jsonl")
    exported = shell.run("export", file, "--table", "films", "--backup", backup, "--at", at)
    assert exported.exit_code == 0, exported.stderr
    assert shell.run("create", "films", "--data", data).exit_code == 0
    assert shell.run("import", file, "--table", "films", "--data", data).exit_code == 0
    assert shell.run("count", "films", "--data", data).stdout.strip() == "10"


def test_the_past_is_only_read_and_only_where_it_is_kept(shop: Path) -> None:
    shell, backup = Shell(), str(shop / "backup")
    assert shell.run("get", "films", "f0", "--backup", backup, "--at", "never").exit_code == 2
    both = shell.run("get", "films", "f0", "--backup", backup, "--data", str(shop / "data"))
    assert (both.exit_code, "give one" in both.stderr) == (2, True)
    assert shell.run("put", "films", "f0", "1", "--backup", backup).exit_code == 2


def test_a_store_tells_its_own_past_without_a_backup(shop: Path) -> None:
    shell, data, at = Shell(), str(shop / "data"), f"consensus:{position(shop)}"
    assert shell.run("get", "films", "f0", "--data", data, "--at", at).stdout == "0\n"
    assert shell.run("count", "films", "--data", data, "--at", at).stdout == "10\n"
    assert len(shell.run("scan", "films", "--data", data, "--at", at).stdout.splitlines()) == 10
    exported = shell.run("export", "--table", "films", "--data", data, "--at", at, "--prefix", "f0")
    assert exported.stdout == '{"key":"f0","value":0}\n'
    assert shell.run("get", "films", "f0", "--data", data, "--at", "1970-01-02").exit_code == 3
    assert shell.run("get", "films", "f0", "--data", data, "--at", "someday").exit_code == 2
