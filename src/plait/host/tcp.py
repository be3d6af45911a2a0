"""The `Network` port over TCP, on asyncio's protocols (uvloop's or the standard loop's).

Few system calls make it fast: every frame cut from one read is delivered in one call, and the
frames sent in one tick of the loop leave in one write.

Invariant: a peer, hostile or broken, costs bounded memory and time. Frames are limited in size
(narrowly until the owner has seen a handshake), the first frame must come soon, an unfinished
frame must finish, a peer that does not read is cut off, and connections are counted. Breaking a
limit closes that connection and nothing else.

With `Tls` everything is encrypted (`tls_stream`), and connections know who is there.

Absent: keep-alive messages (owners ping in their own protocol; TCP's own keep-alive is switched
on), reconnecting.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

import msgspec

from plait.base.codec import FrameDecoder
from plait.base.errors import PlaitError, Unavailable
from plait.base.ports import Connection, Listener, Receiver
from plait.host.address import join_address, split_address
from plait.host.tls import Contexts, Tls
from plait.host.tls_stream import TlsStream

_LENGTH = struct.Struct(">I")

Accept = Callable[[Connection], Receiver]


class TcpLimits(msgspec.Struct, frozen=True):
    """What one network allows its peers."""

    connections_max: int = 4096  # accepted at once, by one listener
    handshake_bytes_max: int = 64 * 1024  # a frame, until the owner raises `frame_bytes_max`
    first_frame_s: float = 10.0
    unfinished_frame_s: float = 30.0
    unsent_bytes_max: int = 256 * 1024 * 1024
    flush_bytes: int = 256 * 1024  # written at once, without waiting for the tick's end
    linger_s: float = 5.0  # for the peer to read the rest after `close`


class TcpConnection(asyncio.Protocol):
    """One TCP connection; implements `plait.base.ports.Connection`."""

    peer: str

    def __init__(
        self, accept: Accept, limits: TcpLimits, ended: Callable[["TcpConnection"], None]
    ) -> None:
        self.peer = "?"
        self.certified: str | None = None
        self.refusal: PlaitError | None = None
        self._accept = accept
        self._limits = limits
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._decoder = FrameDecoder(limits.handshake_bytes_max)
        self._receiver: Receiver | None = None
        self._transport: asyncio.Transport | None = None
        self._pending: list[bytes] = []  # lengths and frames, in turn, until the tick's end
        self._pending_bytes = 0
        self._closing: str | None = None  # why, once no more is read or sent
        self._paused = False
        self._greeted = False  # the first frame came
        self._unfinished_since = 0.0  # loop time; means nothing while no frame is unfinished
        self._timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------- the owner's side

    @property
    def frame_bytes_max(self) -> int:
        """The longest frame that is taken; the owner raises it after the handshake."""
        return self._decoder.frame_bytes_max

    @frame_bytes_max.setter
    def frame_bytes_max(self, value: int) -> None:
        self._decoder.frame_bytes_max = value

    @property
    def unsent(self) -> int:
        """Bytes queued here and in the transport, not yet taken by the system."""
        transport = self._transport
        return self._pending_bytes + (transport.get_write_buffer_size() if transport else 0)

    def send(self, frame: bytes) -> None:
        """Queue a frame for the end of this tick; dropped once the connection is closing."""
        if self._closing is not None:
            return
        pending = self._pending
        if not pending:
            self._loop.call_soon(self._flush)
        pending.append(_LENGTH.pack(len(frame)))
        pending.append(frame)
        self._pending_bytes += len(frame) + 4
        if self._pending_bytes >= self._limits.flush_bytes:
            self._flush()

    def pause(self) -> None:
        """Stop reading."""
        if not self._paused and self._closing is None and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._paused and self._closing is None and self._transport is not None:
            self._paused = False
            self._unfinished_since = self._loop.time()
            self._transport.resume_reading()

    def close(self, reason: str = "") -> None:
        """Flush and close; a peer that does not take the rest within `linger_s` loses it."""
        if self._closing is not None:
            return
        self._flush()
        if self._closing is not None or self._transport is None:
            return  # the flush found the peer too slow
        self._closing = reason or "closed here"
        self._transport.close()
        self._set_timer(self._limits.linger_s, self._transport.abort)

    def abort(self, reason: str) -> None:
        """Close at once; what is queued is lost."""
        if self._closing is None:
            self._closing = reason
        if self._transport is not None:
            self._transport.abort()

    def __repr__(self) -> str:
        state = "open" if self._closing is None else f"closing: {self._closing}"
        return f"<TcpConnection {self.peer} {state}, {self.unsent} bytes unsent>"

    def _flush(self) -> None:
        pending = self._pending
        if not pending or self._transport is None or self._closing is not None:
            return
        self._pending = []
        self._pending_bytes = 0
        self._transport.write(b"".join(pending))
        if self._transport.get_write_buffer_size() > self._limits.unsent_bytes_max:
            self.abort(f"the peer left over {self._limits.unsent_bytes_max} bytes unread")

    # --------------------------------------------------------------------- the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is open."""
        # uvloop's transports behave as asyncio's, and are none by type.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer = join_address(peer[0], peer[1])
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):  # the peer may be gone already
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            self._receiver = self._accept(self)
        except Exception as error:
            self.abort(f"refused: {error}")
            return
        self._set_timer(
            self._limits.first_frame_s,
            lambda: self.abort(f"no first frame within {self._limits.first_frame_s} s"),
        )

    def data_received(self, data: bytes) -> None:
        """asyncio: some bytes came."""
        if self._closing is not None or self._receiver is None:
            return
        decoder = self._decoder
        began = bool(decoder.unfinished)
        try:
            frames = decoder.feed(data)
            if frames:
                self._deliver(frames, self._receiver)
        except PlaitError as error:
            self.abort(f"{error.code}: {error}")
            return
        except Exception as error:
            self.abort(f"the receiver failed: {error!r}")
            self._loop.call_exception_handler(
                {"message": f"the receiver of {self.peer} failed", "exception": error}
            )
            return
        if decoder.unfinished and self._closing is None:
            if frames or not began:
                self._unfinished_since = self._loop.time()
            if self._timer is None:
                self._set_timer(self._limits.unfinished_frame_s, self._check_progress)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection is over."""
        if self._closing is None:
            self._closing = str(error) if error else "closed by the peer"
        self._cancel_timer()
        self._pending.clear()
        self._pending_bytes = 0
        self._transport = None
        self._ended(self)
        if self._receiver is not None:
            self._receiver.closed(self._closing)

    # ----------------------------------------------------------------------------- helpers

    def _deliver(self, frames: list[bytes], receiver: Receiver) -> None:
        if not self._greeted:
            self._greeted = True
            self._cancel_timer()
        receiver.frames(frames)
        # The decoder stops at an over-long frame; the owner may just have raised the limit.
        while self._closing is None and self._decoder.unfinished >= 4:
            frames = self._decoder.feed(b"")
            if not frames:
                return
            receiver.frames(frames)

    def _check_progress(self) -> None:
        """Close if one frame has been unfinished for too long; look again later otherwise."""
        self._timer = None
        if not self._decoder.unfinished:
            return
        limit = self._limits.unfinished_frame_s
        if self._paused:
            left = limit
        else:
            left = self._unfinished_since + limit - self._loop.time()
        if left <= 0:
            self.abort(f"a frame was not finished within {limit} s")
        else:
            self._set_timer(left, self._check_progress)

    def _set_timer(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(delay_s, callback)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class TcpListener:
    """A bound address; implements `plait.base.ports.Listener`."""

    def __init__(
        self,
        accept: Accept,
        limits: TcpLimits,
        contexts: Contexts | None = None,
        plain_answer: bytes = b"",
    ) -> None:
        self.address = "?"
        self._accept = accept
        self._limits = limits
        self._contexts = contexts
        self._plain_answer = plain_answer
        self._server: asyncio.Server | None = None
        # A dict keeps the order of arrival, so closing is in the same order every time.
        self._connections: dict[TcpConnection, None] = {}

    async def bind(self, address: str) -> None:
        """Listen; `Unavailable` if the address is taken or is none of this machine's."""
        host, port = split_address(address)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._connection, host, port, backlog=512
            )
        except OSError as error:
            raise Unavailable(f"cannot listen on {address}: {error.strerror or error}") from error
        self.address = join_address(host, self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, then close every connection that came in; idempotent."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for connection in list(self._connections):
            connection.close("the listener was closed")
        await server.wait_closed()

    def _connection(self) -> TcpConnection | TlsStream:
        full = len(self._connections) >= self._limits.connections_max
        accept = _refuse if full else self._accept
        connection = TcpConnection(accept, self._limits, self._ended)
        if not full:
            self._connections[connection] = None
        if self._contexts is None or full:  # nobody is shaken hands with to be refused
            return connection
        first_s = self._limits.first_frame_s
        return TlsStream(connection, self._contexts.server, first_s, True, self._plain_answer)

    def _ended(self, connection: TcpConnection) -> None:
        self._connections.pop(connection, None)


class TcpNetwork:
    """TCP behind the `Network` port.

    With `tls` nobody gets in without; who tries is sent the frame `plain_answer`, unencrypted.
    """

    def __init__(
        self, limits: TcpLimits | None = None, tls: Tls | None = None, plain_answer: bytes = b""
    ) -> None:
        self._limits = limits or TcpLimits()
        self._contexts = None if tls is None else Contexts(tls)
        self._plain_answer = _LENGTH.pack(len(plain_answer)) + plain_answer

    async def listen(self, address: str, accept: Accept) -> Listener:
        """Bind `address` (port 0 picks one) and call `accept` for every connection."""
        listener = TcpListener(accept, self._limits, self._contexts, self._plain_answer)
        await listener.bind(address)
        return listener

    async def connect(self, address: str, accept: Accept, timeout: float) -> Connection:
        """Connect within `timeout` seconds, or raise `Unavailable`."""
        host, port = split_address(address)
        loop = asyncio.get_running_loop()
        connection = TcpConnection(accept, self._limits, lambda _: None)
        try:
            async with asyncio.timeout(timeout):
                if self._contexts is None:
                    await loop.create_connection(lambda: connection, host, port)
                else:
                    stream = TlsStream(connection, self._contexts.client, timeout, False)
                    await loop.create_connection(lambda: stream, host, port)
                    try:
                        await stream.opened
                    except BaseException:
                        stream.close()
                        raise
        except TimeoutError:
            raise Unavailable(f"{address} did not answer within {timeout} s") from None
        except OSError as error:
            raise Unavailable(f"cannot reach {address}: {error.strerror or error}") from error
        return connection


def _refuse(connection: Connection) -> Receiver:
    raise Unavailable(f"too many connections to take {connection.peer} too")
