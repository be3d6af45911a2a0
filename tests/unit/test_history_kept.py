"""What an archive keeps of the past, what goes, and who may read it over the network."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from backup_world import opened

import plait
from plait import Consensus
from plait.api.store import Store
from plait.base.errors import BadSettings, Busy, Closed, ReadOnly
from plait.host.backup_folder import BackupFolder
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.node.backup.line_taking import NOTHING
from plait.node.backup.pruning import let_go
from plait.node.backup.taking import Keeping, take_backup
from plait.node.backup.vault import manifest_names, read_manifest
from plait.node.backup.verifying import verify
from plait.node.config import HistorySettings, Limits, NodeConfig
from plait.node.history_settings import history_of
from plait.node.local import Local
from plait.node.serve import network_of, open_service, running
from tests.machines import Bank


async def test_what_is_older_than_the_span_goes_and_the_rest_stays_whole() -> None:
    async with opened() as world:
        await world.fill()
        table, name, times = await world.store.table("strong"), "", []
        for number in range(5):
            await table.put("k", str(number) * 100_000)
            (await world.note()).likes += 1
            taken = await take_backup(world.node, world.vault, supersedes=name, copy_after=0)
            name = taken.name
            times.append(taken.manifest.time_ms)
        manifest = await read_manifest(world.vault, name)
        assert all(line.copies[0] == NOTHING for line in manifest.lines)
        assert max(len(line.copies) for line in manifest.lines) > 2
        await table.put("k", "the last")
        keeping = Keeping(times[-1], {})
        kept = await take_backup(world.node, world.vault, supersedes=name, keeping=keeping)
        strong = next(line for line in kept.manifest.lines if line.line == "consensus")
        assert strong.copies[0] != NOTHING
        assert strong.copies[0].time_ms <= times[-1]
        assert all(copy.time_ms > times[-1] for copy in strong.copies[1:])
        before = len(world.vault.files)
        await let_go(world.vault, manifest.pieces())
        assert len(world.vault.files) < before
        assert await manifest_names(world.vault) == [kept.name]
        found = await verify(
            world.vault, MemoryStorage(MemoryDisk()), clock=world.node.clock,
            random=world.node.random, machines=(Bank,),
        )  # fmt: skip
        assert (found.wrong, found.manifests) == ((), 1)


async def test_dropped_documents_stay_as_long_as_their_moments_are_kept() -> None:
    async with opened() as world:
        await world.fill()
        first = await take_backup(world.node, world.vault)
        await world.store.drop_documents("notes")
        second = await take_backup(world.node, world.vault, supersedes=first.name)
        (graph,) = second.manifest.graphs
        assert graph.gone_ms >= first.manifest.time_ms
        later = Keeping(graph.gone_ms, {})
        third = await take_backup(world.node, world.vault, supersedes=second.name, keeping=later)
        assert third.manifest.graphs == ()
        alone = await take_backup(world.node, world.vault)
        assert alone.manifest.graphs == ()


async def test_what_was_written_to_documents_just_before_they_were_dropped_is_kept(
    tmp_path: Path,
) -> None:
    config = NodeConfig(tmp_path / "data", history=HistorySettings(every_s=3600.0))
    async with running(config) as node, Store(Local(node)) as store:
        clock, whens = node.clock, []
        for name in ("old", "old", "new"):  # one that the archive has, and one that it never saw
            for number in range(2):
                documents = await store.documents(name)
                documents["a"]["n"] = number
                await documents.flush()
                whens.append((name, number, clock.wall_ms() + 1))
                while clock.wall_ms() <= whens[-1][2]:
                    await asyncio.sleep(0.001)
                if len(whens) == 1:
                    await node.history.round()
            if len(whens) > 2:
                await store.drop_documents(name)
        await node.history.round()
        await node.history.round()
        for name, number, when_ms in whens:
            async with store.at(datetime.fromtimestamp(when_ms / 1000, UTC)) as past:
                assert (await past.documents(name))["a"]["n"] == number, (name, number)


async def test_a_node_that_was_away_for_too_long_keeps_both_ends(tmp_path: Path) -> None:
    data, limits = tmp_path / "data", Limits(log_keep_bytes=1 << 12)
    config = NodeConfig(data, limits=limits, history=HistorySettings())
    async with running(config) as node, Store(Local(node)) as store:
        table = await store.table("films", Consensus())
        end = (await table.put("k", 1)).position + 1
    async with running(NodeConfig(data, limits=limits)) as node, Store(Local(node)) as store:
        table, host = await store.table("films"), node.host("consensus")
        for number in range(30):
            await table.put(f"k{number}", "x" * 1000)
            await host.replica.flush()
            assert host.group is not None
            await host.group.trim(host.retention)
        assert host.loglet.head > end
    async with running(config) as node, Store(Local(node)) as store:
        assert len(await manifest_names(BackupFolder(data / "history"))) >= 1
        async with store.at(f"consensus:{end}") as past:
            assert await (await past.table("films")).count() == 1
        async with store.at("latest") as past:
            assert await (await past.table("films")).count() == 31
        assert len(await manifest_names(BackupFolder(data / "history"))) == 2


async def test_a_node_serves_the_past_to_be_read_only(tmp_path: Path) -> None:
    limits = Limits(pasts_max=1)
    config = NodeConfig(
        tmp_path / "data", listen="127.0.0.1:0", limits=limits, history=HistorySettings()
    )
    async with running(config, served=True) as node:
        service = await open_service(node, network_of(config), config)
        async with plait.connect(f"plait://{node.address}") as store:
            films = await store.table("films", Consensus())
            position = (await films.put("k", 1)).position + 1
            await films.put("k", 2)
            async with store.at(f"consensus:{position}") as past:
                assert await (await past.table("films")).get("k") == 1
                with pytest.raises(Busy):
                    async with store.at("latest"):
                        pass
            with pytest.raises(BadSettings, match="neither"):
                async with store.at("never"):
                    pass
        (token,) = list(node.pasts._offered)
        await node.pasts.offered(token).close()
        backend = await Local(node).at("latest")
        await backend.close()
        async with plait.connect(f"plait://{node.address}") as store:
            past_backend = await store._backend.at("latest")
            with pytest.raises(ReadOnly, match="only be read"):
                await past_backend.drop_graph("notes")
            with pytest.raises(ReadOnly, match="only be read"):
                await past_backend.flush()
            await past_backend.close()
        with pytest.raises(Closed, match="ask for it again"):
            node.pasts.offered("nonsense")
        await service.close()


async def test_a_span_is_said_as_people_say_it(tmp_path: Path) -> None:
    assert history_of(None, None) is None
    assert history_of("7d", None) == HistorySettings(None, 7 * 86400.0)
    assert history_of("all", tmp_path) == HistorySettings(tmp_path, None)
    assert history_of(None, tmp_path) == HistorySettings(tmp_path, None)
    for wrong in ("a week", "0", "-1d", ""):
        with pytest.raises(BadSettings):
            history_of(wrong, None)


async def test_an_archive_elsewhere_is_a_folder_of_backups(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "data", archive=tmp_path / "archive") as store:
        table = await store.table("films", Consensus())
        position = (await table.put("k", 1)).position + 1
        await table.put("k", 2)
        status = (await store.status())["nodes"]["n1"]["history"]
        assert status["folder"] == str(tmp_path / "archive")
        msgspec.json.encode(status)
    assert not (tmp_path / "data" / "history").exists()
    async with plait.past(tmp_path / "archive", at=f"consensus:{position}") as past:
        assert await (await past.table("films")).get("k") == 1
