"""`plait laws` as people run it."""

import pytest
from click.testing import CliRunner

from plait.cli.main import cli

MODULE = """
from tests.laws.right_types import MaxRegister
from tests.laws.wrong_registers import WallClockRegister

ready = MaxRegister()
three = 3

class Half:
    def zero(self): ...

class Needy(MaxRegister):
    def __init__(self, bound): ...
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `plait laws` in a folder that holds a module."""
    (tmp_path / "laws_example.py").write_text(MODULE)
    (tmp_path / "laws_broken_import.py").write_text("import no_such_package\n")
    (tmp_path / "laws_broken_code.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, ["laws", *arguments])


@pytest.mark.parametrize("name", ["MaxRegister", "ready"])
def test_a_class_or_an_instance_that_keeps_the_laws_ends_with_0(run, name):
    done = run(f"laws_example:{name}", "--seeds", "20")
    assert done.exit_code == 0, done.output
    assert "20 schedules" in done.output
    assert "broken" not in done.output


def test_a_broken_law_ends_with_1_and_the_command_that_shows_it_again(run):
    done = run("laws_example:WallClockRegister", "--replicas", "3")
    assert done.exit_code == 1
    replay = done.output.splitlines()[-1]
    assert replay.startswith("replay: plait laws laws_example:WallClockRegister --seed ")
    again = run(*replay.split()[3:])
    assert again.exit_code == 1
    assert again.output.splitlines()[-1] == replay


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("laws_nowhere:X", "no module laws_nowhere in "),
        ("laws_broken_import:X", "imports no_such_package, which is missing"),
        ("laws_broken_code:X", "ZeroDivisionError"),
        ("laws_example:Nope", "has no Nope; it has the graph types"),
        ("laws_example:Half", "it lacks prepare, apply, join"),
        ("laws_example:three", "is no graph type"),
        ("laws_example:Needy", "put an instance into the module"),
        ("laws_example", "neither MODULE:TYPE nor a tag"),
    ],
)
def test_what_is_no_graph_type_ends_with_2_and_says_what_to_do(run, target, said):
    done = run(target)
    assert done.exit_code == 2
    assert said in done.output


def test_no_target_or_two_is_a_usage_error(run):
    assert run().exit_code == 2
    assert run("laws_example:ready", "--all").exit_code == 2
