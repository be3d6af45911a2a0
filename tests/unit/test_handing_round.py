"""The lead of a line goes round until somebody has it whose state is of use."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from plait.base.errors import HistoryTrimmed
from plait.node import audit
from plait.node.audit import Audits, behind
from tests.fakes import FakeClock

NAMES = ("n1", "n2", "n3", "n4")
LACKING = HistoryTrimmed("nobody has what stands at 0 any more", head=4)


class Ring:
    """Nodes that hand one line to each other at once; some have no state of use."""

    def __init__(self, leader: str, lacking: set[str], away: str = "") -> None:
        self.leader = leader
        self.lacking = lacking
        self.away = away
        self.led = [leader]
        self.clock = FakeClock()
        self.tasks: list[asyncio.Task[Any]] = []
        self.nodes = {name: Audits(self._node(name)) for name in NAMES}

    def _node(self, name: str) -> Any:
        host = Host(self, name)
        return SimpleNamespace(
            name=name, clock=self.clock, hosts=lambda: [host], host=lambda line: host,
            spawn=lambda work: self.tasks.append(asyncio.ensure_future(work)),
            send=lambda peer, message: None,
        )  # fmt: skip

    async def look(self, times: int) -> None:
        for _ in range(times):
            self.nodes[self.leader].watch()
            while self.tasks:
                await self.tasks.pop()


class Host:
    """What an audit asks of a line at one node."""

    line = "agreed"
    installed = 0

    def __init__(self, ring: Ring, name: str) -> None:
        self._ring = ring
        self._name = name
        self.membership = SimpleNamespace(voters=NAMES, votes=lambda name: True)
        self.group = SimpleNamespace(loglet=self)
        self.replica = SimpleNamespace(
            halted=None, needs_snapshot=LACKING if name in ring.lacking else None
        )

    @property
    def leads(self) -> bool:
        return self._ring.leader == self._name

    @property
    def leader(self) -> str:
        return self._ring.leader

    async def hand_over(self, target: str, timeout_s: float) -> Any:
        if target == self._ring.away:
            return SimpleNamespace(won=False, why="it did not take over in time")
        self._ring.leader = target
        self._ring.led.append(target)
        return SimpleNamespace(won=True, why="handed over")


def test_all_others_are_asked_beginning_with_the_next() -> None:
    assert behind(NAMES, "n1") == ["n2", "n3", "n4"]
    assert behind(NAMES, "n3") == ["n4", "n1", "n2"]
    assert behind(NAMES, "elsewhere") == list(NAMES)


@pytest.mark.parametrize("sane", NAMES)
async def test_the_lead_reaches_the_only_node_whose_state_is_of_use(sane: str) -> None:
    for first in set(NAMES) - {sane}:
        ring = Ring(first, set(NAMES) - {sane})
        for _ in range(len(NAMES)):
            if ring.leader != sane:
                await ring.look(1)
        assert ring.leader == sane
        assert len(ring.led) == len(set(ring.led)), "somebody was asked twice"


async def test_who_does_not_answer_is_passed_over() -> None:
    ring = Ring("n1", {"n1", "n2"}, away="n3")
    await ring.look(2)
    assert ring.led == ["n1", "n2", "n4"]


async def test_where_nobody_has_a_state_of_use_the_lead_stays_a_while() -> None:
    ring = Ring("n1", set(NAMES))
    await ring.look(20)
    assert ring.led == ["n1", "n2", "n3", "n4", "n1"]
    ring.clock.now_ms += int(1000 * audit.ROUND_S)
    await ring.look(20)
    assert ring.led == ["n1", "n2", "n3", "n4", "n1", "n2", "n3", "n4", "n1"]
