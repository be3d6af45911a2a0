"""Plait in the scenario `graph`: documents of an opened store, and pairs of linked replicas.

Local mutations go through the public API on a store in a folder. Pairs of replicas are linked in
this process by a link that counts what is sent, over storage in memory, as the peers have none.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path as FolderPath

import plait
from plait.base.causality import descends
from plait.bench.graph_peers import ELEMENTS, REMOVED_MAX, key_of, value_of
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryStorage
from plait.types.paths import Path

OPERATIONS_A_TICK = 1_000
ROADS = ("auto", "delta", "state")
SHAPES = ("documents", "one map")
FIRST = "a value of some length"

_LINEAGE = "0123456789abcdef" * 2
_FOUNDER = 4711
_SETTLED_S = 2.5  # by then each has told what it has seen, and stable batches can go


class Bench(plait.Document):
    """What is changed."""

    likes = plait.Counter()
    title = plait.Register(str)
    tags = plait.AddWinsSet(str)
    values = plait.Map(plait.Register(int))


class Mutations:
    """Plait's local mutations, on a store in `folder`."""

    name = "plait"

    def __init__(self, folder: FolderPath) -> None:
        self._folder = folder

    async def mutate(self, kind: str, count: int) -> tuple[float, float]:
        """Seconds until `count` operations have taken effect, and until they are on disk.

        One operation is one event; those of a tick of the event loop travel as one batch.
        """
        async with plait.open(self._folder) as store:
            documents = await store.documents(kind.replace(" ", "-"), Bench)
            document = documents["one"]
            names = [key_of(number) for number in range(max(ELEMENTS, REMOVED_MAX))]
            if kind == "set remove":
                count = min(count, REMOVED_MAX)
                document.tags = set(names[:count])
            work = _work(document, kind, names)
            await documents.flush()
            begin = time.perf_counter()
            for start in range(0, count, OPERATIONS_A_TICK):
                work(range(start, min(start + OPERATIONS_A_TICK, count)))
                await asyncio.sleep(0)
            in_memory = time.perf_counter() - begin
            await documents.flush()
            return in_memory, time.perf_counter() - begin


def _work(document: Bench, kind: str, names: list[str]) -> Callable[[range], None]:
    def count(numbers: range) -> None:
        for _ in numbers:
            document.likes += 1

    def assign(numbers: range) -> None:
        for number in numbers:
            document.title = names[number % ELEMENTS]

    def add(numbers: range) -> None:
        tags = document.tags
        for number in numbers:
            tags.add(names[number % ELEMENTS])

    def remove(numbers: range) -> None:
        tags = document.tags
        for number in numbers:
            tags.discard(names[number])

    def put(numbers: range) -> None:
        values = document.values
        for number in numbers:
            values[names[number % ELEMENTS]] = number

    kinds = {
        "counter": count,
        "register": assign,
        "set add": add,
        "set remove": remove,
        "map set": put,
    }
    return kinds[kind]


# ----------------------------------------------------------------------------- pairs


class Link:
    """Two replicas linked in memory; counts what is sent."""

    def __init__(self, one: Replica, other: Replica) -> None:
        self.sent_bytes = 0
        self._ends = (one, other)
        self._loop = asyncio.get_running_loop()
        one.linked("link", self._say(other))
        other.linked("link", self._say(one))

    def _say(self, to: Replica) -> Callable[[bytes], None]:
        def say(data: bytes) -> None:
            self.sent_bytes += len(data)
            self._loop.call_soon(to.received, "link", data)

        return say

    async def cut(self) -> None:
        """End it, when what is under way has arrived."""
        await asyncio.sleep(0)
        for end in self._ends:
            end.unlinked("link")


class Pair:
    """Two replicas of one graph with the same keys: a document each, or one map of all."""

    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._storages = (MemoryStorage(), MemoryStorage())
        self.replicas: list[Replica] = []

    async def open(self, road: str, history: str = "stable") -> None:
        """Open both (anew), to sync by a road."""
        await self.close()
        self.replicas = [
            await open_replica(
                GraphOptions(
                    "bench", _LINEAGE, _FOUNDER, not side, "ab"[side], sync=road, history=history
                ),
                storage,
                SystemClock(),
                random.Random(side),
            )
            for side, storage in enumerate(self._storages)
        ]

    async def fill(self, keys: int) -> None:
        """Let both hold these keys."""
        await self.edit(0, ((number, FIRST) for number in range(keys)))
        link = Link(*self.replicas)
        while not self._equal() or not self.replicas[1].parts.scope.writable:
            await asyncio.sleep(0)
        await asyncio.sleep(_SETTLED_S)
        await link.cut()

    async def edit(self, side: int, edits: Iterable[tuple[int, str]], a_tick: int = 1000) -> None:
        """Assign values by number of key, so many a tick, to disk."""
        replica = self.replicas[side]
        for count, (number, value) in enumerate(edits, 1):
            replica.mutate(*self._place(number), ("set", value))
            if count % a_tick == 0:
                await asyncio.sleep(0)
        await replica.flush()

    async def converge(self) -> tuple[float, int]:
        """Link both: seconds until they have seen the same, and the bytes that it took."""
        begin = time.perf_counter()
        link = Link(*self.replicas)
        while not self._equal():
            await asyncio.sleep(0)
        seconds, sent = time.perf_counter() - begin, link.sent_bytes
        await asyncio.sleep(_SETTLED_S)
        await link.cut()
        self._check()
        return seconds, sent

    async def close(self) -> None:
        """Close both."""
        for replica in self.replicas:
            await replica.close()
        self.replicas = []

    def _place(self, number: int) -> tuple[str, Path]:
        name = key_of(number)
        return ("all", ("o:values", f"r:{name}")) if self._shape == SHAPES[1] else (name, _VALUE)

    def _equal(self) -> bool:
        one, other = (replica.vector for replica in self.replicas)
        return len(one) == 2 and descends(one, other) and descends(other, one)

    def _check(self) -> None:
        for replica in self.replicas:
            replica.settle()
        one, other = (replica.parts for replica in self.replicas)
        cut = one.scope.cut().merged(other.scope.cut())
        assert one.shelf.canonical(cut) == other.shelf.canonical(cut), "they differ"


_VALUE: Path = ("r:value",)


async def measure_edits(count: int, a_tick: int) -> tuple[float, float, float]:
    """Bytes an edit: sent to a linked replica, written to the log, and kept with all history."""
    pair = Pair(SHAPES[0])
    await pair.open("auto", history="forever")
    one = pair.replicas[0]
    link = Link(*pair.replicas)
    while not pair.replicas[1].parts.scope.writable:
        await asyncio.sleep(0.01)
    sent, logged, kept = link.sent_bytes, one.journal.row_bytes, one.parts.archive.bytes
    await pair.edit(0, ((number % ELEMENTS, value_of(number)) for number in range(count)), a_tick)
    while not descends(pair.replicas[1].vector, one.vector):
        await asyncio.sleep(0.01)
    await one.flusher.flush()
    found = (link.sent_bytes - sent, one.journal.row_bytes - logged, one.parts.archive.bytes - kept)
    await link.cut()
    await pair.close()
    return found[0] / count, found[1] / count, found[2] / count
