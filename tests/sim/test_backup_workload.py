"""Backups under faults, and the judge of them: whatever is broken on paper, it complains of."""

import copy
from functools import cache
from unittest.mock import patch

import pytest

from plait.sim.config import Config
from plait.sim.run import simulate
from plait.sim.workloads.all import WORKLOADS
from plait.sim.workloads.backups import Backups, Began, Row, judge_line

ROUGH = {"kill": 2.0, "pause": 3.0, "partition": 2.0, "power_cut": 6.0}


@cache
def run(seed, faults):
    made = []

    class Watched(Backups):
        def __init__(self, world, config):
            made.append(self)
            super().__init__(world, config)

    config = Config(
        seed, workloads=("backups",), think_s=0.05, work_s=4.0, faults=dict(faults),
        limits={"log_keep_bytes": 500},
    )  # fmt: skip
    with patch.dict(WORKLOADS, {"backups": Watched}):
        outcome = simulate(config)
    return outcome, made[0]


def calm():
    outcome, workload = run(3, ())
    assert outcome.ok, outcome.problems
    found = copy.copy(workload)
    found.found = copy.deepcopy(workload.found)
    assert found.found[-1].rows["kept-led"]
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_backups_keep_their_promises_under_faults(seed):
    outcome, workload = run(seed, tuple(ROUGH.items()))
    assert outcome.ok, outcome.problems
    assert workload.found


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (lambda found: found.rows["kept-led"].add("b9-9"), "nobody wrote"),
        (lambda found: found.counts.update(b0=10_000), "counted to"),
        (lambda found: setattr(found, "began", Began(0.0, ((1, 1),))), "lack what was seen"),
        (lambda found: setattr(found, "cluster", "sim"), "is 'sim' as well"),
        (lambda found: found.epochs.update(consensus=1), "goes on in epoch 1"),
        (lambda found: found.wrong.append("it is damaged"), "it is damaged"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_complained_of(tamper, complaint):
    workload = calm()
    tamper(workload.found[-1])
    assert complaint in "\n".join(workload.judge())


def test_an_id_that_somebody_has_is_complained_of():
    workload = calm()
    workload.found[-1].replica = next(iter(workload.replicas))
    assert "which another has" in "\n".join(workload.judge())


def test_a_lost_row_and_a_gap_are_complained_of():
    rows = {"a": Row(1.0, 2.0), "b": Row(3.0, 4.0), "c": Row(5.0, None)}
    assert list(judge_line("l", rows, {"a", "b", "c"}, Began(6.0, ()))) == []
    assert list(judge_line("l", rows, {"a"}, Began(3.5, ()))) == []
    assert "lost b" in next(judge_line("l", rows, {"a"}, Began(4.5, ())))
    assert "a is missing" in next(judge_line("l", rows, {"b"}, None))
