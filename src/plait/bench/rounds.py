"""Rounds: every driver in turn at every number in flight, again and again; medians over rounds.

Taking turns makes whatever drifts (a warm disk, a busy neighbour) hit every system alike.
"""

import gc
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from plait.bench.load import Driver
from plait.bench.measure import Sample, median_sample

Progress = Callable[[str], None]


async def measure_rounds(
    what: str,
    drivers: Sequence[Driver],
    in_flight: Sequence[int],
    seconds: float,
    rounds: int,
    progress: Progress,
    failed: list[str] | None = None,
) -> list[dict[str, Any]]:
    """A row of figures for each driver at each number in flight.

    failed: where to note a round that a system did not survive, so that the others go on and it
        keeps the rounds that it had. Without it the first error is raised.
    """
    samples: dict[tuple[int, Driver], list[Sample]] = {}
    for number in range(rounds):
        for count in in_flight:
            progress(f"{what}, round {number + 1} of {rounds}, {count} in flight")
            for driver in drivers:
                gc.collect()
                try:
                    found = await driver.measure(count, seconds)
                except Exception as error:  # whatever a client raises when its server gives up
                    if failed is None:
                        raise
                    name = f"{driver.system} {driver.label}"
                    failed.append(f"{what}, {count} in flight, {name}: {first_cause(error)!r}")
                    progress(failed[-1])
                    continue
                samples.setdefault((count, driver), []).append(found)
    return [
        {
            "mode": driver.mode,
            "in_flight": count,
            "system": driver.system,
            "client": driver.label,
            **msgspec.to_builtins(median_sample(found)),
            "rounds_per_s": [one.per_s for one in found],
        }
        for (count, driver), found in samples.items()
    ]


def first_cause(error: BaseException) -> BaseException:
    """The error that a group of errors began with."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
