"""`plait sim`: a fixed set of seeds, campaigns, shrinking, the page, coverage, the command."""

import asyncio
import json
import tomllib

import msgspec
import pytest
from click.testing import CliRunner

from plait.cli import sim_campaign
from plait.cli.main import cli
from plait.cli.sim_workers import run_campaign
from plait.sim.campaign import Campaign, Found, Result, first_line, run_task
from plait.sim.config import Config, Step, draw, load_config
from plait.sim.coverage import Coverage, coverage_lines
from plait.sim.faults import FAULTS
from plait.sim.page import render_page
from plait.sim.report import Choice, to_toml, trace_lines
from plait.sim.run import Problem, simulate
from plait.sim.shrink import shrink, smaller
from plait.sim.timeline import Timeline
from plait.sim.trace import Happening
from plait.sim.workloads.all import WORKLOADS
from plait.sim.workloads.registers import Registers

# What a seed draws depends on what there is to choose from; this set stays.
SMALL = (
    ("registers", "bank", "appends", "queues", "counters"),
    ("kill", "power_cut", "pause", "partition", "one_way", "bridge", "reset", "bad_sync"),
)
QUICK = Config(1, work_s=2.0, clients=1)


@pytest.mark.turns(2)
@pytest.mark.parametrize("seed", range(20))
def test_a_seed_keeps_every_promise(seed):
    config = msgspec.structs.replace(draw(seed, *SMALL), work_s=5.0)
    outcome = simulate(config)
    assert outcome.ok, f"plait sim --scenario with\n{to_toml(config)}\n{outcome.problems[0].text}"


# ----------------------------------------------------------------------------- configurations


@pytest.mark.parametrize("seed", range(50))
def test_a_configuration_is_the_same_when_it_is_written_down(seed):
    config = draw(seed, tuple(WORKLOADS), tuple(FAULTS))
    assert load_config(to_toml(config).encode(), "toml") == config


def test_a_replay_names_what_the_seed_was_drawn_from():
    assert Choice().replay(7) == "plait sim --seed 7"
    choice = Choice(("registers", "bank"), ("kill",))
    assert choice.replay(7) == "plait sim --seed 7 --workload registers,bank --fault kill"


# ----------------------------------------------------------------------------- campaigns


def failed(seed, kind, text):
    return Result(seed, (Found(kind, text),))


def test_failures_that_differ_in_numbers_and_names_are_one_group():
    campaign = Campaign(Choice(), 0, 10)
    campaign.tell(failed(4, "bank", "account 'a17' has 93.5 at n2\nmore"))
    campaign.tell(failed(2, "bank", "account 'b3' has 7 at n11\nother"))
    campaign.tell(failed(9, "liveness", "r0 is not done 90 s after everything was mended:"))
    campaign.tell(Result(1))
    groups = campaign.groups()
    assert [(group.kind, group.seeds) for group in groups] == [("bank", (2, 4)), ("liveness", (9,))]
    assert groups[0].text == "account 'b3' has 7 at n11\nother"
    assert [one.seed for one in campaign.failed] == [2, 4, 9]


def test_a_traceback_is_known_by_its_last_line():
    text = "r0: Traceback (most recent call last):\n  File x, line 7\nKeyError: 'k7'\n"
    assert first_line(text) == first_line(text.replace("7", "12")) == "KeyError: '…'"


def test_who_waits_is_known_by_where():
    waits = 'r{} is not done:\n  File "x/plait/api/table.py", line {}, in {}\n  File "y/tasks.py", '
    lines = [
        first_line(waits.format(*one)) for one in ((1, 7, "get"), (2, 9, "get"), (2, 7, "put"))
    ]
    assert lines[0] == lines[1] == "… is not done: api/table.get"
    assert lines[2] != lines[0]


def test_a_campaign_has_as_many_seeds_as_it_is_told():
    campaign = Campaign(Choice(), 5, 3)
    assert [campaign.take().seed for _ in range(3)] == [5, 6, 7]
    assert campaign.take() is None


def test_what_a_run_raises_is_a_problem_of_its_seed():
    task = Campaign(Choice(("nonsense",)), 3, 1).take()
    result = run_task(task)
    assert (result.seed, result.problems[0].kind) == (3, "error")


def test_processes_find_what_this_one_finds():
    choice = Choice(("registers",), ("kill",))
    campaign = Campaign(choice, 3, 3)
    told = []
    asyncio.run(run_campaign(campaign, 2, None, told.append))
    assert sorted(one.seed for one in told) == [3, 4, 5]
    here = simulate(choice.draw(3))
    there = next(one for one in told if one.seed == 3)
    assert (there.digest, there.operations) == (here.digest, here.operations)


