"""What the demo's scenes share: the cluster, who tells, the book of writes, the figures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from plait import entry
from plait.api.store import Store
from plait.cli.demo.cluster import DemoCluster
from plait.cli.demo.narrator import Narrator, Summary
from plait.cli.demo.watching import LagSampler
from plait.cli.demo.writers import Ledger, Stream
from plait.client.limits import ClientLimits

HISTORY = "accounts.jsonl"
PATIENCE_S = 60.0
ATTEMPT_S = 0.3  # a writer that hears nothing for so long asks who leads, and tries there


class Stage:
    """One telling's belongings."""

    def __init__(self, cluster: DemoCluster, narrator: Narrator) -> None:
        self.cluster = cluster
        self.narrator = narrator
        self.leader = cluster.names[0]  # of the leader-follower line, until it is deposed
        self.ledger = Ledger()
        self.lags_s: list[float] = []
        self.figures = Summary(ok=False, nodes=len(cluster.names))

    @property
    def history(self) -> Path:
        """Where the bank's history is recorded, beside the nodes' folders."""
        return self.cluster.folder / HISTORY

    def url(self, name: str) -> str:
        """Just this node."""
        return f"plait://{self.cluster.addresses[name]}"

    def at(
        self, name: str, limits: ClientLimits | None = None
    ) -> AbstractAsyncContextManager[Store]:
        """A client that keeps to one node."""
        return entry.connect(self.url(name), only=True, limits=limits)

    @contextlib.asynccontextmanager
    async def writing(self, table: str, prefix: str, writers: int) -> AsyncIterator[None]:
        """A stream of writes by a client of its own, for as long as the body takes.

        At the end every write comes to its own end, and no link is cut any more.
        """
        limits = ClientLimits(attempt_s=ATTEMPT_S)
        async with entry.connect(self.cluster.url, only=True, limits=limits) as store:
            stream = Stream(await store.table(table), self.ledger, prefix, writers)
            try:
                yield
                await stream.stop(PATIENCE_S)
            finally:
                stream.abort()
                self.cluster.heal()

    async def watch_lag(self, store: Store, line: str, seconds: float) -> None:
        """Let time pass, and note how far the followers are behind meanwhile."""
        sampler = LagSampler(store, line)
        try:
            await asyncio.sleep(seconds)
        finally:
            await sampler.stop()
        self.lags_s += sampler.samples_s
