"""The `Backend` of a process that has a node of its own and speaks for all of the cluster.

Documents are the node's own replicas: nothing is held twice, and what is written is on its disk.
Lines that the node leads are written there, and whatever it may answer it answers; everything else
goes over the network, to whoever can, as any client's does.

Invariant: nothing is asked of the network before something needs it, so this can be made while
nobody answers yet. Who may do what is not asked of the node: who uses this has asked.
"""

from collections.abc import Awaitable, Callable, Sequence

from plait.api.infos import GraphInfo, TableInfo
from plait.api.messages import OpenGraph, Query
from plait.api.port import Answers, Backend, DocumentsLink, Here, Mark, Receipt
from plait.api.settings import Eventual, ReadOptions, Settings
from plait.base.errors import (
    LineStopped,
    NoSuchCollection,
    NotLeader,
    PlaitError,
    TooStale,
    Unavailable,
)
from plait.client.backend import NetworkBackend
from plait.client.cluster import Cluster
from plait.engines.graph_port import GraphReplica

_ELSEWHERE = (NotLeader, TooStale, NoSuchCollection, LineStopped, Unavailable)


class Beside(NetworkBackend):
    """Implements `plait.api.port.Backend`, over a node's and the network.

    leads: whether the node leads a line, as far as it knows.
    """

    def __init__(self, near: Backend, cluster: Cluster, leads: Callable[[str], bool]) -> None:
        super().__init__(cluster)
        self._near = near
        self._leads = leads

    @property
    def here(self) -> Here:
        """The node of this process."""
        return self._near.here

    # ------------------------------------------------------------------ documents

    async def open_graph(self, name: str, settings: Eventual | None) -> GraphReplica:
        """The node's own replica; a collection that it does not know is made, or found, where
        that can be done."""
        try:
            return await self._near.open_graph(name, settings)
        except _ELSEWHERE:
            await self._anywhere(f"opening documents {name!r}", OpenGraph, name, settings)
            return await self._near.open_graph(name, None)

    async def link_graph(
        self, name: str, hear: Callable[[bytes], None], ended: Callable[[PlaitError], None]
    ) -> DocumentsLink:
        """A guest of the node's."""
        await self.open_graph(name, None)
        return await self._near.link_graph(name, hear, ended)

    async def graphs(self) -> list[GraphInfo]:
        """As far as the node knows."""
        return await self._near.graphs()

    # ------------------------------------------------------------------ lines

    async def open_table(self, name: str, settings: Settings | None) -> TableInfo:
        """The node knows its tables; others are made, or found, where that can be done."""
        try:
            return await self._near.open_table(name, settings)
        except _ELSEWHERE:
            return await super().open_table(name, settings)

    async def tables(self) -> list[TableInfo]:
        """As far as the node knows."""
        return await self._near.tables()

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        """At the node if it leads the line; elsewhere if it does not, or not any more."""
        if acks is None and self._leads(line):
            return self._submit_near(line, command)
        return super().submit(line, command, acks)

    async def _submit_near(self, line: str, command: bytes) -> Receipt:
        try:
            return await self._near.submit(line, command, None)
        except NotLeader:  # nothing happened
            return await super().submit(line, command, None)

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        """At the node if it may answer."""
        try:
            return await self._near.read(line, queries, options, after)
        except _ELSEWHERE:
            return await super().read(line, queries, options, after)

    def glance(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers | None:
        """What the node has and may answer at once."""
        try:
            return self._near.glance(line, queries, options, after)
        except _ELSEWHERE:
            return None
