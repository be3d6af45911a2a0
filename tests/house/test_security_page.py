"""Every claim of docs/security.md names tests that exist."""

import ast
import re

import pytest

from tests.house.source import ROOT

PAGE = ROOT / "docs" / "security.md"
_CELL = re.compile(r"`(tests/[\w/.]+\.py|…)::(\w+)`")


def named() -> list[tuple[str, str]]:
    """The tests that the page names, each with its file; `…` is the file before."""
    found = []
    file = ""
    for match in _CELL.finditer(PAGE.read_text(encoding="utf-8")):
        file = file if match[1] == "…" else match[1]
        found.append((file, match[2]))
    return found


@pytest.mark.parametrize(("file", "test"), named())
def test_a_test_that_the_page_names_exists(file, test):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert test in [node.name for node in tree.body if isinstance(node, functions)]


def test_every_claim_of_the_page_has_a_test():
    text = PAGE.read_text(encoding="utf-8")
    claims = 0
    for table in re.findall(r"^\| claim \| test \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.M):
        for row in table.splitlines():
            assert _CELL.search(row), row
            claims += 1
    assert claims >= 10