def test_a_seed_that_hangs_is_ended_and_another_process_goes_on():
    campaign = Campaign(Choice(("registers",)), 0, 2)
    asyncio.run(run_campaign(campaign, 1, None, lambda result: None, hang_s=0.05))
    assert [one.problems[0].kind for one in campaign.results] == ["hang", "hang"]
    assert "not done after 0.05 s" in campaign.results[0].problems[0].text


def test_a_campaign_ends_when_its_time_is_over():
    campaign = Campaign(Choice(("registers",), ()), 0, None)
    asyncio.run(run_campaign(campaign, 1, 0.5, lambda result: None))
    assert campaign.results
    assert len(campaign.results) == campaign.next


# ----------------------------------------------------------------------------- shrinking


def test_what_is_not_needed_is_left_out():
    config = Config(
        5,
        nodes=5,
        workloads=("registers", "bank", "queues"),
        clients=3,
        faults={"kill": 2.0, "pause": 2.0, "reset": 5.0},
        script=(Step(1.0, "kill", ("n1",)), Step(2.0, "start", ("n1",))),
        drift=0.02,
        limits={"log_keep_bytes": 4096},
    )

    def fails(one):
        return "kill" in one.faults and one.clients >= 2 and "bank" in one.workloads

    told = []
    found = shrink(config, fails, lambda what, one: told.append(what))
    assert found == Config(
        5, nodes=1, workloads=("bank",), clients=2, faults={"kill": found.faults["kill"]},
        work_s=found.work_s,
    )  # fmt: skip
    assert found.work_s < 2.0
    assert "without registers" in told
    assert not any(fails(one) for _, one in smaller(found) if one.work_s == found.work_s) or (
        found.faults["kill"] * 2 > found.work_s
    )


def test_other_seeds_are_tried_since_a_smaller_world_draws_other_chances():
    config = Config(5, faults={"kill": 2.0, "pause": 2.0})
    found = shrink(config, lambda one: "pause" in one.faults or one.seed > 2_000_000)
    assert not found.faults
    assert found.seed > 2_000_000


def test_what_fails_whatever_it_is_becomes_the_smallest_world_there_is():
    for seed in range(20):
        config = draw(seed, *SMALL)
        found = shrink(config, lambda one: True)
        name = found.workloads[0]
        assert found == Config(seed, 1, (name,), 1, found.think_s, work_s=found.work_s)
        assert found.work_s < 2.0


def test_a_configuration_that_fails_only_as_it_is_stays_as_it_is():
    config = Config(5, faults={"kill": 2.0}, clients=3)
    assert shrink(config, lambda one: one == config) == config


# ----------------------------------------------------------------------------- the page


def test_a_timeline_knows_how_machines_were():
    timeline = Timeline(
        [
            Happening(0.0, "start", "n1", "n1#1"),
            Happening(1.0, "kill", "n1", ""),
            Happening(2.0, "start", "n1", "n1#2"),
            Happening(2.5, "invoke", "r0", "put k 1"),
            Happening(3.0, "cut", "n1", "one way", "n2"),
            Happening(3.5, "ok", "r0", "put k 1"),
            Happening(4.0, "invoke", "r0", "get k"),
            Happening(5.0, "mend", "world", ""),
            Happening(6.0, "start", "finish", "finish#1"),
        ]
    )
    assert [lane.name for lane in timeline.ordered()] == ["world", "n1", "n2", "r0"]
    spans = [(s.kind, s.start_s, s.end_s) for s in timeline.lanes["n1"].spans]
    assert spans == [("down", 1.0, 2.0), ("cut", 3.0, 5.0)]
    assert [(c.source, c.target) for c in timeline.cuts] == [("n1", "n2")]
    operations = [(s.kind, s.start_s, s.end_s) for s in timeline.lanes["r0"].operations]
    assert operations == [("ok", 2.5, 3.5), ("open", 4.0, 6.0)]


def test_the_page_shows_a_run_and_fetches_nothing():
    outcome = simulate(
        msgspec.structs.replace(QUICK, script=(Step(1.0, "kill", ("n1",)),)), keep=True
    )
    page = render_page(outcome)
    assert outcome.digest in page
    assert "every promise was kept" in page
    assert page.count('class="name"') == len(list(Timeline(outcome.happenings).ordered()))
    assert "http" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page


