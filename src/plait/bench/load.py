"""The load: a closed loop, and the port that every system under load implements.

Closed means that each writer waits for its answer before it sends the next, so N writers have at
most N writes in flight. Operations that end during the warm-up are not counted.
"""

import asyncio
import itertools
import random
from array import array
from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import perf_counter
from typing import ClassVar, Protocol

from plait.bench.measure import Sample, sample

VALUE_BYTES = 100
VALUE = "v" * VALUE_BYTES
WARM_UP_S = 0.3
ROWS_READ = 100  # that readers take turns over

Operation = Callable[[], Awaitable[object]]


class Driver(Protocol):
    """A client of one system, used in one way, that can put it under load."""

    system: ClassVar[str]  # "plait", or the name of a peer
    label: ClassVar[str]  # how: the client library, or what was set
    mode: ClassVar[str]  # `ONE` or `MANY`

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Connect, warm up, keep `in_flight` operations in flight for `seconds`, disconnect."""
        ...


ONE = "one connection"  # all that is in flight shares a connection
MANY = "connections"  # each operation in flight has a connection of its own


def fresh_keys() -> Iterator[str]:
    """Keys that no other call ever yields: every write makes a new row."""
    prefix = f"{random.getrandbits(48):012x}"
    return (f"{prefix}-{number}" for number in itertools.count())


async def closed_loop(
    operations: Sequence[Operation],
    seconds: float,
    *,
    weight: int = 1,
    warm_up_s: float = WARM_UP_S,
) -> Sample:
    """Repeat each operation, all at once, for `seconds` after the warm-up.

    weight: how many records an operation stands for. The first error ends the round.
    """
    begin = perf_counter() + warm_up_s
    end = begin + seconds
    latencies = array("d")

    async def repeat(operation: Operation) -> None:
        while True:
            started = perf_counter()
            await operation()
            ended = perf_counter()
            if ended > end:
                return
            if ended >= begin:
                latencies.append(ended - started)

    async with asyncio.TaskGroup() as group:
        for operation in operations:
            group.create_task(repeat(operation))
    return sample(latencies, seconds, weight)
