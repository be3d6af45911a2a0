"""A copy of a folder that looks like the original's goes on under its id: when others have folded
what they know of that id beyond where the copy parted from it, its openings tell."""

import asyncio
from random import Random

import pytest
from graph_replicas import Wire, options, put, same, title, until
from graph_storm_machines import COUNT, copied

from plait.base.ports import Storage
from plait.engines.graph import Replica, open_replica
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.sim.clock import SimClock
from plait.sim.loop import run_virtually
from plait.types.catalogue import type_of


async def opened_at(node: str, storage: Storage, chance: str) -> Replica:
    clock = SimClock(asyncio.get_running_loop())
    return await open_replica(options(node, founds=node == "peer"), storage, clock, Random(chance))


def count(replica: Replica) -> object:
    state = replica.object("a", COUNT)
    return 0 if state is None else type_of("c").value(state)


def add(replica: Replica, name: str, amount: int) -> None:
    """Something that must not be lost, and that shows if it is there twice."""
    replica.mutate("a", COUNT, ("add", amount))
    put(replica, name, name)


class Pair:
    """Two members, of whom one writes from a disk that can be copied."""

    async def open(self) -> None:
        self.peer = await opened_at("peer", MemoryStorage(), "peer")
        self.disk = MemoryDisk()
        self.storage = MemoryStorage(self.disk)
        self.one = await opened_at("one", self.storage, "one")
        self.wire = Wire(self.peer, self.one)
        await until(lambda: self.one.parts.scope.writable)
        add(self.one, "before", 1)
        await same(self.peer, self.one)
        await self.one.flush()

    async def go_on(self, count: int) -> None:
        """The original writes more, and both fold it."""
        one = self.one
        for number in range(count):
            add(one, f"after {number}", 10)
            await one.flush()
        seq = one.parts.scope.next_seq - 1

        def folded() -> bool:
            add(self.peer, "tick", 0)
            floors = [replica.parts.scope.floor for replica in (one, self.peer)]
            return all(floor.get(one.replica, 0) >= seq for floor in floors)

        async with asyncio.timeout(60):
            while not folded():
                await asyncio.sleep(0.3)
        assert self.peer.parts.scope.history.digest_at((one.replica, seq - 1)) is None


async def ended(replica: Replica) -> None:
    replica.syncing.close()
    replica.flusher.halt()


@pytest.mark.parametrize("alone", [1, 7, 40])
def test_what_a_copy_alone_wrote_is_written_anew_when_the_peers_folded_beyond_it(alone: int):
    """Fewer, as many and more events than the original wrote meanwhile."""

    async def main() -> None:
        pair = Pair()
        await pair.open()
        disk = copied(pair.disk)
        shared = pair.one.replica
        await pair.go_on(7)
        copy = await opened_at("one", MemoryStorage(disk), "copy")
        assert copy.replica == shared  # nothing told it
        for number in range(alone):
            add(copy, f"copy {number}", 100)
            await copy.flush()
        await asyncio.sleep(3.0)
        link = Wire(pair.peer, copy)
        await until(lambda: copy.replica != shared and copy.parts.scope.writable)
        await until(lambda: count(pair.peer) == 71 + 100 * alone)
        await same(pair.peer, copy, pair.one)
        for replica in (pair.peer, copy, pair.one):
            assert count(replica) == 71 + 100 * alone
            assert all(title(replica, f"copy {number}") for number in range(alone))
            assert all(title(replica, f"after {number}") for number in range(7))
        assert pair.one.replica == shared
        link.cut()
        for replica in (pair.peer, copy, pair.one):
            await replica.close()

    run_virtually(main)


def test_a_copy_that_was_ended_and_opened_again_knows_where_it_parted():
    async def main() -> None:
        pair = Pair()
        await pair.open()
        disk = copied(pair.disk)
        shared = pair.one.replica
        await pair.go_on(5)
        for turn in range(3):
            storage = MemoryStorage(disk)
            copy = await opened_at("one", storage, f"copy {turn}")
            add(copy, f"copy {turn}", 100)
            await copy.flush()
            await copy.flusher.flush()
            await ended(copy)
            storage.crash(power_cut=False)
        copy = await opened_at("one", MemoryStorage(disk), "last")
        Wire(pair.peer, copy)
        await until(lambda: count(pair.peer) == 351)
        await same(pair.peer, copy, pair.one)
        assert copy.replica != shared
        assert [count(one) for one in (pair.peer, copy, pair.one)] == [351] * 3
        for replica in (pair.peer, copy, pair.one):
            await replica.close()

    run_virtually(main)


@pytest.mark.parametrize("wrote", [False, True])
def test_an_older_backup_in_its_old_place_repeats_nothing_that_others_folded(wrote: bool):
    async def main() -> None:
        pair = Pair()
        await pair.open()
        disk = copied(pair.disk)
        await pair.go_on(5)
        pair.wire.cut()
        await ended(pair.one)  # its disk is gone
        back = await opened_at("one", MemoryStorage(disk), "back")
        if wrote:
            add(back, "back", 100)
            await back.flush()
        Wire(pair.peer, back)
        await until(lambda: count(back) == 51 + 100 * wrote)
        await same(pair.peer, back)
        assert count(pair.peer) == 51 + 100 * wrote
        assert title(pair.peer, "back") == ("back" if wrote else None)
        assert back.replica != pair.one.replica
        for replica in (pair.peer, back):
            await replica.close()

    run_virtually(main)


def test_a_process_that_was_only_opened_again_keeps_its_id():
    async def main() -> None:
        pair = Pair()
        await pair.open()
        for turn in range(4):
            before = pair.one.replica
            pair.wire.cut()
            await pair.one.close()
            pair.storage.crash(power_cut=False)
            pair.storage = MemoryStorage(pair.disk)
            pair.one = await opened_at("one", pair.storage, f"again {turn}")
            pair.wire = Wire(pair.peer, pair.one)
            await pair.go_on(2)
            assert pair.one.replica == before
        assert count(pair.peer) == 81
        openings = pair.peer.parts.scope.streams[pair.one.replica].openings
        assert (openings.since, len(openings.marks)) == (0, 4)
        assert pair.one.parts.scope.streams[pair.one.replica].openings == openings
        for replica in (pair.peer, pair.one):
            await replica.close()

    run_virtually(main)
