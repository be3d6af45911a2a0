"""The judge against the simplest one there is, on small random histories."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.check import MODELS, check_history, from_events
from plait.check.plan import Plan
from plait.check.search import Search
from tests.check.atomic import KINDS, atomic_history, brute_force, lie

seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=seeds, processes=st.integers(1, 6), values=st.integers(0, 3))
def test_what_an_atomic_object_did_is_linearizable(kind, seed, processes, values):
    random = Random(seed)
    # Of queues with lost answers only short histories can be decided quickly.
    operations = random.randrange(1, 12 if kind == "queue" else 60)
    events = atomic_history(random, kind, operations, processes, values, lost=0.1)
    assert check_history(events, kind, time_limit=None).linearizable


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=250, deadline=None, derandomize=True)
@given(seed=seeds, values=st.integers(0, 3), lost=st.sampled_from([0.0, 0.1, 0.4]))
def test_the_judge_agrees_with_brute_force(kind, seed, values, lost):
    random = Random(seed)
    events = atomic_history(random, kind, random.randrange(2, 12), random.randrange(2, 6), values,
                            lost)  # fmt: skip
    lie(random, events)
    operations = list(from_events(events).operations)
    expected = brute_force(MODELS[kind](), operations)
    verdict = check_history(events, kind, time_limit=None)
    assert verdict.linearizable is expected
    if kind not in ("set", "bank") or verdict.counterexample is None:
        search = Search(Plan(MODELS[kind](), operations))
        assert search.run() is expected


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "bank"])
@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=seeds, values=st.integers(0, 3), lost=st.sampled_from([0.0, 0.2]))
def test_a_counterexample_has_no_order_by_itself(kind, seed, values, lost):
    random = Random(seed)
    events = atomic_history(random, kind, 12 if kind == "queue" else 30, 4, values, lost)
    lie(random, events)
    verdict = check_history(events, kind)
    if verdict.counterexample is not None:
        shown = list(verdict.counterexample.operations)
        assert 1 <= len(shown) <= 20
        assert not all(
            brute_force(part.model, list(part.operations)) for part in MODELS[kind]().split(shown)
        )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(seed=seeds)
def test_operations_that_need_not_happen_are_judged_as_if_all_choices_were_tried(kind, seed):
    random = Random(seed)
    events = atomic_history(random, kind, 7, 3, random.choice([0, 2]), 0.1)
    lie(random, events)
    operations = list(from_events(events).operations)
    model = MODELS[kind]()
    definite = [place for place, operation in enumerate(operations) if operation.definite]
    spare = [place for place in definite if random.random() < 0.4]
    choices = []
    for kept in range(1 << len(spare)):
        left_out = {place for bit, place in enumerate(spare) if not kept >> bit & 1}
        choices.append([o for place, o in enumerate(operations) if place not in left_out])
    # To leave out a read is always the better choice; the search does not even look at it.
    expected = any(brute_force(model, choice) for choice in choices)
    assert Search(Plan(model, operations, frozenset(spare))).run() is expected


def test_a_search_goes_on_where_it_was_stopped():
    events = atomic_history(Random(5), "cas-register", 300, 8, 4)
    search = Search(Plan(MODELS["cas-register"](), from_events(events).operations))
    stops = 0
    while (answer := search.run(lambda: True)) is None:
        stops += 1
        search.configurations += 1  # so that the next look at the clock is not at once
        assert stops < 10_000
    assert answer is True
    assert stops > 0


def test_forgetting_configurations_changes_no_verdict():
    for seed in range(30):
        random = Random(seed)
        events = atomic_history(random, "cas-register", 40, 5, 3)
        lie(random, events)
        operations = from_events(events).operations
        remembering = Search(Plan(MODELS["cas-register"](), operations)).run()
        forgetful = Search(Plan(MODELS["cas-register"](), operations), limit=4).run()
        assert remembering is forgetful
