"""`store.at`: every kind of collection as it was, wherever that is kept, and where it is not."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import plait
import plait.blocking
from plait import Consensus, Counter, Document, Leader, Register, Text
from plait.api.store import Store
from plait.base.errors import BadSettings, Busy, NoHistory, NoSuchCollection, ReadOnly
from plait.host.clock import SystemClock
from plait.node.backup.line_taking import state_hash
from plait.node.config import HistorySettings, Limits, NodeConfig
from plait.node.local import Local
from plait.node.serve import running
from tests.machines import Bank

pytestmark = pytest.mark.slow


class Note(Document):
    title = Register(str)
    likes = Counter()
    body = Text()


async def moment() -> datetime:
    """A time that is after everything before it, and before everything after it."""
    now = SystemClock().wall_ms
    before = now()
    while now() == before:
        await asyncio.sleep(0)
    found = now()
    while now() == found:
        await asyncio.sleep(0)
    return datetime.fromtimestamp(found / 1000, UTC)


async def write(store: Store, number: int) -> None:
    """One step of everything, that differs from every other."""
    films = await store.table("films", Leader())
    strong = await store.table("strong", Consensus())
    await films.put(f"k{number % 3}", number)
    await films.delete(f"k{(number + 1) % 3}")
    await strong.put_many({f"s{each}": number for each in range(number % 4)})
    bank: Any = await store.machine("bank", Bank, Consensus())
    await bank.deposit("ann", number + 1)
    notes = await store.documents("notes", Note)
    note = notes[f"n{number % 2}"]
    note.title = f"title {number}"
    note.likes += number
    note.body.insert(0, f"{number} ")
    await notes.flush()


async def everything(store: Store) -> dict[str, Any]:
    """What a store holds, in plain values; {} for what is not there."""
    found: dict[str, Any] = {}
    for info in await store.tables():
        table = await store.table(info.name)
        found[info.name] = [pair async for pair in table.scan()]
        assert await table.count() == len(found[info.name])
    try:
        bank: Any = await store.machine("bank", Bank)
        found["bank"] = await bank.balance("ann")
    except NoSuchCollection:
        found["bank"] = None
    for collection in await store.collections():
        notes = await store.documents(collection.name, Note, create=False)
        found[collection.name] = [
            (key, notes[key].title, notes[key].likes.value, str(notes[key].body)) for key in notes
        ]
    return found


async def test_every_kind_is_read_as_it_was_across_restarts_and_drops(tmp_path: Path) -> None:
    recorded: list[tuple[datetime, dict[str, Any]]] = []
    for run in range(2):
        async with plait.open(tmp_path / "data", history="1d") as store:
            for number in range(3 * run, 3 * run + 3):
                await write(store, number)
                recorded.append((await moment(), await everything(store)))
                await store.drop_table("strong")
    async with plait.open(tmp_path / "data", history="1d", machines=[Bank]) as store:
        await store.drop_table("films")
        await store.drop_documents("notes")
        recorded.append((await moment(), await everything(store)))
        for when, what in recorded:
            async with store.at(when) as past:
                assert await everything(past) == what, when
    assert len({repr(what) for _, what in recorded}) == len(recorded)


async def test_a_state_of_the_past_has_the_hash_that_it_had(tmp_path: Path) -> None:
    running_node = running(NodeConfig(tmp_path / "data", history=HistorySettings()))
    async with running_node as node, Store(Local(node)) as store:
        table = await store.table("films", Consensus())
        replica, hashes = node.host("consensus").replica, dict[int, bytes]()
        for number in range(6):
            await table.put(f"k{number % 4}", number)
            hashes[replica.applied] = state_hash(replica.ledger.hash, replica.machine)
        for position in list(hashes)[::2]:
            past = await node.pasts.open(f"consensus:{position}")
            state = past.node.host("consensus").replica
            assert state_hash(state.ledger.hash, state.machine) == hashes[position]
            await past.close()


async def test_a_past_is_only_read(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "data", history="1d") as store:
        await write(store, 1)
        async with store.at(await moment()) as past:
            table = await past.table("films")
            notes = await past.documents("notes", Note)
            with pytest.raises(ReadOnly, match="as of"):
                await table.put("k", 1)
            with pytest.raises(ReadOnly):
                notes["n1"].likes += 1
            with pytest.raises(ReadOnly):
                await past.drop_table("films")
            with pytest.raises(ReadOnly):
                async with past.transaction(table) as t:
                    t["k1"] = 2
            with pytest.raises(NoSuchCollection):
                await past.table("new", Leader())
            assert await table.get("k1") == 1
        assert await (await store.table("films")).get("k1") == 1


async def test_without_history_the_logs_tell_what_they_reach_back_to(tmp_path: Path) -> None:
    limits = Limits(log_keep_bytes=1 << 12)
    running_node = running(NodeConfig(tmp_path / "data", limits=limits))
    async with running_node as node, Store(Local(node)) as store:
        table = await store.table("films", Consensus())
        await table.put("k", 1)
        first = await moment()
        await table.put("k", 2)
        async with store.at(first) as past:
            assert await (await past.table("films")).get("k") == 1
        host = node.host("consensus")
        for number in range(40):
            await table.put(f"large{number}", "x" * 1000)
            await host.replica.flush()
            assert host.group is not None
            await host.group.trim(host.retention)
        assert host.loglet.head > 0
        with pytest.raises(NoHistory, match="begins at") as refused:
            async with store.at(first):
                pass
        since_ms = refused.value.details["since_ms"]
        assert first.timestamp() * 1000 < since_ms <= SystemClock().wall_ms()
        with pytest.raises(NoHistory, match="begins at position"):
            async with store.at("consensus:3"):
                pass
        async with store.at(await moment()) as past:
            assert await (await past.table("films")).count() == 41


async def test_nothing_is_trimmed_that_the_archive_has_not(tmp_path: Path) -> None:
    history = HistorySettings(every_s=3600.0)
    limits = Limits(log_keep_bytes=1 << 12)
    running_node = running(NodeConfig(tmp_path / "data", limits=limits, history=history))
    async with running_node as node, Store(Local(node)) as store:
        table = await store.table("films", Consensus())
        await node.history.round()
        host, kept = node.host("consensus"), node.host("consensus").replica.applied
        whens = []
        for number in range(30):
            await table.put(f"k{number}", "x" * 1000)
            whens.append(await moment())
            await host.replica.flush()
            assert host.group is not None
            await host.group.trim(host.retention)
        assert host.loglet.head <= kept
        await node.history.round()
        await table.put("k", 0)
        await host.replica.flush()
        assert host.group is not None
        await host.group.trim(host.retention)
        assert host.loglet.head > kept
        for number in (0, 13, 29):
            async with store.at(whens[number]) as past:
                assert await (await past.table("films")).count() == number + 1


async def test_a_moment_that_is_none_and_too_many_at_once_are_refused(tmp_path: Path) -> None:
    config = NodeConfig(tmp_path / "data", limits=Limits(pasts_max=1), history=HistorySettings())
    async with running(config) as node, Store(Local(node)) as store:
        with pytest.raises(BadSettings, match="neither"):
            async with store.at("yesterday"):
                pass
        with pytest.raises(NoSuchCollection, match="no line 'nowhere'"):
            async with store.at("nowhere:3"):
                pass
        async with store.at("latest"):
            with pytest.raises(Busy, match="1 stores"):
                async with store.at("latest"):
                    pass
        async with store.at("latest") as past:
            assert await past.tables() == []


@pytest.mark.parametrize("seed", range(2))
async def test_random_writes_are_found_again_at_random_moments(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    recorded: list[tuple[datetime, dict[str, Any]]] = []
    history = HistorySettings(every_s=0.05)
    number = 0
    for _ in range(2):
        config = NodeConfig(tmp_path / "data", history=history, machines=(Bank,))
        async with running(config) as node, Store(Local(node)) as store:
            for _ in range(chance.randrange(8, 20)):
                number += 1
                await write(store, number)
                if chance.random() < 0.2:
                    name = chance.choice([info.name for info in await store.tables()])
                    await store.drop_table(name)
                if chance.random() < 0.1:
                    await store.drop_documents("notes")
                if chance.random() < 0.3:
                    await node.history.round()
                recorded.append((await moment(), await everything(store)))
            for when, what in chance.sample(recorded, 3):
                async with store.at(when) as past:
                    assert await everything(past) == what, (seed, when)


def test_a_blocking_store_reads_the_past(tmp_path: Path) -> None:
    with plait.blocking.open(tmp_path / "data", history="1d") as store:
        table = store.table("films", Consensus())
        table.put("k", 1)
        store.documents("notes")["a"]["n"] = 1
        when = asyncio.run(moment())
        table.put("k", 2)
        store.documents("notes")["a"]["n"] = 2
        with store.at(when) as past:
            assert past.table("films").get("k") == 1
            assert past.documents("notes")["a"]["n"] == 1
            with pytest.raises(ReadOnly):
                past.table("films").put("k", 3)
        assert table.get("k") == 2
