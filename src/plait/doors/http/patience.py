"""What uvicorn lets a client do without end, this bounds: heads, waiting requests, unread answers.

- *A head* (what is before a body, or between two pieces of one) has so many bytes and seconds.
- *Requests that were sent at once* wait unparsed, but for what came with the one that is answered.
- *Who does not read* what they are told is read from no more, and is let go after a time; so is a
  connection that was closed and still has something unsent, which the transport would keep.
- *Connections* beyond the limit are closed as they come: each is a file to this process, and its
  disks need some too.

Invariant: what one connection holds here is bounded in bytes, and whatever says or reads nothing
ends. Absent: a bound on how slowly a body comes (`HttpLimits.request_s`) or an answer is read.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server

HEAD_BYTES_MAX: Final = 64 << 10
HEAD_S: Final = 20.0
UNREAD_S: Final = 60.0
PIECE_BYTES: Final = 16 << 10  # that are looked through at once for requests
LOOK_S: Final = 5.0


class PatientHttp(HttpToolsProtocol):
    """One connection that speaks HTTP/1.1."""

    head_s = HEAD_S
    unread_s = UNREAD_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._since_progress = 0  # bytes since a request, its head or a piece of its body was whole
        self._unparsed = b""  # what came with requests that wait
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(transport)  # type: ignore[arg-type]
        limit = self.limit_concurrency
        if limit is not None and len(self.connections) > limit:
            self.transport.abort()
            return
        self._head = self.loop.call_later(self.head_s, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        self._unread = _cancelled(self._unread)
        self.pipeline.clear()
        self._unparsed = b""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._unparsed = self._unparsed + data if self._unparsed else data
        self._parse()
        if self._unparsed:
            self.flow.pause_reading()

    def _parse(self) -> None:
        """Go on, unless requests wait that were sent before."""
        while self._unparsed and not self.pipeline and not self.transport.is_closing():
            piece = self._unparsed[:PIECE_BYTES]
            self._unparsed = self._unparsed[PIECE_BYTES:]
            self._parse_piece(piece)

    def _parse_piece(self, data: bytes) -> None:
        self._since_progress += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._since_progress > HEAD_BYTES_MAX:
            self.send_400_response(f"A head has at most {HEAD_BYTES_MAX} bytes.")
        elif self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._head = self.loop.call_later(self.head_s, self._too_late)

    def handle_websocket_upgrade(self) -> None:
        """Somebody else serves this connection from here on."""
        self._unparsed = b""  # nothing may come before the answer
        self._stop_waiting()
        self._unread = _cancelled(self._unread)
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._since_progress = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._since_progress = 0
        super().on_headers_complete()
        self._stop_waiting()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._since_progress = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """The next request may be served; more are read once none is left."""
        super().on_response_complete()
        if self.pipeline or self._unparsed:
            self.flow.pause_reading()
        if self._unparsed and not self.pipeline:
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._parse()
        if not self.pipeline and not self._unparsed and not self.transport.is_closing():
            self.flow.resume_reading()

    def pause_writing(self) -> None:
        """What was said is not read."""
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(self.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It is."""
        super().resume_writing()
        self._unread = _cancelled(self._unread)

    def _too_late(self) -> None:
        self._head = None
        self.transport.close()

    def _stop_waiting(self) -> None:
        self._head = _cancelled(self._head)


class PatientSocket(WebSocketsSansIOProtocol):
    """One WebSocket."""

    unread_s = UNREAD_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unread: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._unread = _cancelled(self._unread)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """What was said is not read: nothing more is heard, for pings are answered."""
        super().pause_writing()
        if not self.read_paused:
            self.transport.pause_reading()
        self._unread = self._unread or self.loop.call_later(self.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It is."""
        super().resume_writing()
        self._unread = _cancelled(self._unread)
        if not self.read_paused:
            self.transport.resume_reading()


async def let_go(server: Server, unread_s: float = UNREAD_S) -> None:
    """Again and again: end connections that were closed long ago and have something unsent."""
    loop = asyncio.get_running_loop()
    closing: dict[Any, float] = {}
    while True:
        await asyncio.sleep(LOOK_S)
        now = loop.time()
        found = [one for one in server.server_state.connections if one.transport.is_closing()]
        closing = {one: closing.get(one, now) for one in found}
        for one, since in closing.items():
            if now - since >= unread_s:
                one.transport.abort()


def _cancelled(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
