"""A link that a client passes on: the guest is elsewhere, in a browser say, and not here.

Invariant: it stands on one connection and ends with it; who speaks for the guest makes another.
What the guest may write is for the node to judge, by what this client has shown it.
"""

import asyncio
from collections.abc import Callable

from plait.api.infos import GraphInfo
from plait.api.messages import Answer, Cancel, GraphSaid, GraphSay, LinkGraph
from plait.base.errors import BadFrame, PlaitError
from plait.client.link import Link

Hear = Callable[[bytes], None]
Ended = Callable[[PlaitError], None]


class GuestLink:
    """Implements `plait.api.port.DocumentsLink`."""

    def __init__(self, link: Link, info: GraphInfo, hear: Hear, ended: Ended) -> None:
        self.info = info
        self.writes: tuple[str, ...] | None = None
        self._link = link
        self._hear, self._tell = hear, ended
        self._closed = False
        self._id = link.request(self._heard, LinkGraph, info.lineage)

    def say(self, data: bytes) -> None:
        """Pass on to the node."""
        if not self._closed:
            self._link.tell(GraphSay(self._id, data))

    def close(self) -> None:
        """The guest is gone."""
        if not self._closed:
            self._closed = True
            self._link.forget(self._id)
            self._link.tell(Cancel(self._id))

    def _heard(self, answer: Answer | PlaitError) -> None:
        if self._closed:
            return
        if isinstance(answer, GraphSaid):
            if not answer.data:
                self.writes = answer.writes
            self._hear(answer.data)
            return
        if not isinstance(answer, PlaitError):
            answer = BadFrame(f"{self._link.node} said a {type(answer).__name__} about a graph")
        self._closed = True
        # later, for the link may have been lost before whoever made this has it
        asyncio.get_running_loop().call_soon(self._tell, answer)
