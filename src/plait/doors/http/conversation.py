"""What a socket's two sides do alike, whatever is said: greet, hear, be looked at, end.

Invariant: why a conversation ends is the last thing that is said in it, and whatever was begun in
it has ended by then. A client that says nothing is looked at every so often, for it may not be
somebody any more.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from plait.api.store import Store
from plait.base.errors import BadFrame, PlaitError, Unavailable
from plait.doors.http.limits import HttpLimits
from plait.doors.http.outbox import GOING_AWAY, Outbox
from plait.doors.people import Acting, People

M = TypeVar("M")  # a message, decoded


class Conversation(ABC, Generic[M]):
    """One client's connection; subclasses say what messages there are."""

    def __init__(self, socket: WebSocket, people: People, limits: HttpLimits) -> None:
        self._socket = socket
        self._people = people
        self._limits = limits
        self._out = Outbox(socket, limits.socket_unsent_bytes_max, self._last)

    async def run(self, cookie: str) -> None:
        """Serve it until either side ends it. cookie: a token, for who shows none."""
        await self._socket.accept()
        sending = asyncio.create_task(self._out.send_all())
        try:
            await self._serve(cookie)
        except WebSocketDisconnect:
            sending.cancel()
        except PlaitError as error:
            self.end(error)
        finally:
            await self._stop()
            self.end(Unavailable("this connection ends"))
            await asyncio.gather(sending, return_exceptions=True)

    def end(self, error: PlaitError) -> None:
        """All of it ends, for this reason, which the client hears last."""
        self._out.end(error)

    async def _serve(self, cookie: str) -> None:
        try:
            async with asyncio.timeout(self._limits.greeting_s):
                first = await self._receive()
        except TimeoutError:
            raise Unavailable(f"no greeting within {self._limits.greeting_s:g} s") from None
        token = self._token(first) or cookie
        if not isinstance(token, str):
            raise BadFrame("a token is a text")
        async with self._people.acting(token) as acting:
            await _found(acting.store)
            self._greet(acting.store)
            await self._hear(acting)

    async def _hear(self, acting: Acting) -> None:
        """Messages, until the client goes or is told to go."""
        pending: asyncio.Task[M] | None = None
        try:
            while self._out.error is None:
                pending = pending or asyncio.create_task(self._receive())
                waited: list[asyncio.Future[Any]] = [pending, self._out.ended]
                await asyncio.wait(
                    waited, timeout=self._limits.heartbeat_s, return_when=asyncio.FIRST_COMPLETED
                )
                acting.check()
                if pending.done():
                    message, pending = pending.result(), None
                    self._handle(acting.store, message)
        finally:
            if pending is not None:
                pending.cancel()
                await asyncio.gather(pending, return_exceptions=True)

    async def _receive(self) -> M:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", GOING_AWAY))
        data = self._checked(message.get("text"), message.get("bytes"))
        try:
            return self._decoded(data)
        except (ValueError, RecursionError) as error:
            raise BadFrame(f"not a message: {error}") from None

    # ------------------------------------------------------------------ what is said

    @abstractmethod
    def _checked(self, text: str | None, data: bytes | None) -> str | bytes:
        """Whichever of both a message is here; `BadFrame` for another or too long a one."""

    @abstractmethod
    def _decoded(self, data: Any) -> M:
        """The message. ValueError or RecursionError for what is none."""

    @abstractmethod
    def _token(self, first: M) -> Any:
        """What the first message shows; `BadFrame` if it is no greeting."""

    @abstractmethod
    def _greet(self, store: Store) -> None:
        """Answer the greeting."""

    @abstractmethod
    def _handle(self, store: Store, message: M) -> None:
        """Do what a later message asks for."""

    @abstractmethod
    def _last(self, error: PlaitError) -> bytes | str:
        """The message that says why all of it ends."""

    @abstractmethod
    async def _stop(self) -> None:
        """End whatever was begun here."""


async def _found(store: Store) -> None:
    """A store that has lost its node finds it again, or says why it does not: what a token opened
    may be closed to it by now."""
    try:
        _ = store.here
    except Unavailable:
        await store.tables()
