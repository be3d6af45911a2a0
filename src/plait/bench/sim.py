"""The scenario `sim`: how much faster than the clock on the wall the simulator is.

Its peer is real time. Every world has three nodes and every kind of fault, each as often as a
campaign has it on average; one world a workload, then a few with several at once. Campaigns are
measured too, as they come: what a seed draws. Worlds run in this process, one after the other, as
in a campaign's worker; the same world does the same work however often it runs.

Medians are over seeds and rounds. A world that fails is a failure of the measurement, for it may
have ended early.
"""

import argparse
import gc
import os
import platform
import time
from collections.abc import Sequence
from itertools import chain
from statistics import median
from typing import Any

import msgspec
from rich.console import Console

from plait.bench.command import all_known, progress_beside, write_figures
from plait.bench.report_sim import print_sim
from plait.bench.rounds import Progress
from plait.sim.config import Config, draw
from plait.sim.faults import FAULTS
from plait.sim.run import simulate
from plait.sim.workloads.all import WORKLOADS

EVERY_S = 5.0  # between two faults of a kind, on average: the middle of what seeds draw
MIXED = (
    ("registers", "documents", "bank"),
    ("queues", "texts", "sessions"),
    ("counters", "catalogue", "feeds"),
    ("mirrors", "conflicts", "appends"),
)
CAMPAIGN = "campaign"


class SimOptions(msgspec.Struct, frozen=True):
    """What to measure, and how much of it."""

    workloads: tuple[tuple[str, ...], ...] = (*((name,) for name in WORKLOADS), *MIXED)
    seeds: int = 3  # of each world
    rounds: int = 3
    campaign: int = 40  # seeds, each drawn as `plait sim` draws it
    quick_run: bool = False

    def quick(self) -> "SimOptions":
        """One seed and one round of each; not to be quoted."""
        return msgspec.structs.replace(self, seeds=1, rounds=1, campaign=10, quick_run=True)


class Run(msgspec.Struct, frozen=True):
    """What one world took."""

    virtual_s: float
    cpu_s: float
    wall_s: float
    events: int
    operations: int
    problems: tuple[str, ...] = ()


def run_sim(options: SimOptions, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Measure; the figures as JSON-like values. `failed` names worlds that failed."""
    worlds = {
        "+".join(names): [faulty(seed, names) for seed in range(1, options.seeds + 1)]
        for names in options.workloads
    }
    if options.campaign:
        drawn = range(options.campaign)
        worlds[CAMPAIGN] = [draw(seed, tuple(WORKLOADS), tuple(FAULTS)) for seed in drawn]
    failed: dict[str, None] = {}
    runs: dict[str, list[Run]] = {name: [] for name in worlds}
    simulate(Config(0, work_s=1.0))  # what is done once in a process is no world's doing
    gc.collect()
    gc.freeze()  # as a campaign's worker does
    try:
        for number in range(options.rounds):
            for name, configs in worlds.items():
                progress(f"{name}, round {number + 1} of {options.rounds}")
                for config in configs:
                    runs[name].append(found := measure(config))
                    failed |= dict.fromkeys(
                        f"{name}, seed {config.seed}: {text}" for text in found.problems
                    )
    finally:
        gc.unfreeze()
    alone = [name for name in worlds if name != CAMPAIGN]
    return {
        "scenario": "sim",
        "options": msgspec.to_builtins(options),
        "faults": dict.fromkeys(FAULTS, EVERY_S),
        "machine": _machine(),
        "failed": list(failed),
        "worlds": {name: _figures(runs[name]) for name in alone},
        "all": _figures([run for name in alone for run in runs[name]]),
        CAMPAIGN: _figures(runs[CAMPAIGN]) if options.campaign else {},
    }


def faulty(seed: int, workloads: tuple[str, ...]) -> Config:
    """Three nodes, two clients of each workload, and everything that can fail failing."""
    return Config(seed, workloads=workloads, faults=dict.fromkeys(FAULTS, EVERY_S))


def measure(config: Config) -> Run:
    """Run a world, and see what that takes; what it leaves behind is collected within it."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    outcome = simulate(config)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    problems = tuple(one.text.splitlines()[0] for one in outcome.problems)
    return Run(outcome.virtual_s, cpu_s, wall_s, outcome.events, outcome.operations, problems)


def _figures(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "virtual_per_cpu_s": median(run.virtual_s / run.cpu_s for run in runs),
        "virtual_per_cpu_s_least": min(run.virtual_s / run.cpu_s for run in runs),
        "virtual_per_wall_s": median(run.virtual_s / run.wall_s for run in runs),
        "events_per_cpu_s": median(run.events / run.cpu_s for run in runs),
        "events_per_virtual_s": median(run.events / run.virtual_s for run in runs),
        # not a median: a night has the long worlds too
        "seeds_per_cpu_s": len(runs) / sum(run.cpu_s for run in runs),
        "operations": median(run.operations for run in runs),
    }


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def run(arguments: Sequence[str]) -> int:
    """``plait bench sim …``: print a table; the exit code."""
    parsed = _parser().parse_args(list(arguments))
    options = SimOptions(seeds=parsed.seeds, rounds=parsed.rounds, campaign=parsed.campaign)
    if parsed.workload:
        chosen = tuple(tuple(names.split(",")) for names in parsed.workload)
        if not all_known("workload", chain.from_iterable(chosen), WORKLOADS):
            return 2
        options = msgspec.structs.replace(options, workloads=chosen)
    figures = run_sim(options.quick() if parsed.quick else options, progress_beside())
    print_sim(figures, Console())
    write_figures(figures, parsed.json)
    return 1 if figures["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plait bench sim",
        description="The simulator beside real time: three nodes with every kind of fault, each "
        "workload alone and several at once, then a campaign's seeds as they are drawn.",
    )
    parser.add_argument("--quick", action="store_true", help="one seed and one round of each")
    parser.add_argument("--seeds", type=int, default=3, help="so many worlds of each kind")
    parser.add_argument("--rounds", type=int, default=3, help="and each so often")
    parser.add_argument("--campaign", type=int, default=40, help="drawn seeds; 0 for none")
    parser.add_argument(
        "--workload", metavar="A,B", action="append",
        help="only a world with these, again for more",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write every figure there too")
    return parser
