"""Graphs at a node: its replicas of the collections of documents, and who they sync with.

The control line says which collections there are. Every node that keeps states holds a replica of
each, linked with those of all other nodes and with clients' (`guests`); messages are routed by
lineage.

Invariant: at most one replica of a lineage in a process; it is linked with a peer exactly while
the node can speak to it.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import msgspec

from plait.api.infos import GraphInfo
from plait.api.settings import Eventual
from plait.base.errors import (
    BadSettings,
    NoSuchCollection,
    NotLeader,
    TooStale,
)
from plait.base.ids import collection_name, hex_id, random_id
from plait.base.ports import Clock, Random, Storage
from plait.engines.graph import (
    GraphOptions,
    Replica,
    drop_replica,
    forget_replica,
    open_replica,
)
from plait.engines.graph.options import fingerprint_of
from plait.engines.graph.syncing import RELINK
from plait.line.membership import Membership
from plait.line.outcome import Outcome
from plait.node.choices import Choices
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost
from plait.node.lines import CONTROL
from plait.node.relays import Relays
from plait.node.said import GraphSaid
from plait.node.versions import Versions
from plait.types.commands import GRAPHS_SINCE, Command, CreateGraph, DropGraph
from plait.types.control_graphs import GraphRecord, graph_record, graph_records

logger = logging.getLogger("plait.graphs")

ENABLED_S = 10.0
READY_S = 10.0
LEFT_S = 0.2  # for others to hear that a replica is none any more; else they notice in time
ALONE_S = 0.5  # what nobody can give need not be waited for


class Owner(Protocol):
    """The node, as far as graphs need it."""

    name: str
    config: NodeConfig
    storage: Storage
    clock: Clock
    random: Random
    control: LineHost
    versions: Versions
    choices: Choices

    @property
    def relays(self) -> Relays: ...

    @property
    def membership(self) -> Membership: ...

    def send(self, peer: str, message: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...

    async def reconcile(self) -> None: ...

    async def knows_all(self) -> None: ...


class Graphs:
    """One node's replicas."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._replicas: dict[str, Replica] = {}  # by lineage
        self._peers: dict[str, None] = {}  # nodes that can be spoken to
        self._tell_opened: dict[Callable[[str, Replica], None], None] = {}

    # ------------------------------------------------------------------ collections

    async def open(self, name: str, settings: Eventual | None) -> Replica:
        """Find a collection, or create it, and this node's replica of it."""
        node = self._node
        collection_name(name)
        if node.name in node.membership.witnesses:
            raise NotLeader(f"{node.name} is a witness: it keeps no documents", leader=None)
        if not node.choices.follows_documents(name):
            raise node.choices.refusal(f"documents {name!r}")
        record = self._find(name)
        if record is None and settings is None:
            record = await self._known(name)
        if record is None:
            assert settings is not None
            await self.create(name, settings, hex_id(node.random), random_id(node.random))
            record = self._find(name)
            assert record is not None
        elif settings is not None:
            check_same(record, settings)
        replica = self._replicas.get(record.lineage)
        if replica is None:
            await node.reconcile()
            replica = self.by_lineage(record.lineage)
        await replica.ready(READY_S if self._peers or node.relays.any else ALONE_S)
        return replica

    async def create(
        self, name: str, settings: Eventual, lineage: str, founder: int, founds: bool = True
    ) -> None:
        """Log a new collection; unless this node `founds` it, it began in another store."""
        node = self._node
        await node.versions.wait_for(GRAPHS_SINCE, "documents")
        await node.command(
            CONTROL,
            CreateGraph(
                name,
                lineage,
                founder,
                node.name if founds else "",
                settings.sync,
                settings.history,
            ),
        )
        await node.reconcile()

    async def drop(self, name: str) -> None:
        """Forget a collection everywhere."""
        if self._find(name) is None:
            await self._known(name)
        await self._node.command(CONTROL, DropGraph(name))
        await self._node.reconcile()

    def infos(self) -> list[GraphInfo]:
        """Every collection of documents, by name."""
        return [info_of(record) for record in graph_records(self._node.control.replica.view)]

    async def _known(self, name: str) -> GraphRecord:
        """A collection that is not known here yet."""
        await self._node.knows_all()
        record = self._find(name)
        if record is None:
            raise NoSuchCollection(f"there are no documents {name!r}", documents=name)
        return record

    def _find(self, name: str) -> GraphRecord | None:
        return graph_record(self._node.control.replica.view, name)

    # ------------------------------------------------------------------ replicas

    async def reconcile(self) -> None:
        """Hold a replica of everything that the control line names, and of nothing else."""
        node = self._node
        if node.name in node.membership.witnesses:
            return
        records = {r.lineage: r for r in graph_records(node.control.replica.view)}
        for lineage in [lineage for lineage in self._replicas if lineage not in records]:
            replica = self._replicas.pop(lineage)
            await replica.close()
            await drop_replica(node.storage, replica.name, lineage)
        for lineage in [lineage for lineage, one in self._replicas.items() if one.broken]:
            await self._replicas.pop(lineage).close()  # what is on disk is whole
        for lineage, record in records.items():
            if not node.choices.follows_documents(record.name):
                await self._let_go(lineage)
            elif lineage not in self._replicas:
                await self._hold(record)

    async def _let_go(self, lineage: str) -> None:
        """Hold a collection no more that this node does not follow, once another node has all that
        was written here, and may hear that this replica is none any more."""
        replica = self._replicas.get(lineage)
        if replica is None or not self._peers or not replica.entrusted().safe():
            return
        await replica.leave()
        await asyncio.sleep(LEFT_S)
        del self._replicas[lineage]
        await replica.close()
        await forget_replica(self._node.storage, replica.name, lineage)

    async def _hold(self, record: GraphRecord) -> None:
        node = self._node
        options = GraphOptions(
            name=record.name, lineage=record.lineage, founder=record.founder,
            founds=record.node == node.name and record.founder != 0,
            node=node.name, sync=record.sync, history=record.history,
            fingerprint=fingerprint_of(node.config.data), founder_node=record.node,
            retire_silent_s=node.config.limits.silent_replica_s,
        )  # fmt: skip
        replica = await open_replica(options, node.storage, node.clock, node.random)
        self._replicas[record.lineage] = replica
        for peer in self._peers:
            self._link(replica, record.lineage, peer)
        for tell in list(self._tell_opened):
            tell(record.lineage, replica)

    def on_open(self, tell: Callable[[str, Replica], None]) -> Callable[[], None]:
        """Be told of every replica that is opened, again too, by lineage; returns how to stop."""
        self._tell_opened[tell] = None
        return lambda: self._tell_opened.pop(tell, None)

    def by_lineage(self, lineage: str) -> Replica:
        """This node's replica; `TooStale` if it holds none (yet)."""
        replica = self._replicas.get(lineage)
        if replica is None:
            raise TooStale(f"{self._node.name} has no replica of graph {lineage} yet")
        return replica

    def replicas(self) -> list[Replica]:
        """Every replica held, by name."""
        return sorted(self._replicas.values(), key=lambda replica: replica.name)

    # ------------------------------------------------------------------ peers

    def peer_up(self, peer: str) -> None:
        """A node can be spoken to."""
        self._peers[peer] = None
        for lineage, replica in self._replicas.items():
            self._link(replica, lineage, peer)

    def peer_down(self, peer: str) -> None:
        """The connection to a node broke."""
        if peer in self._peers:
            del self._peers[peer]
            for replica in self._replicas.values():
                replica.unlinked(peer)

    def _link(self, replica: Replica, lineage: str, peer: str) -> None:
        # What the peer said before it could be answered is lost to it: let it begin anew.
        self._say(peer, lineage, RELINK)
        replica.linked(peer, partial(self._say, peer, lineage))

    def _say(self, peer: str, lineage: str, data: bytes) -> None:
        self._node.send(peer, GraphSaid(lineage, data))

    def hear(self, peer: str, message: GraphSaid) -> None:
        """A node's replica said something; for a graph that is not known here yet it is lost."""
        replica = self._replicas.get(message.lineage)
        if replica is not None:
            replica.received(peer, message.data)

    def unlink(self, lineage: str, peer: str) -> None:
        """A peer that is no node went away."""
        replica = self._replicas.get(lineage)
        if replica is not None:
            replica.unlinked(peer)

    # ------------------------------------------------------------------ life

    def status(self) -> dict[str, Any]:
        """What people want to know, by collection."""
        return {replica.name: replica.status() for replica in self.replicas()}

    async def flush(self) -> None:
        """Everything written so far is on disk and folded."""
        for replica in self.replicas():
            await replica.flush()

    async def close(self) -> None:
        """Close every replica."""
        while self._replicas:
            _, replica = self._replicas.popitem()
            await replica.close()


def info_of(record: GraphRecord) -> GraphInfo:
    """A collection as users know it."""
    stated = {"mode": "eventual", "sync": record.sync, "history": record.history}
    settings = msgspec.convert(stated, Eventual)
    return GraphInfo(record.name, record.lineage, record.founder, settings, record.node)


def check_same(record: GraphRecord, settings: Eventual) -> None:
    """`BadSettings` if a collection has other settings than somebody believes."""
    known = info_of(record).settings
    if known != settings:
        raise BadSettings(f"documents {record.name!r} exist with {known}, not with {settings}")
