"""Work on lines under faults keeps what was promised, and comes out the same again."""

import pytest
from workload_runs import NAMES, ROUGH, rough, run


@pytest.mark.turns(2)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_what_was_promised_is_kept_under_faults(name, seed):
    outcome, _ = rough(name, seed)
    assert outcome.ok, [problem.text for problem in outcome.problems]
    assert outcome.operations > 20
    struck = {happening.kind for happening in outcome.happenings}
    assert len(struck & {"kill", "stop", "cut", "reset", "power cut"}) >= 3


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", NAMES)
def test_a_run_comes_out_the_same_again(name):
    assert run(name, 1, ROUGH)[0].digest == rough(name, 1)[0].digest
