"""A client's own replica of a graph: a guest of whichever node it is connected to.

The replica is in this process's memory, so documents are read and written by plain calls and go on
while no node answers. What is written is pushed as soon as a node does, and `flush` waits until it
is on that node's disk. A client that ends without `flush` or `close` loses what no node has.

Invariant: the replica is linked with at most one node at a time, under the name `NODE`.

Absent: a folder. A replica that is to outlive its process is a store of its own (`plait.open`).
"""

import asyncio
import contextlib
from functools import partial

from plait.api.messages import Answer, Cancel, GraphInfo, GraphSaid, GraphSay, LinkGraph
from plait.base.errors import BadFrame, PlaitError, Unavailable
from plait.client.cluster import Cluster
from plait.client.link import Link
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.host.memory_storage import MemoryStorage

NODE = "node"
READY_S = 10.0
TAKEN_S = 3.0  # for a node to make this replica a member; one whose clock is wrong cannot
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
        taken_s = TAKEN_S
        while True:
            try:
                link = await self._cluster.any_link(avoid)
            except PlaitError as error:
                attempts.note("any node", error)
            else:
                attempts.note(link.node, await self._linked(link, taken_s))
                if link.node in avoid:
                    avoid, taken_s = [link.node], taken_s * 2
                else:
                    avoid = [*avoid, link.node]
            await attempts.pause()

    async def _linked(self, link: Link, taken_s: float) -> PlaitError:
        """Be linked over `link` until that ends, or it does not make this replica a member in
        `taken_s`; why it ended."""
        ended: asyncio.Future[PlaitError] = asyncio.get_running_loop().create_future()
        id_ = link.request(partial(self._heard, link, ended), LinkGraph, self._lineage)
        try:
            await asyncio.wait([ended], timeout=taken_s)
            if not ended.done() and not self.replica.parts.scope.writable:
                return Unavailable(f"{link.node} does not take this replica in")
            return await ended
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
        with contextlib.suppress(PlaitError, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self.replica.leave()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.replica.close()
