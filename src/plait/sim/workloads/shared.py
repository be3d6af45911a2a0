"""What all workloads over one collection of documents have in common: they end equal.

`finish` waits until the replicas of all nodes and of two fresh guests have seen the same, and keeps
an `Image` of each; the judges compare images, which are plain values.

Invariant: what one client alone wrote and flushed is read everywhere at the end exactly as it
was there when its `flush` returned (`own`), deletions too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any, ClassVar, Literal

import msgspec

import plait
from plait.api.documents import Documents
from plait.base.causality import VersionVector
from plait.base.errors import NoSuchCollection
from plait.engines.graph import Replica
from plait.sim.clock import START_MS
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.replicas import held_by, replica_of
from plait.sim.workloads.workload import LIMITS, Workload
from plait.sim.world import World

ROADS: tuple[Literal["auto", "ops", "delta", "state"], ...] = ("auto", "ops", "delta", "state")
FRESH = 2  # guests that read at the end
OPERATIONS = {"auto": 150, "ops": 150, "delta": 80, "state": 50}  # in a run, about
SKEW_MS_MAX = 15_000  # of clocks that nobody has tampered with: what is too early is quarantined
SAME_S = 80.0  # of virtual time, until all replicas are to be equal
LOOK_S = 0.25


class Image(msgspec.Struct):
    """What one replica holds at the end."""

    digest: bytes  # of everything, as far as it is the same for all who have seen the same
    values: Any  # what the workload reads
    documents: dict[str, Any] = {}  # by key, whole


def tame_clocks(world: World) -> None:
    """Set the nodes' clocks so nearly right that none is refused for what it writes."""
    for machine in world.nodes.values():
        ahead_ms = machine.clock.ahead_ms
        machine.clock.jump(max(-SKEW_MS_MAX, min(ahead_ms, SKEW_MS_MAX)) - ahead_ms)


class SharedDocuments(Workload):
    """Work on one collection; a subclass says of what class its documents are."""

    records = 3
    name: ClassVar[str]
    kind: ClassVar[type[plait.Document]]

    def __init__(self, world: World, config: Config) -> None:
        draw = world.stream(f"settings {self.name}")
        road = draw.choice(ROADS)
        users = len(world.nodes) + config.clients
        think_s = max(config.think_s, users * config.work_s / OPERATIONS[road])
        super().__init__(world, msgspec.structs.replace(config, think_s=think_s))
        tame_clocks(world)
        history: Literal["stable", "forever"] = "forever" if draw.random() < 0.3 else "stable"
        self.settings = plait.Eventual(sync=road, history=history)
        self.images: dict[str, Image] = {}
        self.own: dict[str, dict[str, Any] | None] = {}  # by key; None: deleted
        self.denied = ""  # what somebody said who did not know the collection
        self.unequal = ""  # why not all replicas have seen the same
        self._members: list[str] = []  # at the end
        self._fresh: dict[str, Documents[Any]] = {}
        self._done = asyncio.Event()

    # ------------------------------------------------------------------ clients

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        await self.insist(partial(self.open, store, self.settings))

    @contextlib.asynccontextmanager
    async def connected(self, network: SimNetwork) -> AsyncIterator[plait.Store]:
        """A store of a client, whose clock is right when it begins."""
        clock = network.machine.clock
        clock.jump(START_MS + int(self.world.now() * 1000) - clock.wall_ms())
        async with self.world.store(network, LIMITS) as store:
            yield store

    async def open(
        self, store: plait.Store, settings: plait.Eventual | None = None
    ) -> Documents[Any]:
        """The collection, in whichever store."""
        try:
            return await store.documents(self.name, self.kind, settings, create=False)
        except NoSuchCollection as error:
            self.denied = str(error)
            raise

    async def flush(self, docs: Documents[Any]) -> None:
        """Have everything written until now on some node's disk."""
        await self.insist(docs.flush)

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        members = self._members = [one["name"] for one in await self.insist(store.members)]
        readers = [self.world.add_client(f"{self.name} reader {n}") for n in range(FRESH)]
        tasks = [machine.run(self._read) for machine in readers]
        if await self._await_same(members):
            await self.decide(store)
            await self._await_same(members)
        for name, replica in self._replicas(members).items():
            self.images[name] = self._image(replica, members)
        self._done.set()
        for task in tasks:
            await task

    async def decide(self, store: plait.Store) -> None:
        """Something to be done once all have seen the same, before they are judged."""
        return

    async def _read(self, network: SimNetwork) -> None:
        async with self.connected(network) as store:
            docs = await self.insist(partial(self.open, store))
            self._fresh[network.machine.name] = docs
            await self._done.wait()

    @property
    def fresh(self) -> list[Documents[Any]]:
        """The collection as the fresh guests have it."""
        return list(self._fresh.values())

    def everybody(self) -> dict[str, Documents[Any]]:
        """The collection as every replica of the end has it, by the names of their machines."""
        replicas = self._replicas(self._members)
        return {
            name: Documents(replica, self.kind)
            for name, replica in replicas.items()
            if replica is not None
        }

    def _replicas(self, members: list[str]) -> dict[str, Replica | None]:
        found = {name: held_by(self.world.nodes[name], self.name) for name in sorted(members)}
        return found | {name: replica_of(self._fresh[name]) for name in sorted(self._fresh)}

    async def _await_same(self, members: list[str]) -> bool:
        until = self.world.now() + SAME_S
        while self.world.now() < until:
            replicas = self._replicas(members)
            self.unequal = _why_unequal(replicas)
            if not self.unequal and len(self._fresh) == FRESH:
                return True
            await asyncio.sleep(LOOK_S)
        self.unequal = self.unequal or "fresh guests cannot open the collection"
        return False

    def _image(self, replica: Replica | None, members: list[str]) -> Image:
        if replica is None:
            return Image(b"", None)
        cut = VersionVector()
        for one in self._replicas(members).values():
            if one is not None:
                cut.merge(one.parts.scope.cut())
                cut.merge(one.parts.scope.stable)
        docs: Documents[Any] = Documents(replica, self.kind)
        return Image(replica.parts.shelf.canonical(cut), self.look(replica, docs), _documents(docs))

    def look(self, replica: Replica, docs: Documents[Any]) -> Any:
        """What else is to be the same everywhere, and judged."""
        return None

    # ------------------------------------------------------------------ judging

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        if self.denied:
            yield f"a client was told, when there were documents: {self.denied}"
        if self.unequal:
            yield f"after {SAME_S:g} s of calm not all replicas have seen the same: {self.unequal}"
            return
        yield from judge_images(self.images)
        for name, image in self.images.items():
            yield from judge_own(name, image.documents, self.own)
        yield from self.judge_more()

    def judge_more(self) -> Iterator[str]:
        """What else was promised and not kept, where every replica has seen the same."""
        return iter(())


