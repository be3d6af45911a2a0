"""What a node says to the replicas of its clients, and what it does not once it leaves."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from plait.api.messages import Failure, GraphSaid, GraphSay, LinkGraph
from plait.line.membership import Membership
from plait.node.guests import Guests

LINEAGE = "01" * 16
STAYS = Membership(("n1", "n2", "n3"))
LEAVES = Membership(("n1", "n2"), learners=("n3",))


class Replica:
    """The node's: what it hears, and a way to have it speak."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.peers: dict[str, Callable[[bytes], None]] = {}
        self.warrants: dict[str, object] = {}

    def linked(self, peer: str, say: Callable[[bytes], None], warrant: object) -> None:
        self.peers[peer] = say
        self.warrants[peer] = warrant

    def unlinked(self, peer: str) -> None:
        self.peers.pop(peer, None)

    def received(self, peer: str, data: bytes) -> None:
        self.heard.append(data)

    def say(self, data: bytes) -> None:
        for say in list(self.peers.values()):
            say(data)


class World:
    """One client of node n3."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.said: list[Any] = []
        graphs = SimpleNamespace(
            on_open=lambda tell: lambda: None,
            by_lineage=lambda lineage: self.replica,
            unlink=lambda lineage, peer: self.replica.unlinked(peer),
        )
        self.node = SimpleNamespace(name="n3", membership=STAYS, links={}, graphs=graphs)
        self.writes: tuple[str, ...] | None = None
        self.rights = SimpleNamespace(
            warrant=lambda lineage: f"of {lineage}",
            check_link=lambda lineage: None,
            writes=lambda lineage: self.writes,
        )
        self.guests = Guests(self.node, "guest", self.said.append, self.rights)
        self.guests.handle(LinkGraph(1, LINEAGE))


@pytest.fixture
def world() -> World:
    world = World()
    assert world.said == [GraphSaid(1, b"")]
    return world


async def test_a_client_is_told_what_the_nodes_replica_says(world: World):
    world.guests.handle(GraphSay(1, b"hello"))
    assert world.replica.heard == [b"hello"]
    world.replica.say(b"it is safe")
    assert world.said[1:] == [GraphSaid(1, b"it is safe")]


async def test_what_was_heard_before_a_node_knew_that_it_leaves_is_not_acknowledged_after(
    world: World,
):
    world.guests.handle(GraphSay(1, b"a write"))
    world.node.membership = LEAVES
    world.replica.say(b"it is safe")  # its disk was slower than the news
    (end,) = world.said[1:]
    assert isinstance(end, Failure)
    assert (end.id, end.code) == (1, "Unavailable")
    world.replica.say(b"it is safe")
    assert world.said[2:] == []
    await asyncio.sleep(0)
    assert world.replica.peers == {}


async def test_a_quiet_client_is_let_go_when_its_node_leaves(world: World):
    world.guests.look()
    assert world.said[1:] == []
    world.node.membership = LEAVES
    world.guests.look()
    (end,) = world.said[1:]
    assert isinstance(end, Failure)
    await asyncio.sleep(0)
    assert world.replica.peers == {}
    world.guests.close()  # twice is once


async def test_a_node_without_a_vote_hears_nothing(world: World):
    world.node.membership = LEAVES
    world.guests.handle(GraphSay(1, b"a write"))
    assert world.replica.heard == []
    world.guests.handle(LinkGraph(2, LINEAGE))
    assert [type(said) for said in world.said[1:]] == [Failure, Failure]


async def test_a_client_is_told_what_it_may_write_and_the_link_begins_anew_when_that_changes(
    world: World,
):
    world.writes = ("ours/",)
    world.rights.on_change()
    world.rights.on_change()  # before the first was looked at
    await asyncio.sleep(0)
    assert world.said[1:] == [GraphSaid(1, b"", ("ours/",))]
    world.rights.on_change()
    await asyncio.sleep(0)
    assert len(world.said) == 2, "nothing is news"
    world.guests.handle(GraphSay(1, b"still heard"))
    assert world.replica.heard == [b"still heard"]
