"""Runs of one workload, rough and calm, and what a judge says of a record that was tampered with.

A judge that cannot complain proves nothing. So every promise has a test that breaks it on paper.
"""

import copy
from functools import cache
from unittest.mock import patch

from plait.sim.config import Config
from plait.sim.run import simulate
from plait.sim.workloads.all import WORKLOADS

NAMES = (
    "appends", "bank", "catalogue", "consumers", "counters", "feeds", "queues", "rights",
    "sessions",
)  # fmt: skip
ROUGH = {"kill": 2.0, "pause": 3.0, "partition": 2.0, "power_cut": 6.0, "reset": 2.0}
WORKLOADS_THEN = dict(WORKLOADS)


def config(name, seed, faults):
    return Config(seed, workloads=(name,), think_s=0.1, faults=faults, work_s=6.0)


def run(name, seed, faults):
    """What came of it, and the workload with all that it recorded."""
    made = []

    class Watched(WORKLOADS_THEN[name]):
        def __init__(self, world, config):
            made.append(self)
            super().__init__(world, config)

    with patch.dict(WORKLOADS, {name: Watched}):
        outcome = simulate(config(name, seed, faults), keep=True)
    return outcome, made[0]


@cache
def rough(name, seed):
    return run(name, seed, ROUGH)


@cache
def calm(name):
    outcome, workload = run(name, 7, {})
    assert outcome.ok, outcome.problems
    assert outcome.operations > 30
    return workload


def tampered(name):
    """A run where nothing failed, to be tampered with."""
    found = copy.copy(calm(name))
    for key, value in vars(found).items():
        if key not in ("world", "config", "record"):
            setattr(found, key, copy.deepcopy(value))
    found.record = copy.copy(found.record)
    found.record.deeds = copy.deepcopy(found.record.deeds)
    return found


def complaints(workload):
    return "\n".join(workload.judge())
