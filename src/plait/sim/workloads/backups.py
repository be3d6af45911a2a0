"""Nodes back everything up to one folder while work goes on; what is restored must keep promises.

Writers put rows of their own into tables on three lines, one of which may lose what it has
acknowledged and go on without it, and count in documents. In every node
a keeper takes backups at moments of its own, killed and interrupted as nodes are. At the end some
of the backups, the last one among them, are verified deeply and restored, each into a new node.

The judge: a manifest that is there can be restored. Everything acknowledged before its backup began
is there, and nothing that nobody wrote; what is there of a line is a prefix in the order of time.
Documents have seen what the node had when it began. The restored node is of another cluster, in
later epochs, under ids that nobody had, and takes writes.
"""

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from random import Random
from typing import Any

import msgspec

import plait
from plait import Consensus, Counter, Document, Leader
from plait.base.causality import descends, vector_of
from plait.base.errors import ClockWrong, PlaitError
from plait.host.memory_vault import MemoryVault
from plait.node.backup.restoring import Restored, restore
from plait.node.backup.taking import COPY_AFTER_BYTES, take_backup
from plait.node.backup.vault import latest_manifest, manifest_names
from plait.node.backup.verifying import verify
from plait.node.local import Local
from plait.node.node import Node
from plait.node.serve import build
from plait.sim.clock import START_MS, SimClock
from plait.sim.config import Config
from plait.sim.disk import DiskRules, SimDisk, SimStorage
from plait.sim.loop import owner
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.vault import SimVault
from plait.sim.workloads.replicas import attend, held_by
from plait.sim.workloads.shared import tame_clocks
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import STORAGES, World

TABLES: dict[str, Leader | Consensus] = {
    "kept-strong": Consensus(),
    "kept-led": Leader(),
    "kept-too": Leader(),
    "kept-loosely": Leader(acks="leader"),
}
LINES = {"kept-strong": "consensus", "kept-led": "leader/majority", "kept-too": "leader/majority"}
DOCUMENTS = "kept-counts"
BACKUP_S = 1.5  # between two of one node's, on average
RESTORED = 4  # backups, at most
VALUE = "x" * 100
COUNTS = 0.3  # of all that writers do


class Count(Document):
    """What each writer counts."""

    number = Counter()


class Row(msgspec.Struct):
    """A row that somebody put."""

    began: float
    done: float | None = None  # when it was acknowledged


class Began(msgspec.Struct):
    """What was known when a backup began that was finished."""

    at: float
    vector: tuple[tuple[int, int], ...]


class Found(msgspec.Struct):
    """What came of one backup."""

    name: str
    began: Began | None  # None: whoever took it did not live to say so
    wrong: list[str] = []
    rows: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    vector: tuple[tuple[int, int], ...] = ()
    replica: int = 0
    epochs: dict[str, int] = {}
    cluster: str = ""


