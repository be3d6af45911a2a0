"""What each guarantee does while the world is broken: at every node somebody writes all the time.

Beside each node sits one client, on that node's side of every cut, that writes a small beat to a
consensus table, to a leader-follower table and to a document, and keeps book of what became of
each. Invariant: a beat is "waiting" until its outcome is known, and its outcome never changes; the
last `KEPT` of each writer are remembered. A document's beat is acknowledged at once; it is merged
once the clients beside all other nodes have seen it too, which `merged` says by author.
"""

import asyncio
import contextlib
import time
from collections import deque
from typing import Any

from plait import entry
from plait.api.documents import Document, Documents, Register
from plait.api.settings import Consensus, Leader, Settings
from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.demo.cluster import DemoCluster
from plait.client.limits import ClientLimits

KINDS: dict[str, Settings | None] = {
    "consensus": Consensus(),
    "leader": Leader(acks="any:1"),
    "eventual": None,
}
EVERY_S = 0.25
KEPT = 160  # beats of one writer: forty seconds and some
LIMITS = ClientLimits(attempt_s=0.3, write_s=1.5, read_s=1.0, admin_s=2.0)
KEYS = 64  # rows of one writer; they are written again and again
PAUSE_S = 0.5  # before a writer that could not begin tries again


class Beat(Document):
    """How often the writer beside one node has beaten."""

    count = Register(int)


class Writer:
    """The beats of one kind from beside one node."""

    def __init__(self) -> None:
        self.number = 0
        self.kept: deque[list[Any]] = deque(maxlen=KEPT)
        self.acknowledged = 0
        self.refused = 0
        self.unclear = 0

    def begin(self) -> list[Any]:
        """Note a beat: its number, when, what became of it, after how long."""
        self.number += 1
        beat = [self.number, round(time.time() * 1000), "waiting", None]
        self.kept.append(beat)
        return beat

    def end(self, beat: list[Any], began: float, error: PlaitError | None) -> None:
        """Note what became of it."""
        beat[3] = round((time.monotonic() - began) * 1000, 1)
        if error is None:
            beat[2] = "acknowledged"
            self.acknowledged += 1
        elif error.definite:
            beat[2] = "refused"
            self.refused += 1
        else:
            beat[2] = "unclear"
            self.unclear += 1


class Beats:
    """All the writers of a cluster."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        self._tasks: list[asyncio.Task[None]] = []
        self._documents: dict[str, Documents[Beat]] = {}
        self.writers = {kind: {name: Writer() for name in cluster.names} for kind in KINDS}

    async def start(self, store: Store) -> None:
        """Make the collections, and begin."""
        for kind, settings in KINDS.items():
            if settings is not None:
                await store.table(_name(kind), settings)
        await store.documents(_name("eventual"), Beat)
        self._tasks = [asyncio.create_task(self._write(name)) for name in self._cluster.names]

    async def stop(self) -> None:
        """Everybody leaves at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def state(self, after: int = 0) -> dict[str, Any]:
        """By kind and node: ``totals``, and the ``beats`` after a time in milliseconds and those
        that are waiting; for documents ``seen``, by reader and author."""
        found: dict[str, Any] = {
            kind: {name: _told(writer, after) for name, writer in writers.items()}
            for kind, writers in self.writers.items()
        }
        for name, docs in self._documents.items():
            found["eventual"][name]["seen"] = {
                author: docs[author].count or 0 for author in self._cluster.names
            }
        return found

    # ----------------------------------------------------------------------------- writers

    async def _write(self, name: str) -> None:
        """All kinds, beside one node, by one client."""
        while True:
            with contextlib.suppress(PlaitError):
                url = self._cluster.beside(name)
                async with entry.connect(url, only=True, limits=LIMITS, name=f"beat {name}") as s:
                    await asyncio.gather(
                        self._write_table("consensus", name, s),
                        self._write_table("leader", name, s),
                        self._write_documents(name, s),
                    )
            await asyncio.sleep(PAUSE_S)

    async def _write_table(self, kind: str, name: str, store: Store) -> None:
        table = await store.table(_name(kind))
        writer = self.writers[kind][name]
        while True:
            beat, began = writer.begin(), time.monotonic()
            try:
                await table.put(f"{name}-{beat[0] % KEYS:02d}", {"at": name, "beat": beat[0]})
            except PlaitError as error:
                writer.end(beat, began, error)
            else:
                writer.end(beat, began, None)
            await asyncio.sleep(max(0.02, EVERY_S - (time.monotonic() - began)))

    async def _write_documents(self, name: str, store: Store) -> None:
        docs = self._documents[name] = await store.documents(
            _name("eventual"), Beat, author=f"beside {name}"
        )
        writer = self.writers["eventual"][name]
        while True:
            beat, began = writer.begin(), time.monotonic()
            try:
                docs[name].count = beat[0]
            except PlaitError as error:
                writer.end(beat, began, error)
            else:
                writer.end(beat, began, None)
            await asyncio.sleep(EVERY_S)


def _name(kind: str) -> str:
    """The collection of a kind."""
    return f"beats-{kind}"


def _told(writer: Writer, after: int) -> dict[str, Any]:
    """What is told of one writer."""
    beats = [beat for beat in writer.kept if beat[1] > after or beat[2] == "waiting"]
    return {
        "beats": beats,
        "totals": {
            "acknowledged": writer.acknowledged,
            "refused": writer.refused,
            "unclear": writer.unclear,
        },
    }
