"""Copies of a store that had no other members: each may write, and they give way when they meet."""

import asyncio
from random import Random

from graph_replicas import Wire, options, put, same, title, until
from graph_storm_machines import COUNT, copied

from plait.base.ports import Storage
from plait.engines.graph import Replica, open_replica
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.sim.clock import SimClock
from plait.sim.loop import run_virtually
from plait.types.catalogue import type_of


async def opened(node: str, storage: Storage, folder: str) -> Replica:
    clock, chance = SimClock(asyncio.get_running_loop()), Random(folder)
    options_ = options(node, founds=folder == "original", fingerprint=folder)
    return await open_replica(options_, storage, clock, chance)


async def founded() -> tuple[Replica, MemoryDisk]:
    """A lone store with something in it, and its disk."""
    disk = MemoryDisk()
    original = await opened("one", MemoryStorage(disk), "original")
    original.mutate("a", COUNT, ("add", 1))
    await folded(original)
    return original, disk


async def folded(replica: Replica) -> None:
    await asyncio.sleep(1.5)
    await replica.flush()
    await replica.flusher.flush()
    await asyncio.sleep(1.5)


def count(replica: Replica) -> object:
    return type_of("c").value(replica.object("a", COUNT))


def test_a_copy_writes_alone_and_gives_way_to_its_original_without_losing_anything() -> None:
    async def main() -> None:
        original, disk = await founded()
        copy = await opened("one", MemoryStorage(copied(disk)), "copy")
        assert copy.parts.scope.writable
        for replica, name in ((original, "original"), (copy, "copy")):
            replica.mutate("a", COUNT, ("add", 10))
            put(replica, name, name)
            await folded(replica)
        before, claim = original.replica, copy.replica
        Wire(original, copy)
        await until(lambda: title(original, "copy") == "copy")
        await same(original, copy)
        assert original.replica == before
        assert copy.replica != claim
        assert claim not in original.vector
        assert count(original) == count(copy) == 21
        for replica in (original, copy):
            await replica.close()

    run_virtually(main)


def test_whom_a_copy_admitted_gives_way_with_it() -> None:
    async def main() -> None:
        original, disk = await founded()
        copy = await opened("one", MemoryStorage(copied(disk)), "copy")
        newcomer = await opened("new", MemoryStorage(), "new")
        wires = [Wire(copy, newcomer)]
        await until(lambda: newcomer.parts.scope.writable and count(newcomer) == 1)
        for number, replica in enumerate((original, copy, newcomer)):
            replica.mutate("a", COUNT, ("add", 10))
            put(replica, f"k{number}", number)
        await same(copy, newcomer)
        assert count(copy) == 21
        wires.append(Wire(original, newcomer))  # through which the copy hears of it as well
        await until(lambda: len(dict(original.vector)) > 1)
        await until(lambda: all(title(original, f"k{number}") == number for number in range(3)))
        await same(original, copy, newcomer)
        for replica in (original, copy, newcomer):
            assert count(replica) == 31
            assert not replica.parts.scope.members.flock()
            await replica.close()

    run_virtually(main)


def test_of_two_copies_one_gives_way_and_both_to_their_original() -> None:
    async def main() -> None:
        original, disk = await founded()
        copies = [
            await opened("one", MemoryStorage(copied(disk)), folder) for folder in ("left", "right")
        ]
        for replica in (original, *copies):
            replica.mutate("a", COUNT, ("add", 10))
        before = {copy.replica for copy in copies}
        wire = Wire(*copies)
        await until(lambda: len(before & {copy.replica for copy in copies}) == 1)
        await until(lambda: all(not copy.parts.lost for copy in copies))
        await same(*copies)
        assert [count(copy) for copy in copies] == [21, 21]
        wire.cut()
        Wire(original, copies[0])
        Wire(copies[0], copies[1])
        await until(lambda: count(original) == 31)
        await same(original, *copies)
        assert [count(replica) for replica in (original, *copies)] == [31, 31, 31]
        for replica in (original, *copies):
            await replica.close()

    run_virtually(main)


def test_a_copy_retires_nobody_for_being_silent_and_goes_on_after_a_restart() -> None:
    async def main() -> None:
        _, disk = await founded()
        disk = copied(disk)
        storage = MemoryStorage(disk)
        copy = await opened("one", storage, "copy")
        put(copy, "b", 1)
        await folded(copy)
        assert copy.parts.scope.members.flock() == copy.replica
        assert len(copy.parts.scope.members.remaining()) == 2
        assert copy._silence.due(copy.parts.scope, 1e9) == []
        claim = copy.replica
        storage.crash(power_cut=True)
        copy.syncing.close()
        copy.flusher.halt()
        copy = await opened("one", MemoryStorage(disk), "copy")
        assert copy.replica == claim
        assert copy.parts.scope.writable
        assert (title(copy, "b"), count(copy)) == (1, 1)
        put(copy, "c", 2)
        await copy.close()

    run_virtually(main)
