"""A node opens its lines again after its disk refused writes, however often that fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest

from plait.api.settings import Consensus, Leader
from plait.api.store import Store
from plait.base.errors import DiskFull, PlaitError, ReadOnly, StorageError
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryStorage
from plait.node import lines, reopening
from plait.node import node as nodes
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost
from plait.node.local import Local
from plait.node.node import Node
from plait.node.serve import build


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopening, "RECOVER_S", 0.02)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    storage = MemoryStorage()
    config = NodeConfig(Path("nowhere"), "n1")
    node = await build(config, storage, None, SystemClock(), Random(1))
    await node.start()
    yield node
    await node.close()


async def tables(node: Node) -> Store:
    store = Store(Local(node))
    for name, settings in (("a", Leader()), ("b", Consensus())):
        table = await store.table(name, settings)
        await table.put("before", name)
    return store


async def works(store: Store, value: int) -> None:
    """Return once both tables take writes."""
    async with asyncio.timeout(10.0):
        for name in ("a", "b"):
            while True:
                try:
                    table = await store.table(name)
                    await table.put("after", value)
                    assert await table.get("before") == name
                    assert await table.get("after") == value
                    break
                except PlaitError:
                    await asyncio.sleep(0.01)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_disk_that_refused_writes_and_is_well_again_is_written(node: Node):
    store = await tables(node)
    node.storage.log.fail(DiskFull("no space"))
    table = await store.table("a")
    with pytest.raises(PlaitError):
        async with asyncio.timeout(1.0):
            await table.put("k", 1)
    await works(store, 1)


async def test_while_the_disk_refuses_nobody_opens_a_line(
    node: Node, monkeypatch: pytest.MonkeyPatch
):
    store = await tables(node)
    opened: list[str] = []
    attempts: list[int] = []
    open_line = lines.open_line
    written = reopening.written

    async def refused(log: object) -> None:
        attempts.append(len(node.lines))
        raise StorageError("the disk took none of it")

    def noted(owner: Node, record: object) -> LineHost:
        opened.append("line")
        return open_line(owner, record)  # type: ignore[arg-type]

    monkeypatch.setattr(nodes, "RECONCILE_S", 0.01)
    monkeypatch.setattr(lines, "open_line", noted)
    monkeypatch.setattr(reopening, "written", refused)
    node.storage.log.fail(DiskFull("no space"))
    await until(lambda: len(attempts) > 5)
    assert opened == []
    assert node.lines == {}
    monkeypatch.setattr(reopening, "written", written)
    await works(store, 1)
    assert len(opened) == 2


async def test_an_attempt_that_fails_in_an_unknown_way_is_not_the_last(
    node: Node, monkeypatch: pytest.MonkeyPatch
):
    store = await tables(node)
    open_control = node.open_control
    failed: list[Exception] = []

    async def broken() -> None:
        if len(failed) < 3:
            failed.append(RuntimeError("our mistake"))
            raise failed[-1]
        await open_control()

    monkeypatch.setattr(node, "open_control", broken)
    node.storage.log.fail(DiskFull("no space"))
    await until(lambda: len(failed) == 3)
    await works(store, 1)


async def test_a_line_that_halts_by_itself_is_opened_again_by_itself(node: Node):
    store = await tables(node)
    control = node.control
    first, second = node.lines.values()
    first.group.loglet.driver.halt(ReadOnly("a row could not be read"))
    await until(lambda: first not in node.lines.values() and len(node.lines) == 2)
    assert node.control is control
    assert second in node.lines.values()
    await works(store, 1)


async def test_a_line_that_cannot_be_opened_leaves_the_others_open_and_no_second_core(
    node: Node, monkeypatch: pytest.MonkeyPatch
):
    store = await tables(node)
    started: list[LineHost] = []
    bad = list(node.lines)[1]
    start = LineHost.start
    broken = True

    async def noted(host: LineHost) -> None:
        if host.line == bad:
            started.append(host)
            if broken:
                raise StorageError("its state cannot be read")
        await start(host)

    monkeypatch.setattr(LineHost, "start", noted)
    node.storage.log.fail(DiskFull("no space"))
    await until(lambda: len(started) > 3)
    control, others = node.control, list(node.lines.values())
    assert [host.line for host in others] == [line for line in node.lines if line != bad]
    await until(lambda: len(started) > 8)
    assert node.control is control
    assert list(node.lines.values()) == others
    broken = False
    await works(store, 1)
    assert all(host.group.loglet.driver.halted is not None for host in started[:-1])  # closed
    assert node.lines[bad] is started[-1]
