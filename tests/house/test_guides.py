"""What the guides to conflicts, texts, lists, engines and feeds say is so: their python blocks are
programs, and run.

What a `print(...)  # text` says it prints, it prints.
"""

import re
import subprocess
import sys

import pytest

from tests.house import test_readme
from tests.house.source import ROOT
from tests.house.test_readme import _BLOCK, _help

GUIDE = ROOT / "docs" / "guide" / "conflicts.md"
TEXT_GUIDE = ROOT / "docs" / "guide" / "text.md"
LIST_GUIDE = ROOT / "docs" / "guide" / "lists.md"
ENGINE_GUIDE = ROOT / "docs" / "guide" / "engines.md"
FEED_GUIDE = ROOT / "docs" / "guide" / "feeds.md"
PLACES_GUIDE = ROOT / "docs" / "guide" / "places.md"
_SAID = re.compile(r"^\s*print\(.*\)  # (.+)$", re.M)
PROGRAMS = [
    match["body"]
    for guide in (GUIDE, TEXT_GUIDE, LIST_GUIDE, ENGINE_GUIDE, FEED_GUIDE)
    for match in _BLOCK.finditer(guide.read_text(encoding="utf-8"))
    if match["kind"] == "python" and "<!-- not run:" not in (match["before"] or "")
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_guides_example_runs(program, tmp_path):
    (tmp_path / "example.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = _SAID.findall(program)
    assert not said or done.stdout.splitlines() == said


COMMANDS = list(
    dict.fromkeys(
        command
        for guide in (ENGINE_GUIDE, FEED_GUIDE, PLACES_GUIDE)
        for command in re.findall(r"^\$ (plait .*)$", guide.read_text(encoding="utf-8"), re.M)
    )
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_a_guide_exists_with_its_options(command):
    test_readme.test_a_plait_command_exists_with_its_options(command)


def test_there_are_examples():
    assert PROGRAMS


@pytest.mark.parametrize("option", ["--ours", "--theirs", "--pick", "--value", "--edit"])
def test_every_way_to_resolve_that_the_guide_names_exists(option):
    assert option in GUIDE.read_text(encoding="utf-8")
    assert option in _help(["conflicts", "resolve"])
