"""A feed as Server-Sent Events: ``id``, ``event``, ``data``, and a comment now and then.

A browser's EventSource resumes by itself, with the header Last-Event-ID. A feed that fails tells
why as ``event: problem``, and ends. Invariant: a feed is asked for the next thing only when the
client has taken the one before it, so whoever reads slowly holds nothing here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import Response

from plait.base.errors import PlaitError, Unavailable
from plait.doors.http.call import Call
from plait.doors.http.hub import Told, json_of
from plait.doors.http.problems import HttpProblem, described

COMMENT = b": still here\n\n"
RETRY_MS = 1000


class EventStream(Response):
    """An answer that goes on until the client goes, the feed ends, or the door closes."""

    media_type = "text/event-stream"

    def __init__(self, call: Call, feed: AsyncIterator[Told]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._call = call
        self._feed = feed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Stream it."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        if self._call.request.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await self._stream(send, gone)
        finally:
            gone.cancel()
            close: Callable[[], Any] | None = getattr(self._feed, "aclose", None)
            if close is not None:
                await close()

    async def _stream(self, send: Any, gone: "asyncio.Future[None]") -> None:
        door, acting = self._call.door, self._call.acting
        await _chunk(send, b"retry: %d\n\n" % RETRY_MS)
        pending: asyncio.Future[Told] | None = None
        try:
            while not gone.done() and not door.draining:
                pending = pending or asyncio.ensure_future(anext(self._feed))
                waited: list[asyncio.Future[Any]] = [pending, gone, door.drained]
                await asyncio.wait(
                    waited, timeout=door.limits.heartbeat_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )  # fmt: skip
                acting.check()
                if pending.done():
                    told, pending = pending.result(), None
                    await _chunk(send, frame(told))
                elif not gone.done():
                    await _chunk(send, COMMENT)
            if door.draining:
                raise Unavailable("this node is stopping: go on at another")
        except StopAsyncIteration:
            pass
        except (PlaitError, HttpProblem) as error:
            await _chunk(send, frame(Told("", "problem", described(error))))
        finally:
            if pending is not None:
                pending.cancel()
                await asyncio.gather(pending, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _chunk(send: Any, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def frame(told: Told) -> bytes:
    """One thing as SSE has it."""
    head = f"id: {told.id}\n" if told.id else ""
    return f"{head}event: {told.event}\ndata: ".encode() + json_of(told) + b"\n\n"
