"""Which node a guest is linked with, and for how long, when nodes are of no use."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from plait.api.infos import GraphInfo
from plait.api.messages import Answer, Cancel, GraphSaid, GraphSay
from plait.api.settings import Eventual
from plait.base.errors import PlaitError, Unavailable
from plait.client import guest as guests
from plait.client.attempts import Attempts
from plait.client.guest import Guest, open_guest
from plait.client.limits import ClientLimits
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryStorage
from plait.types.paths import Path

LINEAGE = "0123456789abcdef" * 2
TITLE: Path = ("r:title",)
LIMITS = ClientLimits(pause_min_s=0.001, pause_max_s=0.002)


class Node:
    """A node with a replica; what it says can be held back."""

    def __init__(self, name: str, replica: Replica) -> None:
        self.name = name
        self.replica = replica
        self.deaf = False  # it takes links, and hears and says nothing
        self.refuses = False
        self.links: list[FakeLink] = []
        self.linked = 0


class FakeLink:
    """A client's connection with a node."""

    def __init__(self, node: Node) -> None:
        self.node = node.name
        self.at = node
        self._heard: Callable[[Answer | PlaitError], None] | None = None

    def request(self, outcome: Callable[[Answer | PlaitError], None], *_: Any) -> int:
        self.at.linked += 1
        self.at.links.append(self)
        self._heard = outcome
        if self.at.refuses:
            self._later(self.end)
        elif not self.at.deaf:
            self._later(outcome, GraphSaid(1, b""))
            self.at.replica.linked(
                f"guest{id(self)}", lambda data: self._later(self._say, GraphSaid(1, data))
            )
        return 1

    def _say(self, said: GraphSaid) -> None:
        if self._heard is not None and not self.at.deaf:
            self._heard(said)

    def tell(self, message: Any) -> None:
        if isinstance(message, GraphSay):
            self._later(self._hear, message.data)
        elif isinstance(message, Cancel):
            self.at.replica.unlinked(f"guest{id(self)}")

    def _hear(self, data: bytes) -> None:
        if not self.at.deaf:
            self.at.replica.received(f"guest{id(self)}", data)

    def forget(self, _: int) -> None:
        self._heard = None
        if self in self.at.links:
            self.at.links.remove(self)

    def end(self) -> None:
        if self._heard is not None:
            self._heard(Unavailable("the connection broke"))

    def _later(self, call: Callable[..., None], *arguments: Any) -> None:
        asyncio.get_running_loop().call_soon(call, *arguments)


