"""Plait on a shared engine, in the two ways that programs use it: embedded, and as a client."""

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar

import plait
from plait import Consensus, Store
from plait.bench.cluster import START_S_MAX, ClusterHandle
from plait.bench.load import closed_loop
from plait.bench.measure import Sample
from plait.bench.plait_client import TABLE, OneStore, OneStoreReads
from plait.bench.processes import Server, free_ports, until

SETTINGS = Consensus()


def embedded(folder: Path, url: str) -> AbstractAsyncContextManager[Store]:
    """A store in this process, all of whose lines are on the engine."""
    return plait.open(folder, engine=url, cluster="bench-embedded", name="n1")


async def served(folder: Path, url: str) -> ClusterHandle:
    """A node in a process of its own, all of whose lines are on the engine."""
    folder.mkdir(parents=True)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    command: list[str | Path] = [sys.executable, "-m", "plait", "serve", "--data", folder]
    command += ["--name", "n1", "--listen", address]
    command += ["--engine", url, "--cluster-name", "bench-served"]
    handle = ClusterHandle(
        {"n1": Server("plait on an engine", command, folder)}, {"n1": address}, SETTINGS
    )
    try:
        await until(handle.writes, handle.servers, "the Plait node", START_S_MAX)
    except BaseException:
        handle.close()
        raise
    return handle


class Embedded(OneStore):
    """N tasks on a store in this process."""

    label: ClassVar[str] = "embedded"

    def __init__(self, store: Store) -> None:
        self.store = store

    async def _measure(self, stores: int, tasks: int, seconds: float) -> Sample:
        table = await self.store.table(TABLE, SETTINGS)
        (operation,) = await self._operations([table])
        return await closed_loop([operation] * tasks, seconds)


class EmbeddedReads(Embedded, OneStoreReads):
    """N linearizable reads in flight on a store in this process."""
