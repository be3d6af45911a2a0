"""Messages of a stream by their sequence, a batch at a time, from whichever replica answers.

A replica may lag, so fewer come than the caller knows to be there; it asks again. Invariant: what
is returned begins at the sequence asked for and has no gap.

Source: NATS ADR-31, "Direct Get", and its batches (nats-server 2.11).
"""

import asyncio
from typing import NamedTuple

import msgspec
from nats.aio.msg import Msg

from plait.engines.nats.connection import Connection, Session

BATCH_MAX = 1000
END, NOT_FOUND = "204", "404"
QUIET_S = 2.0  # a batch whose messages stop coming is given up


class Batch(NamedTuple):
    """Consecutive messages; `begins` is where the stream goes on if not at the sequence asked."""

    messages: list[bytes]
    begins: int | None = None


async def fetch(
    connection: Connection, stream: str, sequence: int, count: int, bytes_max: int
) -> Batch:
    """Up to `count` messages from `sequence` on, at least one if the replica has it."""
    session = await connection.up()
    collector = _Collector(sequence)
    inbox = session.client.new_inbox()
    subscription = await session.client.subscribe(inbox, cb=collector.receive)
    try:
        request = {"seq": sequence, "batch": min(count, BATCH_MAX), "max_bytes": max(1, bytes_max)}
        subject = f"$JS.API.DIRECT.GET.{stream}"
        await session.client.publish(subject, msgspec.json.encode(request), reply=inbox)
        await collector.done(session)
    finally:
        if not session.client.is_closed:
            await subscription.unsubscribe()
    return Batch(collector.messages, collector.begins)


class _Collector:
    """Puts the answers to one request together."""

    def __init__(self, sequence: int) -> None:
        self.messages: list[bytes] = []
        self.begins: int | None = None
        self._sequence = sequence
        self._arrived = asyncio.Event()
        self._ended = False

    async def receive(self, message: Msg) -> None:
        """One message, or the end."""
        headers = message.headers or {}
        if "Nats-Sequence" not in headers:
            self._ended = True  # the end of the batch, nothing found, or nobody there
        elif not self._ended:
            sequence = int(headers["Nats-Sequence"])
            if sequence == self._sequence + len(self.messages):
                self.messages.append(message.data)
            elif not self.messages and self.begins is None:
                self.begins = sequence
        self._arrived.set()

    async def done(self, session: Session) -> None:
        """Return at the end, or when nothing comes any more."""
        while not self._ended and not session.client.is_closed:
            self._arrived.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._arrived.wait()
            except TimeoutError:
                return