class FakeCluster:
    """Nodes in their turn."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes
        self.clock = SystemClock()
        self.random = random.Random(1)
        self._turn = 0

    def attempts(self, timeout_s: float) -> Attempts:
        return Attempts(LIMITS, self.random, timeout_s)

    async def any_link(self, avoid: Sequence[str] = ()) -> FakeLink:
        nodes = [node for node in self.nodes if node.name not in avoid] or list(self.nodes)
        self._turn += 1
        return FakeLink(nodes[self._turn % len(nodes)])


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "TAKEN_S", 0.2)
    monkeypatch.setattr(guests, "KEPT_S", 0.6)
    monkeypatch.setattr(guests, "LEAVE_S", 0.3)


@pytest.fixture
async def two() -> AsyncIterator[tuple[Node, Node]]:
    nodes = []
    for name, founds in (("n1", True), ("n2", False)):
        options = GraphOptions("notes", LINEAGE, 4711, founds, name)
        replica = await open_replica(options, MemoryStorage(), SystemClock(), random.Random(name))
        nodes.append(Node(name, replica))
    one, other = nodes
    loop = asyncio.get_running_loop()
    there, here = one.replica.received, other.replica.received
    one.replica.linked("n2", lambda data: loop.call_soon(here, "n1", data) and None)
    other.replica.linked("n1", lambda data: loop.call_soon(there, "n2", data) and None)
    await other.replica.ready(10.0)
    yield one, other
    await one.replica.close()
    await other.replica.close()


async def opened(cluster: FakeCluster) -> Guest:
    info = GraphInfo("notes", LINEAGE, 4711, Eventual(), "n1")
    return await open_guest(cluster, info)  # type: ignore[arg-type]


async def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


def put(replica: Replica, value: str) -> None:
    replica.mutate("k", TITLE, ("set", value))


def has(replica: Replica, author: int, seq: int) -> bool:
    return replica.vector.get(author, 0) >= seq


async def test_a_guest_goes_where_it_is_taken_in_and_stays_there(two: tuple[Node, Node]):
    one, other = two
    one.deaf = True
    guest = await opened(FakeCluster(one, other))
    linked = one.linked, other.linked
    await asyncio.sleep(1.0)
    assert (one.linked, other.linked) == linked
    assert len(other.links) == 1
    await guest.close()


async def test_a_member_whose_node_keeps_nothing_flushes_at_another(two: tuple[Node, Node]):
    one, other = two
    cluster = FakeCluster(one, other)
    guest = await opened(cluster)
    mine = next(node for node in two if node.links)
    mine.deaf = True  # its disk hangs: it takes the connection and acknowledges nothing
    put(guest.replica, "unsent")
    async with asyncio.timeout(5.0):
        await guest.replica.flush()
    there = other if mine is one else one
    assert len(there.links) == 1
    assert has(there.replica, guest.replica.replica, guest.replica.parts.scope.next_seq - 1)
    await guest.close()


async def test_an_idle_member_stays_with_a_node_that_says_nothing(two: tuple[Node, Node]):
    guest = await opened(FakeCluster(*two))
    await guest.replica.flush()
    mine = next(node for node in two if node.links)
    await asyncio.sleep(0.3)
    mine.deaf = True
    linked = [node.linked for node in two]
    await asyncio.sleep(1.0)
    assert [node.linked for node in two] == linked
    await guest.close()


async def test_broken_connections_do_not_make_a_guest_patient(two: tuple[Node, Node]):
    one, other = two
    one.refuses = other.refuses = True
    opening = asyncio.ensure_future(opened(FakeCluster(one, other)))
    await until(lambda: one.linked + other.linked > 40)
    other.refuses, one.refuses, one.deaf = False, False, True
    async with asyncio.timeout(3.0):
        guest = await opening
    assert len(other.links) == 1
    await guest.close()


async def test_a_guest_whose_link_cannot_be_put_away_is_linked_again(
    two: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
):
    guest = await opened(FakeCluster(*two))
    unlinked = guest.replica.unlinked

    def fail(peer: str) -> None:
        unlinked(peer)
        monkeypatch.undo()
        raise Unavailable("too much waits")

    monkeypatch.setattr(guest.replica, "unlinked", fail)
    next(node for node in two if node.links).links[0].end()
    put(guest.replica, "after it")
    async with asyncio.timeout(30):
        await guest.replica.flush()
    await guest.close()


async def test_a_guest_that_hops_is_one_member_under_one_id(two: tuple[Node, Node]):
    one, other = two
    guest = await opened(FakeCluster(one, other))
    me = guest.replica.replica
    for turn in range(4):
        mine = await linked_node(two)
        put(guest.replica, f"turn {turn}")
        mine.links[0].end()
        async with asyncio.timeout(30):
            await guest.replica.flush()
    assert guest.replica.replica == me
    for node in two:
        await until(lambda node=node: has(node.replica, me, guest.replica.parts.scope.next_seq - 1))
        named = node.replica.parts.scope.members.names
        assert list(named.values()).count("client") == 1
    await guest.close()


async def linked_node(nodes: tuple[Node, Node]) -> Node:
    await until(lambda: any(node.links for node in nodes))
    return next(node for node in nodes if node.links)


async def test_a_guest_that_must_end_with_unsent_writes_says_so(
    two: tuple[Node, Node], caplog: pytest.LogCaptureFixture
):
    guest = await opened(FakeCluster(*two))
    for node in two:
        node.deaf = True
    put(guest.replica, "lost")
    with caplog.at_level(logging.WARNING, "plait.client"):
        await guest.close()
    assert "writes that no node has" in caplog.text
    assert len(caplog.records) == 1


async def test_a_guest_that_handed_everything_over_ends_in_silence(
    two: tuple[Node, Node], caplog: pytest.LogCaptureFixture
):
    guest = await opened(FakeCluster(*two))
    put(guest.replica, "kept")
    with caplog.at_level(logging.WARNING, "plait.client"):
        await guest.close()
    assert not caplog.records
