"""What was flushed is owed until it is stable: through states that were adopted in vain."""

import asyncio
from collections.abc import Callable
from random import Random

from graph_replicas import TITLE, Wire, options, put, same, until
from graph_storm_machines import COUNT

from plait.base.ports import Storage
from plait.engines.graph import Replica, open_replica
from plait.engines.graph.owed import decode_owed
from plait.graph.messages import Ops, Part, decode_message
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.sim.clock import SimClock
from plait.sim.loop import run_virtually
from plait.types.catalogue import type_of

LIST = ("l:list",)
TEXT = ("x:text",)


async def opened(node: str, storage: Storage, seed: int = 1) -> Replica:
    clock = SimClock(asyncio.get_running_loop())
    return await open_replica(
        options(node, founds=node == "one"), storage, clock, Random(f"{node}/{seed}")
    )


def write(replica: Replica) -> None:
    replica.mutate("a", COUNT, ("add", 7))
    put(replica, "a", "early")
    put(replica, "a", "mine")
    replica.mutate("a", LIST, ("insert", 0, ["x", "y"]))
    replica.mutate("a", TEXT, ("insert", 0, "some words"))


def read(replica: Replica) -> dict[str, object]:
    """What is in the document, without what is not there."""
    found = {}
    for path in (COUNT, TITLE, LIST, TEXT):
        state = replica.object("a", path)
        if state is not None:
            found[path[0]] = type_of(path[0].split(":")[0]).value(state)
    return found


WRITTEN = {"c:count": 7, "r:title": "mine", "l:list": ["x", "y"], "x:text": "some words"}


class SlowWire(Wire):
    """A link on which every message takes its time, so that it can be cut between two."""

    def loses(self, end: str, data: bytes) -> bool:
        return False

    def _say(self, end: str) -> Callable[[bytes], None]:
        loop = asyncio.get_running_loop()
        arrives = loop.time()

        def deliver(data: bytes) -> None:
            if self.alive and not self.loses(end, data):
                self.ends[end].received(f"w{id(self)}", data)

        def say(data: bytes) -> None:
            nonlocal arrives
            arrives = max(arrives + 1e-6, loop.time() + 0.02)
            loop.call_at(arrives, deliver, data)

        return say


class DeafWire(SlowWire):
    """A link on which the first one hears of no events."""

    def loses(self, end: str, data: bytes) -> bool:
        return end == "one" and isinstance(decode_message(data), Ops | Part)


async def begins_again(one: Replica, other: Replica) -> None:
    """`one` tells the other that its id is used up; then they hear no more of one another."""
    wire = SlowWire(one, other)
    while not other.parts.lost:
        await asyncio.sleep(0.001)
    wire.cut()


class Company:
    """One founded; two and three were retired while they were away, and know of each other."""

    def __init__(self) -> None:
        self.disks = [MemoryDisk() for _ in range(3)]
        self.storages = [MemoryStorage(disk) for disk in self.disks]

    async def come(self) -> tuple[Replica, Replica, Replica]:
        one, two, three = [
            await opened(node, storage)
            for node, storage in zip(("one", "two", "three"), self.storages, strict=True)
        ]
        wires = [Wire(one, two), Wire(one, three)]
        await until(lambda: two.parts.scope.writable and three.parts.scope.writable)
        await same(one, two, three)
        for wire in wires:
            wire.cut()
        return one, two, three


async def adopts_from_who_was_retired(one: Replica, two: Replica, three: Replica) -> None:
    """Three wrote, two knows of it, both are retired; three gives up, and adopts what two has."""
    write(three)
    await three.flush()
    wire = Wire(two, three)
    await same(two, three)
    wire.cut()
    for gone in (two.replica, three.replica):
        one.say((one.parts.scope.retire(gone),))
    await begins_again(one, three)
    wire = Wire(two, three)
    await until(lambda: three.parts.scope.writable and not three.parts.lost)
    assert read(three) == WRITTEN
    assert three.parts.entrusted  # two's state says that it counts
    wire.cut()
    await three.flush()


def test_what_counted_only_for_somebody_who_was_retired_is_written_anew() -> None:
    async def main() -> None:
        one, two, three = await Company().come()
        await adopts_from_who_was_retired(one, two, three)
        assert read(one) == {}
        Wire(one, three)
        await until(lambda: read(one) == WRITTEN)
        Wire(one, two)
        await same(one, two, three)
        assert read(two) == read(three) == WRITTEN
        await until(lambda: not three.parts.entrusted)
        for replica in (one, two, three):
            await replica.close()

    run_virtually(main)


def test_what_is_owed_survives_a_crash_after_every_step() -> None:
    async def main() -> None:
        company = Company()
        one, two, three = await company.come()
        await adopts_from_who_was_retired(one, two, three)
        for flushed in (False, True):  # from the log, and from the state file
            if flushed:
                await three.flusher.flush()
            entrusted = three.parts.entrusted
            company.storages[2].crash(power_cut=True)
            three.syncing.close()
            three.flusher.halt()
            company.storages[2] = MemoryStorage(company.disks[2])
            three = await opened("three", company.storages[2], 7 + flushed)
            assert three.parts.entrusted == entrusted
        await begins_again(one, three)
        lost = decode_owed(three.parts.lost)
        company.storages[2].crash(power_cut=True)
        three.syncing.close()
        three.flusher.halt()
        three = await opened("three", MemoryStorage(company.disks[2]), 9)
        assert decode_owed(three.parts.lost) == lost
        assert not three.parts.entrusted
        Wire(one, three)
        await until(lambda: read(one) == WRITTEN)
        Wire(one, two)
        await same(one, two, three)
        assert read(two) == read(three) == WRITTEN
        for replica in (one, two, three):
            await replica.close()

    run_virtually(main)


def test_what_counts_but_has_not_arrived_is_not_written_anew() -> None:
    async def main() -> None:
        one, two, three = await Company().come()
        write(three)
        await three.flush()
        wire = Wire(two, three)
        await same(two, three)
        wire.cut()
        retirement = one.parts.scope.retire(three.replica)
        one.say((retirement,))
        deaf = DeafWire(one, two)
        await until(lambda: two.parts.scope.members.final(three.replica, two.parts.scope.streams))
        deaf.cut()
        await begins_again(two, three)  # two says that all of it counts
        Wire(one, three)  # but one has nothing of it yet
        await until(lambda: three.parts.scope.writable)
        await asyncio.sleep(5.0)
        assert three.parts.lost
        assert read(three) == read(one) == {}
        Wire(one, two)
        await same(one, two, three)
        assert read(one) == read(two) == read(three) == WRITTEN
        await until(lambda: not three.parts.lost and not three.parts.entrusted)
        for replica in (one, two, three):
            await replica.close()

    run_virtually(main)
