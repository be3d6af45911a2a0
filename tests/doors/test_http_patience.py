"""Clients that send without end, trickle, or never read: none takes all memory, and none stays."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import plait
from plait.doors.http.door import asgi
from plait.doors.http.limits import HttpLimits
from plait.doors.http.patience import PatientHttp, PatientSocket
from plait.doors.http.serving import listening

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING = b"\x89\xfd\0\0\0\0" + b"x" * 125
LIMITS = HttpLimits(connections_max=20)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with (
        plait.open(tmp_path / "d") as store,
        listening(asgi(store, limits=LIMITS), "127.0.0.1:0") as bound,
    ):
        yield int(bound.rpartition(":")[2])


@contextlib.asynccontextmanager
async def connected(
    port: int, first: bytes = b"", **options: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    writer.write(first)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def sent_until_refused(writer: asyncio.StreamWriter, data: bytes, at_most: int) -> int:
    """How many bytes were taken before the other side hung up, or takes no more."""
    sent = 0
    with contextlib.suppress(ConnectionError, TimeoutError):
        while sent < at_most and not writer.transport.is_closing():
            writer.write(data)
            await asyncio.wait_for(writer.drain(), 1)
            sent += len(data)
    return sent


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"GET /", b"a" * 60_000),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 60_000),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"a: b\r\n" * 10_000),
        (
            b"POST /v1/tables HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\n{\r\n0\r\n",
            b"a: b\r\n" * 10_000,
        ),
    ],
    ids=["path", "header", "headers", "trailers"],
)
async def test_a_head_without_end_is_refused(port: int, first: bytes, more: bytes) -> None:
    async with connected(port, first) as (_, writer):
        assert await sent_until_refused(writer, more, 64 << 20) < 16 << 20
    async with connected(port, GET) as (reader, _):
        assert b" 200 " in await reader.readline()


async def test_who_says_nothing_or_trickles_is_let_go(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientHttp, "head_s", 0.3)
    async with connected(port) as (reader, _):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    async with connected(port, GET) as (reader, writer):
        assert b" 200 " in await reader.readline()  # and then the next one comes in drops
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(30):
                while not reader.at_eof():
                    writer.write(b"G" if writer.transport.is_closing() else b"\n")
                    await asyncio.sleep(0.02)
                    reader._buffer.clear()  # type: ignore[attr-defined]


async def test_requests_sent_at_once_are_answered_in_order_and_wait_outside(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[int] = []
    complete = PatientHttp.on_response_complete

    def watched(self: PatientHttp) -> None:
        complete(self)
        waiting.append(len(self.pipeline))

    monkeypatch.setattr(PatientHttp, "on_response_complete", watched)
    async with connected(port) as (reader, writer):
        wanted = [b"/none-%d" % number for number in range(3000)]
        for path in wanted:
            writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        found: list[bytes] = []
        while len(found) < len(wanted):
            answer = await asyncio.wait_for(reader.readuntil(b'"definite":true}'), 20)
            found += re.findall(rb"nothing at (/none-\d+)", answer)
        assert found == wanted
    assert 0 < max(waiting) < 1000


async def test_a_socket_that_pings_and_never_reads_is_not_heard_and_let_go(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientSocket, "unread_s", 1.5)
    async with connected(port, UPGRADE) as (reader, writer):
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        assert await sent_until_refused(writer, PING * 4000, 256 << 20) < 128 << 20
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                await writer.drain()  # it stands still no longer: the server has gone


async def test_an_answer_that_is_never_read_is_thrown_away(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientHttp, "unread_s", 0.5)
    lost = asyncio.Event()
    gone = PatientHttp.connection_lost

    def watched(self: PatientHttp, error: Exception | None) -> None:
        gone(self, error)
        lost.set()

    monkeypatch.setattr(PatientHttp, "connection_lost", watched)
    async with connected(port) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        sending = asyncio.create_task(
            sent_until_refused(
                writer, b"GET /client.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500, 64 << 20
            )
        )
        await asyncio.wait_for(lost.wait(), 20)
        assert await sending < 64 << 20


async def test_more_connections_than_there_may_be_are_closed_and_the_others_served(
    port: int,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(connected(port))
        await asyncio.sleep(0.1)
        more = [await stack.enter_async_context(connected(port)) for _ in range(40)]
        closed = 0
        for reader, _ in more[LIMITS.connections_max :]:
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(1), 5) == b""
            closed += 1
        assert closed == 20
        for _, writer in more:
            writer.transport.abort()
        await asyncio.sleep(0.1)
        first[1].write(GET)
        assert b" 200 " in await first[0].readline()
