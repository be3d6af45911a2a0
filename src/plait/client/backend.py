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
from collections.abc import AsyncIterator, Awaitable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from plait.api.infos import GraphInfo, MachineInfo, TableInfo
from plait.api.messages import (
    BackupRequest,
    DropGraphRequest,
    DropTableRequest,
    FeedItem,
    GraphOpened,
    Graphs,
    Join,
    KeepBeforeRequest,
    Leave,
    ListGraphs,
    ListMembers,
    ListTables,
    MachineOpened,
    Move,
    OpenGraph,
    OpenMachine,
    OpenTable,
    Query,
    RightsRequest,
    TableOpened,
    Tables,
)
from plait.api.pipeline import Pipeline
from plait.api.port import Answers, FolderSync, Mark, Receipt
from plait.api.settings import Eventual, ReadOptions, Settings
from plait.base.errors import BadSettings, Closed, NoSuchCollection, PlaitError
from plait.base.ports import Clock, Network, Random
from plait.client.address import parse_address
from plait.client.admin import Admin
from plait.client.attempts import Attempts, is_transient
from plait.client.cluster import Cluster
from plait.client.feed import follow
from plait.client.guest import Guest, open_guest
from plait.client.limits import ClientLimits
from plait.client.reader import Reader
from plait.client.writer import LineWriter
from plait.engines.graph_port import GraphReplica
from plait.host.clock import SystemClock
from plait.host.tcp import TcpNetwork
from plait.host.tls import Tls
from plait.types.machines import MachineClass
from plait.types.rights_commands import RightsCommand

