"""The `Backend` over the network: a store whose nodes are elsewhere.

::

    NetworkBackend ── LineWriter (one a line) ── Pipeline     writes, exactly once
                   ├─ Reader                                  reads, by source and staleness
                   ├─ follow                                  feeds, resumed
                   ├─ Admin ── replay                         what an operator asks
                   └──────── all of them over Cluster ── Link (one a node) ── Network

Belongs to the event loop that it was connected on.
"""

import asyncio
import random as chance
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from os import PathLike

from plait.api.infos import GraphInfo, MachineInfo, TableInfo
from plait.api.messages import (
    DropGraphRequest,
    DropTableRequest,
    FeedItem,
    GraphOpened,
    Graphs,
    KeepBeforeRequest,
    ListGraphs,
    ListTables,
    MachineOpened,
    OpenGraph,
    OpenMachine,
    OpenTable,
    Query,
    TableOpened,
    Tables,
)
from plait.api.pipeline import Pipeline
from plait.api.port import Answers, DocumentsLink, FolderSync, Here, Mark, Receipt
from plait.api.settings import Eventual, ReadOptions, Settings
from plait.base.codec import encode
from plait.base.errors import BadSettings, Closed, NoSuchCollection, PlaitError
from plait.base.ids import zone_name
from plait.base.ports import Clock, Network, Random
from plait.client.address import parse_address
from plait.client.administration import Administration
from plait.client.cluster import Cluster
from plait.client.feed import follow
from plait.client.guest import Guest, open_guest
from plait.client.guest_link import GuestLink
from plait.client.limits import ClientLimits
from plait.client.places import NetworkPlaces
from plait.client.reader import Reader
from plait.client.writer import LineWriter
from plait.engines.graph_port import GraphReplica
from plait.host.clock import SystemClock
from plait.host.tcp import TcpNetwork
from plait.host.tls import Tls
from plait.types.commands import ClearTable
from plait.types.machines import MachineClass

LINES_MAX = 65536  # a client writes to


async def connect(
    addresses: str | Sequence[str],
    *,
    name: str = "",
    network: Network | None = None,
    random: Random | None = None,
    clock: Clock | None = None,
    limits: ClientLimits | None = None,
    only: bool = False,
    zone: str = "",
    tls: Tls | None = None,
    token: str = "",
) -> "NetworkBackend":
    """Connect to a cluster: ``plait://host:7401,host:7402[/cluster]``, or a list of addresses.

    Returns once one node has answered; `BadSettings`, `Unavailable`, `WrongCluster`,
    `VersionMismatch` or `BadCertificate` say why none did. `name` shows on the nodes' status pages.
    `zone` is where this client is: ``read="nearest"`` goes to nodes there first.
    `only` keeps to the given addresses and ignores the members that the nodes tell of.
    `token` says who this is, where rights are on; `NotSignedIn` if it is void.
    With `tls`, which ``plait+tls://`` needs, nothing is sent that is not encrypted.
    """
    address = parse_address(addresses)
    if address.tls and tls is None and network is None:
        raise BadSettings(
            f"{address}: name the authority whose nodes are believed: tls=plait.Tls(ca=FILE), or "
            "--tls-ca FILE (PLAIT_TLS_CA)"
        )
    cluster = Cluster(
        network or TcpNetwork(tls=tls),
        address,
        random or chance.SystemRandom(),
        clock or SystemClock(),
        limits or ClientLimits(),
        name,
        only,
        zone and zone_name(zone),
        token,
    )
    try:
        await cluster.start()
    except BaseException:
        await cluster.close()
        raise
    return NetworkBackend(cluster)


