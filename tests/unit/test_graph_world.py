"""Random worlds of a graph converge, whatever happens in them. See `graph_world`."""

import os

import pytest
from graph_world import run_world

FIRST, LAST = (int(n) for n in os.environ.get("GRAPH_SEEDS", "0:60").split(":"))


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_a_world_converges_and_loses_nothing(seed: int) -> None:
    roads = [("auto",), ("ops",), ("delta",), ("state",), ("auto", "ops", "delta", "state")]
    run_world(seed, roads=roads[seed % 5], history="forever" if seed % 3 == 2 else "stable")
