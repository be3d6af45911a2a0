"""What the README and the changelog say is so.

A ```python block is a whole program and is run in an empty folder; a `<!-- not run: why -->`
line right above one excuses it. In ```console blocks, lines that start with `$ plait` or
`$ make` must be commands, with options, that exist.
"""

import functools
import re
import shlex
import subprocess
import sys
import tomllib

import pytest
from click.testing import CliRunner

from plait.cli.main import cli
from tests.house.source import ROOT

README = ROOT / "README.md"
_BLOCK = re.compile(
    r"(?P<before>^[^\n]*\n+)?^```(?P<kind>\w+)[^\n]*\n(?P<body>.*?)^```", re.M | re.S
)

pytestmark = pytest.mark.skipif(not README.exists(), reason="there is no README.md")


def blocks(kind: str) -> list[str]:
    """Code blocks of one kind, without those that say that they are not run."""
    if not README.exists():
        return []
    return [
        match["body"]
        for match in _BLOCK.finditer(README.read_text(encoding="utf-8"))
        if match["kind"] == kind and "<!-- not run:" not in (match["before"] or "")
    ]


def commands(program: str) -> list[str]:
    """Commands of one program in the transcripts, each once."""
    lines = [line for body in blocks("console") for line in body.splitlines()]
    found = [line[2:] for line in lines if line.startswith(f"$ {program} ")]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("program", blocks("python"))
def test_an_example_runs(program, tmp_path):
    (tmp_path / "example.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", commands("plait"))
def test_a_plait_command_exists_with_its_options(command):
    words = _words(command)[1:]
    path: list[str] = []
    usage = _help(path)
    while words and "Commands:" in usage:
        if words[0].startswith("-"):
            break
        path.append(words.pop(0))
        usage = _help(path)
    assert path, f"no subcommand in {command!r}"
    for option in (word.split("=")[0] for word in words if word.startswith("-") and word != "-"):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", usage), option


@pytest.mark.parametrize("command", commands("make"))
def test_a_make_target_exists(command):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in (word for word in _words(command)[1:] if "=" not in word):
        assert re.search(rf"^{re.escape(target)}:", makefile, re.M), target


def test_the_changelog_mentions_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {version['project']['version']}" in changelog


def _words(command: str) -> list[str]:
    """The words of a shell line up to the first pipe, `&`, `;` or comment."""
    words = shlex.split(command, comments=True)
    stops = [number for number, word in enumerate(words) if word in ("|", "&", "&&", ";", ">")]
    return words[: stops[0]] if stops else words


def _help(path: list[str]) -> str:
    return _usage(tuple(path))


@functools.cache
def _usage(path: tuple[str, ...]) -> str:
    done = CliRunner().invoke(cli, [*path, "--help"], terminal_width=200, prog_name="plait")
    assert done.exit_code == 0, f"plait {' '.join(path)} --help: {done.output}"
    return done.output