class Backups(Workload):
    """Backups under faults."""

    records = 3

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        tame_clocks(world)
        self.copy_after = world.stream("copies").choice((COPY_AFTER_BYTES, 500, 4000))
        self.vault = SimVault(world.stream("vault"))
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in TABLES}
        self.counted: dict[str, int] = {}
        self.began: dict[str, Began] = {}  # by the name of the backup
        self.found: list[Found] = []
        self.epochs: dict[str, int] = {}  # the newest that any node had at the end
        self.replicas: set[int] = set()
        self.clusters: set[str] = set()
        self._numbers = count()

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name, settings in TABLES.items():
            await self.insist(partial(store.table, name, settings))
        await self.insist(partial(store.documents, DOCUMENTS, Count))

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients)
        writers = {f"b{number}": partial(self._write, f"b{number}") for number in numbers}
        return writers | {"keepers": self._keep}

    async def _write(self, who: str, network: SimNetwork) -> None:
        clock = network.machine.clock
        clock.jump(START_MS + int(self.world.now() * 1000) - clock.wall_ms())
        async with self.world.store(network, LIMITS) as store:
            tables = {name: await self.insist(partial(store.table, name)) for name in TABLES}
            docs = await self.insist(partial(store.documents, DOCUMENTS, Count, create=False))

            async def use(random: Random) -> None:
                if random.random() < COUNTS:
                    self.counted[who] = self.counted.get(who, 0) + 1
                    docs[who].number += 1
                    return
                name = random.choice(list(TABLES))
                key = f"{who}-{next(self._numbers)}"
                row = self.rows[name][key] = Row(self.world.now())
                await tables[name].put(key, VALUE)
                row.done = self.world.now()

            await self.each(who, use)
            await self.insist(docs.flush)

    # ------------------------------------------------------------------ taking

    async def _keep(self, network: SimNetwork) -> None:
        await attend(self.world, self._keeper, lambda: self.over)

    async def _keeper(self, machine: NodeMachine, store: plait.Store) -> None:
        """In the process of a node; it may end at any time."""
        node, process = machine.node, machine.process
        assert node is not None
        assert process is not None
        hurry = BACKUP_S / self.config.think_s

        async def use(random: Random) -> None:
            if random.random() * hurry < 1:
                await self._back_up(machine, node)

        await self.each(process.name, use)

    async def _back_up(self, machine: NodeMachine, node: Node) -> None:
        replica = held_by(machine, DOCUMENTS)
        vector = () if replica is None else tuple(sorted(replica.vector.items()))
        began = Began(self.world.now(), vector)
        taken = await take_backup(node, self.vault, copy_after=self.copy_after)
        self.began[taken.name] = began
        self.world.trace.note("ok", machine.name, f"backup {taken.name}")

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        for machine in self.world.up():
            assert machine.node is not None
            self.clusters.add(machine.node.cluster)
            for host in machine.node.hosts():
                known = self.epochs.get(host.line, 0)
                self.epochs[host.line] = max(known, host.epoch.number)
            replica = held_by(machine, DOCUMENTS)
            if replica is not None:
                self.replicas.update(replica.parts.scope.members.names)
        names = await manifest_names(self.vault)
        random = self.random("restored")
        chosen = sorted(random.sample(names[:-1], min(len(names) - 1, RESTORED))) if names else []
        for name in [*chosen, *names[-1:]]:
            self.found.append(await self._look(name, random))

    def _disk(self) -> SimStorage:
        """An empty one, with nothing wrong, of the kind that the nodes have."""
        process = owner.get()
        assert process is not None
        random = self.world.stream("restored disks")
        disk = SimDisk(DiskRules(), random, "restored", self.world.trace)
        return STORAGES[self.config.storage](disk, process)

    async def _look(self, name: str, random: Random) -> Found:
        """Verify and restore a backup."""
        found = Found(name, self.began.get(name))
        vault, clock = self.vault.as_of(name), SimClock(self.world.loop)
        machines = next(iter(self.world.nodes.values())).config.machines
        try:
            scratch = self._disk()
            verdict = await verify(vault, scratch, clock=clock, random=random, machines=machines)
            await scratch.close()
            found.wrong += verdict.wrong
            storage = self._disk()
            made = await restore(vault, storage, clock, random)
            await self._read(found, made, storage, vault, random)
        except PlaitError as error:
            found.wrong.append(f"it cannot be restored: {type(error).__name__}: {error.message}")
        return found

    async def _read(
        self, found: Found, made: Restored, storage: Any, vault: MemoryVault, random: Random
    ) -> None:
        """Open the restored store, alone, and see what is in it."""
        found.epochs = {line.line: line.epoch.number for line in made.lines}
        other = next(iter(self.world.nodes.values())).config
        config = msgspec.structs.replace(other, name="n1", members={}, leader=None)
        node = await build(config, storage, None, SimClock(self.world.loop), random)
        node.address, node.memory_bytes = "", lambda: 0
        found.cluster = node.cluster
        await node.start()
        try:
            store = plait.Store(Local(node), random=random)
            manifest = await latest_manifest(vault)
            known = {info.name for info in await store.tables()}
            for name in TABLES:
                if name in known:
                    table = await store.table(name)
                    found.rows[name] = {str(key) async for key, _ in table.scan()}
                    await table.put("restored", 1)
            if manifest is not None and any(g.name == DOCUMENTS for g in manifest.graphs):
                docs = await store.documents(DOCUMENTS, Count)
                found.counts = {key: int(docs[key].number) for key in docs.keys()}  # noqa: SIM118
                replica = next(r for r in node.graphs.replicas() if r.name == DOCUMENTS)
                found.vector, found.replica = tuple(sorted(replica.vector.items())), replica.replica
                with contextlib.suppress(ClockWrong):  # others' stamps may be far ahead of it
                    docs["restored"].number += 1
                await docs.flush()
        finally:
            await node.close()

    # ------------------------------------------------------------------ judging

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        for found in self.found:
            for what in [*found.wrong, *self._judge(found)]:
                yield f"{found.name}: {what}"

    def _judge(self, found: Found) -> Iterator[str]:
        if found.wrong:
            return
        for line in dict.fromkeys(LINES.values()):
            rows = {
                f"{name} {key}": row
                for name, rows in self.rows.items()
                if LINES.get(name) == line
                for key, row in rows.items()
            }
            there = {f"{name} {key}" for name in found.rows for key in found.rows[name]
                     if LINES.get(name) == line}  # fmt: skip
            yield from judge_line(line, rows, there, found.began)
        for who, number in found.counts.items():
            if number > self.counted.get(who, 0):
                yield f"{who} counted to {self.counted.get(who, 0)}, and {number} is restored"
        if found.began and not descends(vector_of(found.vector), vector_of(found.began.vector)):
            yield f"documents lack what was seen: {found.began.vector}, and only {found.vector}"
        if found.replica in self.replicas:
            yield f"the restored replica goes on under {found.replica:x}, which another has"
        for line, epoch in found.epochs.items():
            if epoch <= self.epochs.get(line, 0):
                yield f"{line} goes on in epoch {epoch}; the nodes are in {self.epochs[line]}"
        if found.cluster in self.clusters:
            yield f"the restored cluster is {found.cluster!r} as well"


def judge_line(
    line: str, rows: dict[str, Row], there: set[str], began: Began | None
) -> Iterator[str]:
    """All that was acknowledged before, nothing that nobody wrote, and of the rest a prefix."""
    if there - set(rows):
        yield f"{line}: nobody wrote {sorted(there - set(rows))}"
    last = max((rows[key].began for key in there if key in rows), default=-1.0)
    for key, row in rows.items():
        if row.done is None or key in there:
            continue
        if began is not None and row.done < began.at:
            yield f"{line}: lost {key}, acknowledged at {row.done:.3f}, before {began.at:.3f}"
        elif row.done < last:
            yield f"{line}: {key} is missing, and something that was begun after it is there"
