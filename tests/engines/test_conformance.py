"""Every engine keeps every promise of the loglet port."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_log_storage import FakeLogStorage

from plait.engines import conformance
from plait.engines.chain import Chain
from plait.engines.conformance import CHECKS, Engine, Make
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.engines.sqlite import SqliteLoglet
from plait.host.storage import open_storage
from plait.line.chain import Next
from plait.line.entry import Entry, Epoch


@asynccontextmanager
async def memory() -> AsyncIterator[Engine]:
    engine = Engine(MemoryLoglet())
    yield engine
    await engine.loglet.close()


@asynccontextmanager
async def sqlite_on_a_fake_disk() -> AsyncIterator[Engine]:
    storage = FakeLogStorage()
    number = 1

    def opened() -> SqliteLoglet:
        return SqliteLoglet(storage, "line", Epoch(number, "node"), recent_bytes_max=200)

    async def reopen() -> SqliteLoglet:
        nonlocal number
        await engine.loglet.close()
        number += 1
        return opened()

    async def crash() -> SqliteLoglet:
        nonlocal storage
        storage = storage.crashed()
        return opened()

    engine = Engine(opened(), reopen, crash)
    yield engine
    await engine.loglet.close()


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


def chain_of(chain_type: type[Chain]) -> Make:
    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        storage, metastore = FakeLogStorage(), MemoryMetastore()

        async def open_engine(following: Next) -> SqliteLoglet:
            return SqliteLoglet(storage, following.params.decode(), Epoch(1, "node"))

        async def reopen() -> Chain:
            await engine.loglet.close()
            return await chain_type.open(metastore, open_engine)

        async def crash() -> Chain:
            nonlocal storage
            storage = storage.crashed()
            return await chain_type.open(metastore, open_engine)

        engine = Engine(
            await chain_type.create(metastore, open_engine, "sqlite", b"0"), reopen, crash
        )
        yield engine
        await engine.loglet.close()

    return make


@asynccontextmanager
async def sqlite_on_a_folder() -> AsyncIterator[Engine]:
    with tempfile.TemporaryDirectory() as folder:
        storage = await open_storage(folder)

        def opened() -> SqliteLoglet:
            return SqliteLoglet(storage.log, "line", Epoch(1, "node"), recent_bytes_max=200)

        async def reopen() -> SqliteLoglet:
            nonlocal storage
            await engine.loglet.close()
            await storage.close()
            storage = await open_storage(folder)
            return opened()

        engine = Engine(opened(), reopen)
        yield engine
        await engine.loglet.close()
        await storage.close()


ENGINES = {
    "memory": memory,
    "sqlite on a fake disk": sqlite_on_a_fake_disk,
    "sqlite on a folder": sqlite_on_a_folder,
    "chain": chain_of(Chain),
    "restless chain": chain_of(RestlessChain),
}


SKIPPED = {"memory": 9, "sqlite on a folder": 4}  # cannot be reopened, cannot be crashed


@pytest.mark.parametrize("engine", ENGINES)
async def test_the_engine_keeps_every_promise(engine: str) -> None:
    report = await conformance.run(ENGINES[engine])
    assert len(report.skipped) == SKIPPED.get(engine, 0)
    assert len(report.passed) == len(CHECKS) - len(report.skipped)


async def test_the_restless_chain_does_extend_itself() -> None:
    async with ENGINES["restless chain"]() as engine:
        await asyncio.gather(*(engine.loglet.append(Entry(b"x")) for _ in range(30)))
        assert isinstance(engine.loglet, RestlessChain)
        await engine.loglet.extending
        assert len(engine.loglet.configuration.segments) > 1