def judge_images(images: Mapping[str, Image]) -> Iterator[str]:
    """Every replica holds the same bytes and reads the same."""
    first, *others = images.items()
    for name, image in others:
        for key in {**first[1].documents, **image.documents}:
            one, other = first[1].documents.get(key), image.documents.get(key)
            if one != other:
                yield f"{key!r} is {one} at {first[0]} and {other} at {name}"
        if image.values != first[1].values:
            yield f"{first[0]} reads {first[1].values}, {name} reads {image.values}"
        if image.digest != first[1].digest:
            yield f"the bytes of {first[0]} and {name} differ"


def judge_own(
    replica: str, documents: Mapping[str, Any], own: Mapping[str, dict[str, Any] | None]
) -> Iterator[str]:
    """What one client alone wrote is as that client flushed it."""
    for key, wanted in own.items():
        found = documents.get(key)
        if found != wanted:
            what = "lives on as" if wanted is None else f"should be {wanted}, is"
            yield f"{key!r}, which one client alone writes, {what} {found} at {replica}"


def _documents(docs: Documents[Any]) -> dict[str, Any]:
    return {key: docs[key].to_dict() for key in docs}


def _why_unequal(replicas: Mapping[str, Replica | None]) -> str:
    """Who has not seen what others have; nothing if all have seen the same."""
    seen: dict[str, Any] = {}
    for name, replica in replicas.items():
        if replica is None:
            return f"{name} has no replica"
        if not replica.parts.scope.writable or replica.parts.lost:
            return f"{name} may not write: {list(replica.syncing.notices)[-3:]}"
        seen[name] = {f"{r:x}"[:4]: last for r, last in sorted(dict(replica.vector).items())}
    first = next(iter(seen.values()))
    if all(one == first for one in seen.values()):
        return ""
    return "; ".join(f"{name} {one}" for name, one in seen.items())


def chosen(random: Random, chances: Mapping[str, float]) -> str:
    """One of the names, each as often as its chance says."""
    return random.choices(list(chances), list(chances.values()))[0]
