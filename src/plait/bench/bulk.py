"""Bulk import: how many records a second each system takes when they all stand ready."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter

import plait
from plait import Leader
from plait.bench.cluster import ClusterHandle
from plait.bench.load import VALUE

BATCH = 1024  # records a statement or pipeline, where the peer's client has to be told

Importer = Callable[[Iterator[tuple[str, str]]], Awaitable[int]]


def rows(count: int, prefix: str) -> Iterator[tuple[str, str]]:
    """`count` rows with ascending keys."""
    return ((f"{prefix}{number:010d}", VALUE) for number in range(count))


async def records_per_s(importer: Importer, count: int, prefix: str) -> float:
    """Import `count` rows under new keys; records a second."""
    started = perf_counter()
    done = await importer(rows(count, prefix))
    took = perf_counter() - started
    if done != count:
        raise RuntimeError(f"{done} of {count} rows were imported")
    return count / took


async def into_cluster(cluster: ClusterHandle, items: Iterator[tuple[str, str]]) -> int:
    """`put_many` over the network under the cluster's rule."""
    async with plait.connect(cluster.url) as store:
        table = await store.table("bulk", cluster.settings)
        return await table.put_many(items)


async def into_folder(folder: Path, items: Iterator[tuple[str, str]]) -> int:
    """`put_many` into one durable node in this process."""
    async with plait.open(folder) as store:
        table = await store.table("bulk", Leader())
        return await table.put_many(items)
