"""The conflict inbox: what several people wrote at once is what one is asked about, and no more.

Every value is written once, and whoever writes or decides knows which values it replaces. So what
stands at the end is known: the values that nobody who wrote a kept one had seen and replaced. A
decided conflict that comes back is such a value too many. At last one client decides everything,
and then every inbox is empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from random import Random
from typing import Any, ClassVar

import msgspec

import plait
from plait.api.documents import Documents
from plait.base.errors import ConflictChanged
from plait.engines.graph import Replica
from plait.sim.config import Config
from plait.sim.disk import SimDisk
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.workloads.replicas import attend
from plait.sim.workloads.shared import SharedDocuments
from plait.sim.workloads.workload import Program
from plait.sim.world import World

KEYS = ("m0", "m1", "m2")


class Meeting(plait.Document):
    """Something about which people disagree."""

    when = plait.Register(int, resolve=plait.Ask())


class Written(msgspec.Struct):
    """One value of a register."""

    key: str
    value: int
    replaced: tuple[int, ...]  # what stood there for whoever wrote it
    disk: SimDisk | None = None  # that it was flushed to, at a node
    certain: bool = False  # it must have been kept


class Inbox(SharedDocuments):
    """Meetings that everybody moves, and decides about."""

    name: ClassVar[str] = "conflicts"
    kind = Meeting

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.written: list[Written] = []
        self.standing: dict[str, dict[str, list[int]]] = {}  # by replica and key
        self.left: dict[str, int] = {}  # conflicts after all were decided
        self._values = count(1)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients)
        clients = {f"q{number}": partial(self._client, f"q{number}") for number in numbers}
        return clients | {"q nodes": self._nodes}

    async def _client(self, who: str, network: SimNetwork) -> None:
        async with self.connected(network) as store:
            docs = await self.insist(partial(self.open, store))
            mine: list[Written] = []

            async def use(random: Random) -> None:
                mine.append(self._write(docs, random))

            await self.each(who, use)
            await self.flush(docs)
            for one in mine:
                one.certain = True

    async def _nodes(self, network: SimNetwork) -> None:
        await attend(self.world, self._node, lambda: self.over)

    async def _node(self, machine: NodeMachine, store: plait.Store) -> None:
        docs, disk = await self.insist(partial(self.open, store)), machine.disk

        async def use(random: Random) -> None:
            one = self._write(docs, random)
            await docs.flush()
            one.disk = disk

        await self.each(machine.name, use)

    def _write(self, docs: Documents[Any], random: Random) -> Written:
        """Move a meeting, or decide about one if somebody has to."""
        value = next(self._values)
        conflicts = docs.conflicts()
        if conflicts and random.random() < 0.5:
            conflict = random.choice(conflicts)
            one = Written(conflict.key, value, tuple(_standing(docs, conflict.key)))
            conflict.resolve(value)
        else:
            key = random.choice(KEYS)
            # whoever does not decide knows, and replaces, only what is shown
            seen = docs[key].when
            one = Written(key, value, () if seen is None else (seen,))
            docs[key].when = value
        self.written.append(one)
        return one

    # ------------------------------------------------------------------ the end

    async def decide(self, store: plait.Store) -> None:
        """Remember what stands everywhere, then decide about all of it."""
        self.standing = {name: _all_standing(docs) for name, docs in self.everybody().items()}
        docs = self.fresh[0]
        for conflict in docs.conflicts():
            try:
                conflict.resolve(next(self._values))
            except ConflictChanged as error:  # nobody else is there
                self.world.trace.note("error", "decide", str(error))
        await self.flush(docs)

    def look(self, replica: Replica, docs: Documents[Any]) -> Any:
        """See `SharedDocuments`."""
        return len(docs.conflicts())

    def judge_more(self) -> Iterator[str]:
        """See `SharedDocuments`."""
        used = [machine.disk for machine in self.world.nodes.values()]
        for one in self.written:
            one.certain = one.certain or any(one.disk is disk for disk in used)
        for name, standing in self.standing.items():
            for key in KEYS:
                written = [one for one in self.written if one.key == key]
                yield from judge_standing(f"{key!r} at {name}", standing[key], written)
        for name, image in self.images.items():
            if image.values:
                yield f"{name} still has {image.values} conflicts when all are decided"


def judge_standing(where: str, found: Sequence[int], written: Sequence[Written]) -> Iterator[str]:
    """What stands is what was kept and not replaced by anything that was kept."""
    by_value = {one.value: one for one in written}
    strange = [value for value in found if value not in by_value]
    if strange:
        yield f"{where}: nobody wrote {strange}"
    kept: dict[int, Written] = {}
    waiting = [by_value[value] for value in found if value in by_value]
    waiting += [one for one in written if one.certain]
    while waiting:
        one = waiting.pop()
        if one.value not in kept:
            kept[one.value] = one
            waiting += [by_value[value] for value in one.replaced if value in by_value]
    replaced = {value for one in kept.values() for value in one.replaced}
    wanted = sorted(set(kept) - replaced)
    if sorted(found) != wanted:
        yield f"{where}: {sorted(found)} stand, and {wanted} should"


def _standing(docs: Documents[Any], key: str) -> list[int]:
    """Every value that a register has, shown or not."""
    register = docs[key].register("when")
    if not register.is_set:
        return []
    return sorted({register.value, *(loser.value for loser in register.losers())})


def _all_standing(docs: Documents[Any]) -> dict[str, list[int]]:
    return {key: _standing(docs, key) for key in KEYS}
