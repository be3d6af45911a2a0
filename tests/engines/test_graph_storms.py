"""Random storms over real replicas end with equal bytes, and nothing that was flushed is lost.

`STORM_SEEDS=a:b` runs other seeds. A failure prints the command that replays it.
"""

import asyncio
import os
from random import Random

import pytest
from graph_replicas import Wire, options, put, same, title, until
from graph_storm import storm
from graph_storm_machines import COUNT

from plait.base.errors import StorageError
from plait.engines.graph import open_replica
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.sim.clock import SimClock
from plait.sim.loop import run_virtually
from plait.types.catalogue import type_of

FOUND = {
    1026: "held batches that came due while the process was down took effect unlogged",
    1105: "flushed writes of an earlier id were lost when both ids were given up",
    2218: "adopting a state wrote events anew that counted already",
    1386: "a flush that was cancelled before it began held up every later one",
    5277: "what counted in the state of somebody who had to give it up was lost with it",
    5246: "what counted and had not arrived yet was written anew, and was there twice",
    5326: "the copy of a lone store wrote its admission in its original's stream",
    2112: "how an id stood that was given up was taken for how its successor stands",
    3658: "a clear that was written anew said what it had come to the first time",
}
FIRST, LAST = (int(n) for n in os.environ.get("STORM_SEEDS", "0:40").split(":"))
SEEDS = [*range(FIRST, LAST), *(() if "STORM_SEEDS" in os.environ else FOUND)]


@pytest.mark.turns(2)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_ends_with_equal_bytes_and_everything_that_was_flushed(seed: int) -> None:
    try:
        run_virtually(lambda: storm(seed))
    except Exception as error:
        raise AssertionError(
            f"STORM_SEEDS={seed}:{seed + 1} pytest tests/engines/test_graph_storms.py: {error!r}"
        ) from error


# ----------------------------------------------------------------------------- what storms found


def test_what_waited_for_the_clock_survives_restarts_after_it_was_due() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        fast, right = SimClock(loop), SimClock(loop)
        disk, chance = MemoryDisk(), Random(1)
        one = await open_replica(options("one", founds=True), MemoryStorage(), right, chance)
        storage = MemoryStorage(disk)
        two = await open_replica(options("two"), storage, right, chance)
        wire = Wire(one, two)
        await until(lambda: two.parts.scope.writable)
        fast.ahead_ms = 100_000
        one.writer._clock = fast
        put(one, "a", 1)
        await until(lambda: bool(two.parts.scope.quarantine.held))
        assert title(two, "a") is None
        await two.flush()
        await two.flusher.flush()
        wire.cut()
        for taken in (False, True):
            storage.crash(power_cut=False)
            two.flusher.halt()
            two.syncing.close()
            await asyncio.sleep(0.0 if taken else 90.0)  # it comes to be due while nobody runs
            storage = MemoryStorage(disk)
            two = await open_replica(options("two"), storage, right, chance)
            assert title(two, "a") == (1 if taken else None)  # not before it can be in the log
            wire = Wire(one, two)
            await until(lambda: title(two, "a") == 1)  # noqa: B023
            wire.cut()
            await two.flush()
            await two.flusher.flush()
            history = two.parts.scope.history.authors[one.replica]
            last = history.batches[-1].last if history.batches else history.base.last
            assert last == two.vector[one.replica]
        await one.close()
        await two.close()

    run_virtually(main)


def test_what_an_earlier_id_wrote_is_written_anew_when_both_are_retired() -> None:
    async def main() -> None:
        clock, chance = SimClock(asyncio.get_running_loop()), Random(1)
        one = await open_replica(options("one", founds=True), MemoryStorage(), clock, chance)
        storage = MemoryStorage()
        two = await open_replica(options("two"), storage, clock, chance)
        wire = Wire(one, two)
        await until(lambda: two.parts.scope.writable)
        await same(one, two)
        wire.cut()
        earlier = two.replica
        for number in range(3):
            two.mutate("a", COUNT, ("add", 1))
            put(two, f"k{number}", number)
        await two.flush()
        storage.log.fail(StorageError("pulled out"))
        two.mutate("a", COUNT, ("add", 1))
        await asyncio.sleep(0.1)
        await storage.recover()
        await until(lambda: two.replica != earlier)
        two.mutate("a", COUNT, ("add", 1))
        await two.flush()
        one.say((one.parts.scope.retire(earlier),))
        Wire(one, two)
        await until(lambda: title(one, "k2") == 2)
        await same(one, two)
        state = one.object("a", COUNT)
        assert type_of("c").value(state) == 5
        await one.close()
        await two.close()

    run_virtually(main)


def test_a_flush_that_was_abandoned_before_it_began_holds_up_no_later_one() -> None:
    async def main() -> None:
        clock, chance = SimClock(asyncio.get_running_loop()), Random(1)
        one = await open_replica(options("one", founds=True), MemoryStorage(), clock, chance)
        put(one, "a", 1)
        await one.flush()
        one.flusher._start()
        await one.flusher.stop(abandon=True)
        one.flusher.resume(0)
        async with asyncio.timeout(30):
            await one.flusher.flush()
        await one.close()

    run_virtually(main)
