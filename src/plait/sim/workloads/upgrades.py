"""A rolling upgrade: nodes of the version before are replaced one after another under load.

Every node begins as a program that reads records up to the version before ours; each is stopped at
a time of its own and started again as what it is. What only the newer records can say (documents)
is refused until every node can read them, by whichever node is asked, and works afterwards.

Invariant: nothing of the newer version is written while a node could not read it; no node stops
for a record that it does not know.
"""

import asyncio
from collections.abc import Iterator, Mapping

import plait
from plait import Document, Register
from plait.base.errors import PlaitError
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.shared import tame_clocks
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World
from plait.types.commands import RECORDS

COLLECTION = "after-the-upgrade"
TRY_S = 1.5


class Memo(Document):
    """Something that needs the newer records."""

    text = Register(str)


class Upgrades(Workload):
    """One program that replaces nodes, and one that asks for what is new."""

    rolls = True

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        tame_clocks(world)
        self.older = [name for name, machine in world.nodes.items() if machine.reads is not None]
        self.mixed = bool(self.older)
        self.early: list[str] = []  # what was there although a node could not have read it
        self.stuck: list[str] = []
        self.kept: str | None = None

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`: there is nothing that all versions need."""
        await store.tables()

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        return {"upgrader": self._upgrade, "early": self._ask_early}

    async def _upgrade(self, network: SimNetwork) -> None:
        random = self.random("upgrader")
        names = list(self.older)
        random.shuffle(names)
        pause_s = self.config.work_s / (len(names) + 1)
        for name in names:
            await asyncio.sleep(random.uniform(0.3, 1.0) * pause_s)
            machine = self.world.nodes[name]
            was_up = machine.up
            machine.kill()
            machine.reads = None
            self.older.remove(name)
            self.world.trace.note("upgrade", name)
            await asyncio.sleep(random.choice((0.01, 0.5)))
            if was_up and not machine.up:
                machine.start()
            self.operations += 1

    async def _ask_early(self, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            while not self.over:
                await asyncio.sleep(1.0)
                older = list(self.older)
                try:
                    async with asyncio.timeout(TRY_S):
                        await store.documents(COLLECTION, Memo)
                except (PlaitError, TimeoutError):
                    continue
                if older and self.older:
                    self.early.append(f"documents, while {', '.join(self.older)} read version 2")

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        memos = await self.insist(lambda: store.documents(COLLECTION, Memo))
        memos["m"].text = "written after the upgrade"
        await self.insist(store.flush)
        self.kept = memos["m"].text
        await asyncio.sleep(5.0)
        for name, machine in self.world.nodes.items():
            node = machine.node
            if node is None or node.versions.enabled != RECORDS:
                at = "down" if node is None else node.versions.enabled
                self.stuck.append(f"{name}: records of version {at}, not {RECORDS}")

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        yield from self.early
        yield from self.stuck
        if self.kept != "written after the upgrade":
            yield f"a document holds {self.kept!r}"
