"""Guests: clients that hold replicas of their own and sync them over their connection.

A client links its replica of a collection with this node's, under the request's id; what either
says travels as opaque messages of `plait.graph.messages`, in order, until the client cancels or
goes away.

Invariant: a link is told to the node's replica exactly as long as it stands. Nothing is heard from
a client, and nothing said to it, from when the node knows that it has no vote (`leaving`): what it
had heard by then and is not on its disk yet is not acknowledged any more.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from plait.api import messages as m
from plait.base.errors import Busy, PlaitError
from plait.engines.graph import Replica
from plait.graph.warrants import Warrant
from plait.node.graphs import Graphs
from plait.node.leaving import Member, check_stays

LINKS_PER_CLIENT_MAX = 256


class Owner(Member, Protocol):
    """The node, as far as guests need it."""

    graphs: Graphs


class Rights(Protocol):
    """What this client may do with documents, by their lineage."""

    on_change: Callable[[], None]  # called when that is something else than it was

    def check_link(self, lineage: str) -> None:
        """Raise unless a link may stand."""
        ...

    def warrant(self, lineage: str) -> Warrant:
        """What may be written over a link, whenever that is asked."""
        ...

    def writes(self, lineage: str) -> tuple[str, ...] | None:
        """What keys may begin with, to be written now, for people; None for everything."""
        ...


class Guests:
    """The replicas of one client."""

    def __init__(
        self,
        node: Owner,
        client: str,
        send: Callable[[m.Answer], None],
        rights: Rights,
    ) -> None:
        self._node = node
        self._graphs = node.graphs
        self._client = client
        self._send = send
        self._rights = rights
        rights.on_change = self.judge
        self._links: dict[int, str] = {}  # request id to lineage
        self._told: dict[int, tuple[str, ...] | None] = {}  # what may be written, by request id
        self._forget = node.graphs.on_open(self._opened)

    def handle(self, request: m.LinkGraph | m.GraphSay) -> None:
        """Begin a link, or hear what comes over it."""
        match request:
            case m.LinkGraph(id_, lineage):
                self._link(id_, lineage)
            case m.GraphSay(id_, data) if id_ in self._links:
                self._hear(id_, self._links[id_], data)

    def _link(self, id_: int, lineage: str) -> None:
        try:
            if len(self._links) >= LINKS_PER_CLIENT_MAX or id_ in self._links:
                raise Busy(f"a client links at most {LINKS_PER_CLIENT_MAX} graphs")
            check_stays(self._node)
            replica = self._graphs.by_lineage(lineage)
        except PlaitError as error:
            self._send(m.Failure(id_, error.code, error.message, error.details))
            return
        self._links[id_] = lineage
        self._begin(id_, lineage, replica)

    def _begin(self, id_: int, lineage: str, replica: Replica) -> None:
        writes = self._told[id_] = self._rights.writes(lineage)
        self._send(m.GraphSaid(id_, b"", writes))
        replica.linked(self._peer(id_), partial(self._say, id_), self._rights.warrant(lineage))

    def _say(self, id_: int, data: bytes) -> None:
        """The node's replica has something for the client: perhaps that all is safe here."""
        if id_ not in self._links:
            return
        try:
            check_stays(self._node)
        except PlaitError as error:
            self._end(id_, error)
        else:
            self._send(m.GraphSaid(id_, data))

    def _opened(self, lineage: str, replica: Replica) -> None:
        """The node opened a collection anew: links begin anew with what it holds now."""
        for id_, linked in list(self._links.items()):
            if linked == lineage:
                self._begin(id_, lineage, replica)

    def _hear(self, id_: int, lineage: str, data: bytes) -> None:
        try:
            check_stays(self._node)
            self._graphs.by_lineage(lineage).received(self._peer(id_), data)
        except PlaitError as error:
            self._end(id_, error)

    def look(self) -> None:
        """Members came or went: if this node goes, its clients find another one now."""
        try:
            check_stays(self._node)
        except PlaitError as error:
            for id_ in list(self._links):
                self._end(id_, error)

    def judge(self) -> None:
        """Rights have changed: end the links that may not stand any more, and begin those anew that
        may write something else than they were told."""
        for id_, lineage in list(self._links.items()):
            try:
                self._rights.check_link(lineage)
                if self._rights.writes(lineage) != self._told[id_]:
                    # later, for it may be the replica itself that is speaking
                    asyncio.get_running_loop().call_soon(self._renew, id_, lineage)
            except PlaitError as error:
                self._end(id_, error)

    def _renew(self, id_: int, lineage: str) -> None:
        if self._links.get(id_) != lineage:
            return
        try:
            if self._rights.writes(lineage) != self._told[id_]:
                self._begin(id_, lineage, self._graphs.by_lineage(lineage))
        except PlaitError as error:
            self._end(id_, error)

    def _end(self, id_: int, error: PlaitError) -> None:
        """The link ends here; the client hears why before it could hear anything else."""
        lineage = self._links.pop(id_)
        self._told.pop(id_, None)
        self._send(m.Failure(id_, error.code, error.message, error.details))
        # later, for it may be the replica itself that is speaking
        asyncio.get_running_loop().call_soon(self._graphs.unlink, lineage, self._peer(id_))

    def cancel(self, id_: int) -> None:
        """End one link."""
        lineage = self._links.pop(id_, None)
        self._told.pop(id_, None)
        if lineage is not None:
            self._graphs.unlink(lineage, self._peer(id_))

    def close(self) -> None:
        """The client is gone."""
        self._forget()
        for id_ in list(self._links):
            self.cancel(id_)

    def _peer(self, id_: int) -> str:
        return f"{self._client}/{id_}"
