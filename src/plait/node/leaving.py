"""A node that leaves takes no documents with it.

What a client was told to be on some node's disk would be lost with that node, had nobody else got
it. So a node without a vote is linked with no client, and whoever lets it go first waits until it
holds what the leaving node holds.

Invariant: once a node knows that it leaves it hears no client, and so acknowledges nothing more.

Absent: what only a node has that is down, or cannot be heard; it is not waited for long. A witness
has no documents: where one lets a node go, time alone has the others get them.
"""

import asyncio
from typing import Protocol

from plait.base.errors import Unavailable
from plait.base.ports import Clock
from plait.line.membership import Membership
from plait.node.graphs import Graphs
from plait.node.peers import Link

LOOK_S = 0.02
WAIT_S = 3.0  # for a node that cannot be heard
COMPARED_S = 1.25  # by then peers have told each other what they have seen (`COMPARE_SECONDS`)


class Member(Protocol):
    """The node, as far as it must know whether it is one of the cluster."""

    name: str
    links: dict[str, Link]

    @property
    def membership(self) -> Membership: ...


class Leader(Protocol):
    """The node that lets another one go."""

    clock: Clock
    graphs: Graphs


def check_stays(node: Member) -> None:
    """Raise `Unavailable` at a node that has no vote: clients keep their documents elsewhere."""
    left = any(link.left for link in node.links.values())
    if left or node.name not in node.membership.voters:
        raise Unavailable(f"{node.name} is no full member of the cluster now", node=node.name)


async def take_over(leader: Leader, name: str, until: float) -> None:
    """Return once this node has had all that `name` has for a while, or waited long enough."""
    if not leader.graphs.infos():
        return
    now = leader.clock.monotonic()
    until, had_since = min(until, now + WAIT_S), now
    while now < until and now - had_since < COMPARED_S:
        await asyncio.sleep(LOOK_S)
        now = leader.clock.monotonic()
        if not all(replica.syncing.has_all_of(name) for replica in leader.graphs.replicas()):
            had_since = now
