"""Many people on one document: from one keystroke to when all others have it.

1,200 WebSocket clients of one node watch one document; 200 of them type, in turns, a character at
a time, each as a request of its own. A keystroke's latency is from before it is sent until the
last of the others has heard of it, so it includes what it takes the measuring process to hear
1,200 messages; what the node alone takes is less. The clients are in a process of their own.
"""

import asyncio
import base64
import os
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from plait import Consensus
from plait.bench.aims import Judged
from plait.bench.cluster import start_cluster
from plait.bench.doors_http import HttpConnection, http_request
from plait.bench.doors_part import DoorsOptions
from plait.bench.measure import percentile
from plait.bench.parts import Part
from plait.bench.rounds import Progress

IDLE, ACTIVE = 1000, 200
KEYSTROKES = 200
P99_MS_MAX = 250.0
HEARD_S_MAX = 20.0
AT_ONCE = 50  # connections that are opened at once

_TEXT, _PING, _PONG, _LENGTH_16, _LENGTH_64 = 0x81, 0x89, 0x8A, 126, 127


class Listener:
    """A WebSocket client that counts what it hears, as cheaply as can be."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @staticmethod
    async def open(address: str) -> "Listener":
        """Connect to ``/v1/live``, greet, and watch the document."""
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /v1/live HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        listener = Listener(reader, writer)
        listener.say({"op": "hello"})
        await listener.hear()
        listener.say({"op": "watch", "id": 1, "documents": "bench", "key": "page"})
        await listener.hear()
        return listener

    def say(self, message: dict[str, Any]) -> None:
        """Send a text, with the mask that clients owe."""
        self._send(_TEXT, msgspec.json.encode(message))

    def _send(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        assert len(data) < _LENGTH_16
        self._writer.write(bytes((kind, 0x80 | len(data))) + mask + masked)

    async def hear(self) -> bytes:
        """The next text; pings are answered meanwhile."""
        while True:
            kind, length = await self._reader.readexactly(2)
            if length == _LENGTH_16:
                length = int.from_bytes(await self._reader.readexactly(2))
            elif length == _LENGTH_64:
                length = int.from_bytes(await self._reader.readexactly(8))
            data = await self._reader.readexactly(length)
            if kind == _TEXT:
                return data
            if kind == _PING:
                self._send(_PONG, data)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def measure_sockets(options: DoorsOptions, folder: Path, progress: Progress) -> Part:
    """Keystrokes, one after the other."""
    idle = IDLE // 10 if options.quick_run else IDLE
    active = ACTIVE // 10 if options.quick_run else ACTIVE
    keystrokes = KEYSTROKES // 10 if options.quick_run else KEYSTROKES
    async with AsyncExitStack() as stack:
        cluster = await start_cluster(folder, nodes=1, settings=Consensus(), http=True)
        stack.callback(cluster.close)
        async with cluster.connect() as store:
            documents = await store.documents("bench")
            await documents.flush()
            (node,) = (await store.status())["nodes"].values()
        address = node["doors"]["http"].removeprefix("http://")
        progress(f"sockets: {idle} idle and {active} active clients")
        clients: list[Listener] = []
        for first in range(0, idle + active, AT_ONCE):
            count = min(AT_ONCE, idle + active - first)
            clients += await asyncio.gather(*(Listener.open(address) for _ in range(count)))
        for client in clients:
            stack.callback(client.close)
        typists = [await HttpConnection.open(address) for _ in range(active)]
        for typist in typists:
            stack.callback(typist.close)
        progress(f"sockets: {keystrokes} keystrokes")
        latencies = [
            await _keystroke(typists[number % active], clients, address, number)
            for number in range(keystrokes)
        ]
    latencies.sort()
    p50_ms, p99_ms = (percentile(latencies, share) * 1000 for share in (0.5, 0.99))
    figures = {"clients": idle + active, "keystrokes": keystrokes,
               "p50_ms": p50_ms, "p99_ms": p99_ms}  # fmt: skip
    aim = f"< {P99_MS_MAX:g} ms"
    what = f"one keystroke to {idle + active - 1:,} others, p99 (p50 {p50_ms:.0f} ms)"
    return Part(figures, [Judged(what, f"{p99_ms:.0f} ms", aim, p99_ms < P99_MS_MAX)])


async def _keystroke(
    typist: HttpConnection, clients: list[Listener], address: str, number: int
) -> float:
    edit = {"op": "insert", "path": ["body"], "kind": "text", "at": number, "text": "x"}
    body = msgspec.json.encode({"operations": [edit]})
    path = "/v1/documents/bench/items/page/operations"
    hearing = [asyncio.ensure_future(client.hear()) for client in clients]
    await asyncio.sleep(0)
    began = perf_counter()
    typed = asyncio.ensure_future(typist.ask(http_request("POST", path, address, body)))
    async with asyncio.timeout(HEARD_S_MAX):
        await asyncio.gather(*hearing)
    took_s = perf_counter() - began
    await typed
    return took_s
