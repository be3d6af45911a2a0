"""What goes wrong with disks really does, is found out as on a real disk, and can be seen."""

import asyncio
from random import Random

import msgspec
import pytest

from plait.base.errors import Corrupt, StorageError
from plait.base.ports import AppendRows
from plait.client.link import Link
from plait.sim.config import Config
from plait.sim.disk import DiskRules, SimDisk, SimStorage
from plait.sim.loop import VirtualLoop
from plait.sim.page import render_page
from plait.sim.process import Process
from plait.sim.run import simulate
from plait.sim.timeline import Timeline
from plait.sim.trace import Trace


def on_disk(use):
    """Let a coroutine function use a storage on a disk; what it returns."""
    loop = VirtualLoop()
    disk = SimDisk(DiskRules(), Random(1), "n1", Trace(loop.time, keep=True))

    async def main():
        storage = SimStorage(disk, Process("n1#1", loop))
        return await use(disk, storage)

    return loop.run_until_complete(main())


async def append(storage, start, *rows):
    done = asyncio.get_running_loop().create_future()
    storage.log.submit((AppendRows("l", start, rows),), done.set_result)
    assert await done is None


def test_no_fsync_ends_on_a_stalled_disk_and_all_do_when_it_goes_on():
    async def use(disk, storage):
        loop = asyncio.get_running_loop()
        disk.stall()
        log = loop.create_task(append(storage, 0, b"a"))
        state = loop.create_task(storage.state("l").sync())
        await asyncio.sleep(100.0)
        assert not log.done()
        assert not state.done()
        assert not storage.log.lines()
        more = loop.create_task(append(storage, 1, b"b"))
        disk.go_on()
        await asyncio.wait_for(asyncio.gather(log, state, more), 1.0)
        return storage.log.read("l", 0, 2, 100)

    assert on_disk(use) == [b"a", b"b"]


def test_a_cut_while_the_disk_is_stalled_loses_what_was_not_synced():
    async def use(disk, storage):
        await append(storage, 0, b"a")
        disk.stall()
        storage.state("l").submit([(0, b"k", b"v")], lambda error: None)
        await asyncio.sleep(1.0)
        assert storage.state("l").get(0, b"k") == b"v"
        syncing = asyncio.get_running_loop().create_task(storage.state("l").sync())
        await asyncio.sleep(1.0)
        storage.crash(power_cut=True)
        disk.go_on()
        await asyncio.gather(syncing, return_exceptions=True)
        return SimStorage(disk, Process("n1#2", asyncio.get_running_loop())).state("l")

    assert on_disk(use).get(0, b"k") is None


def test_a_bad_read_is_noticed_and_the_next_one_is_good():
    async def use(disk, storage):
        await append(storage, 0, b"a")
        kinds = []
        for _ in range(30):
            disk.bad_reads = 1
            with pytest.raises(StorageError) as raised:
                storage.log.read("l", 0, 1, 100)
            kinds.append(type(raised.value))
            assert storage.log.read("l", 0, 1, 100) == [b"a"]
        assert set(kinds) == {StorageError, Corrupt}
        told = {one.what.partition(":")[0] for one in disk.trace.happenings}
        assert told == {"input/output error", "misdirected", "stale"}
        disk.bad_reads = 1
        with pytest.raises(StorageError):
            storage.state("l").get(0, b"k")

    on_disk(use)


def test_a_rotten_row_fails_until_it_is_written_again_or_the_log_is_found_damaged():
    async def use(disk, storage):
        loop = asyncio.get_running_loop()
        await append(storage, 0, b"a", b"b", b"c")
        disk.rotten.add(("l", 1))
        assert storage.log.read("l", 0, 1, 100) == [b"a"]
        for _ in range(2):
            with pytest.raises(Corrupt):
                storage.log.read("l", 0, 3, 100)
        storage.crash(power_cut=False)
        again = SimStorage(disk, Process("n1#2", loop))
        assert again.log.suspect is not None
        assert not disk.rotten

    on_disk(use)


# ----------------------------------------------------------------------------- in runs


def run(seed, *workloads, **faults):
    outcome = simulate(
        Config(seed, work_s=12.0, think_s=0.05, workloads=workloads, faults=faults), keep=True
    )
    assert outcome.ok, outcome.problems
    return outcome


def spans(outcome, kind):
    lanes = Timeline(outcome.happenings).ordered()
    return [span for lane in lanes for span in lane.spans if span.kind == kind]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_on_disks_that_stall_keeps_every_promise_and_shows_it(seed):
    outcome = run(seed, "bank", "documents", stall=1.0, power_cut=5.0)
    assert max(span.end_s - span.start_s for span in spans(outcome, "stalled")) > 2.0
    assert 'class="span stalled"' in render_page(outcome)


def test_answers_come_when_their_requests_were_given_up(monkeypatch):
    given_up, late = set(), []
    forget, frames = Link.forget, Link.frames

    def forgets(link, request_id):
        given_up.add((link, request_id))
        forget(link, request_id)

    def hears(link, heard):
        for frame in heard:
            _, asked, *_ = msgspec.msgpack.decode(frame)
            late.extend([frame] if (link, asked) in given_up else [])
        frames(link, heard)

    monkeypatch.setattr(Link, "forget", forgets)
    monkeypatch.setattr(Link, "frames", hears)
    for seed in range(4):
        run(seed, "bank", "registers", stall=0.5)
    assert len(late) > 3


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_with_bad_reads_keeps_every_promise_and_shows_them(seed):
    outcome = run(seed, "bank", "documents", bad_reads=1.0)
    assert sum(one.kind == "bad read" for one in outcome.happenings) > 3
    assert "bad read" in render_page(outcome)


def test_a_run_with_a_row_that_rots_keeps_every_promise_and_shows_it():
    found = 0
    for seed in range(5):
        outcome = run(seed, "registers", "catalogue", bit_rot=1.0)
        kinds = [one.kind for one in outcome.happenings]
        assert kinds.count("bit rot") <= 1
        found += "bit rot" in kinds
        assert ("bit rot" in kinds) == ("bit rot" in render_page(outcome))
    assert found > 2
