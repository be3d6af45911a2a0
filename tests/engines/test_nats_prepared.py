"""Loglets that are prepared before anybody knows where they begin, on real NATS servers."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')

from nats_servers import Cluster, nats_cluster  # noqa: F401

from plait.base.errors import BadSettings, HistoryTrimmed
from plait.engines.conformance.engine import append_all, entry, read_texts
from plait.engines.nats.engine import NatsEngine, connect
from plait.engines.nats.streams import stream_info
from plait.host.clock import SystemClock
from plait.line.loglet import Origin

ORIGIN = Origin(7, 3, 70)


@pytest.fixture
async def engines(nats_cluster: Cluster) -> AsyncIterator[list[NatsEngine]]:  # noqa: F811
    """Three nodes' connections."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(3):
            found.append(
                await connect(nats_cluster.url, "prepared", SystemClock(), random.Random())
            )
            stack.push_async_callback(found[-1].close)
        yield found


@pytest.fixture
def name() -> str:
    """A log that nobody has made yet."""
    return f"log {random.Random().getrandbits(32)}"


async def two_prepare(engines: list[NatsEngine], name: str) -> list[NatsEngine]:
    """The first two have prepared a log; all of them."""
    for engine in engines[:2]:
        await engine.prepare(name)
    return engines


async def test_what_several_nodes_prepare_and_open_is_one_log(
    engines: list[NatsEngine], name: str
) -> None:
    await asyncio.gather(*(engine.prepare(name) for engine in engines[:2]))
    loglets = await asyncio.gather(*(engine.open(name, ORIGIN) for engine in engines))
    for number, loglet in enumerate(loglets):
        assert await loglet.append(entry(f"{number}")) == 7 + number
    for loglet in loglets:
        await loglet.wait(9)
        assert await read_texts(loglet, 7, 10) == {7: "0", 8: "1", 9: "2"}
        first = (await loglet.read(7, 8))[0]
        assert (first.record_index, first.epoch.number) == (70, 4)


async def test_whoever_opens_what_was_prepared_elsewhere_is_refused(
    engines: list[NatsEngine], name: str
) -> None:
    one, other, late = await two_prepare(engines, name)
    kept = await one.open(name, ORIGIN)
    for engine in (other, late):
        with pytest.raises(BadSettings, match="began at"):
            await engine.open(name, Origin(8, 3, 70))
        assert not engine._open
    assert await kept.append(entry("a")) == 7


async def test_a_preparation_that_nobody_came_back_for_is_taken_by_the_next(
    engines: list[NatsEngine], name: str
) -> None:
    one, other, late = engines
    await one.prepare(name)
    await one.prepare(name)
    loglet = await late.open(name, ORIGIN)
    assert await loglet.append(entry("a")) == 7
    await other.prepare(name)  # it is there: nothing changes
    late = await other.open(name, ORIGIN)
    await late.wait(7)
    assert await read_texts(late, 7, 8) == {7: "a"}


async def test_what_was_trimmed_meanwhile_is_known_to_who_prepared_early(
    engines: list[NatsEngine], name: str
) -> None:
    one, other, _ = await two_prepare(engines, name)
    loglet = await one.open(name, ORIGIN)
    await append_all(loglet, ["a", "b", "c"])
    await loglet.trim(9)
    late = await other.open(name, ORIGIN)
    assert (await late.check_tail()).position == 10
    assert late.head == 9
    with pytest.raises(HistoryTrimmed):
        await late.read(7, 10)


async def test_a_prepared_loglet_that_is_dropped_can_be_made_anew(
    engines: list[NatsEngine], name: str
) -> None:
    one, other, _ = engines
    await one.prepare(name)
    await (await one.open(name, ORIGIN)).close()
    await one.drop(name)
    stream = one._names.log(name)
    assert await stream_info(one._connection, stream) is None
    await other.prepare(name)
    loglet = await other.open(name, Origin(1, 1, 1))
    assert await loglet.append(entry("a")) == 1
