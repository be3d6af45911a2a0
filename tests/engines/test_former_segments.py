"""What a node keeps of the segments that its line has left, and what it does without."""

from typing import Any, cast

import pytest
from silenced_world import Silenced, World

from plait.base.codec import encode
from plait.base.errors import HistoryTrimmed, Unavailable
from plait.engines.chain import Chain
from plait.engines.conformance.engine import read_texts
from plait.engines.replica import Replica
from plait.node import silent
from plait.node.config import Limits
from plait.node.former import Former
from plait.node.segments import SHARED, SharedParams
from plait.node.silent import SilentEngines
from tests.fakes import FakeClock


class State:
    """A replica and its state file, which a power cut takes as far as it is not synced."""

    line = "agreed"
    needs_snapshot = None
    pace = None

    def __init__(self) -> None:
        self.applied = self.flushed = self.synced = 0
        self.flushes = True

    async def wait_applied(self, position: int) -> None:
        self.applied = max(self.applied, position)

    async def flush(self) -> None:
        if self.flushes:
            self.flushed = self.applied

    async def sync(self) -> None:
        self.synced = self.flushed


def former(chain: Chain, state: Any, folds: bool = True) -> Former:
    return Former(chain, state, state, FakeClock(), Limits(), folds)


async def test_a_node_has_gone_over_when_a_power_cut_cannot_take_what_was_before() -> None:
    chain, _, _ = await World().moved()
    state = State()
    left = former(chain, state)
    await left.look([])
    assert not left.gone_over, "it has not applied it"
    assert left.status()["gone_over"] is False
    await left.go_over()
    assert (state.synced, left.gone_over) == (2, True)


async def test_a_node_goes_over_by_itself_once_it_has_applied_what_was_before() -> None:
    chain, _, _ = await World().moved()
    state = State()
    left = former(chain, state)
    state.applied, state.flushes = 3, False  # as of a line that was stopped
    await left.look([])
    assert not left.gone_over
    state.flushes = True
    await left.look([])
    assert (state.synced, left.gone_over) == (3, True)
    await chain.extend(SHARED, encode(SharedParams(2, "nats://c")))
    assert not left.gone_over, "there is more to go over from"


async def test_who_keeps_no_state_has_gone_over() -> None:
    chain, _, _ = await World().moved()
    assert former(chain, State(), folds=False).gone_over


async def silenced() -> tuple[Chain, Silenced, State, FakeClock, SilentEngines]:
    """A chain that was asked in vain for what its first engine has."""
    world, state, clock = World(), State(), FakeClock()
    chain, _, loglet = await world.moved()
    state.flushed = 3
    loglet.silent = world.folds = True
    with pytest.raises(Unavailable):
        await chain.read(0, 2)
    return chain, loglet, state, clock, SilentEngines(chain, cast(Replica, state), clock)


async def test_an_engine_that_is_silent_for_too_long_is_done_without() -> None:
    chain, _, _, clock, engines = await silenced()
    await engines.look()
    assert chain.head == 0
    clock.now_ms += int(1000 * silent.SILENT_S) + 1
    await engines.look()
    with pytest.raises(HistoryTrimmed):
        await chain.read(0, 2)
    assert await read_texts(chain, 2, 3) == {2: "z"}


async def test_an_engine_that_answers_again_in_time_is_not_done_without() -> None:
    chain, loglet, _, clock, engines = await silenced()
    for silent_s in (silent.SILENT_S - 1, 2, silent.SILENT_S):
        await engines.look()
        loglet.silent = False
        await engines.look()
        assert not chain.unanswered
        clock.now_ms += int(1000 * silent_s)
        loglet.silent = True
        with pytest.raises(Unavailable):
            await chain.read(0, 2)
    await engines.look()
    assert chain.head == 0


async def test_what_the_state_lacks_is_not_done_without() -> None:
    chain, loglet, state, clock, engines = await silenced()
    state.flushed = 1
    await engines.look()
    clock.now_ms += int(2000 * silent.SILENT_S)
    await engines.look()
    assert chain.head == 0
    loglet.silent = False
    assert await read_texts(chain, 0, 3) == {0: "x", 1: "y", 2: "z"}
