"""Rounds: everybody in turn, and what becomes of a round that fails."""

import pytest

from plait.bench.load import ONE
from plait.bench.measure import Sample
from plait.bench.rounds import measure_rounds


class Driver:
    label = "client"
    mode = ONE

    def __init__(self, system, calls, outcomes):
        self.system = system
        self.calls = calls
        self.outcomes = iter(outcomes)

    async def measure(self, in_flight, seconds):
        self.calls.append((self.system, in_flight))
        outcome = next(self.outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return Sample(outcome, 1.0, 2.0)


def quiet(text):
    pass


async def test_each_round_visits_every_system_at_every_number_in_flight():
    calls = []
    drivers = [Driver("a", calls, [1.0, 2.0, 3.0, 4.0]), Driver("b", calls, [5.0, 6.0, 7.0, 8.0])]
    rows = await measure_rounds("writes", drivers, [1, 16], 0.1, 2, quiet)
    assert calls == [("a", 1), ("b", 1), ("a", 16), ("b", 16)] * 2
    assert [(row["system"], row["in_flight"], row["per_s"]) for row in rows] == [
        ("a", 1, 2.0),
        ("b", 1, 6.0),
        ("a", 16, 3.0),
        ("b", 16, 7.0),
    ]
    assert rows[0]["rounds_per_s"] == [1.0, 3.0]


async def test_a_failed_round_is_noted_with_its_first_cause_and_the_others_go_on():
    group = ExceptionGroup("tasks", [ExceptionGroup("more", [ConnectionError("gone")])])
    drivers = [Driver("a", [], [1.0, group, 3.0]), Driver("b", [], [group, group, group])]
    failed = []
    rows = await measure_rounds("writes", drivers, [16], 0.1, 3, quiet, failed)
    assert [(row["system"], row["rounds_per_s"]) for row in rows] == [("a", [1.0, 3.0])]
    assert len(failed) == 4
    assert failed[0] == "writes, 16 in flight, b client: ConnectionError('gone')"


async def test_without_a_place_to_note_it_a_failure_is_raised():
    drivers = [Driver("a", [], [ConnectionError("gone")])]
    with pytest.raises(ConnectionError):
        await measure_rounds("writes", drivers, [16], 0.1, 3, quiet)
