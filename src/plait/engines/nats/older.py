"""Older entries: those that a handle no longer has in memory, or never read.

They are fetched from the stream a batch at a time and counted from the nearest bookmark. A replica
that lags gives too few, so it is asked again; what is really gone was trimmed, or is `Corrupt`.
"""

import asyncio
from collections.abc import Awaitable, Callable

from plait.base.errors import HistoryTrimmed, Unavailable
from plait.engines.nats.bookmarks import Bookmarks
from plait.engines.nats.connection import ANSWER_S, Connection
from plait.engines.nats.message import OVERHEAD_BYTES, decode_message
from plait.engines.nats.prefix import Mark, Prefix
from plait.engines.nats.ranges import BATCH_MAX, fetch
from plait.line.entry import Entry
from plait.line.loglet import READ_BYTES

AGAIN_S = 0.05


class Older:
    """Reads `stream` below what `prefix` has read."""

    def __init__(
        self,
        connection: Connection,
        stream: str,
        prefix: Prefix,
        bookmarks: Bookmarks,
        learn_head: Callable[[], Awaitable[int]],
    ) -> None:
        """learn_head: asks for the head, adopts it, and returns it."""
        self._connection = connection
        self._stream = stream
        self._prefix = prefix
        self._bookmarks = bookmarks
        self._learn_head = learn_head

    async def read(self, start: int, stop: int, bytes_max: int) -> list[Entry]:
        """Entries of [start, stop), all committed: the first, and more up to `bytes_max`."""
        until = self._connection.clock.monotonic() + ANSWER_S
        found: list[Entry] = []
        mark = self._bookmarks.before(start)
        while not found:
            after = await self._batch(mark, start, stop, bytes_max, found)
            if after == mark:
                if self._connection.clock.monotonic() > until:
                    raise Unavailable(f"no replica of stream {self._stream} has {mark.position}")
                if await self._learn_head() > start:
                    raise HistoryTrimmed(
                        f"position {start} was trimmed", head=await self._learn_head()
                    )
                await asyncio.sleep(AGAIN_S)
                after = self._bookmarks.before(start)
            mark = after
        self._bookmarks.read_to(mark)
        return found

    async def _batch(
        self, mark: Mark, start: int, stop: int, bytes_max: int, found: list[Entry]
    ) -> Mark:
        """Read on from `mark`, adding what is at or beyond `start`; where that ended."""
        position, records = mark
        room = READ_BYTES if position < start else bytes_max
        count = min(stop - position, BATCH_MAX)
        size_max = room + count * OVERHEAD_BYTES
        sequence = self._prefix.sequence(position)
        batch = await fetch(self._connection, self._stream, sequence, count, size_max)
        if batch.begins is not None and await self._learn_head() <= position:
            raise self._prefix.gone(sequence, batch.begins)
        for data in batch.messages:
            message = decode_message(data, self._prefix.sequence(position))
            entry = self._prefix.stamp(message.entry, records)
            if position >= start:
                bytes_max -= len(entry.payload)
                if found and bytes_max < 0:
                    break
                found.append(entry)
            position, records = position + 1, entry.records_end
            if not position % self._bookmarks.stride:
                self._bookmarks.add(Mark(position, records))
        return Mark(position, records)
