"""The machines of a storm, the connections between them, and what can be read on them.

A machine outlives the replicas that run on its disk; a connection does not outlive its replicas.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Protocol

from graph_replicas import options

from plait.base.errors import Closed, PlaitError
from plait.engines.graph import Replica, open_replica
from plait.host.memory_state import StateDisk
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.sim.clock import SimClock
from plait.types.catalogue import type_of
from plait.types.paths import Path, tag_of

KEYS = ("d0", "d1", "d2")
LEDGER = "ledger"
DOCUMENTS = (*KEYS, LEDGER)
COUNT: Path = ("c:count",)
GROWN: Path = ("gc:count",)
TOKENS: Path = ("aw:tokens",)


class World(Protocol):
    """The storm, as far as its machines need it."""

    draw: Random
    history: str
    roads: tuple[str, ...]
    links: "list[Link]"
    wrong: list[str]

    def number(self) -> int: ...

    def left(self, data: bytes) -> None: ...

    def cut_all(self, machine: "Machine", dead: Replica | None = None) -> None: ...


class Machine:
    """A disk, and the replica that runs on it now."""

    def __init__(self, storm: World, name: str, founds: bool, disk: MemoryDisk) -> None:
        self.storm = storm
        self.name = name
        self.founds = founds
        self.disk = disk
        self.clock = SimClock(asyncio.get_running_loop())
        self.sync = storm.draw.choice(storm.roads)
        self.prints = 0  # folders that this disk has been
        self.storage: MemoryStorage | None = None
        self.running: Replica | None = None
        self.pending: set[str] = set()  # tokens written and not flushed
        self.backup: tuple[MemoryDisk, set[str]] | None = None

    @property
    def replica(self) -> Replica:
        assert self.running is not None
        return self.running

    @property
    def up(self) -> bool:
        return self.running is not None

    async def start(self) -> None:
        storm = self.storm
        self.storage = MemoryStorage(self.disk)
        options_ = options(
            self.name, founds=self.founds, sync=self.sync, history=storm.history,
            fingerprint=f"{self.name}.{self.prints}",
        )  # fmt: skip
        chance = Random(storm.draw.getrandbits(64))
        self.running = await open_replica(options_, self.storage, self.clock, chance)
        self.running.parts.shelf._held.documents_max = 2

    async def stop(self) -> None:
        """Close in an orderly way."""
        self.storm.cut_all(self)
        await self.replica.close()
        assert self.storage is not None
        await self.storage.close()
        self.running = None

    async def kill(self, power_cut: bool) -> None:
        """Die at once."""
        replica, storage = self.replica, self.storage
        assert storage is not None
        storage.crash(power_cut=power_cut)
        self.running = None
        replica.bar(Closed("killed"))
        self.storm.cut_all(self, dead=replica)
        replica.syncing.close()
        replica.company.close()
        replica.flusher.halt()
        replica.journal.close()
        await replica.renewal.close()

    def tokens(self) -> set[str]:
        """What is counted here, as far as can be read now."""
        if not self.up or self.replica._error is not None:
            return set()
        return tokens_of(self.replica)


class Link:
    """A connection between two running replicas: in order, with delays; `cut` loses the rest."""

    def __init__(self, storm: World, one: Machine, other: Machine) -> None:
        self.storm = storm
        self.ends = (one, other)
        self.replicas = (one.replica, other.replica)
        self.name = f"l{storm.number()}"
        self.alive = True
        self._at = [0.0, 0.0]
        for side in (0, 1):
            self.replicas[side].linked(self.name, self._say(1 - side))

    def _say(self, side: int) -> Callable[[bytes], None]:
        loop = asyncio.get_running_loop()

        def say(data: bytes) -> None:
            self.storm.left(data)
            delay = self.storm.draw.choice((0.0, 0.001, 0.02, 0.1))
            self._at[side] = max(self._at[side] + 1e-7, loop.time() + delay)
            loop.call_at(self._at[side], self._deliver, side, data)

        return say

    def _deliver(self, side: int, data: bytes) -> None:
        if not self.alive:
            return
        try:
            self.replicas[side].received(self.name, data)
        except PlaitError as error:
            self.storm.wrong.append(f"{self.ends[side].name} refused a message: {error!r}")
            self.cut()

    def cut(self, dead: Replica | None = None) -> None:
        if self.alive:
            self.alive = False
            self.storm.links.remove(self)
            for replica in self.replicas:
                if replica is not dead:
                    replica.unlinked(self.name)


def tokens_of(replica: Replica) -> set[str]:
    state = replica.object(LEDGER, TOKENS)
    return set() if state is None else set(type_of("aw").value(state))


def values_of(replica: Replica) -> dict[tuple[str, Path], str]:
    """Everything that people can read."""
    found: dict[tuple[str, Path], str] = {}
    keys = list(replica.keys(None, None))
    assert replica.count() == len(keys), f"{replica.count()} documents, and {keys} are listed"
    for key in keys:
        found[key, ()] = "there"
        waiting: list[Path] = [()]
        while waiting:
            path = waiting.pop()
            for part in replica.children(key, path):
                below = (*path, part)
                if tag_of(part) == "o":
                    waiting.append(below)
                    found[key, below] = "there"
                    continue
                state = replica.object(key, below)
                value = type_of(tag_of(part)).value(state)
                if isinstance(value, frozenset):
                    value = sorted(map(repr, value))
                found[key, below] = repr(value)
    return found


def copied(disk: MemoryDisk) -> MemoryDisk:
    """Another disk with what is on this one now."""
    copy = MemoryDisk()
    copy.log.extents.update(disk.log.extents)
    copy.log.rows.update({line: dict(rows) for line, rows in disk.log.rows.items()})
    for line, state in disk.states.items():
        copy.states[line] = StateDisk()
        copy.states[line].replace(state.pairs())
    return copy


def picture(machines: list[Machine]) -> str:
    lines = []
    for machine in machines:
        replica = machine.replica
        scope = replica.parts.scope
        vector = {f"{r:x}"[:4]: seq for r, seq in sorted(scope.vector.items())}
        lines.append(
            f"{machine.name} {f'{scope.replica:x}'[:4]} {machine.sync} {vector} member "
            f"{scope.writable} lost {len(replica.parts.lost)} error {replica._error} "
            f"{replica.writer.error} {scope.clock_wrong} {list(replica.syncing.notices)[-4:]}"
        )
    return "\n".join(lines)
