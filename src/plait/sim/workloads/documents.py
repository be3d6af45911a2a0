"""Storms over documents of every type, at clients and in the nodes themselves, by every road.

All write the same few pages as they like; each client also has a page that it alone writes, and
sometimes deletes, and everybody counts in the ledger. Nodes die with what they have not flushed,
clients go on until they have flushed everything.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from random import Random
from typing import Any, ClassVar

import plait
from plait.api.documents import Documents
from plait.engines.graph import Replica
from plait.sim.config import Config
from plait.sim.disk import SimDisk
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.workloads.everything import Page, edit
from plait.sim.workloads.replicas import attend
from plait.sim.workloads.shared import SharedDocuments, chosen
from plait.sim.workloads.tokens import Entry, Ledger, judge_ledger, read_entry
from plait.sim.workloads.workload import Program
from plait.sim.world import World

PAGES = ("p0", "p1", "p2")
DOES = {"page": 0.5, "own": 0.15, "count": 0.2, "flush": 0.1, "delete": 0.05}


class Pages(SharedDocuments):
    """Everything that can be done to documents."""

    name: ClassVar[str] = "documents"
    kind = Page

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.ledger = Ledger()

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients)
        clients = {f"d{number}": partial(self._client, f"d{number}") for number in numbers}
        return clients | {"d nodes": self._nodes}

    async def _client(self, who: str, network: SimNetwork) -> None:
        async with self.connected(network) as store:
            user = await self._user(store, who, (_own(who),))
            await self.each(who, user.use)
            await self.flush(user.docs)
            self.ledger.kept.update(user.pending)
            docs, key = user.docs, _own(who)
            self.own[key] = docs[key].to_dict() if key in docs else None

    async def _nodes(self, network: SimNetwork) -> None:
        await attend(self.world, self._node, lambda: self.over)

    async def _node(self, machine: NodeMachine, store: plait.Store) -> None:
        """In the process of a node; it may end at any time."""
        assert machine.process is not None
        user = await self._user(store, machine.process.name, PAGES)
        user.disk = machine.disk
        await self.each(user.who, user.use)

    async def _user(self, store: plait.Store, who: str, own: tuple[str, ...]) -> "_User":
        docs = await self.insist(partial(self.open, store))
        counts = await self.insist(partial(store.documents, self.name, Entry, create=False))
        return _User(who, self.ledger, docs, counts, own)

    # ------------------------------------------------------------------ judging

    def look(self, replica: Replica, docs: Documents[Any]) -> Any:
        """See `SharedDocuments`."""
        undecided = [(one.key, one.field, sorted(one.siblings)) for one in docs.conflicts()]
        return read_entry(Documents(replica, Entry)), undecided

    def judge_more(self) -> Iterator[str]:
        """See `SharedDocuments`."""
        disks = [machine.disk for machine in self.world.nodes.values()]
        wanted = self.ledger.must_have(disks)
        for name, image in self.images.items():
            yield from judge_ledger(name, image.values[0], self.ledger.written, wanted)


class _User:
    """Somebody who writes; `own` are the documents that may be deleted as well."""

    def __init__(
        self,
        who: str,
        ledger: Ledger,
        docs: Documents[Any],
        counts: Documents[Any],
        own: tuple[str, ...],
    ) -> None:
        self.who = who
        self.docs = docs
        self.pending: list[str] = []  # tokens that were written and not flushed
        self.disk: SimDisk | None = None  # the one that `flush` speaks of, in a node
        self._ledger = ledger
        self._counts = counts
        self._own = own

    async def use(self, random: Random) -> None:
        """Do something."""
        does = chosen(random, DOES)
        docs = self.docs
        if does == "page":
            for _ in range(random.choice((1, 1, 3))):
                edit(random, docs[random.choice(PAGES)])
        elif does == "own":
            edit(random, docs[random.choice(self._own)])
        elif does == "count":
            self.pending.append(self._ledger.add(self._counts, self.who))
        elif does == "delete":
            del docs[random.choice(self._own)]
        else:
            await self._flush()

    async def _flush(self) -> None:
        flushed = list(self.pending)
        await self.docs.flush()
        if self.disk is not None:
            self._ledger.on_disks.update(dict.fromkeys(flushed, self.disk))
            self.pending = self.pending[len(flushed) :]


def _own(client: str) -> str:
    return f"of {client}"
