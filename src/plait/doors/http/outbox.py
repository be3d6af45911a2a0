"""What a socket has still to say, and how it ends.

Invariant: what is put in is sent in order, and last why it ends; who does not read what it is told
is cut off once so many bytes wait, with `Busy`, and what waited is dropped.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from plait.base.errors import BadFrame, Busy, NotSignedIn, PlaitError, VersionMismatch

# Close codes of RFC 6455, and of its registry.
GOING_AWAY, POLICY, TRY_AGAIN_LATER = 1001, 1008, 1013
REASON_BYTES_MAX = 120


class Outbox:
    """The sending half of a socket."""

    def __init__(
        self, socket: WebSocket, bytes_max: int, last: Callable[[PlaitError], bytes | str]
    ) -> None:
        """last: the message that tells why it ends."""
        self._socket = socket
        self._bytes_max = bytes_max
        self._last = last
        self._unsent: deque[bytes | str] = deque()
        self._unsent_bytes = 0
        self._news = asyncio.Event()
        self.error: PlaitError | None = None  # why it ends
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, message: bytes | str) -> None:
        """Say this, when the socket takes it."""
        if self.error is not None:
            return
        self._unsent.append(message)
        self._unsent_bytes += len(message)
        self._news.set()
        if self._unsent_bytes > self._bytes_max:
            self._unsent.clear()
            self.end(Busy("what is told here is not read: go on where it was, later"))

    def end(self, error: PlaitError) -> None:
        """All of it ends, for this reason, which is said last."""
        if self.error is None:
            self.error = error
            self._news.set()
            self.ended.set_result(None)

    async def send_all(self) -> None:
        """Send what there is to send, until it ends or the other side goes."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                while self._unsent:
                    message = self._unsent.popleft()
                    await self._send(message)
                    self._unsent_bytes -= len(message)
                if self.error is not None:
                    break
                self._news.clear()
                await self._news.wait()
            await self._send(self._last(self.error))
            reason = self.error.message.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
            await self._socket.close(_close_code(self.error), reason)

    async def _send(self, message: bytes | str) -> None:
        if isinstance(message, bytes):
            await self._socket.send_bytes(message)
        else:
            await self._socket.send_text(message)


def _close_code(error: PlaitError) -> int:
    match error:
        case NotSignedIn() | BadFrame() | VersionMismatch():
            return POLICY
        case Busy():
            return TRY_AGAIN_LATER
    return GOING_AWAY
