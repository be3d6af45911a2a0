"""Guests of the store in this process: replicas elsewhere that something here speaks for.

Whoever lets a guest in has asked who it is; what it writes is judged as a client's is where nobody
is asked. Invariant: a link ends by itself once at most, and tells nothing after that. Everything
that is said goes through the event loop, in order: replicas that talk must not call each other.
"""

import asyncio
from collections.abc import Callable

from plait.api import messages as m
from plait.api.infos import GraphInfo
from plait.api.port import DocumentsLink, Here
from plait.base.error_codes import from_code
from plait.base.errors import PlaitError
from plait.base.ids import random_id
from plait.graph.warrants import Warrant
from plait.node.guests import Guests
from plait.node.node import Node
from plait.node.rights import Principal
from plait.node.warrants import DocumentWarrant

_LINK = 1  # the id of the only link of each guest


class LocalLinks:
    """That part of the `Backend` port."""

    node: Node

    @property
    def here(self) -> Here:
        """This node."""
        return Here(self.node.name, self.node.cluster)

    async def link_graph(
        self, name: str, hear: Callable[[bytes], None], ended: Callable[[PlaitError], None]
    ) -> DocumentsLink:
        """Link a guest with this node's replica."""
        self.node.check_open()
        await self.node.graphs.open(name, None)
        info = next(info for info in self.node.graphs.infos() if info.name == name)
        return _LocalLink(self.node, info, hear, ended)


class _LocalLink:
    """One guest; its links are one."""

    def __init__(
        self,
        node: Node,
        info: GraphInfo,
        hear: Callable[[bytes], None],
        ended: Callable[[PlaitError], None],
    ) -> None:
        self.info = info
        self.writes: tuple[str, ...] | None = None  # everything
        self._hear, self._ended = hear, ended
        self._closed = False
        name = f"guest-{random_id(node.random):x}"
        self._soon = asyncio.get_running_loop().call_soon
        self._guests = Guests(node, name, self._told_soon, _Anybody(info.name))
        self._soon(self._handle, m.LinkGraph(_LINK, info.lineage))

    def say(self, data: bytes) -> None:
        """What the guest says."""
        self._soon(self._handle, m.GraphSay(_LINK, data))

    def _handle(self, request: m.LinkGraph | m.GraphSay) -> None:
        if not self._closed:
            self._guests.handle(request)

    def close(self) -> None:
        """The guest is gone."""
        if not self._closed:
            self._closed = True
            self._guests.close()

    def _told_soon(self, answer: m.Answer) -> None:
        self._soon(self._told, answer)

    def _told(self, answer: m.Answer) -> None:
        if self._closed:
            return
        match answer:
            case m.GraphSaid(data=data):
                self._hear(data)
            case m.Failure(code=code, message=message, details=details):
                self._closed = True
                self._guests.close()
                self._ended(from_code(code, message, details))


class _Anybody:
    """Whom nobody asks: may link, may write every document, is no node."""

    def __init__(self, collection: str) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._warrant = DocumentWarrant(Principal(""), collection, lambda name: None)

    def check_link(self, lineage: str) -> None:
        """Every link may stand."""

    def warrant(self, lineage: str) -> Warrant:
        """Everything."""
        return self._warrant

    def writes(self, lineage: str) -> None:
        """Everything."""
