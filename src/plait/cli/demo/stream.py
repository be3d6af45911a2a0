"""A stream of writes that remembers exactly which were acknowledged.

Each writer puts one key after the other. A refusal or a time-out is retried by the client under
its session, so a write ends acknowledged, or, at the end of the demo, unknown.
"""

import asyncio
import contextlib
import time

from plait.api.table import Table
from plait.base.errors import PlaitError


class Stream:
    """Writers on one table."""

    def __init__(self, table: Table, writers: int) -> None:
        self.acknowledged: dict[str, dict[str, object]] = {}
        self.unknown: set[str] = set()  # sent, and no answer yet
        self.refused = 0
        self.last_ack = time.monotonic()
        self._table = table
        self._stopping = False
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(writers)]

    async def _write(self, writer: int) -> None:
        turn = 0
        while not self._stopping:
            key, value = f"w{writer:02d}-{turn:06d}", {"writer": writer, "turn": turn}
            self.unknown.add(key)
            try:
                await self._table.put(key, value)
            except PlaitError as error:
                if error.definite:
                    self.unknown.discard(key)
                    self.refused += 1
                await asyncio.sleep(0.05)
            else:
                self.unknown.discard(key)
                self.acknowledged[key] = dict(value)
                self.last_ack = time.monotonic()
            turn += 1

    async def acknowledge(self, more: int, timeout_s: float = 60.0) -> float:
        """Wait until `more` further writes are acknowledged; the seconds until the first."""
        began, start = time.monotonic(), len(self.acknowledged)
        first = 0.0
        async with asyncio.timeout(timeout_s):
            while len(self.acknowledged) < start + more:
                await asyncio.sleep(0.001 if not first else 0.02)
                if not first and len(self.acknowledged) > start:
                    first = time.monotonic() - began
        return first

    async def stop(self, timeout_s: float = 30.0) -> None:
        """Let every writer finish its last write."""
        self._stopping = True
        _, pending = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in pending:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*pending, return_exceptions=True)
