"""A disk that is nearly full: writes are refused in time, definitely, and taken again by itself."""

import asyncio
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Consensus
from plait.base.errors import DiskNearlyFull, PlaitError, ReadOnly
from plait.node.config import Limits

MB = 1 << 20


class Room:
    """A disk's room, as a test says."""

    def __init__(self) -> None:
        self.free = 1000 * MB

    def __call__(self) -> tuple[int, int]:
        return self.free, 10_000 * MB


async def eventually(table: plait.Table, key: str, error: type[PlaitError] | None) -> None:
    """Return once a write is refused with `error`, or taken."""
    async with asyncio.timeout(10):
        while True:
            try:
                await table.put(key, 1)
                if error is None:
                    return
            except PlaitError as refused:
                if error is not None and isinstance(refused, error) and refused.definite:
                    return
            await asyncio.sleep(0.05)


@pytest.fixture
async def members(tmp_path: Path):
    cluster = Members(tmp_path, limits=Limits(disk_reserve_bytes=100 * MB))
    await cluster.start()
    yield cluster
    await cluster.close()


async def test_a_leader_that_runs_out_of_disk_refuses_writes_and_goes_on_by_itself(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await table.put("before", 1)
        leader = next(node for node in members.nodes.values() if node.host("consensus").leads)
        leader.room = room = Room()
        room.free = 99 * MB
        await eventually(table, "a", DiskNearlyFull)
        assert await table.get("before") == 1
        status = (await store.status())["nodes"][leader.name]
        assert "are kept free" in status["read_only"]
        assert status["disk"]["free_bytes"] == 99 * MB
        findings = (await store.examine())[leader.name]
        assert [each["remedy"][:10] for each in findings] == ["free space"]
        room.free = 110 * MB  # more than the reserve, and not clearly so
        await asyncio.sleep(0.6)
        with pytest.raises(DiskNearlyFull):
            await table.put("b", 1)
        room.free = 126 * MB
        await eventually(table, "after", None)


async def test_a_table_is_dropped_from_a_disk_that_is_nearly_full(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await table.put("before", 1)
        leader = next(node for node in members.nodes.values() if node.host("consensus").leads)
        leader.room = room = Room()
        room.free = 0
        await eventually(table, "a", DiskNearlyFull)
        async with plait.connect(members.url) as another:
            await another.drop_table("t")
            async with asyncio.timeout(10):
                while await another.tables():  # whoever is asked may not have heard of it yet
                    await asyncio.sleep(0.01)


async def _move(t: plait.Transaction) -> None:
    del t["d"]
    t["e"] = 1


async def test_rows_are_deleted_from_a_disk_that_is_nearly_full_while_some_is_left(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        for key in ("a", "b", "c", "d"):
            await table.put(key, 1)
        leader = next(node for node in members.nodes.values() if node.host("consensus").leads)
        leader.room = room = Room()
        room.free = 30 * MB
        await eventually(table, "x", DiskNearlyFull)
        await table.delete("a")
        async with store.transaction(table) as t:
            del t["b"]
        await table.cas("c", 1, plait.ABSENT)
        with pytest.raises(DiskNearlyFull):
            await store.transact(_move, table)
        assert await table.get("d") == 1
        assert await table.get("c") is None
        room.free = 24 * MB  # what is left is for the node itself
        leader.space.watch()
        with pytest.raises(DiskNearlyFull):
            await table.delete("d")


async def test_a_node_without_room_lets_others_lead_and_be_written(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Consensus())
        await table.put("before", 1)
        leader = next(node for node in members.nodes.values() if node.host("consensus").leads)
        leader.room = room = Room()
        room.free = 0
        await eventually(table, "a", DiskNearlyFull)
        other = next(name for name in members.nodes if name != leader.name)
        await store.switch_over(other, "consensus")
        await eventually(table, "after", None)
        await members.settled("consensus")  # what others order, it takes


async def test_a_lone_store_refuses_documents_and_rows_alike(tmp_path: Path) -> None:
    members = Members(tmp_path, 1, Limits(disk_reserve_bytes=100 * MB))
    await members.start()
    node = members.nodes["n1"]
    node.room = room = Room()
    notes = await node.graphs.open("notes", plait.Eventual())
    room.free = 5 * MB
    async with asyncio.timeout(10):
        while node.space.refusal is None:
            await asyncio.sleep(0.05)
    assert isinstance(notes.writer.error, ReadOnly)
    room.free = 500 * MB
    async with asyncio.timeout(10):
        while notes.writer.error is not None:
            await asyncio.sleep(0.05)
    await members.close()


async def test_without_a_reserve_only_a_full_disk_refuses(tmp_path: Path) -> None:
    members = Members(tmp_path, 1, Limits(disk_reserve_bytes=0))
    await members.start()
    members.nodes["n1"].room = room = Room()
    room.free = 1
    await asyncio.sleep(0.6)
    async with plait.connect(members.url) as store:
        await (await store.table("t", Consensus())).put("a", 1)
    await members.close()
