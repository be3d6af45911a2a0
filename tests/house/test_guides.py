"""What the guides say is so.

The python blocks of those to conflicts, texts, lists, engines and feeds are programs, and run;
what a `print(...)  # text` says it prints, it prints. Commands in the console blocks of every page
exist, with their options, and so do the pages, and the headings on them, that a page points to.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import test_readme
from tests.house.source import ROOT
from tests.house.test_readme import _BLOCK, _help

GUIDE = ROOT / "docs" / "guide" / "conflicts.md"
TEXT_GUIDE = ROOT / "docs" / "guide" / "text.md"
LIST_GUIDE = ROOT / "docs" / "guide" / "lists.md"
ENGINE_GUIDE = ROOT / "docs" / "guide" / "engines.md"
FEED_GUIDE = ROOT / "docs" / "guide" / "feeds.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
_COMMAND = re.compile(r"^\$ (plait .*)$", re.M)
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
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


def _console(page: Path) -> list[str]:
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [match["body"] for match in found if match["kind"] == "console"]


COMMANDS = list(
    dict.fromkeys(
        command
        for page in PAGES
        for body in _console(page)
        for command in _COMMAND.findall(body.replace("\\\n", " "))
    )
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_a_guide_exists_with_its_options(command):
    test_readme.test_a_plait_command_exists_with_its_options(command)


def test_there_are_examples():
    assert PROGRAMS
    assert {"plait follower n3 --delay 4h", "plait prefer eu us"} <= set(COMMANDS)


def _anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [test_readme.README, *PAGES], ids=lambda page: page.stem)
def test_what_a_page_points_to_is_there(page):
    for path, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in _anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("option", ["--ours", "--theirs", "--pick", "--value", "--edit"])
def test_every_way_to_resolve_that_the_guide_names_exists(option):
    assert option in GUIDE.read_text(encoding="utf-8")
    assert option in _help(["conflicts", "resolve"])
