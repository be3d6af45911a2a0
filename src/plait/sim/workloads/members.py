"""The members change while work goes on: nodes join, are killed, leave, and nothing is lost.

One operator lets nodes join and leave, one at a time, and asks again until the answer is clear. The
writers put rows of their own into a consensus table and into a leader–follower table. At the end
all nodes name the same members, which are those that the operator was told of; they, and nobody
else, carry every line; and every acknowledged row is there.

A node that left runs on for a while and must disturb nobody; its machine is then thrown away.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from random import Random
from typing import Any

import msgspec

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, PlaitError
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.membership import new_node, throw_away
from plait.sim.network import SimNetwork
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

TABLES: dict[str, Leader | Consensus] = {"members-strong": Consensus(), "members-led": Leader()}
CHANGES_S = (0.5, 4.0)  # between two changes, on average
TRY_S = 8.0
LINGER_S = 4.0  # that a node runs on after it left, on average
SETTLE_S = 45.0
LOOK_S = 0.5


class Line(msgspec.Struct):
    """One line, as one node has it."""

    node: str
    line: str
    members: list[str]
    changing: bool


class Members(Workload):
    """Nodes come and go."""

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.told: list[str] = list(world.nodes)  # who are members, as answers have it
        self.rows: dict[str, set[str]] = {name: set() for name in TABLES}  # acknowledged
        self.tried: dict[str, set[str]] = {name: set() for name in TABLES}
        self.found: dict[str, set[str]] = {}
        self.lines: list[Line] = []
        self.unsettled = ""
        self._numbers = count()

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name, settings in TABLES.items():
            await self.insist(partial(store.table, name, settings))

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients)
        writers = {f"w{number}": partial(self._write, f"w{number}") for number in numbers}
        return writers | {"operator": self._operate}

    async def _write(self, who: str, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            tables = {name: await self.insist(partial(store.table, name)) for name in TABLES}

            async def use(random: Random) -> None:
                name = random.choice(list(TABLES))
                key = f"{who}-{next(self._numbers)}"
                self.tried[name].add(key)
                await tables[name].put(key, 1)
                self.rows[name].add(key)

            await self.each(who, use)

    # ------------------------------------------------------------------ the operator

    async def _operate(self, network: SimNetwork) -> None:
        random = self.random("operator")
        smallest = max(1, len(self.told) - 1)
        change_s = random.choice(CHANGES_S)
        stays = random.choice(self.told)  # a client that was away finds the others there
        async with self.world.store(network, LIMITS) as store:
            while not self.over:
                await asyncio.sleep(exponential(random, change_s))
                size = len(self.told)
                if size <= smallest or (size < smallest + 3 and random.random() < 0.5):
                    await self._join(store, network, f"x{next(self._numbers)}")
                else:
                    others = [name for name in self.told if name != stays]
                    await self._leave(store, random.choice(others), random)

    async def _join(self, store: plait.Store, network: SimNetwork, name: str) -> None:
        machine = new_node(self.world, name)
        if machine is None:
            return  # nobody is up who could say which cluster it is
        await self._ask(name, "join", partial(store.join, name, machine.address, timeout_s=TRY_S))
        self.told.append(name)

    async def _leave(self, store: plait.Store, name: str, random: Random) -> None:
        await self._ask(name, "leave", partial(store.leave, name, timeout_s=TRY_S))
        self.told.remove(name)
        await asyncio.sleep(exponential(random, LINGER_S))
        throw_away(self.world, name)

    async def _ask(self, name: str, what: str, use: Any) -> None:
        """Ask until it is done; whatever else is answered is no answer."""
        self.world.trace.note("invoke", "operator", f"{what} {name}")
        while True:
            try:
                await use()
                break
            except BadSettings:
                raise  # nothing that is right was asked for
            except PlaitError as error:
                self.world.trace.note("again", "operator", f"{what} {name}: {error}")
                await asyncio.sleep(LOOK_S)
        self.world.trace.note("ok", "operator", f"{what} {name}")
        self.operations += 1

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        until = self.world.now() + SETTLE_S
        while True:
            self.lines, self.unsettled = await self._look(store)
            if not (self.unsettled or list(judge_lines(self.lines, self.told))):
                break
            if self.world.now() > until:
                return
            await asyncio.sleep(LOOK_S)
        for name in TABLES:
            table = await self.insist(partial(store.table, name))
            self.found[name] = await self.insist(partial(_keys, table))

    async def _look(self, store: plait.Store) -> tuple[list[Line], str]:
        """Every line at every node, and what could not be seen."""
        try:
            status = (await store.status())["nodes"]
        except PlaitError as error:
            return [], str(error)
        # a client goes on to name nodes that left, as unreachable
        silent = [name for name in self.told if "lines" not in status.get(name, {})]
        lines = [
            Line(name, line, sorted(state["members"]), bool(state.get("outgoing")))
            for name, found in sorted(status.items())
            for line, state in sorted(found.get("lines", {}).items())
            if "members" in state  # else an engine orders it
        ]
        return lines, f"{', '.join(silent)} did not answer" if silent else ""

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        if self.unsettled:
            yield f"after {SETTLE_S:g} s of calm: {self.unsettled}"
        yield from judge_lines(self.lines, self.told)
        for name, keys in self.found.items():
            yield from judge_rows(name, keys, self.rows[name], self.tried[name])


def judge_lines(lines: list[Line], told: list[str]) -> Iterator[str]:
    """Exactly those that were let in carry every line, and no change is under way."""
    wanted = sorted(told)
    names = sorted({line.line for line in lines})
    for node in wanted:
        carried = [line.line for line in lines if line.node == node]
        if carried != names:
            yield f"{node} carries {carried} of {names}"
    for line in lines:
        if line.node not in wanted:
            yield f"{line.node}, which left, still carries {line.line}"
        elif line.members != wanted or line.changing:
            yield (
                f"{line.node} says that {line.members} are the members of {line.line}"
                f"{', which change' if line.changing else ''}; it should be {wanted}"
            )


def judge_rows(where: str, found: set[str], wanted: set[str], tried: set[str]) -> Iterator[str]:
    """All that was acknowledged is there, and nothing that nobody wrote."""
    if wanted - found:
        yield f"{where}: lost {sorted(wanted - found)}"
    if found - tried:
        yield f"{where}: nobody wrote {sorted(found - tried)}"


async def _keys(table: plait.Table) -> set[str]:
    return {str(key) async for key, _ in table.scan()}
