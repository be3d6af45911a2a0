"""A node's connections to shared engines."""

from random import Random
from types import SimpleNamespace

import pytest

from plait.base.errors import Unavailable
from plait.base.ports import Clock
from plait.engines.shared import SharedEngine
from plait.node.engines import SILENT_S, Engines


class Watch:
    """A clock that stands until it is set."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall_ms(self) -> int:
        return 0


class Roster:
    async def named(self) -> str:
        return "shop"


async def test_an_engine_that_let_one_line_wait_does_not_let_the_next_ones_wait_as_well() -> None:
    clock, asked = Watch(), []

    async def connect(url: str, namespace: str, clock_: Clock, random: object) -> SharedEngine:
        asked.append(url)
        clock.now += 10.0 if "slow" in url else 0.1
        raise Unavailable(f"{url} does not answer")

    node = SimpleNamespace(clock=clock, random=Random(1), roster=Roster())
    engines = Engines(node, connect)
    for _ in range(3):
        with pytest.raises(Unavailable, match="slow does not answer"):
            await engines.get("nats://slow")
    assert asked == ["nats://slow"]
    clock.now += SILENT_S
    with pytest.raises(Unavailable):
        await engines.get("nats://slow")
    assert len(asked) == 2
    for _ in range(2):  # whoever refuses at once is asked each time
        with pytest.raises(Unavailable):
            await engines.get("nats://quick")
    assert len(asked) == 4
