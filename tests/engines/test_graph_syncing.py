"""Replicas that are linked end with the same documents, by any road, across restarts."""

import asyncio
import random

import pytest
from graph_replicas import Wire, opened, put, same, title, until

from plait.base.errors import Unavailable
from plait.engines.graph import Replica
from plait.host.memory_storage import MemoryDisk, MemoryStorage


async def members(*nodes: str, **more) -> list[Replica]:  # type: ignore[no-untyped-def]
    """A founder and others, all linked with it once."""
    replicas = [
        await opened(MemoryStorage(), node, founds=index == 0, **more)
        for index, node in enumerate(nodes)
    ]
    for other in replicas[1:]:
        Wire(replicas[0], other)
    for other in replicas[1:]:
        await other.ready(5.0)
        await until(lambda other=other: other.parts.scope.writable)
    return replicas


async def close(*replicas: Replica) -> None:
    for replica in replicas:
        await replica.close()


@pytest.mark.parametrize("sync", ["auto", "ops", "delta", "state"])
async def test_two_replicas_agree_by_every_road(sync: str):
    one, two = await members("one", "two", sync=sync)
    for number in range(10):
        put(one, f"a{number}", number)
        put(two, f"b{number}", number)
        put(one, "both", number)
        put(two, "both", -number)
        await asyncio.sleep(0)
    await same(one, two)
    assert title(two, "a3") == title(one, "a3") == 3
    assert title(two, "both") == title(one, "both")
    await close(one, two)


async def test_nothing_is_read_before_a_peer_gave_it():
    lonely = await opened(MemoryStorage(), "two", founds=False)
    with pytest.raises(Unavailable):
        await lonely.ready(0.01)
    await lonely.close()


async def test_an_event_that_is_not_durable_is_told_to_nobody():
    one, two = await members("one", "two")
    await same(one, two)
    storage = one.parts.log
    storage.fail(Unavailable("held back"))  # type: ignore[attr-defined]
    put(one, "a", 1)
    for _ in range(50):
        await asyncio.sleep(0)
    assert title(two, "a") is None
    assert two.vector.get(one.replica, 0) < one.vector[one.replica]
    await one.close()
    await two.close()


async def test_deliveries_wait_while_a_draft_is_open():
    one, two = await members("one", "two")
    await same(one, two)
    one.begin("slow")
    put(one, "a", 1)
    put(two, "b", 2)
    await two.flush()
    for _ in range(20):
        await asyncio.sleep(0.002)
    assert title(one, "b") is None
    one.commit()
    await same(one, two)
    assert title(one, "b") == 2
    await close(one, two)


async def test_a_member_that_restarts_goes_on_under_its_id():
    disk = MemoryDisk()
    one = await opened(MemoryStorage(), "one")
    storage = MemoryStorage(disk)
    two = await opened(storage, "two", founds=False)
    wire = Wire(one, two)
    await until(lambda: two.parts.scope.writable)
    put(two, "a", 1)
    await same(one, two)
    id_before = two.replica
    wire.cut()
    put(one, "b", 2)
    await two.flush()
    storage.crash()
    two.flusher.halt()
    two = await opened(MemoryStorage(disk), "two", founds=False)
    Wire(one, two)
    await same(one, two)
    assert two.replica == id_before
    assert title(two, "b") == 2
    await close(one, two)


async def test_a_clone_takes_a_fresh_id_and_both_keep_their_data():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    first = await opened(storage, "one", fingerprint="f")
    put(first, "common", 0)
    await first.close()
    await storage.close()
    copied = MemoryDisk()
    copied.log.extents.update(disk.log.extents)
    copied.log.rows.update({line: dict(rows) for line, rows in disk.log.rows.items()})
    copied.states.update({line: _copied(state) for line, state in disk.states.items()})
    original = await opened(MemoryStorage(disk), "one", fingerprint="f", seed=2)
    clone = await opened(MemoryStorage(copied), "two", fingerprint="g", seed=3)
    assert clone.replica != original.replica
    put(original, "mine", 1)
    put(clone, "yours", 2)
    await original.flush()
    await clone.flush()
    wire = Wire(original, clone)
    await until(lambda: title(original, "yours") == 2 and title(clone, "mine") == 1)
    await same(original, clone)
    assert title(clone, "common") == 0
    assert original.replica != clone.replica
    wire.cut()
    await close(original, clone)


def _copied(state):  # type: ignore[no-untyped-def]
    copy = type(state)()
    copy.replace(state.pairs())
    return copy


async def test_an_older_copy_that_is_restored_takes_a_fresh_id_when_a_peer_knows_more():
    disk = MemoryDisk()
    one = await opened(MemoryStorage(), "one")
    storage = MemoryStorage(disk)
    two = await opened(storage, "two", founds=False)
    wire = Wire(one, two)
    await until(lambda: two.parts.scope.writable)
    put(two, "old", 1)
    await same(one, two)
    await two.flusher.flush()
    old = MemoryDisk()
    old.log.extents.update(disk.log.extents)
    old.log.rows.update({line: dict(rows) for line, rows in disk.log.rows.items()})
    old.states.update({line: _copied(state) for line, state in disk.states.items()})
    put(two, "new", 2)
    await same(one, two)
    wire.cut()
    await two.close()
    storage.crash()
    before = two.replica
    restored = await opened(MemoryStorage(old), "two", founds=False, seed=5)
    assert title(restored, "new") is None
    put(restored, "local", 3)
    Wire(one, restored)
    await until(lambda: title(restored, "new") == 2)
    await until(lambda: restored.replica != before and restored.parts.scope.writable)
    put(restored, "again", 4)
    await same(one, restored)
    assert title(one, "local") == 3
    assert title(one, "again") == 4
    await close(one, restored)


async def test_a_storm_of_writes_links_and_restarts_ends_equal():
    for seed in range(3):
        chance = random.Random(seed)
        roads = ["auto", "ops", "delta", "state"]
        disks = [MemoryDisk() for _ in range(4)]
        storages = [MemoryStorage(disk) for disk in disks]
        replicas = [
            await opened(storages[n], f"n{n}", founds=n == 0, seed=seed, sync=roads[(n + seed) % 4])
            for n in range(4)
        ]
        wires = [Wire(replicas[0], other) for other in replicas[1:]]
        for other in replicas[1:]:
            await until(lambda other=other: other.parts.scope.writable)
        for step in range(60):
            n = chance.randrange(4)
            match chance.randrange(10):
                case 0:
                    for wire in wires:
                        wire.cut()
                    wires = []
                case 1:
                    a, b = chance.sample(range(4), 2)
                    wires.append(Wire(replicas[a], replicas[b]))
                case 2:
                    for wire in wires:
                        if replicas[n] in wire.ends.values():
                            wire.cut()
                    if chance.random() < 0.5:
                        await replicas[n].close()
                        await storages[n].close()
                    else:
                        storages[n].crash(power_cut=chance.random() < 0.5)
                        replicas[n].flusher.halt()
                    storages[n] = MemoryStorage(disks[n])
                    replicas[n] = await opened(
                        storages[n], f"n{n}", founds=n == 0, seed=100 * seed + step,
                        sync=roads[(n + seed) % 4],
                    )  # fmt: skip
                case 3:
                    await replicas[n].flush()
                case _:
                    put(replicas[n], f"k{chance.randrange(6)}", step)
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        for wire in wires:
            wire.cut()
        for a in range(3):
            Wire(replicas[a], replicas[a + 1])
        await same(*replicas)
        await close(*replicas)
