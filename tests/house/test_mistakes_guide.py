"""What the guide to testing says of planted mistakes is what the campaign found."""

import ast
import re

from tests.house.source import ROOT, parsed

_ROW = re.compile(r"^\| (?P<name>[a-z][a-z ]*) \| `.+: (?P<who>[^|]+) \| (?P<seeds>\d+) \|$", re.M)
_WHO = {"probe": "a probe", "liveness": "it did not end in time", "crash": "a client failed"}


def found() -> dict[str, tuple[int, str]]:
    for statement in parsed(ROOT / "tests" / "sim" / "mistakes_found.py").body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            return dict(ast.literal_eval(statement.value))
    raise AssertionError("no FOUND in tests/sim/mistakes_found.py")


def test_the_guide_lists_every_mistake_that_is_found_with_its_seed_and_who_noticed():
    guide = (ROOT / "docs" / "guide" / "testing.md").read_text(encoding="utf-8")
    said = {row["name"]: (int(row["seeds"]), row["who"]) for row in _ROW.finditer(guide)}
    so = {
        name.replace("_", " "): (seed + 1, _WHO.get(who, "its judge"))
        for name, (seed, who) in found().items()
    }
    assert said == so


def test_most_mistakes_are_found_in_the_first_world_as_the_readme_says():
    seeds = [seed for seed, _ in found().values()]
    assert "most in the first world that is tried" in (ROOT / "README.md").read_text("utf-8")
    assert seeds.count(0) > len(seeds) / 2
