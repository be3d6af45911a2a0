"""A branch: written to and thrown away, while the store that it was made of goes on."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import plait
import plait.blocking
from plait import Consensus
from plait.api.store import Store
from plait.base.errors import BadSettings, FolderInUse, NoHistory, StorageError, WrongCluster
from plait.node.backup.branching import MARK, mark_of
from plait.node.config import HistorySettings, NodeConfig
from plait.node.local import Local
from plait.node.serve import network_of, open_service, running
from tests.fakes_cli import Shell


@contextlib.asynccontextmanager
async def served(folder: Path, **options: Any) -> AsyncIterator[str]:
    config = NodeConfig(folder, listen="127.0.0.1:0", **options)
    async with running(config, served=True) as node:
        service = await open_service(node, network_of(config), config)
        try:
            async with Store(Local(node)) as store:
                await (await store.table("films", Consensus())).put("f1", 1)
                docs = await store.documents("notes")
                docs["a"]["title"] = "first"
                await docs.flush()
            yield f"plait://{node.address}"
        finally:
            await service.close()


async def test_a_branch_over_the_network_is_a_store_of_its_own(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    async with served(tmp_path / "data") as url, plait.connect(url) as store:
        made = await plait.branch(
            store, tmp_path / "try", tell=lambda done, of: told.append((done, of))
        )
        await (await store.table("films")).put("f1", "went on")
        async with plait.open(tmp_path / "try") as branch:
            films = await branch.table("films")
            assert await films.get("f1") == 1
            await films.put("f1", "tried out")
            assert (await branch.documents("notes"))["a"]["title"] == "first"
            with pytest.raises(FolderInUse):
                await plait.drop_branch(tmp_path / "try")
        assert await (await store.table("films")).get("f1") == "went on"
        with pytest.raises(WrongCluster):
            async with plait.connect(f"{url}/{made['cluster']}"):
                pass
        assert mark_of(tmp_path / "try").of == made["former"] != made["cluster"]
        assert told[-1][0] == told[-1][1] > 1
        await plait.drop_branch(tmp_path / "try")
        assert not (tmp_path / "try").exists()
        assert await (await store.table("films")).get("f1") == "went on"


async def test_a_branch_of_the_past_needs_history_of_it(tmp_path: Path) -> None:
    serving = served(tmp_path / "data", history=HistorySettings())
    async with serving as url, plait.connect(url) as store:
        films = await store.table("films")
        before = (await films.put("f1", 2)).position
        await films.put("f1", 3)
        await plait.branch(store, tmp_path / "try", at=f"consensus:{before + 1}")
        with pytest.raises(BadSettings, match="not empty"):
            await plait.branch(store, tmp_path / "try")
    async with plait.open(tmp_path / "try") as branch:
        assert await (await branch.table("films")).get("f1") == 2


async def test_nothing_else_is_thrown_away(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "data") as store:
        await store.table("films", Consensus())
    for folder in (tmp_path / "data", tmp_path, tmp_path / "none"):
        with pytest.raises(BadSettings, match="no branch"):
            await plait.drop_branch(folder)
    (tmp_path / "data" / MARK).write_text('{"what":"something","cluster":"","of":"","at":""}')
    with pytest.raises(BadSettings, match="no branch"):
        await plait.drop_branch(tmp_path / "data")
    assert (tmp_path / "data" / "log").is_dir()


async def test_a_way_that_leads_to_a_branch_is_followed_only_where_it_ends_there(
    tmp_path: Path,
) -> None:
    async with plait.open(tmp_path / "data") as store:
        await store.table("films", Consensus())
        for name in ("first", "second"):
            await plait.branch(store, tmp_path / name)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "first")
    with pytest.raises(BadSettings, match="only leads to"):
        await plait.drop_branch(link)
    with pytest.raises(BadSettings, match="no branch"):
        await plait.drop_branch(tmp_path / "first" / "..")
    assert (tmp_path / "first" / "log").is_dir()
    await plait.drop_branch(tmp_path / "first" / "log" / "..")
    with pytest.raises(BadSettings, match="no branch"):
        await plait.drop_branch(tmp_path / "first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "link", "second"]
    (tmp_path / "second" / "data").symlink_to(tmp_path / "data")
    await plait.drop_branch(tmp_path / "second")
    assert (tmp_path / "data" / "log").is_dir()


async def test_what_a_killed_branching_left_goes_and_what_is_under_way_stays(
    tmp_path: Path,
) -> None:
    left, under_way = tmp_path / "try.restoring-00000001", tmp_path / "try.restoring-00000002"
    async with plait.open(left), plait.open(tmp_path / "data") as store:
        pass
    async with plait.open(under_way), plait.open(tmp_path / "data") as store:
        await plait.branch(store, tmp_path / "try")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "try", under_way.name]


async def test_a_drop_that_was_broken_off_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plait.open(tmp_path / "data") as store:
        await plait.branch(store, tmp_path / "try")
    whole, remove = tmp_path / "try", shutil.rmtree

    def broken_off(path: Path) -> None:
        remove(path)
        raise InterruptedError("broken off")

    monkeypatch.setattr(shutil, "rmtree", broken_off)
    with pytest.raises(StorageError, match="broken off"):
        await plait.drop_branch(whole)
    monkeypatch.undo()
    assert mark_of(whole).of
    await plait.drop_branch(whole)
    assert not whole.exists()


async def test_a_moment_that_no_log_reaches_is_no_branch(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "data") as store:
        table = await store.table("films", Consensus())
        await table.put("k", 1)
        await store.backup(tmp_path / "backup")
    await plait.restore(tmp_path / "backup", tmp_path / "restored")
    async with plait.open(tmp_path / "restored") as store:
        with pytest.raises(NoHistory, match="begins at"):
            await plait.branch(store, tmp_path / "try", at="2020-01-01T00:00:00")
    assert not (tmp_path / "try").exists()


def test_the_command_makes_and_drops_one(tmp_path: Path) -> None:
    with plait.blocking.open(tmp_path / "data") as store:
        store.table("films", Consensus()).put("f1", 1)
    shell, data, new = Shell(), str(tmp_path / "data"), str(tmp_path / "try")
    made = shell.run("branch", new, "--data", data, "--json")
    assert (made.exit_code, "--drop" in made.stderr) == (0, True), made.stderr
    assert msgspec.json.decode(made.stdout)["lines"]["consensus"]["position"] > 0
    assert shell.run("put", "films", "f1", "2", "--data", new).exit_code == 0
    assert shell.run("get", "films", "f1", "--data", data).stdout == "1\n"
    assert shell.run("branch", new, "--drop", "--serve", "127.0.0.1:1").exit_code == 2
    assert shell.run("branch", data, "--drop").exit_code == 2
    assert shell.run("branch", new, "--drop").exit_code == 0
    assert not Path(new).exists()
    assert shell.run("get", "films", "f1", "--data", data).stdout == "1\n"
