"""A node that leaves takes no documents with it, or it is said which.

What a client was told to be on some node's disk would be lost with that node, had nobody else got
it. So a node without a vote is linked with no client, and whoever lets it go first waits until the
node knows that it goes, and then until it holds what the leaving node holds.

Invariant: once a node knows that it leaves it hears no client, and so acknowledges nothing more.

Absent: what only a node has that is down, or cannot be heard; it is not waited for long, and the
operator is told of which documents that may be. A witness has no documents: where one lets a node
go, time alone has the others get them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from plait.base.errors import Unavailable
from plait.base.ports import Clock
from plait.line.membership import Membership
from plait.node.graphs import Graphs
from plait.node.peers import Link

logger = logging.getLogger("plait.graphs")

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

    name: str
    clock: Clock
    graphs: Graphs

    @property
    def membership(self) -> Membership: ...


def check_stays(node: Member) -> None:
    """Raise `Unavailable` at a node that has no vote: clients keep their documents elsewhere."""
    left = any(link.left for link in node.links.values())
    if left or node.name not in node.membership.voters:
        raise Unavailable(f"{node.name} is no full member of the cluster now", node=node.name)


async def take_over(
    leader: Leader, name: str, knows: Callable[[], bool], until: float
) -> list[str]:
    """Return once this node has had all that `name` has for a while, or waited long enough: the
    collections of documents of which `name`, unheard, may have more than this node.

    knows: whether `name` has confirmed that it leaves. `Unavailable` if `until` comes while it is
    still handing over.
    """
    infos, graphs = leader.graphs.infos(), leader.graphs
    if not infos:
        return []
    now = began = had_since = leader.clock.monotonic()
    names = [] if leader.name in leader.membership.witnesses else [info.name for info in infos]
    heard_at: dict[str, float] = {}
    while True:
        held = {replica.name: replica.syncing for replica in graphs.replicas()}
        left = [n for n in names if n not in held or not held[n].has_all_of(name)]
        if confirmed := knows():
            heard_at |= {n: now for n in left if n in held and held[n].hears(name)}
        else:
            left = names
        if left or not confirmed:
            had_since = now
            heard = any(now - heard_at.get(n, began) < WAIT_S for n in left or (name,))
            if now >= until or not heard:
                break
        elif now - had_since >= COMPARED_S or now >= until:
            return []
        await asyncio.sleep(LOOK_S)
        now = leader.clock.monotonic()
    if busy := [n for n in left if now - heard_at.get(n, began - WAIT_S) < WAIT_S]:
        what = f"{name} is still handing over the documents {', '.join(busy)}: ask again"
        raise Unavailable(what, node=name, documents=busy)
    if left:
        logger.warning(
            "%s is let go unheard: what only it has of the documents %s goes with it",
            name, ", ".join(left),
        )  # fmt: skip
    return left
