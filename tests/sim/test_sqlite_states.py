"""Nodes whose states are SQLite's, on the false world's disks: what ships, in virtual time."""

import asyncio
import threading
from pathlib import Path
from random import Random

import msgspec
import pytest

from plait.base.errors import DiskFull, PlaitError, StorageError
from plait.sim.config import Config, draw, load_config
from plait.sim.disk import DiskRules, SimDisk
from plait.sim.faults import FAULTS
from plait.sim.loop import VirtualLoop
from plait.sim.process import Process
from plait.sim.report import to_toml
from plait.sim.run import simulate
from plait.sim.sqlite_storage import SqliteStorage
from plait.sim.trace import Trace
from plait.sim.workloads.all import WORKLOADS

ROUGH = {"kill": 2.0, "power_cut": 2.5, "full_disk": 2.0, "bad_sync": 0.7, "stall": 4.0}


class Machine:
    """A disk, and one process after the other."""

    def __init__(self, loop):
        self.loop = loop
        self.disk = SimDisk(DiskRules(), Random(3), "n1", Trace(loop.time, keep=True))
        self.start()

    def start(self):
        self.process = Process("n1", self.loop)
        self.storage = SqliteStorage(self.disk, self.process)

    def die(self, power_cut):
        self.process.kill()
        self.storage.crash(power_cut=power_cut)
        self.start()

    async def put(self, *changes):
        done = self.loop.create_future()
        self.process._context.run(self.storage.state("l").submit, changes, done.set_result)
        if (error := await done) is not None:
            raise error


def on_machine(use):
    """Let a coroutine function use a machine."""
    loop = VirtualLoop()

    async def main():
        machine = Machine(loop)
        try:
            return await use(machine)
        finally:
            machine.process.kill()
            machine.storage.crash()

    return loop.run_until_complete(main())


def test_a_state_is_sqlite_and_outlives_a_process_and_its_folder():
    async def use(machine):
        await machine.put((0, b"k", b"v"))
        first = machine.storage._root
        assert (first / "state" / "l.db").read_bytes().startswith(b"SQLite format 3")
        machine.die(power_cut=False)
        assert not first.exists()
        assert machine.storage.state("l").get(0, b"k") == b"v"
        last = machine.storage._root
        return last, threading.active_count()

    before = threading.active_count()
    last, threads = on_machine(use)
    assert threads == before
    assert not Path(last).exists()


def test_a_cut_takes_back_only_what_was_not_synced_to_the_end_of_a_transaction():
    async def use(machine):
        ends = []
        for turn in range(60):
            state = machine.storage.state("l")
            await state.clear()
            for number in range(6):
                await machine.put((0, b"n", b"%d" % number), (0, b"fill%d" % number, b"x"))
                if number == 2:
                    await state.sync()
            if turn % 2:
                state.submit([(0, b"n", b"6"), (0, b"fill6", b"")], lambda error: None)
            machine.die(power_cut=True)
            state = machine.storage.state("l")
            last = int(state.get(0, b"n"))
            for number in range(7):
                assert (state.get(0, b"fill%d" % number) is not None) == (number <= last)
            ends.append(last)
        return ends

    ends = on_machine(use)
    assert min(ends) == 2
    assert len(set(ends)) > 2


def test_a_kill_in_the_midst_of_a_transaction_leaves_it_whole_or_undone():
    async def use(machine):
        found = set()
        for _ in range(40):
            await machine.storage.state("l").clear()
            await machine.put((0, b"a", b"old"), (0, b"b", b"old"))
            machine.storage.state("l").submit(
                [(0, b"a", b"new"), (0, b"b", b"new")], lambda error: None
            )
            machine.die(power_cut=False)
            state = machine.storage.state("l")
            assert state.get(0, b"a") == state.get(0, b"b")
            found.add(state.get(0, b"a"))
        return found

    assert on_machine(use) == {b"old", b"new"}


