"""Figures: percentiles, medians, and the closed loop that makes them."""

import asyncio

import pytest

from plait.bench.load import closed_loop, fresh_keys
from plait.bench.measure import Sample, median_sample, percentile, sample


def test_a_percentile_is_a_value_that_was_measured():
    values = [1.0, 2.0, 3.0, 4.0]
    assert percentile(values, 0.5) == 2.0
    assert percentile(values, 0.51) == 3.0
    assert percentile(values, 0.99) == 4.0
    assert percentile(values, 0.0) == 1.0
    assert percentile([7.0], 0.99) == 7.0


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_sample_counts_every_record_of_a_batch_once():
    found = sample([0.001, 0.003, 0.002], seconds=2.0, weight=16)
    assert found == Sample(per_s=24.0, p50_ms=2.0, p99_ms=3.0)


def test_a_round_in_which_nothing_ended_is_an_error():
    with pytest.raises(RuntimeError, match="no operation"):
        sample([], seconds=1.0)


def test_medians_are_taken_figure_by_figure():
    rounds = [Sample(1.0, 9.0, 5.0), Sample(3.0, 8.0, 50.0), Sample(2.0, 1.0, 7.0)]
    assert median_sample(rounds) == Sample(2.0, 8.0, 7.0)


def test_keys_never_repeat():
    one, other = fresh_keys(), fresh_keys()
    keys = [next(source) for _ in range(100) for source in (one, other)]
    assert len(set(keys)) == len(keys)


async def test_each_writer_has_one_operation_in_flight():
    running = most = calls = 0

    async def operation():
        nonlocal running, most, calls
        running += 1
        calls += 1
        most = max(most, running)
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        running -= 1

    found = await closed_loop([operation] * 4, 0.5, warm_up_s=0.0)
    assert most == 4
    assert 0 < found.per_s * 0.5 <= calls


async def test_the_first_error_ends_the_round():
    async def fails():
        raise ConnectionError("gone")

    async def endless():
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await closed_loop([endless, fails], 60.0)
    assert caught.group_contains(ConnectionError)
