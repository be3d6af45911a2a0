"""The classic failures hold, and so does every configuration that once failed."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from plait.base.errors import BadSettings
from plait.sim.acts import ACTS
from plait.sim.config import Config, Step, load_config
from plait.sim.paths import PathRules
from plait.sim.report import to_toml
from plait.sim.run import simulate
from plait.sim.scenario import bundled, find_scenario

FOUND = tomllib.loads((Path(__file__).parent / "found_seeds.toml").read_text())["found"]
SCENARIOS = {scenario.name: scenario for scenario in bundled()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_classic_failure_does_not_happen(name):
    outcome = simulate(SCENARIOS[name].config)
    assert outcome.ok, outcome.problems[0].text


@pytest.mark.turns(3)
@pytest.mark.parametrize("found", FOUND, ids=lambda found: str(found["config"]["seed"]))
def test_what_once_failed_holds(found):
    outcome = simulate(msgspec.convert(found["config"], Config))
    assert outcome.ok, f"{found['what']}, again: {outcome.problems[0].text}"


def test_every_scenario_says_what_it_is_about():
    assert len(SCENARIOS) >= 10
    for scenario in SCENARIOS.values():
        assert len(scenario.about) > 60, scenario.name
        assert scenario.config.script, scenario.name


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_the_same_when_it_is_written_down(name):
    config = SCENARIOS[name].config
    assert load_config(to_toml(config).encode(), "toml") == config


def test_a_scenario_that_does_not_exist_says_where_to_look():
    with pytest.raises(BadSettings, match="--scenarios"):
        find_scenario("no-such-thing")


def test_a_file_that_is_no_scenario_says_what_is_wrong(tmp_path):
    (tmp_path / "bad.toml").write_text("seed = 1\nnode = 3\n")
    with pytest.raises(BadSettings, match="unknown field `node`"):
        find_scenario(str(tmp_path / "bad.toml"))


# ----------------------------------------------------------------------------- scripts


def performed(*steps: Step, **more):
    config = Config(1, script=steps, work_s=4.0, think_s=0.5, clients=1, **more)
    return simulate(config, keep=True)


def kinds(outcome):
    return [(one.kind, one.who, one.other) for one in outcome.happenings]


def test_a_step_happens_to_whom_it_names_at_its_time():
    outcome = performed(Step(1.0, "kill", ("n2",)), Step(2.0, "start", ("n2",)))
    assert outcome.ok
    killed, started = (
        next(one for one in outcome.happenings if (one.kind, one.who, one.what) == wanted)
        for wanted in (("kill", "n2", ""), ("start", "n2", "n2#2"))
    )
    assert started.at_s - killed.at_s == pytest.approx(1.0)


def test_a_name_that_a_step_gave_is_remembered():
    outcome = performed(
        Step(1.0, "stop", ("leader:registers as old",)), Step(3.0, "go_on", ("old",))
    )
    stopped = [who for kind, who, _ in kinds(outcome) if kind == "stop"]
    went_on = [who for kind, who, _ in kinds(outcome) if kind == "go on"]
    assert outcome.ok
    assert stopped == went_on
    assert stopped[0] in ("n1", "n2", "n3")


def test_a_path_is_cut_one_way_or_both():
    outcome = performed(Step(1.0, "cut", ("n1 > n2", "n3 | others")), Step(2.0, "mend"))
    cuts = [(who, other) for kind, who, other in kinds(outcome) if kind == "cut"]
    assert cuts == [("n1", "n2"), ("n3", "n1"), ("n3", "n2"), ("n1", "n3"), ("n2", "n3")]
    assert outcome.ok


def test_a_step_whose_time_never_comes_is_a_problem():
    outcome = performed(Step(99.0, "kill", ("n1",)))
    assert [(one.kind, one.text) for one in outcome.problems] == [
        ("script", "kill n1 at 99 s did not come about")
    ]


def test_a_step_that_finds_nobody_is_a_problem():
    outcome = performed(Step(1.0, "kill", ("leader:nonsense",)))
    assert [one.kind for one in outcome.problems] == ["script"]


def test_no_progress_is_a_problem():
    outcome = performed(Step(1.0, "power_cut", ("nodes",)), Step(3.0, "progress", by=1000))
    assert [one.kind for one in outcome.problems] == ["script"]
    assert "no progress" in outcome.problems[0].text


def test_an_order_that_is_not_carried_out_is_a_problem():
    outcome = performed(Step(1.0, "join", ("n9",)), Step(1.0, "cut", ("n9 | nodes",)))
    assert outcome.ok  # once the network is mended
    far = PathRules(latency_s=0.4)
    outcome = performed(Step(3.9, "join", ("n9",)), calm_s=1.0, paths=far)
    assert "the order to join n9 was not carried out" in [one.text for one in outcome.problems]


@pytest.mark.parametrize("to", ["nobody", "n7", "n1 > nobody"])
def test_a_script_that_names_no_machine_is_refused(to):
    with pytest.raises(BadSettings, match="no machine and no role"):
        performed(Step(1.0, "cut", (to,)))


def test_an_unknown_act_is_refused_with_those_that_there_are():
    with pytest.raises(BadSettings, match="power_cut"):
        performed(Step(1.0, "explode"))
    assert all(act.__doc__ for act in ACTS.values())