class NetworkBackend(Administration):
    """Implements `plait.api.port.Backend`."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._writers: dict[str, LineWriter] = {}
        self._pipelines: dict[tuple[str, str | None], Pipeline] = {}  # by line and acks
        self._reader = Reader(cluster)
        self.places = NetworkPlaces(cluster, self._anywhere)
        self._guests: dict[str, Guest] = {}  # by lineage
        self._opening = asyncio.Lock()

    @property
    def addresses(self) -> dict[str, str]:
        """The nodes known, and their addresses for clients."""
        return dict(self._cluster.members)

    # ------------------------------------------------------------------ tables and machines

    def glance(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers | None:
        """See `Backend`. Nothing is here at once."""
        return None

    async def open_table(self, name: str, settings: Settings | None) -> TableInfo:
        """See `Backend`. Safe to repeat: equal settings find the table that was made."""
        opened = await self._anywhere(f"opening table {name!r}", OpenTable, name, settings)
        assert isinstance(opened, TableOpened)
        return opened.table

    async def tables(self) -> list[TableInfo]:
        """See `Backend`."""
        tables = await self._anywhere("listing tables", ListTables)
        assert isinstance(tables, Tables)
        return list(tables.tables)

    async def drop_table(self, name: str) -> None:
        """See `Backend`. A table that is gone after an unclear attempt was dropped by it.

        The rows go here, and not at the node that forgets the name: its line may be led by another.
        """
        info = await self.open_table(name, None)
        cleared = await self.submit(info.line, encode(ClearTable(info.table)), None)
        attempts = self._attempts()
        try:
            await self._anywhere(
                f"dropping table {name!r}", DropTableRequest, name, cleared.position,
                attempts=attempts,
            )  # fmt: skip
        except NoSuchCollection:
            if not attempts.doubtful:
                raise

    async def keep_before(self, name: str, on: bool) -> None:
        """See `Backend`."""
        what = f"values before changes of {name!r}"
        await self._anywhere(what, KeepBeforeRequest, name, on)

    async def open_machine(
        self, name: str, machine: MachineClass, settings: Settings | None
    ) -> MachineInfo:
        """See `Backend`. The class stays here, for its signatures; the nodes have their own."""
        opened = await self._anywhere(
            f"opening machine {name!r}", OpenMachine, name, machine.name, settings
        )
        assert isinstance(opened, MachineOpened)
        return opened.machine

    async def open_graph(self, name: str, settings: Eventual | None) -> GraphReplica:
        """See `Backend`. The replica is this client's own, in memory, and a guest of the nodes."""
        opened = await self._anywhere(f"opening documents {name!r}", OpenGraph, name, settings)
        assert isinstance(opened, GraphOpened)
        lineage = opened.graph.lineage
        async with self._opening:
            if lineage not in self._guests:
                self._guests[lineage] = await open_guest(self._cluster, opened.graph)
        return self._guests[lineage].replica

    async def graphs(self) -> list[GraphInfo]:
        """See `Backend`."""
        graphs = await self._anywhere("listing documents", ListGraphs)
        assert isinstance(graphs, Graphs)
        return list(graphs.graphs)

    async def drop_graph(self, name: str) -> None:
        """See `Backend`."""
        await self._anywhere(f"dropping documents {name!r}", DropGraphRequest, name)

    async def link_graph(
        self, name: str, hear: Callable[[bytes], None], ended: Callable[[PlaitError], None]
    ) -> DocumentsLink:
        """See `Backend`. The guest is that of a node, which this client has a link to."""
        opened = await self._anywhere(f"opening documents {name!r}", OpenGraph, name, None)
        assert isinstance(opened, GraphOpened)
        return GuestLink(await self._cluster.any_link(), opened.graph, hear, ended)

    @property
    def here(self) -> Here:
        """See `Backend`."""
        return self._cluster.here

    async def sync_folder(self, path: str | PathLike[str], every_s: float) -> FolderSync:
        """Refuse: see `Backend`."""
        raise BadSettings(
            "a client does not sync folders: open the store itself, or `plait sync` on the node"
        )

    async def sync_through(self, url: str, name: str, every_s: float) -> FolderSync:
        """Refuse: see `Backend`."""
        raise BadSettings(
            "a client does not sync through engines: its node does, or a store that is open here"
        )

    # ---------------------------------------------------------------------- writes and reads

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        """See `Backend`. Returns a future; there is no task behind it."""
        pipeline = self._pipelines.get((line, acks))
        if pipeline is None:
            pipeline = self._open_pipeline(line, acks)
        return pipeline.submit(command)

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        """See `Backend`."""
        self._check_open()
        return await self._reader.read(line, queries, options, after)

    def follow(
        self, line: str, table: int, start: tuple[int, int] | None
    ) -> AsyncIterator[Sequence[FeedItem]]:
        """See `Backend`. An async generator: `aclose` ends the feed at the node too."""
        self._check_open()
        return follow(self._cluster, line, table, start)

    async def at(self, moment: str) -> "NetworkBackend":
        """See `Backend`. A node makes the copy, and this one is connected to that alone."""
        self._check_open()
        cluster = self._cluster.of_past(*await self._admin.past(moment))
        try:
            await cluster.start()
        except BaseException:
            await cluster.close()
            raise
        return NetworkBackend(cluster)

    async def close(self) -> None:
        """Close; whatever is unanswered fails: with `Closed` if it was never sent."""
        if self._closed:
            return
        self._closed = True
        for writer in self._writers.values():
            await writer.close(Closed("this client was closed"))
        for guest in self._guests.values():
            await guest.close()
        await self._reader.close()
        await self._cluster.close()

    # ------------------------------------------------------------------------------ helpers

    def _open_pipeline(self, line: str, acks: str | None) -> Pipeline:
        self._check_open()
        writer = self._writers.get(line)
        if writer is None:
            assert len(self._writers) < LINES_MAX, "more lines than a cluster can have"
            writer = self._writers[line] = LineWriter(line, self._cluster)
        pipeline = self._pipelines[line, acks] = writer.pipeline(acks)
        return pipeline
