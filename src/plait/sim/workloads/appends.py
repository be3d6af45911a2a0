"""Lists that everybody appends to: what was read are beginnings of one order.

An append is a transaction over one list or two, or a compare-and-set of one. Elements are the
tokens of their appends. The lists in the end give the order of all appends; each read must be a
beginning of them, and stand where real time says (a list and its reads are linearizable if and
only if no operation stands before one that had ended when it began).
"""

from collections.abc import Iterator, Mapping
from functools import partial
from random import Random
from typing import TypeAlias

import plait
from plait import ABSENT, Consensus
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Deed, Record, accounts_for, is_prefix, out_of_order
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

Lists: TypeAlias = dict[str, list[str]]

LISTS = ("x", "y", "z")
APPENDS = 90  # to all lists, until others take their place: they are written as a whole


class Appends(Workload):
    """Appends, reads of one list, and reads of all lists at one moment."""

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)
        self.lists: Lists = {}  # in the end
        self._appends = 0
        self._seen: Lists = {}  # what a compare-and-set expects

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        await store.table("lists", Consensus())

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        names = [f"a{number}" for number in range(self.config.clients)]
        return {name: partial(self._client, name) for name in names}

    async def _client(self, name: str, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            table = await self.insist(partial(store.table, "lists"))
            await self.each(name, partial(self._use, name, store, table))

    async def _use(self, name: str, store: plait.Store, table: plait.Table, random: Random) -> None:
        token, kind = self.record.token(name), random.random()
        generation = f"{self._appends // APPENDS:04}"
        keys = [f"{generation}{key}" for key in random.sample(LISTS, random.choice((1, 1, 2)))]
        if kind < 0.5:
            self._appends += 1
            change = store.transact(partial(_append, token, keys), table)
            await self.record.do(token, "append", change, argument=keys)
        elif kind < 0.7:
            self._appends += 1
            change = self._replace(table, keys[0], token)
            await self.record.do(token, "append", change, argument=keys[:1])
        elif kind < 0.9:
            found = await self.record.do(token, "read", _read(table, keys[0]))
            self._seen.update(found)
        else:
            await self.record.do(token, "read", _read_all(table, generation))

    async def _replace(self, table: plait.Table, key: str, token: str) -> None:
        seen = self._seen.get(key, [])
        await table.cas(key, seen or ABSENT, [*seen, token])
        self._seen[key] = [*seen, token]

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        table = await self.insist(partial(store.table, "lists"))

        async def look(t: plait.Transaction) -> Lists:
            return {key: value async for key, value in t.scan()}

        self.lists = await self.insist(partial(store.transact, look, table))

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        asked = {key for deed in self.record.of("append") for key in deed.argument}
        reads = [deed for deed in self.record.of("read") if deed.fate == "acknowledged"]
        for key in sorted(asked | set(self.lists)):
            yield from self._judge_list(key, self.lists.get(key, []), reads)
        for deed in reads:
            yield from self._judge_halves(deed.result, f"read {deed.token}")
        yield from self._judge_halves(self.lists, "in the end")
        yield from self._judge_pairs()

    def _judge_list(self, key: str, found: list[str], reads: list[Deed]) -> Iterator[str]:
        appends = [deed for deed in self.record.of("append") if key in deed.argument]
        reads = [deed for deed in reads if key in deed.result]
        yield from accounts_for(appends, found, key)
        places = {token: float(place) for place, token in enumerate(found, start=1)}
        for deed in reads:
            if not is_prefix(deed.result[key], found):
                yield f"{key}: read {deed.token} saw {deed.result[key]}, in the end it is {found}"
            places[deed.token] = len(deed.result[key]) + 0.5
        yield from out_of_order([*appends, *reads], places, key)

    def _judge_halves(self, lists: Lists, where: str) -> Iterator[str]:
        """A transaction over two lists, one of which is seen without it."""
        for key, found in lists.items():
            for token in found:
                deed = self.record.deeds.get(token)
                for other in deed.argument if deed is not None else ():
                    if other in lists and token not in lists[other]:
                        yield f"{where}: append {token} is in {key} and not in {other}"

    def _judge_pairs(self) -> Iterator[str]:
        """Two transactions over the same two lists, in another order in each."""
        for key, found in self.lists.items():
            for other in self.lists:
                both = [token for token in found if token in self.lists[other]]
                if other > key and both != [t for t in self.lists[other] if t in both]:
                    yield f"{key} and {other} have their common appends in different orders"


async def _append(token: str, keys: list[str], t: plait.Transaction) -> None:
    for key in keys:
        t.put(key, [*await t.get(key, []), token])


async def _read(table: plait.Table, key: str) -> Lists:
    return {key: await table.get(key, [])}


async def _read_all(table: plait.Table, generation: str) -> Lists:
    found = {key: value async for key, value in table.scan(prefix=generation)}
    return {f"{generation}{key}": found.get(f"{generation}{key}", []) for key in LISTS}