def test_the_page_shows_a_failure_without_taking_it_for_html():
    outcome = simulate(QUICK, keep=True)
    outcome = msgspec.structs.replace(outcome, problems=[Problem("bank", "<b> is lost & gone")])
    page = render_page(outcome)
    assert "failed: bank" in page
    assert "&lt;b&gt; is lost &amp; gone" in page


def test_trace_lines_are_for_people():
    lines = list(trace_lines([Happening(1.25, "cut", "n1", "one way", "n2")]))
    assert lines == ["    1.2500  cut         n1         one way n2"]


# ----------------------------------------------------------------------------- coverage


def test_coverage_names_what_was_reached_and_what_never_was():
    watch = Coverage()
    with watch.watching():
        outcome = simulate(QUICK)
    files = {one.file: one for one in watch.files()}
    assert outcome.digest == simulate(QUICK).digest  # to be watched changes nothing
    core = files["line/raft/core.py"]
    assert "RaftCore.step" not in [place.name for place in core.never]
    never = {place.name for one in files.values() for place in one.never}
    assert "PrimaryCore.step" in never
    lines = list(coverage_lines(files.values()))
    assert any(line.startswith("line/raft/core.py") for line in lines)
    assert any("PrimaryCore.step" in line for line in lines)
    assert 0 < len(core.not_taken) < core.branches


# ----------------------------------------------------------------------------- the command


class Broken(Registers):
    """A workload that never holds."""

    def judge(self):
        yield "row 7 is lost"


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(WORKLOADS, "broken", Broken)
    (tmp_path / "quick.toml").write_text(to_toml(QUICK))
    broken = msgspec.structs.replace(QUICK, workloads=("broken", "registers"), faults={"kill": 1.0})
    (tmp_path / "broken.toml").write_text(to_toml(broken))
    return lambda *words: CliRunner().invoke(cli, ["sim", *words])


def test_a_run_prints_its_configuration_verdict_and_digest(run):
    done = run("--scenario", "quick.toml")
    assert done.exit_code == 0
    assert "work_s = 2.0" in done.output
    assert "every promise was kept" in done.output
    assert simulate(QUICK).digest in done.output


def test_a_run_can_be_traced_and_drawn(run, tmp_path):
    done = run("--scenario", "quick.toml", "--trace", "--html", "run.html")
    assert "start       n1         n1#1" in done.output
    assert (tmp_path / "run.html").read_text().startswith("<!doctype html>")


def test_a_failing_run_says_how_to_see_it_again_and_exits_with_1(run):
    done = run("--scenario", "broken.toml")
    assert done.exit_code == 1
    assert "broken: row 7 is lost" in done.output
    assert "again: plait sim --scenario broken.toml" in done.output


def test_shrinking_prints_a_scenario_that_fails_in_the_same_way(run, tmp_path):
    done = run("--scenario", "broken.toml", "--shrink")
    assert done.exit_code == 1
    assert tomllib.loads(done.stdout) == {"seed": 1, "workloads": ["broken"], "nodes": 1} | {
        "clients": 1, "work_s": 1.0,
    }  # fmt: skip
    assert "still fails without registers" in done.stderr


def test_a_run_that_holds_is_not_shrunk(run):
    done = run("--scenario", "quick.toml", "--shrink")
    assert done.exit_code == 0
    assert not done.stdout


def test_scenarios_are_listed_with_what_they_are_about(run):
    done = run("--scenarios")
    assert done.exit_code == 0
    assert "deposed-leader-reads" in done.output


def test_a_campaign_says_what_it_did_and_writes_it_down(run, tmp_path):
    done = run("--seeds", "2", "--workload", "registers", "--fault", "kill", "--json", "out.json")
    assert done.exit_code == 0
    assert "2 seeds, 0 failed" in done.output
    assert "virtual seconds per real second" in done.output
    report = json.loads((tmp_path / "out.json").read_text())
    assert [one["seed"] for one in report["results"]] == [0, 1]


def test_a_campaign_that_fails_groups_its_failures_and_exits_with_1(capsys):
    campaign = Campaign(Choice(("registers",)), 0, 2)
    code = sim_campaign.campaign_command(campaign, 2, None, None, hang_s=0.05)
    said = capsys.readouterr().out
    assert code == 1
    assert "2 seeds: hang: not done after" in said
    assert "plait sim --seed 1 --workload registers" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--workload", "nonsense"), "there is no 'nonsense'"),
        (("--seed", "1", "--scenario", "x"), "one of them"),
        (("--seeds", "2", "--trace"), "are for one run"),
        (("--scenario", "nowhere.toml"), "no such scenario"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_2(run, words, says):
    done = run(*words)
    assert done.exit_code == 2
    assert says in done.output
