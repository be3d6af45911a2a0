"""Backups of a cluster: from any node, restored beside it, joined, and never mixed with it."""

import asyncio
from pathlib import Path

import pytest
from members import Members, free_port

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, WrongCluster
from plait.host.backup_folder import BackupFolder
from plait.node.backup.taking import take_backup
from plait.node.config import NodeConfig
from plait.node.peers import PeerHello, check_peer
from plait.node.serve import running

ROWS = {f"k{number:03}": number for number in range(30)}
TABLES = {"strong": Consensus(), "films": Leader(), "everywhere": Leader(acks="all")}


async def filled(store: plait.Store) -> None:
    for name, settings in TABLES.items():
        await (await store.table(name, settings)).put_many(ROWS)
    docs = await store.documents("notes")
    docs["a"]["title"] = "first"
    await docs.flush()


async def rows_of(store: plait.Store, name: str) -> dict[str, object]:
    return {str(key): value async for key, value in (await store.table(name)).scan()}


async def test_any_node_backs_up_what_was_acknowledged_anywhere(
    members: Members, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    async with plait.connect(members.url) as store:
        await filled(store)
        films = await store.table("films")
        for number, name in enumerate(("n3", "n2")):
            await films.put("last", number)
            async with members.only(name) as asked:
                report = await asked.backup(backup)
            assert report["node"] == name
            await plait.restore(backup, tmp_path / f"new{number}")
            async with plait.open(tmp_path / f"new{number}") as restored:
                assert await (await restored.table("films")).get("last") == number
        with pytest.raises(BadSettings, match="whole path"):
            await store.backup("backup")


async def test_a_restored_node_is_joined_while_the_old_cluster_goes_on(
    members: Members, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    async with plait.connect(members.url) as old:
        await filled(old)
        await take_backup(members.nodes["n2"], BackupFolder(backup))
        await plait.restore(backup, tmp_path / "again" / "n1")
        again = Members(tmp_path / "again", count=1)
        try:
            await again.start()
            for name in ("n2",):  # a name that the old cluster has: it is free here
                await again.add(name)
                async with plait.connect(again.url) as store:
                    await store.join(name, again.addresses[name])
            async with plait.connect(again.url) as store:
                for name in TABLES:
                    await (await store.table(name)).put("there", 1)
                    assert await rows_of(store, name) == ROWS | {"there": 1}
                docs = await store.documents("notes")
                docs["a"]["title"] = "second"
                await docs.flush()
            await again.settled("consensus")
            for name in TABLES:
                assert await rows_of(old, name) == ROWS
            assert (await old.documents("notes"))["a"]["title"] == "first"
            statuses = {name: node.graphs.status()["notes"] for name, node in again.nodes.items()}
            async with asyncio.timeout(10):
                while not all(s["writable"] and s["documents"] for s in statuses.values()):
                    await asyncio.sleep(0.05)
                    statuses = {n: node.graphs.status()["notes"] for n, node in again.nodes.items()}
        finally:
            await again.close()


async def test_a_node_of_the_old_cluster_is_refused(members: Members, tmp_path: Path) -> None:
    async with plait.connect(members.url) as store:
        await filled(store)
    node = members.nodes["n1"]
    await take_backup(node, BackupFolder(tmp_path / "backup"))
    restored = await plait.restore(tmp_path / "backup", tmp_path / "new")
    hello = PeerHello((1,), node.cluster, "n2", "127.0.0.1:1", 99)
    with pytest.raises(WrongCluster):
        check_peer(hello, restored["cluster"], (), 1)
    config = NodeConfig(tmp_path / "new", listen=f"127.0.0.1:{free_port()}")
    async with running(config, served=True) as new:
        assert new.cluster == restored["cluster"]
        assert new.alone


async def test_documents_that_meet_their_original_give_way_and_lose_nothing(
    members: Members, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    async with plait.open(tmp_path / "one") as one:
        docs = await one.documents("notes")
        docs["a"]["title"] = "first"
        await one.backup(tmp_path / "backup")
        docs["a"]["here"] = 1
        await plait.restore(tmp_path / "backup", tmp_path / "two")
        async with plait.open(tmp_path / "two") as two:
            copied = await two.documents("notes")
            copied["a"]["there"] = 1
            handles = [await s.sync_folder(shared, every_s=0.05) for s in (one, two)]
            async with asyncio.timeout(20):
                while docs["a"].to_dict() != copied["a"].to_dict() or "there" not in docs["a"]:
                    await asyncio.sleep(0.05)
            for handle in handles:
                await handle.close()
            assert docs["a"].to_dict() == {"title": "first", "here": 1, "there": 1}
