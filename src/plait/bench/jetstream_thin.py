"""A raw socket to NATS: publishes with a reply subject, written and read without a client library.

N writers share one connection. The reply subject ends in the writer's number, so an answer says
whose publish it is for; the writers whose answers arrived together are written together. This is
how fast JetStream is when its client costs nearly nothing.
"""

import asyncio
from array import array
from time import perf_counter
from typing import ClassVar

import msgspec

from plait.bench.jetstream import SUBJECT, JetStream, Published
from plait.bench.load import ONE, VALUE, WARM_UP_S
from plait.bench.measure import Sample, sample

INBOX = "_INBOX.thin"
_CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"headers":false}\r\n'


class ThinPublishes(asyncio.Protocol):
    """One connection under a closed loop of `writers`, from `begin` to `end`."""

    def __init__(self, writers: int, window: tuple[float, float]) -> None:
        self.begin, self.end = window
        self.latencies_s = array("d")
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._publishes = [
            f"PUB {SUBJECT} {INBOX}.{writer} {len(VALUE)}\r\n{VALUE}\r\n".encode()
            for writer in range(writers)
        ]
        self._sent = [0.0] * writers
        self._buffer = b""  # what has not arrived whole
        self._decoder = msgspec.json.Decoder(Published)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Subscribe to the answers, then publish once for every writer."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(_CONNECT + f"SUB {INBOX}.* 1\r\n".encode())
        self._send(list(range(len(self._publishes))))

    def _send(self, writers: list[int]) -> None:
        now = perf_counter()
        for writer in writers:
            self._sent[writer] = now
        self.transport.write(b"".join([self._publishes[writer] for writer in writers]))

    def data_received(self, data: bytes) -> None:
        """Take every whole answer; go on for those writers unless the time is over."""
        try:
            answered = self._take(self._buffer + data)
        except (ValueError, msgspec.MsgspecError) as error:
            self._finish(RuntimeError(f"NATS answered with something else: {error}"))
            return
        if not answered:
            return
        now = perf_counter()
        if now >= self.end:
            self._finish(None)
            return
        if now >= self.begin:
            self.latencies_s.extend([now - self._sent[writer] for writer in answered])
        self._send(answered)

    def _take(self, data: bytes) -> list[int]:
        """The writers whose publishes were acknowledged; what is cut off waits in the buffer."""
        answered = []
        at = 0
        while (line_end := data.find(b"\r\n", at)) >= 0:
            line = data[at:line_end]
            if line.startswith(b"MSG "):
                _, subject, _, size = line.split(b" ")
                body_end = line_end + 2 + int(size)
                if len(data) < body_end + 2:
                    break
                body = data[line_end + 2 : body_end]
                if not self._decoder.decode(body).seq:
                    raise ValueError(body.decode(errors="replace"))
                answered.append(int(subject.rpartition(b".")[2]))
                at = body_end + 2
                continue
            if line == b"PING":
                self.transport.write(b"PONG\r\n")
            elif not line.startswith((b"INFO ", b"PONG", b"+OK")):
                raise ValueError(line.decode(errors="replace"))
            at = line_end + 2
        self._buffer = data[at:]
        return answered

    def connection_lost(self, error: Exception | None) -> None:
        """An end before the time is an error."""
        self._finish(error or ConnectionError("NATS closed the connection"))

    def _finish(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error:
            self.done.set_exception(error)
        else:
            self.done.set_result(None)


class RawSocket:
    """N publishes in flight on one raw socket."""

    system: ClassVar[str] = "jetstream"
    label: ClassVar[str] = "raw socket"
    mode: ClassVar[str] = ONE

    def __init__(self, cluster: JetStream) -> None:
        self.cluster = cluster

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from one connection to the stream's leader."""
        port = self.cluster.ports[await self.cluster.leader()]
        begin = perf_counter() + WARM_UP_S
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(
            lambda: ThinPublishes(in_flight, (begin, begin + seconds)), "127.0.0.1", port
        )
        try:
            await asyncio.wait_for(protocol.done, WARM_UP_S + seconds + 30.0)
        finally:
            protocol.transport.close()
        return sample(protocol.latencies_s, seconds)
