"""Equal bytes everywhere: replicas compared at one cut, those of other processes by their folders.

Each replica folds what it knows to be stable, at its own time. So they are compared at a cut that
covers what any of them has folded.
"""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from plait.api.infos import GraphInfo
from plait.base.causality import VersionVector
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.engines.graph.options import fingerprint_of
from plait.host.clock import SystemClock
from plait.host.storage import open_storage


@asynccontextmanager
async def folder_replica(data: Path, node: str, info: GraphInfo) -> AsyncIterator[Replica]:
    """What a folder holds that no process has open, whether it was closed or killed."""
    options = GraphOptions(
        info.name, info.lineage, info.founder, False, node, info.settings.sync,
        info.settings.history, fingerprint=fingerprint_of(data),
    )  # fmt: skip
    storage = await open_storage(data)
    try:
        replica = await open_replica(options, storage, SystemClock(), random.SystemRandom())
        try:
            yield replica
        finally:
            await replica.close()
    finally:
        await storage.close()


async def same_bytes(
    folders: Mapping[str, Path], info: GraphInfo, others: Mapping[str, Replica] | None = None
) -> None:
    """Every folder, and every other replica, has seen the same and holds the same."""
    async with AsyncExitStack() as stack:
        replicas = dict(others or {})
        for node, data in folders.items():
            opened = folder_replica(data, node, info)
            replicas[f"the folder of {node}"] = await stack.enter_async_context(opened)
        same_replicas(replicas)


def same_replicas(replicas: Mapping[str, Replica]) -> None:
    """These replicas have seen the same and hold the same."""
    cut = VersionVector()
    vectors = {}
    for name, replica in replicas.items():
        assert replica.settle()
        vectors[name] = dict(replica.vector)
        cut.merge(replica.parts.scope.stable)
    first = next(iter(vectors.values()))
    assert all(vector == first for vector in vectors.values()), vectors
    found = {name: replica.parts.shelf.canonical(cut).hex() for name, replica in replicas.items()}
    assert len(set(found.values())) == 1, found
