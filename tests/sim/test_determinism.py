"""The same configuration gives the same run: again, in another process, with other hashes."""

import os
import subprocess
import sys

import msgspec
import pytest

from plait.sim.config import Config, draw
from plait.sim.faults import FAULTS
from plait.sim.loop import Deadlock, VirtualLoop, owner, run_virtually
from plait.sim.process import Process
from plait.sim.run import simulate
from plait.sim.workloads.all import WORKLOADS

SEEDS = range(1, 1 + int(os.environ.get("SIM_DIGESTS", "1")))  # of each workload

_PROGRAM = """
import sys
import msgspec
from plait.sim.config import Config
from plait.sim.run import simulate

for line in sys.stdin:
    print(simulate(msgspec.json.decode(line, type=Config)).digest, flush=True)
"""


def configs() -> list[Config]:
    """Every workload, with a few seeds, all faults and little time."""
    found = []
    for name in WORKLOADS:
        for seed in SEEDS:
            drawn = draw(seed, (name,), tuple(FAULTS))
            small = msgspec.structs.replace(
                drawn, nodes=3, clients=2, think_s=0.1, work_s=3.0, calm_s=20.0
            )
            found.append(msgspec.structs.replace(small, faults=dict.fromkeys(FAULTS, 8.0)))
    return found


def elsewhere(hash_seed: str) -> "subprocess.Popen[str]":
    """A process that prints digests."""
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_seed_gives_one_digest_in_processes_that_hash_differently():
    lines = "".join(msgspec.json.encode(config).decode() + "\n" for config in configs())
    processes = [elsewhere(seed) for seed in ("1", "77")]
    for process in processes:
        process.stdin.write(lines)
        process.stdin.close()
    first, second = ([*process.stdout] for process in processes)
    assert [process.wait(60) for process in processes] == [0, 0]
    named = [f"{config.workloads[0]} {config.seed}" for config in configs()]
    different = [name for name, one, two in zip(named, first, second, strict=True) if one != two]
    assert not different


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_seed_gives_one_digest_however_often_it_runs(name):
    config = next(one for one in configs() if one.workloads == (name,))
    first = simulate(config)
    simulate(Config(99, work_s=1.0))  # whatever ran before leaves nothing behind
    again = simulate(config, keep=True)
    assert (first.digest, first.operations) == (again.digest, again.operations)


def test_another_seed_gives_another_digest():
    digests = {simulate(Config(seed, work_s=1.0)).digest for seed in range(4)}
    assert len(digests) == 4


# ----------------------------------------------------------------------------- the loop


def on_loop(use):
    """Run a function with a loop, then turn it until nothing happens any more."""
    loop = VirtualLoop()
    use(loop)
    with pytest.raises(Deadlock):
        loop.run_forever()
    loop.close()
    return loop


def test_timers_of_one_time_run_in_the_order_in_which_they_were_set():
    ran = []

    def use(loop):
        for number in range(50):
            loop.call_at(1.0, ran.append, number)
        loop.call_at(0.5, ran.append, "first")

    loop = on_loop(use)
    assert ran == ["first", *range(50)]
    assert loop.time() == 1.0


def test_a_stopped_process_does_late_what_was_due_meanwhile():
    ran = []

    def use(loop):
        process = Process("p", loop)
        process.at(1.0, ran.append, "early")
        process._context.run(loop.call_at, 3.0, lambda: ran.append((loop.time(), "timer")))
        loop.call_at(2.0, process.stop)
        loop.call_at(5.0, process.go_on)

    on_loop(use)
    assert ran == ["early", (5.0, "timer")]


def test_a_killed_process_does_nothing_more():
    ran = []

    def use(loop):
        process = Process("p", loop)
        process._context.run(loop.call_at, 3.0, ran.append, "timer")
        process.soon(ran.append, "soon")
        loop.call_at(2.0, process.kill)

    on_loop(use)
    assert ran == ["soon"]


def test_cancelled_timers_are_forgotten_before_they_are_due():
    def use(loop):
        for _ in range(20_000):
            loop.call_at(1e6, print).cancel()
        assert len(loop._timers) < 10_000

    loop = on_loop(use)
    assert loop.time() == 0.0


def test_a_coroutine_runs_to_its_end_in_no_time():
    async def main():
        return owner.get()

    assert run_virtually(main) is None
