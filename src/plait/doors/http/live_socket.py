"""WS ``/v1/live``: any number of watches over one connection, as JSON.

::

    client                                               server
    {"op": "hello", "token": "…"}   first                {"event": "hello", "node", "cluster"}
    {"op": "watch", "id": 1, "table": "films",           {"id": 1, "event": "ready" | "changes" | …,
     "from": "7.0", "prefix": "a"}                        "at": "7.1", "data": {…}}
    {"op": "watch", "id": 2, "documents": "notes",
     "from": "…", "key": "n1"}
    {"op": "watch", "id": 3, "status": true, "every_s": 1}
    {"op": "unwatch", "id": 1}                           {"id": 1, "event": "ended"}
                                                         {"id": 1, "event": "problem", "data": {…}}

Events and data are those of the SSE routes; ``at`` is what ``from`` takes to go on behind one.
Invariant: who does not read is cut off with a problem of all (id 0), and goes on with ``from``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

import msgspec
from starlette.websockets import WebSocket

from plait.api.store import Store
from plait.base.errors import BadFrame, Busy, PlaitError
from plait.doors.http.call import to_json
from plait.doors.http.conversation import Conversation
from plait.doors.http.feeds import documents_feed, status_feed, table_feed
from plait.doors.http.hub import Told, json_of
from plait.doors.http.limits import HttpLimits
from plait.doors.http.problems import described
from plait.doors.people import People

STATUS_EVERY_S_MIN = 0.1
MESSAGE_CHARACTERS_MAX = 64 << 10


class Hello(msgspec.Struct, tag="hello", tag_field="op", forbid_unknown_fields=True):
    """The first message."""

    token: str | None = None


class Watch(msgspec.Struct, tag="watch", tag_field="op", forbid_unknown_fields=True):
    """Tell from now on; one of table, documents, status."""

    id: int
    table: str | None = None
    documents: str | None = None
    status: Literal[True] | None = None
    from_: str | None = msgspec.field(name="from", default=None)
    start: str | None = None
    stop: str | None = None
    prefix: str | None = None
    key: str | None = None
    every_s: float = 1.0


class Unwatch(msgspec.Struct, tag="unwatch", tag_field="op", forbid_unknown_fields=True):
    """Tell no more."""

    id: int


_decoder: msgspec.json.Decoder[Hello | Watch | Unwatch] = msgspec.json.Decoder(
    Hello | Watch | Unwatch
)


class LiveSocket(Conversation[Hello | Watch | Unwatch]):
    """One client's connection."""

    def __init__(self, socket: WebSocket, people: People, limits: HttpLimits) -> None:
        super().__init__(socket, people, limits)
        self._watches: dict[int, asyncio.Task[None]] = {}

    async def _stop(self) -> None:
        for watch in list(self._watches.values()):
            watch.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)

    def _checked(self, text: str | None, data: bytes | None) -> str:
        if text is None or len(text) > MESSAGE_CHARACTERS_MAX:
            raise BadFrame("messages are short JSON texts here")
        return text

    def _decoded(self, data: str) -> Hello | Watch | Unwatch:
        return _decoder.decode(data)

    def _token(self, first: Hello | Watch | Unwatch) -> str | None:
        if not isinstance(first, Hello):
            raise BadFrame('the first message is a greeting: {"op": "hello"}')
        return first.token

    def _greet(self, store: Store) -> None:
        here = store.here
        self._say({"event": "hello", "node": here.node, "cluster": here.cluster})

    def _handle(self, store: Store, message: Hello | Watch | Unwatch) -> None:
        match message:
            case Watch(id=id_) if id_ > 0 and id_ not in self._watches:
                if len(self._watches) >= self._limits.watches_per_socket_max:
                    self._problem(id_, Busy("as many watches as a connection may have"))
                    return
                task = asyncio.create_task(self._watch(store, message))
                self._watches[id_] = task
                task.add_done_callback(lambda _: self._watches.pop(id_, None))
            case Unwatch(id=id_):
                watch = self._watches.get(id_)
                if watch is not None:
                    watch.cancel()
                self._say({"id": id_, "event": "ended"})
            case _:
                raise BadFrame("a watch has a new id above 0, and one greeting is enough")

    async def _watch(self, store: Store, wanted: Watch) -> None:
        try:
            async with aclosing(await _feed(store, wanted)) as feed:  # type: ignore[type-var]
                async for told in feed:
                    at = f',"at":"{told.id}"' if told.id else ""
                    head = f'{{"id":{wanted.id},"event":"{told.event}"{at},"data":'
                    self._out.put(head + json_of(told).decode() + "}")
        except PlaitError as error:
            self._problem(wanted.id, error)

    def _problem(self, id_: int, error: PlaitError) -> None:
        self._say({"id": id_, "event": "problem", "data": described(error)})

    def _say(self, message: dict[str, Any]) -> None:
        self._out.put(to_json(message).decode())

    def _last(self, error: PlaitError) -> str:
        return to_json({"id": 0, "event": "problem", "data": described(error)}).decode()


async def _feed(store: Store, wanted: Watch) -> AsyncIterator[Told]:
    given = [one for one in (wanted.table, wanted.documents, wanted.status) if one is not None]
    if len(given) != 1:
        raise BadFrame("watch one of: table, documents, status")
    if wanted.table is not None:
        table = await store.table(wanted.table)
        return table_feed(table, wanted.from_, wanted.start, wanted.stop, wanted.prefix)
    if wanted.documents is not None:
        documents = await store.documents(wanted.documents, create=False)
        return documents_feed(store, documents, wanted.from_, wanted.key)
    return status_feed(store, max(wanted.every_s, STATUS_EVERY_S_MIN))
