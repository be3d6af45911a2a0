"""The scenario `sim`: its worlds, its figures and its table."""

import io

import msgspec
import pytest
from rich.console import Console

from plait.bench.report_sim import print_sim
from plait.bench.sim import MIXED, SimOptions, faulty, run, run_sim
from plait.sim.faults import FAULTS
from plait.sim.workloads.all import WORKLOADS

SMALL = SimOptions((("registers",), ("counters", "members")), seeds=1, rounds=1, campaign=1)


def printed(figures):
    console = Console(file=io.StringIO(), width=80)
    print_sim(figures, console)
    return console.file.getvalue()


def test_every_workload_is_measured_alone_and_most_are_measured_together():
    measured = SimOptions().workloads
    assert {names[0] for names in measured if len(names) == 1} == set(WORKLOADS)
    assert {len(names) for names in MIXED} == {3}
    assert {name for names in MIXED for name in names} <= set(WORKLOADS)


def test_a_measured_world_has_three_nodes_and_every_fault():
    config = faulty(7, ("bank",))
    assert (config.seed, config.nodes, config.workloads) == (7, 3, ("bank",))
    assert set(config.faults) == set(FAULTS)


def test_figures_of_worlds_and_of_a_campaign_are_measured_and_shown():
    figures = run_sim(SMALL)
    assert list(figures["worlds"]) == ["registers", "counters+members"]
    for found in (*figures["worlds"].values(), figures["all"], figures["campaign"]):
        assert found["virtual_per_cpu_s"] >= found["virtual_per_cpu_s_least"] > 0
        assert found["events_per_cpu_s"] > found["events_per_virtual_s"] > 0
    assert not figures["failed"]
    text = printed(figures)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    for shown in (
        "registers ",
        "counters+members",
        "a campaign",
        "A night of 8 hours",
        f"{len(FAULTS)} kinds",
    ):
        assert shown in text


def test_a_world_that_fails_is_shown_and_a_campaign_may_be_left_out():
    figures = run_sim(msgspec.structs.replace(SMALL, workloads=(("members",),), campaign=0))
    figures["failed"] = ["members, seed 1: it did not come to an end"]
    assert "it did not come to an end" in printed(figures)
    assert "campaign" not in printed(figures)


def test_a_quick_run_says_so():
    assert SimOptions().quick().rounds == 1
    figures = run_sim(msgspec.structs.replace(SMALL, workloads=(("members",),), campaign=0))
    assert "quick run" not in printed(figures)
    figures["options"]["quick_run"] = True
    assert "quick run" in printed(figures)


def test_a_workload_that_there_is_not_is_refused(capsys):
    assert run(["--workload", "registers,knitting"]) == 2
    assert "knitting" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--seeds", "--rounds", "--campaign"])
def test_options_are_numbers(option, capsys):
    with pytest.raises(SystemExit):
        run([option, "many"])
    assert "invalid int" in capsys.readouterr().err
