"""TLS between a socket's transport and the protocol above it, for which it is the transport.

::

    transport ──bytes──► TlsStream ──plain bytes──► TcpConnection
              ◄─────────           ◄──write, close──

asyncio's own TLS does not tell a server's protocol that a handshake failed, nor why; here both ends
are told with a typed error, and the connection was counted from its first byte.

Invariant: the protocol above hears of a connection only once both sides are who they have to be;
a handshake ends within `handshake_s`, well or not. Who dials takes nobody but a node.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import Any, Protocol, cast

from plait.base.errors import BadCertificate, PlaitError, Unavailable
from plait.host.tls import NODE, certified, explain

logger = logging.getLogger("plait.tls")

_RECORD = 16 * 1024  # the most that TLS puts into one record
_HANDSHAKE = b"\x16"  # how a client that speaks TLS begins


class Above(Protocol):
    """The protocol that is carried."""

    certified: str | None
    refusal: PlaitError | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def data_received(self, data: bytes) -> None: ...

    def connection_lost(self, error: Exception | None) -> None: ...

    def abort(self, reason: str) -> None: ...


class TlsStream(asyncio.Protocol):
    """One connection's TLS."""

    def __init__(
        self,
        above: Above,
        context: Callable[[], ssl.SSLContext],
        handshake_s: float,
        server: bool,
        plain_answer: bytes = b"",
    ) -> None:
        self._above = above
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context().wrap_bio(self._incoming, self._outgoing, server_side=server)
        self._server = server
        self._handshake_s = handshake_s
        self._plain_answer = plain_answer  # for who speaks no TLS
        self._raw: asyncio.Transport | None = None
        self._peer = "?"
        self._heard = False
        self._open = False
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --------------------------------------------------------------------- the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the socket is connected."""
        self._raw = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._peer = f"{peer[0]}:{peer[1]}"
        self._timer = asyncio.get_running_loop().call_later(self._handshake_s, self._late)
        if not self._server:
            self._shake_hands()

    def data_received(self, data: bytes) -> None:
        """asyncio: encrypted bytes came."""
        if self._over:
            return
        if self._server and not self._heard and data[:1] != _HANDSHAKE:
            self._outgoing.write(self._plain_answer)
            self._fail(BadCertificate(f"{self._peer} speaks no TLS"))
            return
        self._heard = True
        self._incoming.write(data)
        if not self._open:
            self._shake_hands()
        if self._open:
            self._read()

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the socket is closed."""
        if not self._open and not self._over:
            self._fail(
                Unavailable(f"{self._peer} hung up in the TLS handshake: does it speak TLS?")
            )
        self._over = True
        self._stop_timer()
        self._raw = None
        self._above.connection_lost(error)

    def pause_writing(self) -> None:
        """asyncio: nothing to do; who writes watches the buffer's size."""

    def resume_writing(self) -> None:
        """asyncio: nothing to do."""

    # --------------------------------------------------------------------- a transport

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if self._over or not data:
            return
        left = memoryview(data)
        try:
            while left:
                left = left[self._ssl.write(left) :]
        except ssl.SSLError as error:
            self._fail(explain(error, self._peer))
            return
        self._flush()

    def get_write_buffer_size(self) -> int:
        """Bytes, encrypted, that the system has not taken."""
        return self._raw.get_write_buffer_size() if self._raw is not None else 0

    def pause_reading(self) -> None:
        """Stop reading."""
        if self._raw is not None:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._raw is not None:
            self._raw.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the socket."""
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def close(self) -> None:
        """Say that this is the end, and close when all is sent."""
        if self._raw is None:
            return
        with contextlib.suppress(ssl.SSLError):  # it would wait for the other side to say so too
            self._ssl.unwrap()
        self._flush()
        self._raw.close()

    def abort(self) -> None:
        """Close at once."""
        if self._raw is not None:
            self._raw.abort()

    # --------------------------------------------------------------------- helpers

    def _shake_hands(self) -> None:
        try:
            self._ssl.do_handshake()
            self._flush()
            who = certified(self._ssl)
            if not self._server and not who.startswith(NODE):
                raise BadCertificate(f"{self._peer} shows a certificate that is no node's: {who}")
        except ssl.SSLWantReadError:
            self._flush()
            return
        except (ssl.SSLError, PlaitError) as error:
            self._fail(explain(error, self._peer))
            return
        self._stop_timer()
        self._open = True
        self._above.certified = who
        self._above.connection_made(cast(asyncio.BaseTransport, self))
        if not self.opened.done():
            self.opened.set_result(None)

    def _read(self) -> None:
        chunks: list[bytes] = []
        failed: PlaitError | None = None
        ended = False
        try:
            while chunk := self._ssl.read(_RECORD):
                chunks.append(chunk)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as error:
            failed = explain(error, self._peer)
        self._flush()  # an answer of TLS's own
        if chunks:
            self._above.data_received(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        if failed is not None:
            self._fail(failed)
        elif ended and self._raw is not None:
            self._close(self._raw)

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and self._raw is not None and not self._raw.is_closing():
            self._raw.write(data)

    def _late(self) -> None:
        self._fail(Unavailable(f"no TLS handshake with {self._peer} in {self._handshake_s:g} s"))

    def _fail(self, error: PlaitError) -> None:
        """The end: whoever waits is told why, and the other side gets what was still to be said."""
        if self._over:
            return
        self._over = True
        self._stop_timer()
        if self._server:
            logger.warning("a connection was refused: %s", error.message)
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()  # whoever dials may have left
        self._above.refusal = error
        self._flush()
        if self._raw is not None:
            self._close(self._raw)
        raw, self._raw = self._raw, None
        self._above.abort(f"{error.code}: {error.message}")
        self._raw = raw

    def _close(self, raw: asyncio.Transport) -> None:
        """The other side may take the rest, if it does so soon."""
        raw.close()
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self._handshake_s, raw.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
