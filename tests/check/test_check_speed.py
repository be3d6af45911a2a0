"""How long judging may take, with generous bounds: a slow machine passes, a slow algorithm not."""

from random import Random

import msgspec
import pytest

from plait.check import check_history, parse_history
from tests.check.atomic import Events, atomic_history

pytestmark = pytest.mark.slow


def many_keys(kind: str, keys: int, operations: int, values: int, lost: float) -> Events:
    """Histories of many keys, mixed."""
    random = Random(1)
    each = []
    for key in range(keys):
        events = atomic_history(random, kind, operations, 5, values, lost)
        each.append([e | {"key": f"k{key}", "process": e["process"] + 1000 * key} for e in events])
    order = [key for key, events in enumerate(each) for _ in events]
    random.shuffle(order)
    remaining = [iter(events) for events in each]
    return [next(remaining[key]) for key in order]


@pytest.mark.parametrize(("kind", "values"), [("register", 0), ("cas-register", 5), ("kv", 0)])
def test_a_hundred_thousand_operations_on_a_thousand_keys_take_seconds(kind, values):
    events = many_keys(kind, 1000, 100, values, lost=0.01)
    lines = b"\n".join(map(msgspec.json.encode, events))
    verdict = check_history(parse_history(lines), kind, time_limit=60)
    assert verdict.linearizable
    assert verdict.parts == 1000
    assert verdict.elapsed_s < 30


@pytest.mark.parametrize(
    ("kind", "values"), [("register", 0), ("register", 5), ("cas-register", 5), ("queue", 0)]
)
def test_ten_thousand_operations_of_thirty_clients_on_one_key_take_seconds(kind, values):
    events = atomic_history(Random(2), kind, 10_000, 30, values)
    verdict = check_history(events, kind, time_limit=60)
    assert verdict.linearizable
    assert verdict.elapsed_s < 20


def test_a_violation_in_a_long_history_is_found_and_made_small():
    events = atomic_history(Random(3), "register", 10_000, 10, 0)
    answers = [e for e in events if e["type"] == "ok" and e["f"] == "read"]
    answers[-1]["value"] = answers[len(answers) // 2]["value"]
    verdict = check_history(events, "register", time_limit=60)
    assert verdict.linearizable is False
    assert verdict.counterexample is not None
    assert len(verdict.counterexample.operations) <= 5
    assert verdict.elapsed_s < 20
