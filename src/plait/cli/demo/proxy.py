"""A link that can be cut and slowed: a TCP forwarder for one direction between two nodes.

While it is cut nothing passes, and what was on the way is gone: its connections are broken and
new ones are refused, as on a network that drops everything. While it is slow everything arrives in
order, so much later.
"""

import asyncio
import contextlib

CHUNK_BYTES = 1 << 16
CHUNKS_MAX = 256  # on their way in one direction of a connection; then the sender waits


class Proxy:
    """Forwards connections on a port of its own to `target`, unless it is cut."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self.cut = False
        self.delay_s = 0.0
        self.passed_bytes = 0
        self.address = ""

    async def start(self) -> None:
        """Listen on loopback; `address` says where."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    def sever(self) -> None:
        """Cut the link: break what is open, refuse what comes."""
        self.cut = True
        for pump in list(self._pumps):
            pump.cancel()

    def heal(self) -> None:
        """Let connections through again, at once."""
        self.cut = False
        self.delay_s = 0.0

    async def close(self) -> None:
        """Stop listening and break what is open."""
        self.sever()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        loop = asyncio.get_running_loop()
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pump = loop.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction of a connection, until either end closes it or the link is cut."""
        underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_MAX)
        delivery = asyncio.create_task(self._deliver(underway, sink))
        loop = asyncio.get_running_loop()
        try:
            with contextlib.suppress(OSError):
                while data := await source.read(CHUNK_BYTES):
                    self.passed_bytes += len(data)
                    await underway.put((loop.time() + self.delay_s, data))
                    if delivery.done():
                        break
                else:
                    await underway.put((loop.time() + self.delay_s, b""))
                    await asyncio.wait({delivery})
        finally:
            delivery.cancel()
            sink.transport.abort()

    async def _deliver(
        self, underway: "asyncio.Queue[tuple[float, bytes]]", sink: asyncio.StreamWriter
    ) -> None:
        """Hand over what is under way when it is due; b"" is the end."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while True:
                due, data = await underway.get()
                if not data:
                    return
                if (wait_s := due - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                sink.write(data)
                await sink.drain()
