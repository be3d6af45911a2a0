"""Random worlds of a graph converge, whatever happens in them; and they find mistakes that are
planted. See `graph_world`.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from graph_world import run_world

from plait.base.causality import VersionVector
from plait.base.errors import PlaitError
from plait.graph.event import Batch
from plait.graph.history import History
from plait.graph.scope import Scope

FIRST, LAST = (int(n) for n in os.environ.get("GRAPH_SEEDS", "0:300").split(":"))
ROADS = [("auto",), ("ops",), ("delta",), ("state",), ("auto", "ops", "delta", "state")]


def settings(seed: int) -> dict[str, Any]:
    return {"roads": ROADS[seed % 5], "history": "forever" if seed % 3 == 2 else "stable"}


@pytest.mark.turns(2)
@pytest.mark.parametrize("block", range(FIRST, LAST, 10))
def test_worlds_converge_and_lose_nothing(block: int) -> None:
    for seed in range(block, min(block + 10, LAST)):
        try:
            run_world(seed, **settings(seed))
        except (AssertionError, PlaitError) as error:
            raise AssertionError(
                f"GRAPH_SEEDS={seed}:{seed + 1} pytest tests/unit/test_graph_world.py: {error}"
            ) from error


# ----------------------------------------------------------------------------- planted mistakes


def deliver_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(scope: Scope, author: int, now_ms: int | None, queue: list[int]) -> Batch | None:
        return scope.waiting.get(author, scope.vector.get(author, 0) + 1)

    monkeypatch.setattr(Scope, "_next", careless)


def fold_what_is_not_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scope, "cut", lambda scope: VersionVector(scope.vector))


def serve_deltas_that_do_not_reach_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(History, "reaches", lambda history, since: True)


def owe_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scope, "owed", lambda scope: [])


@pytest.mark.parametrize(
    "mistake",
    [
        deliver_without_waiting,
        fold_what_is_not_stable,
        serve_deltas_that_do_not_reach_back,
        owe_nothing,
    ],
)
def test_worlds_find_a_planted_mistake(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    for seed in range(150):
        try:
            run_world(seed, **settings(seed))
        except Exception:
            return
    pytest.fail("no world found it")
