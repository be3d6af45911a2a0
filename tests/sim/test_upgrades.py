"""A rolling upgrade in the false world, and what its judge finds."""

import pytest

from plait.node.versions import Versions
from plait.sim.config import Config
from plait.sim.run import simulate
from plait.sim.workloads.upgrades import Upgrades

FAULTS = {"kill": 4.0, "partition": 4.0, "reset": 2.0}


def rolled(seed: int) -> Config:
    return Config(seed, workloads=("upgrades", "registers"), faults=FAULTS, work_s=12.0)


@pytest.mark.parametrize("seed", range(4))
def test_nodes_are_replaced_one_after_another_under_load(seed: int) -> None:
    outcome = simulate(rolled(seed))
    assert outcome.ok, outcome.problems
    assert outcome.operations > 10


def test_what_is_new_before_all_can_read_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Versions, "allows", lambda self, version: True)
    problems = [problem for seed in range(3) for problem in simulate(rolled(seed)).problems]
    assert any("read version 2" in problem.text for problem in problems)


def test_an_upgrade_that_is_never_enabled_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(self: Versions) -> None:
        return

    monkeypatch.setattr(Versions, "look", look)
    outcome = simulate(rolled(0))
    assert any(problem.kind in ("liveness", "upgrades") for problem in outcome.problems)


def test_with_documents_from_the_start_every_node_is_new() -> None:
    seen: list[bool] = []
    programs = Upgrades.programs

    def watched(self: Upgrades) -> object:
        seen.append(self.mixed)
        return programs(self)

    config = Config(1, workloads=("upgrades", "texts"), work_s=2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Upgrades, "programs", watched)
        assert simulate(config).ok
    assert seen == [False]
