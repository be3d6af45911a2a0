"""Consumers in groups: every transaction of a table is done once and in order, whoever holds it.

Writers write two tables. Consumers hold a group in turn: they leave it, are killed or stopped, and
are followed; operators hand lines from node to node meanwhile. Two groups do what they do in
``consumer.transaction(batch)``: they number what they are given in a table beside, so that the
table has to be the log itself, one row a transaction. A third one notes what it is given, and
commits afterwards: that may come twice, but without a hole, and never what was committed before.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple, TypeAlias

import plait
from plait import Batch, Consensus, Consumer, Leader
from plait.base.errors import BadSettings, Conflict, Indefinite, PlaitError
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.feeds import BEGINNING, END, Feeds
from plait.sim.workloads.workload import LIMITS, Program
from plait.sim.world import World

Done: TypeAlias = list[Any]  # cursor, version, and what each change was; as a row's value has it

TABLES: dict[str, Consensus | Leader] = {"jobs-agreed": Consensus(), "jobs-led": Leader()}
EFFECTS = "-done"  # behind a table's name: the table where its transactions are numbered
COUNT = "count"
CONSUMERS = 2  # of each group
TAKEOVER_S = 1.5
LIFE_S = 4.0  # until a consumer's program is killed or stopped, on average
HAND_OVER_S = 4.0  # between two moves of a leader, on average
LEAVE = 0.05  # after how many batches a consumer leaves the group by itself


class Given(NamedTuple):
    """What a consumer was given, or what it was told to be committed."""

    epoch: int
    cursor: str
    committed: bool


class Consumers(Feeds):
    """Writers, consumers, whoever kills and restarts those, and an operator."""

    tables = TABLES
    watchers = ()
    prefix = "k"

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.effects: dict[str, dict[str, Any]] = {}  # by table, the rows beside it
        self.given: list[Given] = []  # to the group that notes
        self.wrong: list[str] = []
        self._told: dict[str, None] = {}  # the writers' last keys that it was given
        self._finished: dict[tuple[str, bool], None] = {}  # groups that have nothing left to do

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        await super().prepare(store)
        for name, settings in self.tables.items():
            await store.table(name + EFFECTS, settings)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        programs = dict(super().programs())
        groups = [(name, True) for name in self.tables] + [("jobs-led", False)]
        for table, exactly in groups:
            for number in range(CONSUMERS):
                name = f"{table}-{'effects' if exactly else 'notes'}{number}"
                programs[name] = partial(self._keep, name, table, exactly)
        return programs | {"hands": self._hand_over}

    # ------------------------------------------------------------------ lives of consumers

    async def _keep(self, name: str, table: str, exactly: bool, network: SimNetwork) -> None:
        """Run a consumer on a machine of its own, kill it, stop it, start it again."""
        random = self.random(name)
        machine = self.world.add_client(f"{name}-at-work")
        while True:
            life = machine.run(partial(self._consume, name, table, exactly))
            while machine.up:
                await asyncio.wait([life], timeout=exponential(random, LIFE_S))
                if life.done():
                    life.result()
                    machine.kill()
                    return
                if self.over:
                    continue
                if random.random() < 0.5:
                    machine.kill(power_cut=random.random() < 0.5)
                else:
                    machine.stop()
                    await asyncio.sleep(random.choice((0.5, 2.0)) * TAKEOVER_S)
                    machine.go_on()
            await asyncio.sleep(random.random())

    async def _consume(self, name: str, table: str, exactly: bool, network: SimNetwork) -> None:
        random = self.random(f"{name} {network.process.name}")
        async with self.world.store(network, LIMITS) as store:
            followed = await self.insist(partial(store.table, table))
            effects = await self.insist(partial(store.table, table + EFFECTS))
            while (table, exactly) not in self._finished:
                group = "effects" if exactly else "notes"
                consumer = followed.consumer(
                    group, BEGINNING, owner=name, takeover_s=TAKEOVER_S
                )  # fmt: skip
                try:
                    async with contextlib.AsyncExitStack() as stack:
                        async with asyncio.timeout(4 * TAKEOVER_S):
                            await stack.enter_async_context(consumer)
                        if exactly:
                            await self._do(table, consumer, effects, random)
                        else:
                            await self._note(consumer, random)
                except (PlaitError, TimeoutError) as error:
                    self.world.trace.note("error", name, f"{type(error).__name__}: {error}")
                    await asyncio.sleep(0.2)

    # ------------------------------------------------------------------ effects

    async def _do(
        self, table: str, consumer: Consumer, effects: plait.Table, random: Random
    ) -> None:
        while random.random() > LEAVE:
            try:
                async with asyncio.timeout(1.0):
                    batch = await anext(consumer)
            except TimeoutError:
                last = {key async for key, _ in effects.scan(prefix=END)}
                if last >= self._ends:
                    self._finished[table, True] = None
                    return
                continue
            await self._do_once(consumer, batch, effects)
            self.operations += 1

    async def _do_once(self, consumer: Consumer, batch: Batch, effects: plait.Table) -> None:
        doubtful = False
        while True:
            try:
                async with consumer.transaction(batch) as t:
                    into = t.on(effects)
                    number = await into.get(COUNT, 0)
                    into.put(COUNT, number + 1)
                    into.put(f"{number:06}", [consumer.epoch, *_done(batch)])
                    for change in batch.changes:
                        if change.key.startswith(END):
                            into.put(change.key, None)
                return
            except Conflict:
                continue
            except Indefinite:
                doubtful = True
                await asyncio.sleep(0.2)
            except BadSettings as error:
                if not doubtful:
                    self.wrong.append(f"{consumer!r} was given again what is done: {error}")
                return

    # ------------------------------------------------------------------ notes

    async def _note(self, consumer: Consumer, random: Random) -> None:
        while random.random() > LEAVE:
            epoch = consumer.epoch
            try:
                async with asyncio.timeout(1.0):
                    batches = await consumer.take(random.choice((1, 5)))
            except TimeoutError:
                if self._told.keys() >= self._ends:
                    self._finished["jobs-led", False] = None
                    return
                continue
            for batch in batches:
                self.given.append(Given(epoch, batch.cursor, False))
                keys = (change.key for change in batch.changes if change.key.startswith(END))
                self._told.update(dict.fromkeys(keys))
            if random.random() < 0.7:
                await consumer.commit()
                self.given.append(Given(epoch, batches[-1].cursor, True))

    @property
    def _ends(self) -> set[str]:
        return {END + writer for writer in self._writers}

    # ------------------------------------------------------------------ the operator

    async def _hand_over(self, network: SimNetwork) -> None:
        """Lines go from node to node."""

        async def once(random: Random) -> None:
            table = await store.table(random.choice(list(self.tables)))
            to = random.choice(list(self.world.nodes))
            await store.switch_over(to, table.line, timeout_s=3.0)

        async with self.world.store(network, LIMITS) as store:
            await self.each("hands", once, HAND_OVER_S)

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        await super().finish(store)
        for name in self.tables:
            table = await self.insist(partial(store.table, name + EFFECTS))
            self.effects[name] = await self.insist(partial(_rows, table))

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        yield from super().judge()
        yield from self.wrong
        for table, rows in self.effects.items():
            log = _log(self.all[table]) if table in self.all else None
            yield from judge_effects(table, rows, log)
        if "jobs-led" in self.all:
            yield from judge_notes(self.given, [done[0] for done in _log(self.all["jobs-led"])])


def judge_effects(table: str, rows: Mapping[str, Any], log: Sequence[Done] | None) -> Iterator[str]:
    """Rows that are not what the log says: one a transaction, in order, up to the last one done.

    log: None if it is not known; rows still have to be numbered, and to go forward.
    """
    numbers = sorted(key for key in rows if key.isdigit())
    count = rows.get(COUNT, 0)
    if numbers != [f"{number:06}" for number in range(count)]:
        yield f"{table}: {count} were done, rows are {', '.join(numbers[-5:])}"
    done = [rows[number] for number in numbers]
    for before, after in pairwise(done):
        if after[0] < before[0] or after[2] <= before[2]:
            yield f"{table}: {after} was done behind {before}"
    if log is None:
        return
    for number, (row, expected) in enumerate(zip(done, log, strict=False)):
        if row[1:] != expected:
            yield f"{table}: number {number} is {row[1:]}, the log has {expected}"
            return
    if len(done) != len(log):
        yield f"{table}: {len(done)} were done, the log has {len(log)}"


def judge_notes(given: Sequence[Given], log: Sequence[str]) -> Iterator[str]:
    """Holes in what one group was given, and what came again although that was committed.

    log: the cursors of all transactions.
    """
    places = {cursor: place for place, cursor in enumerate(log)}
    reached, committed = -1, -1  # by the epochs before
    for epoch in sorted({one.epoch for one in given}):
        its = [one for one in given if one.epoch == epoch]
        came = [places.get(one.cursor, -1) for one in its if not one.committed]
        if -1 in came:
            yield f"epoch {epoch} was given what is not in the log"
        if came and came != list(range(came[0], came[0] + len(came))):
            yield f"epoch {epoch} was given places {came} of the log"
        if came and came[0] > reached + 1:
            yield f"epoch {epoch} began at {came[0]}, those before had come to {reached}"
        if came and came[0] <= committed:
            yield f"epoch {epoch} began at {came[0]}, though {committed} was committed"
        reached = max([reached, *came])
        committed = max([committed, *(places.get(one.cursor, -1) for one in its if one.committed)])
    if reached + 1 != len(log):
        yield f"{reached + 1} were given, the log has {len(log)}"


def _done(batch: Batch) -> Done:
    shown = [[change.key, change.value, change.deleted] for change in batch.changes]
    return [batch.cursor, batch.version, shown]


def _log(changes: Sequence[plait.Change]) -> list[Done]:
    """All transactions of a table."""
    found: list[Done] = []
    for change in changes:
        if not found or found[-1][1] != change.version:
            found.append(["", change.version, []])
        found[-1][0] = change.cursor
        found[-1][2].append([change.key, change.value, change.deleted])
    return found


async def _rows(table: plait.Table) -> dict[str, Any]:
    return {key: value async for key, value in table.scan()}
