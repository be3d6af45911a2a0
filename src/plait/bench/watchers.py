"""A feed with many watchers: how far a change travels, and what it costs who writes.

Three nodes as processes, a table that a majority has on disk before it answers, and watchers of it
in this process, spread over the nodes and a few connections, each of its own. In turn:

    paced    a change now and then: from the put until the first, the middle and the last watcher
             has it
    flat out changes as fast as one client writes: how many a second are written, and how many are
             delivered until every watcher has every one; checked, each one once and in order

The peer of many watchers is one, and of written rows those that nobody watches. Writer, watchers
and nodes share the machine's cores, so with many watchers it is Python on a core that is measured.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import plait
from plait import Table
from plait.bench.aims import Judged
from plait.bench.cluster import ClusterHandle, start_cluster
from plait.bench.operations_part import OperationsOptions
from plait.bench.parts import Part
from plait.bench.rounds import Progress

A_CONNECTION = 125  # watchers
PACE_S = 0.2
ARRIVE_S_MAX = 120.0
LAST_MS_MAX = 1000
TABLE = "watched"


class Watchers:
    """So many watches of one table, and when each has had what."""

    def __init__(self) -> None:
        self.wrong = 0  # changes that came twice, too late or never
        self._counts: list[int] = []  # of changes, by watcher
        self._arrivals: list[float] = []  # of the change that is measured
        self._wanted = 0
        self._all = asyncio.Event()
        self._missing = 0  # watchers that have less than is wanted

    async def follow(self, table: Table, start: str, begins: int) -> None:
        """One watcher, for ever."""
        number = len(self._counts)
        self._counts.append(begins)
        async with table.watch(start) as watch:
            async for change in watch:
                count = self._counts[number]
                if change.value != count:
                    self.wrong += 1
                self._counts[number] = count + 1
                if count + 1 == self._wanted:
                    self._arrivals.append(perf_counter())
                    self._missing -= 1
                    if not self._missing:
                        self._all.set()

    def want(self, count: int) -> None:
        """From now on wait for the change that makes it so many."""
        self._wanted, self._missing = count, sum(have < count for have in self._counts)
        self._arrivals = []
        self._all.clear()
        if not self._missing:
            self._all.set()

    async def arrived(self) -> list[float]:
        """When each watcher had all that is wanted."""
        async with asyncio.timeout(ARRIVE_S_MAX):
            await self._all.wait()
        return self._arrivals


async def measure_feeds(options: OperationsOptions, folder: Path, progress: Progress) -> Part:
    """The part `feeds`."""
    rows = await measure_watchers(folder, options.watchers, options.rows, options.paced, progress)
    wrong, most = sum(row["wrong"] for row in rows), rows[-1]
    judged = [Judged("changes that came twice, out of order or late", f"{wrong}", "0", not wrong)]
    if most["last_ms"] is not None:
        what = f"a change at the last of {most['watchers']:,} watchers"
        judged.append(
            Judged(
                what,
                f"{most['last_ms']:.0f} ms",
                f"< {LAST_MS_MAX} ms",
                most["last_ms"] < LAST_MS_MAX,
            )
        )
    return Part({"watchers": rows, "rows": options.rows, "paced": options.paced}, judged)


async def measure_watchers(
    folder: Path, counts: Sequence[int], rows: int, paced: int, progress: Progress
) -> list[dict[str, Any]]:
    """A row of figures for each number of watchers; 0 is who writes unwatched."""
    cluster = await start_cluster(folder)
    try:
        found = []
        written = 0
        async with plait.connect(cluster.url) as store:
            table = await store.table(TABLE, cluster.settings)
            for count in counts:
                progress(f"{count} watchers")
                async with _watching(cluster, table, count, written) as watchers:
                    found.append(await _measure(table, watchers, count, written, rows, paced))
                written += rows + paced
        return found
    finally:
        cluster.close()


@asynccontextmanager
async def _watching(
    cluster: ClusterHandle, table: Table, count: int, written: int
) -> AsyncIterator[Watchers]:
    watchers, start = Watchers(), await table.cursor()
    addresses = list(cluster.addresses.values())
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = []
        for number in range(0, count, A_CONNECTION):
            address = addresses[number // A_CONNECTION % len(addresses)]
            store = await stack.enter_async_context(plait.connect(f"plait://{address}", only=True))
            own = await store.table(TABLE)
            for _ in range(min(A_CONNECTION, count - number)):
                tasks.append(group.create_task(watchers.follow(own, start, written)))
        try:
            await asyncio.sleep(0)
            yield watchers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _measure(
    table: Table, watchers: Watchers, count: int, written: int, rows: int, paced: int
) -> dict[str, Any]:
    delays: list[list[float]] = []
    for number in range(written, written + paced):
        await asyncio.sleep(PACE_S)
        watchers.want(number + 1)
        began = perf_counter()
        await table.put("k", number)
        delays.append(sorted(at - began for at in await watchers.arrived()))
    numbers = range(written + paced, written + paced + rows)
    watchers.want(numbers.stop)
    began = perf_counter()
    await table.put_many(("k", number) for number in numbers)
    wrote_s = perf_counter() - began
    arrivals = await watchers.arrived()
    took_s = max(arrivals, default=perf_counter()) - began
    return {
        "watchers": count,
        "written_per_s": rows / wrote_s,
        "delivered_per_s": rows * count / took_s,
        "first_ms": _middle(delays, 0.0),
        "median_ms": _middle(delays, 0.5),
        "last_ms": _middle(delays, 1.0),
        "wrong": watchers.wrong,
    }


def _middle(delays: list[list[float]], place: float) -> float | None:
    """The median over changes of what a watcher at that place had to wait, in ms."""
    found = [one[round(place * (len(one) - 1))] * 1000 for one in delays if one]
    return median(found) if found else None
