"""The HTTP door beside etcd's HTTP gateway: rows written and read a second, by one plain client.

Both are three members on this machine; each operation in flight has a connection of its own, kept
open, to the member that leads. Rows are written under consensus and read linearizably, 100 bytes
each. The client sends bytes that were made before and looks at nothing but the status, so what is
measured is the servers.
"""

import asyncio
import base64
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from plait import Consensus
from plait.bench.aims import Judged
from plait.bench.cluster import ClusterHandle, start_cluster
from plait.bench.doors_part import DoorsOptions
from plait.bench.etcd import Etcd
from plait.bench.load import ROWS_READ, VALUE, closed_loop, fresh_keys
from plait.bench.measure import Sample, median_sample
from plait.bench.parts import Part
from plait.bench.processes import PeerUnavailable
from plait.bench.rounds import Progress

IN_FLIGHT = (1, 16, 64)
CHUNK_BYTES = 64 << 10
TABLE = "bench"

Requests = Callable[[], Iterator[bytes]]


class HttpConnection:
    """One connection of HTTP/1.1, kept open; nothing but what is needed here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @staticmethod
    async def open(address: str) -> "HttpConnection":
        """Connect to ``host:port``."""
        host, _, port = address.rpartition(":")
        return HttpConnection(*await asyncio.open_connection(host, int(port)))

    async def ask(self, request: bytes) -> bytes:
        """Send a request; the answer's body. `PeerUnavailable` unless its status is 2xx."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = head[9:12]
        body = await self._body(head.lower())
        if not status.startswith(b"2"):
            raise PeerUnavailable(f"HTTP {status.decode()}: {body[:200].decode(errors='replace')}")
        return body

    async def _body(self, head: bytes) -> bytes:
        _, found, rest = head.partition(b"content-length:")
        if found:
            return await self._reader.readexactly(int(rest.partition(b"\r\n")[0]))
        body = b""
        if b"transfer-encoding: chunked" in head:
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                body += (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readexactly(2)
        return body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def http_request(method: str, path: str, address: str, body: bytes = b"") -> bytes:
    """A request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class _System:
    """A server's leader, and what is asked of it."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    def write(self, key: str) -> bytes:
        """A request that writes a new row."""
        raise NotImplementedError

    def read(self, key: str) -> bytes:
        """A request that reads it."""
        raise NotImplementedError


class PlaitDoor(_System):
    """Plait's door, at the node that leads."""

    def write(self, key: str) -> bytes:
        """PUT the row."""
        path = f"/v1/tables/{TABLE}/rows/{key}"
        return http_request("PUT", path, self.address, msgspec.json.encode(VALUE))

    def read(self, key: str) -> bytes:
        """GET the row, linearizably."""
        return http_request("GET", f"/v1/tables/{TABLE}/rows/{key}", self.address)


class EtcdGateway(_System):
    """etcd's gRPC gateway, at the member that leads."""

    def write(self, key: str) -> bytes:
        """Put the row."""
        row = {"key": _base64(key), "value": _base64(VALUE)}
        return http_request("POST", "/v3/kv/put", self.address, msgspec.json.encode(row))

    def read(self, key: str) -> bytes:
        """Get the row; linearizable is the default."""
        body = msgspec.json.encode({"key": _base64(key)})
        return http_request("POST", "/v3/kv/range", self.address, body)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def measure_http(options: DoorsOptions, folder: Path, progress: Progress) -> Part:
    """Writes and reads of both, in turns."""
    async with AsyncExitStack() as stack:
        cluster = await start_cluster(folder / "plait", settings=Consensus(), http=True)
        stack.callback(cluster.close)
        systems: list[_System] = [await _door(cluster)]
        skipped: dict[str, str] = {}
        try:
            etcd = await Etcd(folder / "etcd").start()
        except PeerUnavailable as error:
            skipped["etcd"] = str(error)
        else:
            stack.callback(etcd.close)
            systems.append(EtcdGateway("etcd", await etcd.leader_address()))
        rows = []
        for kind in ("writes", "reads"):
            for in_flight in IN_FLIGHT:
                samples: dict[str, list[Sample]] = {one.name: [] for one in systems}
                for turn in range(options.rounds):
                    for system in systems[:: -1 if turn % 2 else 1]:
                        progress(f"http: {kind}, {in_flight} in flight, {system.name}")
                        found = await _round(system, kind, in_flight, options.seconds)
                        samples[system.name].append(found)
                for name, found_all in samples.items():
                    figures = msgspec.to_builtins(median_sample(found_all))
                    row = {"kind": kind, "in_flight": in_flight, "system": name}
                    rows.append({**row, **figures})
    return Part({"rows": rows, "skipped": skipped}, list(_judged(rows)), list(_table(rows)))


async def _door(cluster: ClusterHandle) -> PlaitDoor:
    async with cluster.connect() as store:
        await store.table(TABLE, Consensus())
        await (await store.table(TABLE)).put("ready", VALUE)
        doors = {
            name: node.get("doors", {}).get("http", "")
            for name, node in (await store.status())["nodes"].items()
        }
    return PlaitDoor("plait", doors[await cluster.leader()].removeprefix("http://"))


async def _round(system: _System, kind: str, in_flight: int, seconds: float) -> Sample:
    keys = fresh_keys()
    there = [next(keys) for _ in range(ROWS_READ)]
    connections = [await HttpConnection.open(system.address) for _ in range(in_flight)]
    try:
        if kind == "reads":
            for key in there:
                await connections[0].ask(system.write(key))
        requests = [system.read(key) for key in there]

        def operation(number: int, connection: HttpConnection) -> Callable[[], Any]:
            turn = number

            async def write() -> None:
                await connection.ask(system.write(next(keys)))

            async def read() -> None:
                nonlocal turn
                turn += 1
                await connection.ask(requests[turn % len(requests)])

            return write if kind == "writes" else read

        work = [operation(number, one) for number, one in enumerate(connections)]
        return await closed_loop(work, seconds)
    finally:
        for connection in connections:
            connection.close()


def _table(rows: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    yield "in flight", "server", "a second", "p50 ms", "p99 ms"
    for row in rows:
        what = f"{row['kind']}, {row['in_flight']}"
        figures = (f"{row[name]:,.{digits}f}" for name, digits in _FIGURES)
        yield what, row["system"], *figures


_FIGURES = (("per_s", 0), ("p50_ms", 2), ("p99_ms", 2))


def _judged(rows: list[dict[str, Any]]) -> Iterator[Judged]:
    by = {(row["kind"], row["in_flight"], row["system"]): row["per_s"] for row in rows}
    for (kind, in_flight, system), found in by.items():
        theirs = by.get((kind, in_flight, "etcd"))
        if system == "plait" and theirs:
            yield Judged(
                f"HTTP {kind}, {in_flight} in flight, over etcd's gateway",
                f"{found:,.0f}/s, {found / theirs:.2f}x", "1.00x", found >= theirs,
            )  # fmt: skip
