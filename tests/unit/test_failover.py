"""Who is appointed on a leader–follower line, and when: the control leader's part."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from plait.line.entry import Epoch
from plait.node.config import Limits
from plait.node.failover import AGAIN_S, GRACE_S, LOOK_S, Failover, Report
from plait.types.commands import PreferZones
from plait.types.control import LineRecord
from plait.types.control_zones import prefer_zones
from tests.fakes import FakeClock

LINE = "leader/majority"
MEMBERS = ("n1", "n2", "n3", "n4", "n5")


class Rows:
    """A view of no rows at first."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, bytes], bytes | None] = {}

    def get(self, table: int, key: bytes) -> bytes | None:
        return self._rows.get((table, key))

    def put(self, table: int, key: bytes, value: bytes | None) -> None:
        self._rows[table, key] = value


class FakeNode:
    """The node n1, which leads the control line and follows on `LINE`, where n5 led."""

    def __init__(self) -> None:
        self.name = "n1"
        self.clock = FakeClock()
        self.config = SimpleNamespace(limits=Limits())
        self.down = {"n5"}
        self.followers = SimpleNamespace(reluctant=(), held=())
        self.appointed: list[str] = []
        self.control_machine = SimpleNamespace(
            lines=lambda view: [LineRecord(LINE, "majority", False, "n5", 0)],
            rule=lambda view, line: None,
            appointment=lambda view, line: None,
        )
        sender = SimpleNamespace(heard_within=lambda seconds, now: list(MEMBERS[:4]))
        membership = SimpleNamespace(voters=MEMBERS, witnesses=(), zones=(("n3", "eu"),))
        group = SimpleNamespace(loglet=SimpleNamespace(sender=sender))
        self.control = SimpleNamespace(
            line="control", leads=True, leader="n1",
            replica=SimpleNamespace(applied=1, view=Rows()), group=group, membership=membership,
        )  # fmt: skip
        self.lines = {LINE: SimpleNamespace(primary=None, membership=membership)}
        self.tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def command(self, line: str, command: Any) -> None:
        self.appointed.append(command.candidate)


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


async def silent(
    node: FakeNode, failover: Failover, reporters: tuple[str, ...], last: Epoch, for_s: float
) -> None:
    """So many followers miss their leader, and say so again and again."""
    until = node.clock.monotonic() + for_s
    while node.clock.monotonic() < until:
        for peer in reporters:
            failover.hear(peer, Report(LINE, "n5", last, 10, 0.0, False))
        failover.watch()
        await asyncio.gather(*node.tasks)
        node.clock.now_ms += round(1000 * LOOK_S)


async def test_the_control_leader_waits_a_moment_for_members_that_say_nothing(
    node: FakeNode,
) -> None:
    failover = Failover(node)  # type: ignore[arg-type]
    await silent(node, failover, ("n1", "n2", "n3"), Epoch(1, "n5"), GRACE_S - LOOK_S)
    assert node.appointed == []


async def test_a_member_that_hangs_does_not_keep_the_others_from_going_on(node: FakeNode) -> None:
    failover = Failover(node)  # type: ignore[arg-type]
    await silent(node, failover, ("n1", "n2", "n3"), Epoch(1, "n5"), GRACE_S + 2 * LOOK_S)
    assert node.appointed == ["n3"]


async def test_an_appointment_is_given_time_before_the_next(node: FakeNode) -> None:
    failover, everybody = Failover(node), MEMBERS[:4]  # type: ignore[arg-type]
    await silent(node, failover, everybody, Epoch(1, "n5"), AGAIN_S - LOOK_S)
    assert node.appointed == ["n4"]
    await silent(node, failover, everybody, Epoch(1, "n5"), 2 * LOOK_S)
    assert node.appointed == ["n4", "n4"]


async def test_a_leader_that_dies_soon_after_its_appointment_is_replaced_at_once(
    node: FakeNode,
) -> None:
    failover, everybody = Failover(node), MEMBERS[:4]  # type: ignore[arg-type]
    await silent(node, failover, everybody, Epoch(1, "n5"), LOOK_S)
    node.down = {"n4"}  # it led, at epoch 2, and is gone as well
    await silent(node, failover, ("n1", "n2", "n3"), Epoch(2, "n4"), GRACE_S + 2 * LOOK_S)
    assert node.appointed == ["n4", "n3"]


@pytest.mark.parametrize(("wanted", "chosen"), [(("eu",), "n3"), (("us",), "n4"), ((), "n4")])
async def test_of_followers_that_hold_alike_one_in_a_preferred_zone_is_appointed(
    node: FakeNode, wanted: tuple[str, ...], chosen: str
) -> None:
    prefer_zones(node.control.replica.view, PreferZones(LINE, wanted), True)
    await silent(node, Failover(node), ("n2", "n3", "n4"), Epoch(1, "n5"), 2 * GRACE_S)
    assert node.appointed == [chosen]
