"""What the README says of planted mistakes is what the campaign found."""

import ast

from tests.house.source import ROOT, parsed


def found() -> dict[str, tuple[int, str]]:
    for statement in parsed(ROOT / "tests" / "sim" / "mistakes_found.py").body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            return dict(ast.literal_eval(statement.value))
    raise AssertionError("no FOUND in tests/sim/mistakes_found.py")


def test_most_mistakes_are_found_in_the_first_world_as_the_readme_says():
    seeds = [seed for seed, _ in found().values()]
    assert "most in the first world that is tried" in (ROOT / "README.md").read_text("utf-8")
    assert seeds.count(0) > len(seeds) / 2
