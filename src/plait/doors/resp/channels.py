"""Channels: messages to whoever listens now, at any node of the cluster.

A message is told to the clients of this node at once, and written to a row of a table that every
node with listeners watches: so the others hear it in one order, once, as long as they listen.
Nothing is kept for who was not there; the log's own retention bounds what is kept at all.

Invariant: nobody hears a message twice: what this door wrote itself it passes over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.table import Table
from plait.base.errors import PlaitError
from plait.doors.resp.commands.scanning import glob
from plait.doors.resp.door_port import Client
from plait.doors.resp.replies import Pushed

logger = logging.getLogger("plait.resp")

TABLE: Final = "redis-channels"
MESSAGE_BYTES_MAX: Final = 1 << 20
RETRY_S: Final = 0.5
_KEY: Final = "message"


class Channels:
    """The channels of one store."""

    def __init__(self, store: Store, me: str, alone: Callable[[], Awaitable[bool]]) -> None:
        self._store = store
        self._me = me  # what this door calls itself, unlike any other
        self._alone = alone
        self._clients: dict[Client, None] = {}
        self._table: Table | None = None
        self._watching: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ listening

    def listening(self, client: Client) -> None:
        """See `plait.doors.resp.door_port.Channels`."""
        if not client.gone and (client.channels or client.patterns):
            self._clients[client] = None
        else:
            self._clients.pop(client, None)
        if self._clients and self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        elif not self._clients and self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def may_listen(self) -> None:
        """Raise unless channels may be listened to: it is reading the table."""
        if not await self._alone():
            await (await self._opened()).get(_KEY)

    async def _watch(self) -> None:
        while True:
            try:
                if await self._alone():
                    await asyncio.sleep(RETRY_S)
                    continue
                table = await self._opened()
                async for change in table.watch():
                    if isinstance(change.value, list):
                        self._heard(change.value)
            except PlaitError as error:
                logger.info("channels of other nodes are not heard now: %s", error)
                await asyncio.sleep(RETRY_S)

    def _heard(self, said: list[Any]) -> None:
        for who, channel, message in said:
            if who != self._me:
                self._tell(channel, message)

    # ------------------------------------------------------------------ telling

    async def publish(self, channel: bytes, message: bytes) -> int:
        """Tell everybody; how many clients of this node heard it."""
        if not await self._alone():
            table = await self._opened()
            await table.put(_KEY, [[self._me, channel, message]])
        return self._tell(channel, message)

    def _tell(self, channel: bytes, message: bytes) -> int:
        count = 0
        for client in list(self._clients):
            if channel in client.channels:
                client.push(Pushed([b"message", channel, message]))
                count += 1
            for pattern in client.patterns:
                if glob(pattern).fullmatch(channel):
                    client.push(Pushed([b"pmessage", pattern, channel, message]))
                    count += 1
        return count

    def active(self) -> dict[bytes, int]:
        """Channels that clients here listen to, and how many."""
        counts: dict[bytes, int] = {}
        for client in self._clients:
            for channel in client.channels:
                counts[channel] = counts.get(channel, 0) + 1
        return counts

    def patterns(self) -> int:
        """How many patterns are listened to here."""
        return len({pattern for client in self._clients for pattern in client.patterns})

    async def _opened(self) -> Table:
        if self._table is None:
            self._table = await self._store.table(TABLE, Leader())
        return self._table

    async def close(self) -> None:
        """Hear nothing any more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
