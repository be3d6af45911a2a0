"""Stores for testing folders: real storage and real replicas, and of a node what folders need."""

import asyncio
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from plait.api.infos import GraphInfo
from plait.api.settings import Eventual
from plait.base.codec import decode, encode
from plait.base.ports import PutHardState
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.engines.graph.options import fingerprint_of
from plait.host.clock import SystemClock
from plait.host.storage import open_storage
from plait.node.folder_report import RoundReport
from plait.node.folder_sync import FolderSync

TITLE = ("r:title",)
LIKES = ("c:likes",)
LINE = "collections"


class Collections:
    """Which collections the store has, and its replicas."""

    def __init__(self, store: "FolderStore") -> None:
        self._store = store
        self._infos: list[GraphInfo] = []
        self._founded: list[str] = []  # as long as it is open: a replica knows its id
        self._replicas: dict[str, Replica] = {}

    def replicas(self) -> list[Replica]:
        return [self._replicas[name] for name in sorted(self._replicas)]

    def infos(self) -> list[GraphInfo]:
        return self._infos

    async def create(
        self, name: str, settings: Eventual, lineage: str, founder: int, founds: bool
    ) -> None:
        info = GraphInfo(name, lineage, founder, settings)
        if founds:
            self._founded.append(name)
        await self.hold(info)
        self._infos.append(info)
        done = asyncio.get_running_loop().create_future()
        row = encode([encode(known) for known in self._infos])
        self._store.storage.log.submit((PutHardState(LINE, row),), done.set_result)
        assert await done is None

    async def load(self) -> None:
        extent = self._store.storage.log.lines().get(LINE)
        for row in decode(extent.hard_state) if extent and extent.hard_state else []:
            info = decode(row, type=GraphInfo)
            self._infos.append(info)
            await self.hold(info)

    async def hold(self, info: GraphInfo) -> None:
        store = self._store
        options = GraphOptions(
            info.name, info.lineage, info.founder, info.name in self._founded, store.name,
            info.settings.sync, info.settings.history, fingerprint=fingerprint_of(store.data),
        )  # fmt: skip
        self._replicas[info.name] = await open_replica(
            options, store.storage, store.clock, store.random
        )

    async def close(self) -> None:
        for replica in self.replicas():
            await replica.close()


class FolderStore:
    """A data folder, open or not, and what a person does with it."""

    def __init__(self, data: Path, name: str) -> None:
        self.data = data
        self.name = name
        self.clock = SystemClock()
        self.random = random.Random(name)
        self.tasks: list[asyncio.Task[Any]] = []
        self.graphs: Collections
        self.storage: Any = None

    async def open(self) -> "FolderStore":
        self.storage = await open_storage(self.data)
        self.graphs = Collections(self)
        await self.graphs.load()
        return self

    async def close(self) -> None:
        await self.graphs.close()
        await self.storage.close()
        self.storage = None

    def spawn(self, work: Any) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def found(
        self, name: str = "notes", lineage: str = "ab" * 16, **settings: Any
    ) -> Replica:
        founder = self.random.getrandbits(62) + 1
        await self.graphs.create(name, Eventual(**settings), lineage, founder, True)
        return self.notes(name)

    def notes(self, name: str = "notes") -> Replica:
        return next(r for r in self.graphs.replicas() if r.name == name)

    def put(self, key: str, value: Any) -> None:
        self.notes().mutate(key, TITLE, ("set", value))

    def add(self, key: str, amount: int) -> None:
        self.notes().mutate(key, LIKES, ("add", amount))

    async def round(self, folder: Path) -> RoundReport:
        return await FolderSync(self, folder).round()

    async def reopen(self) -> None:
        await self.close()
        await self.open()

    def canonical(self, name: str = "notes") -> bytes:
        replica = self.notes(name)
        replica.settle()
        return replica.parts.shelf.canonical({})

    def total(self, key: str) -> Any:
        replica = self.notes()
        state = replica.object(key, LIKES)
        return 0 if state is None else replica.parts.shelf._type_of("c").value(state)


def agree(stores: Iterable[FolderStore]) -> bool:
    """Whether all have seen the same and are members; if so they hold the same bytes."""
    stores = list(stores)
    vectors = []
    for store in stores:
        replica = store.notes()
        replica.settle()
        if not replica.parts.scope.writable:
            return False
        vectors.append(dict(replica.vector))
    if any(vector != vectors[0] for vector in vectors):
        return False
    cut: dict[int, int] = {}
    for store in stores:
        for replica, seq in store.notes().parts.scope.stable.items():
            cut[replica] = max(cut.get(replica, 0), seq)
    found = {store.notes().parts.shelf.canonical(cut) for store in stores}
    assert len(found) == 1, "equal vectors, and different bytes"
    return True
