"""Fail-over: kill -9 of the leader, then the time to the next write that is acknowledged.

Each system runs alone on its three processes, one loses its leader at a time, and the member
that was killed is back and level before the next kill. Plait is written to through its own
client, connected to every member: whatever that needs to find the new leader counts. Peers are
written to without a client's pauses and retries: a new write starts every few milliseconds at one
of the members that are left, and the first answer counts. That is better than any real client of
theirs would do.

The kernel closes a killed process's connections at once. A machine that loses its power does not,
so whoever takes a closed connection for a sign is slower then than here.
"""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from statistics import median
from time import perf_counter
from typing import Any, Protocol

import plait
from plait.bench.cluster import ClusterHandle
from plait.bench.load import VALUE, fresh_keys
from plait.bench.processes import Server, until

PATIENCE_S = 30.0  # for the write that must follow
PROBE_EVERY_S = 0.005
PROBES_MAX = 512  # under way at once; one that waits for a dead leader waits for seconds

Write = Callable[[], Awaitable[object]]  # returns once a write is acknowledged


class Target(Protocol):
    """A cluster that can lose its leader."""

    system: str
    timers: str  # as the report names them

    async def leader(self) -> Server:
        """The process that leads."""
        ...

    async def level(self) -> bool:
        """Whether every member is there and has what the others have."""
        ...

    @property
    def servers(self) -> Sequence[Server]:
        """Every process."""
        ...

    def writer(self, leader: Server) -> AbstractAsyncContextManager[Write]:
        """A client that has connected before `leader` is killed."""
        ...


async def time_to_write_s(target: Target) -> float:
    """Kill the leader; seconds until a write that began after its end is acknowledged.

    Returns when the killed member is back. `TimeoutError` if nothing was acknowledged.
    """
    leader = await target.leader()
    async with target.writer(leader) as write:
        await asyncio.wait_for(write(), PATIENCE_S)
        killed = perf_counter()
        os.kill(leader.pid, signal.SIGKILL)
        try:
            while not await leader.ended():  # not `kill`: waiting would hold the client up
                await asyncio.sleep(0.0005)
            await asyncio.wait_for(write(), PATIENCE_S)
            took = perf_counter() - killed
        finally:
            leader.kill()  # for whatever went wrong before it had ended
            leader.restart()
    await until(target.level, target.servers, f"{target.system} after a restart", PATIENCE_S)
    return took


def summary(target: Target, times_s: Sequence[float]) -> dict[str, Any]:
    """The figures of one target, in milliseconds; none but its name if it never recovered."""
    named = {"system": target.system, "timers": target.timers}
    if not times_s:
        return named
    times_ms = [1000 * one for one in times_s]
    return named | {
        "median_ms": median(times_ms),
        "min_ms": min(times_ms),
        "max_ms": max(times_ms),
        "all_ms": times_ms,
    }


class PlaitTarget:
    """A Plait cluster at its own timers."""

    system = "plait"
    timers = "defaults"

    def __init__(self, cluster: ClusterHandle) -> None:
        self.cluster = cluster

    @property
    def servers(self) -> Sequence[Server]:
        """Every node's process."""
        return self.cluster.servers

    async def leader(self) -> Server:
        """The process that leads the line of the tables under load."""
        return self.cluster.processes[await self.cluster.leader()]

    async def level(self) -> bool:
        """See `ClusterHandle.level`."""
        return await self.cluster.level()

    @asynccontextmanager
    async def writer(self, leader: Server) -> AsyncIterator[Write]:
        """One store, connected to every node; a write that fails is tried again."""
        keys = fresh_keys()
        async with plait.connect(self.cluster.url) as store:
            table = await store.table("failover", self.cluster.settings)

            async def write() -> None:
                while True:
                    try:
                        await table.put(next(keys), VALUE)
                        return
                    except plait.PlaitError:
                        await asyncio.sleep(PROBE_EVERY_S)

            yield write


async def first_success(attempts: Sequence[Write]) -> None:
    """Start one of `attempts` after the other, in turns, without waiting for the one before.

    Returns with the first that succeeds and cancels the others; errors count for nothing.
    """
    under_way: set[asyncio.Future[object]] = set()
    try:
        for attempt in itertools.cycle(attempts):
            if len(under_way) < PROBES_MAX:
                under_way.add(asyncio.ensure_future(attempt()))
            done, under_way = await asyncio.wait(
                under_way, timeout=PROBE_EVERY_S, return_when=asyncio.FIRST_COMPLETED
            )
            if any(one.exception() is None for one in done):
                return
            if done:
                await asyncio.sleep(PROBE_EVERY_S)  # whoever refuses at once is not asked at once
    finally:
        for one in under_way:
            one.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
