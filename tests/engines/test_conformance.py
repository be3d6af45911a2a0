"""Every engine keeps every promise of the loglet port."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import pytest
from fake_log_storage import FakeLogStorage

from plait.base.errors import BadSettings
from plait.engines import conformance
from plait.engines.chain import Chain
from plait.engines.conformance import CHECKS, Engine
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.engines.sqlite import SqliteLoglet
from plait.host.storage import open_storage
from plait.line.chain import Next, Segment
from plait.line.entry import Entry, Epoch
from plait.line.loglet import BEGINNING, Origin

ORIGINS = (BEGINNING, Origin(1000, 7, 12345))


@asynccontextmanager
async def memory(origin: Origin) -> AsyncIterator[Engine]:
    engine = Engine(MemoryLoglet(origin), origin=origin)
    yield engine
    await engine.loglet.close()


@asynccontextmanager
async def sqlite_on_a_fake_disk(origin: Origin) -> AsyncIterator[Engine]:
    storage = FakeLogStorage()
    number = origin.epoch + 1

    def opened() -> SqliteLoglet:
        return SqliteLoglet(
            storage, "line", Epoch(number, "node"), origin=origin, recent_bytes_max=200
        )

    async def reopen() -> SqliteLoglet:
        nonlocal number
        await engine.loglet.close()
        number += 1
        return opened()

    async def crash() -> SqliteLoglet:
        nonlocal storage
        storage = storage.crashed()
        return opened()

    engine = Engine(opened(), reopen, crash, origin)
    yield engine
    await engine.loglet.close()


MakeAt = Callable[[Origin], AbstractAsyncContextManager[Engine]]
numbers = itertools.count(1)


class RestlessChain(Chain):
    """Begins to extend itself at every fifth append, and goes on meanwhile."""

    appends = 0
    extending: "asyncio.Future[object] | None" = None

    async def append(self, entry: Entry) -> int:
        self.appends += 1
        if self.appends % 5 == 0:
            # Sealed or closed meanwhile is the check's own doing.
            self.extending = asyncio.gather(
                self.extend("sqlite", f"{next(numbers)}".encode()),
                return_exceptions=True,
            )
        return await super().append(entry)


class OnOneDisk:
    """Opens segments as lines of one storage."""

    def __init__(self, storage: FakeLogStorage) -> None:
        self.storage = storage

    async def prepare(self, following: Next) -> None:
        if following.params.decode() in self.storage.lines():
            raise BadSettings(f"{following} was used before")

    async def open(self, segment: Segment, stop: int | None) -> SqliteLoglet:
        epoch = Epoch(segment.base_epoch + 1, "node")
        name = segment.params.decode()
        return SqliteLoglet(self.storage, name, epoch, origin=segment.origin)


def chain_of(chain_type: type[Chain]) -> MakeAt:
    @asynccontextmanager
    async def make(origin: Origin) -> AsyncIterator[Engine]:
        opener, metastore = OnOneDisk(FakeLogStorage()), MemoryMetastore()

        async def reopen() -> Chain:
            await engine.loglet.close()
            return await chain_type.open(metastore, opener)

        async def crash() -> Chain:
            opener.storage = opener.storage.crashed()
            return await chain_type.open(metastore, opener)

        first = await chain_type.create(metastore, opener, "sqlite", b"0", origin)
        engine = Engine(first, reopen, crash, origin)
        yield engine
        await engine.loglet.close()

    return make


@asynccontextmanager
async def sqlite_on_a_folder(origin: Origin) -> AsyncIterator[Engine]:
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(folder)

        def opened() -> SqliteLoglet:
            epoch = Epoch(origin.epoch + 1, "node")
            return SqliteLoglet(storage.log, "line", epoch, origin=origin, recent_bytes_max=200)

        async def reopen() -> SqliteLoglet:
            nonlocal storage
            await engine.loglet.close()
            await storage.close()
            storage = await open_storage(folder)
            return opened()

        engine = Engine(opened(), reopen, origin=origin)
        yield engine
        await engine.loglet.close()
        await storage.close()


ENGINES: dict[str, MakeAt] = {
    "memory": memory,
    "sqlite on a fake disk": sqlite_on_a_fake_disk,
    "sqlite on a folder": sqlite_on_a_folder,
    "chain": chain_of(Chain),
    "restless chain": chain_of(RestlessChain),
}


SKIPPED = {"memory": 9, "sqlite on a folder": 4}  # cannot be reopened, cannot be crashed


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("engine", ENGINES)
async def test_the_engine_keeps_every_promise(engine: str, origin: Origin) -> None:
    report = await conformance.run(partial(ENGINES[engine], origin))
    assert len(report.skipped) == SKIPPED.get(engine, 0)
    assert len(report.passed) == len(CHECKS) - len(report.skipped)


async def test_the_restless_chain_does_extend_itself() -> None:
    async with ENGINES["restless chain"](BEGINNING) as engine:
        await asyncio.gather(*(engine.loglet.append(Entry(b"x")) for _ in range(30)))
        assert isinstance(engine.loglet, RestlessChain)
        await engine.loglet.extending
        assert len(engine.loglet.configuration.segments) > 1