def test_no_space_a_bad_fsync_and_a_bad_read_are_what_a_state_raises():
    async def use(machine):
        await machine.put((0, b"k", b"v"))
        machine.disk.full = True
        with pytest.raises(DiskFull) as raised:
            await machine.put((0, b"k", b"w" * 10_000))
        assert "plait-sim" not in str(raised.value)
        machine.disk.full = False
        assert machine.storage.state("l").get(0, b"k") == b"v"
        await machine.put((0, b"k", b"w"))
        machine.disk.failing = 1
        with pytest.raises(StorageError):
            await machine.storage.state("l").sync()
        await machine.storage.state("l").sync()
        machine.die(power_cut=True)
        assert machine.storage.state("l").get(0, b"k") == b"w"
        machine.disk.bad_reads = 1
        with pytest.raises(PlaitError):
            machine.storage.state("other").get(0, b"k")
        kinds = [(one.kind, one.what) for one in machine.disk.trace.happenings]
        assert [kind for kind, what in kinds if "SQLite" in what].count("bad read") == 1

    on_machine(use)


def test_a_copy_goes_from_machine_to_machine_and_survives_a_kill_half_way():
    async def use(machine):
        await machine.put(*((0, b"k%d" % number, b"v" * 900) for number in range(50)))
        copy = await machine.storage.state("l").snapshot()
        data, name = copy.read(0, copy.size), copy.snapshot_id
        size, checksum = copy.size, copy.checksum
        incoming = machine.storage.state("m").incoming(name)
        incoming.write(data[:10_000])
        machine.die(power_cut=False)
        incoming = machine.storage.state("m").incoming(name)
        assert incoming.received == 10_000
        incoming.write(data[10_000:])
        await machine.storage.state("m").install(incoming, size, checksum)
        machine.die(power_cut=True)
        assert machine.storage.state("m").get(0, b"k49") == b"v" * 900
        assert len(machine.storage.state("l").scan(0, b"", None, 100)) in (0, 50)

    on_machine(use)


def test_what_is_stalled_ends_when_the_disk_goes_on():
    async def use(machine):
        machine.disk.stall()
        writing = asyncio.ensure_future(machine.put((0, b"k", b"v")))
        await asyncio.sleep(60.0)
        assert not writing.done()
        machine.disk.go_on()
        await asyncio.wait_for(writing, 1.0)

    on_machine(use)


# ----------------------------------------------------------------------------- runs


def test_a_node_that_cannot_start_is_started_again():
    outcome = simulate(
        Config(
            4, work_s=8.0, think_s=0.05, workloads=("queues",), storage="sqlite", faults=ROUGH,
        ),
        keep=True,
    )  # fmt: skip
    assert outcome.ok, outcome.problems
    exits = [one for one in outcome.happenings if one.kind == "exits"]
    assert exits
    assert "plait-sim" not in "".join(one.what for one in exits)


@pytest.mark.parametrize(
    ("seed", "names"), [(1, ("bank", "registers")), (2, ("documents",)), (6, ("catalogue",))]
)
def test_a_run_on_sqlite_keeps_every_promise_and_is_the_same_again(seed, names):
    config = Config(
        seed, work_s=8.0, think_s=0.05, workloads=names, storage="sqlite", faults=ROUGH,
        limits={"log_keep_bytes": 4096},
    )  # fmt: skip
    outcome = simulate(config, keep=True)
    assert outcome.ok, outcome.problems
    assert any("SQLite" in one.what for one in outcome.happenings if one.kind == "refused")
    assert simulate(config).digest == outcome.digest


@pytest.mark.turns(3)
@pytest.mark.parametrize("seed", range(3))
def test_documents_out_of_a_backup_and_empty_disks_are_sqlites_too(seed):
    config = Config(
        seed, nodes=5, work_s=10.0, workloads=("documents", "texts"), storage="sqlite",
        faults={"older_graphs": 1.0, "new_disk": 3.0, "rotten_log": 3.0, "power_cut": 3.0},
    )  # fmt: skip
    outcome = simulate(config)
    assert outcome.ok, outcome.problems


def test_a_few_seeds_are_drawn_to_run_on_sqlite():
    kinds = [draw(seed, tuple(WORKLOADS), tuple(FAULTS)).storage for seed in range(400)]
    assert 4 < kinds.count("sqlite") < 40
    config = msgspec.structs.replace(Config(1), storage="sqlite")
    assert load_config(to_toml(config).encode(), "toml") == config
