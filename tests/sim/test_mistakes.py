"""Every planted mistake is found, and (in `make sim`) nothing in the same world without it.

The seed that found it first is tried first; if that has moved, some more are, from the first on.
"""

import functools
import os
from pathlib import Path

import pytest
from mistake import Mistake, run_with
from mistakes import MISTAKES
from mistakes_found import FOUND
from mistakes_table import rows

from plait.sim.run import Problem, simulate

SEEDS = int(os.environ.get("SIM_MISTAKE_SEEDS", "20"))
CONTROLS = bool(os.environ.get("SIM_MISTAKE_CONTROLS"))  # as much again, so not in `make test`
_BY_NAME = {mistake.name: mistake for mistake in MISTAKES}


@functools.cache
def _without(name: str, seed: int) -> list[Problem]:
    return simulate(_BY_NAME[name].world(seed)).problems


def _finds(mistake: Mistake, seed: int) -> bool:
    if not run_with(mistake, mistake.world(seed)).problems:
        return False
    if not CONTROLS:
        return True
    same = next(m.name for m in MISTAKES if m.world is mistake.world)
    problems = _without(same, seed)
    assert problems == [], f"without the mistake seed {seed} fails as well: {problems}"
    return True


@pytest.mark.turns(3)
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_planted_mistake_is_found(mistake: Mistake) -> None:
    first = FOUND[mistake.name][0]
    assert any(_finds(mistake, seed) for seed in (first, *range(SEEDS))), (
        f"not found in {SEEDS} seeds: python tests/sim/campaign_mistakes.py --only {mistake.name}"
    )


def test_the_documents_have_the_table_of_what_was_found() -> None:
    root = Path(__file__).resolve().parents[2]
    text = (root / "docs" / "guide" / "testing.md").read_text()
    table = "\n".join(rows())
    assert table in text, "python tests/sim/mistakes_table.py prints what belongs there"
    assert f"These {len(MISTAKES)} are found" in text


def test_there_are_many_mistakes_each_of_its_own() -> None:
    assert len(_BY_NAME) == len(MISTAKES) >= 90
    assert set(FOUND) == set(_BY_NAME)
