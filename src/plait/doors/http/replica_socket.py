"""WS ``/v1/replica``: a browser's own replicas, each a guest of the node's replica.

One MessagePack array is one message::

    browser                              server
    [0, {"protocol": 1, "token"}]        first
                                         [0, {"protocol", "node", "cluster", "now_ms", "who"}]
    [1, id, collection]                  link
                                         [1, id, {"name", "lineage", "founder", …}]  linked
    [2, id, bytes]                       say; either way, `plait.graph.messages`
    [3, id]                              unlink
                                         [4, id, code, message, details]  ended; id 0: all of it

``who`` is the user that the token belongs to, nil where nobody is asked. ``writes`` is what keys
may begin with, for this user to write them; nil for everything. What is written elsewhere is
refused. "Linked" comes again whenever both have to begin anew, or that is something else.

Invariant: messages of a link keep their order; a browser that does not read is cut off, loudly,
with ``[4, 0, "Busy", …]``, and begins anew when it reconnects: nothing is lost, since its replica
keeps what no node has.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from plait.api.port import DocumentsLink
from plait.api.store import Store
from plait.base.errors import (
    BadFrame,
    Busy,
    PlaitError,
    Unavailable,
    VersionMismatch,
)
from plait.doors.http.conversation import Conversation
from plait.doors.http.limits import HttpLimits
from plait.doors.people import People

PROTOCOL = 1
HELLO, LINK, SAY, UNLINK, ENDED = range(5)
ID_MAX = 2**32
NAME_MAX = 512

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class ReplicaSocket(Conversation[list[Any]]):
    """One browser's connection."""

    def __init__(
        self,
        socket: WebSocket,
        people: People,
        limits: HttpLimits,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        super().__init__(socket, people, limits)
        self._wall_ms = wall_ms
        self._links: dict[int, DocumentsLink | None] = {}  # None: being made
        self._making: dict[int, asyncio.Task[None]] = {}

    async def _stop(self) -> None:
        for making in list(self._making.values()):
            making.cancel()
        for link in self._links.values():
            if link is not None:
                link.close()
        self._links.clear()

    # ------------------------------------------------------------------ hearing

    def _checked(self, text: str | None, data: bytes | None) -> bytes:
        if data is None:
            raise BadFrame("messages are binary here")
        if len(data) > self._limits.socket_message_bytes_max:
            raise BadFrame(f"a message has at most {self._limits.socket_message_bytes_max} bytes")
        return data

    def _decoded(self, data: bytes) -> list[Any]:
        return _decode(data)

    def _token(self, first: list[Any]) -> Any:
        match first:
            case [0, dict() as hello] if hello.get("protocol") == PROTOCOL:
                return hello.get("token")
            case [0, dict()]:
                raise VersionMismatch(f"this server speaks protocol {PROTOCOL} to browsers")
        raise BadFrame("the first message is a greeting: [0, {'protocol': 1, 'token': …}]")

    def _greet(self, store: Store) -> None:
        here = store.here
        self._say(
            [HELLO, {"protocol": PROTOCOL, "node": here.node, "cluster": here.cluster,
                     "now_ms": self._wall_ms(), "who": here.who or None}]
        )  # fmt: skip

    def _handle(self, store: Store, message: list[Any]) -> None:
        match message:
            case [1, int(id_), str(name)] if 0 < id_ < ID_MAX and len(name) <= NAME_MAX:
                self._link(store, id_, name)
            case [2, int(id_), bytes(data)]:
                link = self._links.get(id_)
                if link is not None:
                    link.say(data)
            case [3, int(id_)]:
                self._unlink(id_)
            case _:
                raise BadFrame("there is no such message")

    # ------------------------------------------------------------------ links

    def _link(self, store: Store, id_: int, name: str) -> None:
        if id_ in self._links:
            raise BadFrame(f"there is a link {id_} already")
        if len(self._links) >= self._limits.links_per_socket_max:
            self._fail(id_, Busy(f"a connection has at most {len(self._links)} links"))
            return
        self._links[id_] = None
        task = asyncio.create_task(self._make(store, id_, name))
        self._making[id_] = task
        task.add_done_callback(lambda _: self._making.pop(id_, None))

    async def _make(self, store: Store, id_: int, name: str) -> None:
        try:
            async with asyncio.timeout(self._limits.request_s):
                link = await store.link_documents(
                    name, partial(self._heard, id_), partial(self._link_ended, id_)
                )
        except TimeoutError:
            self._link_ended(id_, Unavailable(f"no link within {self._limits.request_s:g} s"))
        except PlaitError as error:
            self._link_ended(id_, error)
        else:
            self._links[id_] = link

    def _unlink(self, id_: int) -> None:
        making = self._making.pop(id_, None)
        if making is not None:
            making.cancel()
        link = self._links.pop(id_, None)
        if link is not None:
            link.close()

    def _heard(self, id_: int, data: bytes) -> None:
        link = self._links.get(id_)
        if link is None:
            return
        if data:
            self._say([SAY, id_, data])
            return
        info = link.info
        settings = {"sync": info.settings.sync, "history": info.settings.history}
        writes = None if link.writes is None else list(link.writes)
        told = {"name": info.name, "lineage": info.lineage, "founder": info.founder}
        self._say([LINK, id_, {**told, "node": info.node, **settings, "writes": writes}])

    def _link_ended(self, id_: int, error: PlaitError) -> None:
        if id_ in self._links:
            del self._links[id_]
            self._fail(id_, error)

    def _fail(self, id_: int, error: PlaitError) -> None:
        self._say(_ended(id_, error))

    # ------------------------------------------------------------------ saying

    def _say(self, message: list[Any]) -> None:
        self._out.put(_encode(message))

    def _last(self, error: PlaitError) -> bytes:
        return _encode(_ended(0, error))


def _ended(id_: int, error: PlaitError) -> list[Any]:
    details = msgspec.to_builtins(error.details, enc_hook=repr)
    return [ENDED, id_, error.code, error.message, details]
