"""Writes at a rate that somebody chose, to see the console at work.

Invariant: as many records a second as were asked for, or as many as the cluster takes; what is late
is not made up for.
"""

import asyncio
import contextlib
import time

from plait import entry
from plait.api.settings import Leader
from plait.base.errors import BadSettings, PlaitError
from plait.cli.demo.cluster import DemoCluster
from plait.client.limits import ClientLimits

RECORDS_PER_S_MAX = 5_000
TICK_S = 0.05
KEYS = 20_000
LIMITS = ClientLimits(attempt_s=0.3, write_s=2.0)


class Load:
    """One client that writes to the table ``load``."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        self._task: asyncio.Task[None] | None = None
        self.records_per_s = 0

    async def set(self, records_per_s: int) -> None:
        """So many from now on; 0: none."""
        if not 0 <= records_per_s <= RECORDS_PER_S_MAX:
            raise BadSettings(f"0 to {RECORDS_PER_S_MAX:,} records a second, not {records_per_s}")
        self.records_per_s = records_per_s
        if self._task is None and records_per_s:
            self._task = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write no more."""
        self.records_per_s = 0
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write(self) -> None:
        number = 0
        async with entry.connect(self._cluster.url, only=True, limits=LIMITS) as store:
            table = await store.table("load", Leader(acks="any:1"))
            while True:
                began = time.monotonic()
                count = round(self.records_per_s * TICK_S)
                keys = [f"r{(number + each) % KEYS:05d}" for each in range(count)]
                number += count
                if keys:
                    with contextlib.suppress(PlaitError):
                        await table.put_many({key: {"number": number} for key in keys})
                await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - began)))
