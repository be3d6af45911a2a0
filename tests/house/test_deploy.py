"""What runs Plait elsewhere is right as far as that can be told here: its commands are the real
command line's, its settings are the real file's, and systemd takes its units."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from plait.cli.config_file import node_config, parse_members, read_config
from plait.cli.main import cli
from tests.house.source import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text()
UNITS = sorted(DEPLOY.glob("*.service"))


def parsed(words: list[str]) -> dict[str, object]:
    """The options of a command line, if the real command takes it; nothing is run."""
    command: click.Command = cli
    context = click.Context(cli, info_name="plait")
    while isinstance(command, click.Group):
        sub = command.make_context(context.info_name, list(words), parent=context.parent)
        words = [*sub._protected_args, *sub.args]
        name, found, words = command.resolve_command(sub, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=sub)
    return command.make_context(context.info_name, words, parent=context.parent).params


def in_unit(unit: Path) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    return shlex.split(line)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_that_there_is(unit: Path) -> None:
    program, *words = in_unit(unit)
    assert program.endswith("/plait")
    assert parsed(words)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_a_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("UNITS ARE NOT VERIFIED: this machine lacks systemd-analyze")
    for each in UNITS:  # with a program that is there
        text = each.read_text().replace("/opt/plait/bin/plait", sys.executable)
        (tmp_path / each.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "plait" in line]
    assert ours == []


def test_a_unit_gives_a_node_longer_to_stop_than_it_takes_to_drain() -> None:
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", (DEPLOY / "plait.service").read_text(), re.M)
    limits = node_config(read_config(DEPLOY / "plait.toml")).limits
    assert limits.drain_s < int(stop_s)
    assert limits.disk_reserve_bytes is not None


def test_three_nodes_in_containers_are_told_the_same() -> None:
    commands = [json.loads(line) for line in re.findall(r"command: (\[.*\])", COMPOSE)]
    options = [parsed(command) for command in commands]
    assert [each["name"] for each in options] == ["n1", "n2", "n3"]
    (members,) = {str(each["members"]) for each in options}
    assert len({(each["cluster"], each["leader"]) for each in options}) == 1
    for each in options:
        assert parse_members(members)[str(each["name"])] == each["listen"]


def test_the_containers_checks_are_commands_that_there_are() -> None:
    checks = [json.loads(line) for line in re.findall(r"test: (\[.*?\])", COMPOSE)]
    assert len(checks) == 3
    for kind, program, *words in checks:
        assert (kind, program) == ("CMD", "plait")
        assert parsed(words)


def test_a_container_serves_by_default_and_ends_in_order() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    (command,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert parsed(json.loads(command))["data"] == Path("/data")
    assert "STOPSIGNAL SIGTERM" in text
    assert "VOLUME /data" in text
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