BACKUP_S = 24 * 3600.0  # that a backup may take, attempts and all
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
    tls: Tls | None = None,
    token: str = "",
) -> "NetworkBackend":
    """Connect to a cluster: ``plait://host:7401,host:7402[/cluster]``, or a list of addresses.

    Returns once one node has answered; `BadSettings`, `Unavailable`, `WrongCluster`,
    `VersionMismatch` or `BadCertificate` say why none did. `name` shows on the nodes' status pages.
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
        token,
    )
    try:
        await cluster.start()
    except BaseException:
        await cluster.close()
        raise
    return NetworkBackend(cluster)


class NetworkBackend:
    """Implements `plait.api.port.Backend`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._writers: dict[str, LineWriter] = {}
        self._pipelines: dict[tuple[str, str | None], Pipeline] = {}  # by line and acks
        self._reader = Reader(cluster)
        self._admin = Admin(cluster)
        self._guests: dict[str, Guest] = {}  # by lineage
        self._opening = asyncio.Lock()
        self._closed = False

    @property
    def addresses(self) -> dict[str, str]:
        """The nodes known, and their addresses for clients."""
        return dict(self._cluster.members)

    # ------------------------------------------------------------------ tables and machines

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
        """See `Backend`. A table that is gone after an unclear attempt was dropped by it."""
        attempts = self._attempts()
        try:
            await self._anywhere(
                f"dropping table {name!r}", DropTableRequest, name, attempts=attempts
            )
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

    # ------------------------------------------------------------------------ administration

    async def status(self) -> dict[str, Any]:
        """See `Admin.status`."""
        self._check_open()
        return await self._admin.status()

    async def flush(self) -> None:
        """See `Admin.flush`."""
        self._check_open()
        await self._admin.flush()

    async def promote(
        self, node: str | None, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]:
        """See `Admin.promote`."""
        self._check_open()
        return await self._admin.promote(node, line, accept_loss, timeout_s)

    async def switch_over(self, target: str, line: str | None, timeout_s: float) -> dict[str, Any]:
        """See `Admin.switch_over`."""
        self._check_open()
        return await self._admin.switch_over(target, line, timeout_s)

    async def members(self) -> list[dict[str, Any]]:
        """See `Backend`."""
        answer = await self._anywhere("listing the members", ListMembers)
        return list(answer.value)

    async def join(
        self, name: str, address: str, witness: bool, timeout_s: float
    ) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: it goes on from where things are."""
        attempts = self._cluster.attempts(timeout_s)
        answer = await self._anywhere(
            f"taking in {name!r}", Join, name, address, witness, timeout_s, attempts=attempts
        )
        return dict(answer.value)

    async def leave(self, name: str, timeout_s: float) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: it goes on from where things are."""
        attempts = self._cluster.attempts(timeout_s)
        answer = await self._anywhere(
            f"letting {name!r} go", Leave, name, timeout_s, attempts=attempts
        )
        return dict(answer.value)

    async def examine(self) -> dict[str, Any]:
        """See `Admin.examine`."""
        self._check_open()
        return await self._admin.examine()

    async def move(
        self, what: str, to: str, timeout_s: float, forced_by: str = "", accept_loss: bool = False
    ) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: it goes on from where things are."""
        if forced_by:
            self._check_open()
            return await self._admin.force(what, to, timeout_s, forced_by, accept_loss)
        attempts = self._cluster.attempts(timeout_s)
        answer = await self._anywhere(
            f"moving {what!r}", Move, what, to, timeout_s, attempts=attempts
        )
        return dict(answer.value)

    async def backup(self, folder: str | PathLike[str], supersedes: str) -> dict[str, Any]:
        """See `Backend`. Safe to repeat: what is there is not copied again."""
        if not Path(folder).is_absolute():
            raise BadSettings(
                f"{folder}: the folder is the node's, not this program's; give its whole path"
            )
        attempts = self._cluster.attempts(BACKUP_S)
        answer = await self._anywhere(
            f"a backup to {folder}", BackupRequest, str(folder), supersedes, attempts=attempts
        )
        return dict(answer.value)

    async def rights(self, command: RightsCommand | None) -> dict[str, Any]:
        """See `Backend`."""
        answer = await self._anywhere("who may do what", RightsRequest, command)
        return dict(answer.value)

    async def rescued(self) -> list[dict[str, Any]]:
        """See `Admin.rescued`."""
        self._check_open()
        return await self._admin.rescued()

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """See `Admin.show_rescued`."""
        self._check_open()
        return await self._admin.show_rescued(node, rescued)

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """See `Admin.replay_rescued`."""
        self._check_open()
        return await self._admin.replay_rescued(node, rescued)

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """See `Admin.drop_rescued`."""
        self._check_open()
        await self._admin.drop_rescued(node, rescued)

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

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("this client was closed")

    def _open_pipeline(self, line: str, acks: str | None) -> Pipeline:
        self._check_open()
        writer = self._writers.get(line)
        if writer is None:
            assert len(self._writers) < LINES_MAX, "more lines than a cluster can have"
            writer = self._writers[line] = LineWriter(line, self._cluster)
        pipeline = self._pipelines[line, acks] = writer.pipeline(acks)
        return pipeline

    def _attempts(self) -> Attempts:
        return self._cluster.attempts(self._cluster.limits.admin_s)

    async def _anywhere(
        self, what: str, kind: Any, *fields: Any, attempts: Attempts | None = None
    ) -> Any:
        """Ask any node, then others, going where refusals point, until one answers."""
        self._check_open()
        attempts = attempts or self._attempts()
        node: str | None = None  # where the last refusal pointed
        avoid: list[str] = []
        while attempts.left_s:
            asked, sent = node or "any node", False
            try:
                link = await (
                    self._cluster.link_to(node) if node else self._cluster.any_link(avoid)
                )
                asked, sent = link.node, True
                return await link.ask(kind, *fields, timeout_s=attempts.attempt_s)
            except PlaitError as error:
                if not is_transient(error):
                    raise
                attempts.note(asked, error)
                attempts.doubtful = attempts.doubtful or (sent and not error.definite)
                avoid, was = [asked], node
                node = self._cluster.pointed_at(error)
                if node is not None and was is None:
                    continue  # pointed there for the first time: at once
            await attempts.pause()
        raise attempts.gave_up(what)
