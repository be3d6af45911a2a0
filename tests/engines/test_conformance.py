"""Every engine keeps every promise of the loglet port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_log_storage import FakeLogStorage

from plait.engines import conformance
from plait.engines.conformance import CHECKS, Engine
from plait.engines.memory import MemoryLoglet
from plait.engines.sqlite import SqliteLoglet
from plait.line.entry import Epoch


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


ENGINES = {"memory": memory, "sqlite": sqlite_on_a_fake_disk}


@pytest.mark.parametrize("engine", ENGINES)
async def test_the_engine_keeps_every_promise(engine: str) -> None:
    report = await conformance.run(ENGINES[engine])
    assert len(report.passed) + len(report.skipped) == len(CHECKS)
    assert bool(report.skipped) == (engine == "memory")
