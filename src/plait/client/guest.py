"""A client's own replica of a graph: a guest of whichever node it is connected to.

The replica is in this process's memory, so documents are read and written by plain calls and go on
while no node answers. What is written is pushed as soon as a node does, and `flush` waits until it
is on that node's disk. A client that ends without `flush` or `close` loses what no node has.

A node that does not take the replica in as a member, or puts nothing that is written here on its
disk, is of no use; another is tried, with ever more patience, for the first may only be slow. A
node that serves is stayed with.

Invariant: the replica is linked with at most one node at a time, under the name `NODE`. It keeps
what it wrote until every member has it, so another node can be given what one took with it.

Absent: a folder. A replica that is to outlive its process is a store of its own (`plait.open`).
"""

import asyncio
import logging
from functools import partial

import msgspec

from plait.api.infos import GraphInfo
from plait.api.messages import Answer, Cancel, GraphSaid, GraphSay, LinkGraph
from plait.base.errors import BadFrame, PlaitError, Unavailable
from plait.client.cluster import Cluster
from plait.client.link import Link
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.host.memory_storage import MemoryStorage

logger = logging.getLogger("plait.client")

NODE = "node"
READY_S = 10.0
TAKEN_S = 3.0  # for a node to make this replica a member; one whose clock is wrong cannot
KEPT_S = 15.0  # for a node to get anything of what is written here onto its disk
LOOKS = 8  # until it has
LEAVE_S = 2.0


async def open_guest(cluster: Cluster, info: GraphInfo) -> "Guest":
    """A fresh replica, once it holds what the node holds."""
    options = GraphOptions(
        name=info.name, lineage=info.lineage, founder=info.founder, founds=False, node="client",
        sync=info.settings.sync, history=info.settings.history, guest=True,
        founder_node=info.node,
    )  # fmt: skip
    replica = await open_replica(options, MemoryStorage(), cluster.clock, cluster.random)
    guest = Guest(cluster, info.lineage, replica)
    try:
        await replica.ready(READY_S)
    except BaseException:
        await guest.close()
        raise
    return guest


class Guest:
    """Keeps a replica linked with a node."""

    def __init__(self, cluster: Cluster, lineage: str, replica: Replica) -> None:
        self.replica = replica
        self._cluster = cluster
        self._lineage = lineage
        self._task = asyncio.get_running_loop().create_task(self._keep_linked())

    async def _keep_linked(self) -> None:
        attempts = self._cluster.attempts(float("inf"))
        avoid: list[str] = []  # tried, since all were
        patience = 1
        while True:
            try:
                link = await self._cluster.any_link(avoid)
                ended = await self._linked(link, patience)
            except PlaitError as error:
                attempts.note("any node", error)
            else:
                attempts.note(link.node, ended.why)
                if ended.served:
                    attempts.forget()
                    avoid, patience = [link.node], 1
                elif link.node not in avoid:
                    avoid = [*avoid, link.node]
                else:
                    avoid = [link.node]
                    if ended.given_up:  # it may have been about to serve: what else is there?
                        patience *= 2
            await attempts.pause()

    async def _linked(self, link: Link, patience: int) -> "_Ended":
        """Be linked over `link` until that ends, or comes to nothing for too long."""
        clock = self._cluster.clock
        ended: asyncio.Future[PlaitError] = asyncio.get_running_loop().create_future()
        id_ = link.request(partial(self._heard, link, ended), LinkGraph, self._lineage)
        began = clock.monotonic()
        use = _Use(self.replica, began)
        try:
            while True:
                await asyncio.wait(
                    [ended], timeout=patience * TAKEN_S / (1 if use.taken else LOOKS)
                )
                use.look(clock.monotonic())
                if ended.done():
                    break
                if (why := use.none(link.node, patience)) is not None:
                    return _Ended(Unavailable(why), served=False, given_up=True)
            served = use.taken and clock.monotonic() - began >= TAKEN_S
            return _Ended(ended.result(), served=served, given_up=False)
        finally:
            self.replica.unlinked(NODE)
            link.forget(id_)
            link.tell(Cancel(id_))

    def _heard(
        self, link: Link, ended: "asyncio.Future[PlaitError]", answer: Answer | PlaitError
    ) -> None:
        """From the link: a message, or its end."""
        if ended.done():
            return
        try:
            if isinstance(answer, PlaitError):
                raise answer
            if not isinstance(answer, GraphSaid):
                raise BadFrame(f"{link.node} said a {type(answer).__name__} about a graph")
            if answer.data:
                self.replica.received(NODE, answer.data)
            else:
                id_ = answer.id
                self.replica.linked(NODE, lambda data: link.tell(GraphSay(id_, data)))
        except PlaitError as error:
            ended.set_result(error)

    async def close(self) -> None:
        """Push what is unsent, say goodbye, end."""
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.replica.leave()
        except (PlaitError, TimeoutError):
            if not self.replica.entrusted().safe():
                logger.warning(
                    "documents %r end here with writes that no node has", self.replica.name
                )
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.replica.close()


class _Ended(msgspec.Struct, frozen=True):
    """How a link ended."""

    why: PlaitError
    served: bool  # for long enough, and until the end
    given_up: bool  # by this side


class _Use:
    """Of what use a linked node is: whether it takes the replica in, and what it keeps."""

    def __init__(self, replica: Replica, now: float) -> None:
        self.taken = False  # at the last look
        self._replica = replica
        self._now = now
        self._taken_at = now  # or when that was first waited for
        self._kept_at = now
        self._kept = (0, 0)

    def look(self, now: float) -> None:
        """Take a look."""
        replica, self._now = self._replica, now
        if replica.writer.draft is not None:
            self._taken_at = self._kept_at = now  # what arrives waits for its end
            return
        self.taken = replica.parts.scope.writable
        if self.taken:
            self._taken_at = now
        entrusted = replica.entrusted()
        kept = (replica.replica, entrusted.most)
        if kept != self._kept or entrusted.safe():
            self._kept, self._kept_at = kept, now

    def none(self, node: str, patience: int) -> str | None:
        """Why it is of none, after so much patience; else None."""
        if self._now - self._taken_at >= TAKEN_S * patience:
            return f"{node} does not take this replica in"
        if self._now - self._kept_at >= KEPT_S * patience:
            return f"{node} puts nothing of what is written here on its disk"
        return None
