"""Servers die, connections break, and nothing that was acknowledged is lost or doubled."""

import asyncio
import random
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')

from nats_load import Load, judge
from nats_proxy import Proxy
from nats_servers import Cluster, nats_cluster  # noqa: F401

from plait.base.errors import Indefinite, Refused
from plait.engines.nats.engine import NatsEngine, connect
from plait.engines.shared import Known
from plait.host.clock import SystemClock
from plait.line.entry import Entry
from plait.line.loglet import Origin


@asynccontextmanager
async def engines(*urls: str) -> AsyncIterator[list[NatsEngine]]:
    found = [await connect(url, "faults", SystemClock(), random.Random()) for url in urls]
    yield found
    for engine in found:
        await engine.close()


def anew(name: str) -> str:
    """A log of one try: where a test is tried once more, the first try's log is there still."""
    return f"{name}{secrets.token_hex(4)}"


@asynccontextmanager
async def load_on(
    handles: list[NatsEngine], name: str, in_flight: int, pause_s: float = 0.0
) -> AsyncIterator[Load]:
    """Appends to one log by all of these, which are judged in the end."""
    loglets = [await engine.open(name) for engine in handles]
    load = Load(loglets, in_flight, pause_s)
    yield load
    await load.end()
    await judge(load, loglets)


async def test_many_handles_see_one_order(nats_cluster: Cluster) -> None:  # noqa: F811
    origin, order = Origin(1000, 7, 50), anew("order")
    async with engines(*[nats_cluster.url] * 3) as three:
        loglets = [await engine.open(order, origin) for engine in three]
        load = Load(loglets, in_flight=10)
        await load.until(1500)
        await load.end()
        assert not load.errors
        await judge(load, loglets, 1000, 50)
        (first,) = await loglets[0].read(1000, 1001)
        assert (first.epoch.number, first.record_index) == (8, 50)
        (some,) = await loglets[0].read(1700, 1701)
        late = await three[0].open(order, origin, Known(1700, some.record_index))
        tail = await late.check_tail()
        assert tail.position == (await loglets[0].check_tail()).position
        assert await late.read(1700, 1702) == await loglets[0].read(1700, 1702)
        assert await late.read(1300, 1302) == await loglets[1].read(1300, 1302)


async def test_the_leader_of_a_stream_dies_and_comes_back(
    nats_cluster: Cluster,  # noqa: F811
) -> None:
    kill = anew("kill")
    async with engines(*[nats_cluster.url] * 3) as three, load_on(three, kill, 8, 0.005) as load:
        await load.until(300)
        leader = await nats_cluster.leader(f"plait-faults-log-{kill}")
        leader.kill()
        await asyncio.sleep(0.5)
        await load.until(300)
        leader.restart()
        await nats_cluster.ready()
        await load.until(300)


async def test_the_leader_of_a_stream_stands_still_for_a_while(
    nats_cluster: Cluster,  # noqa: F811
) -> None:
    pause = anew("pause")
    async with engines(*[nats_cluster.url] * 2) as two, load_on(two, pause, 4, 0.005) as load:
        await load.until(200)
        leader = await nats_cluster.leader(f"plait-faults-log-{pause}")
        leader._process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3.0)
        leader._process.send_signal(signal.SIGCONT)
        await load.until(200)


async def test_connections_break_again_and_again(nats_cluster: Cluster) -> None:  # noqa: F811
    proxies = [await Proxy(port).start() for port in nats_cluster.ports[:2]]
    urls = [f"nats://127.0.0.1:{proxy.port}" for proxy in proxies]
    async with engines(*urls) as two, load_on(two, anew("cut"), 8) as load:
        chance = random.Random(1)
        for _ in range(8):
            await load.until(chance.randrange(50, 150))
            chance.choice(proxies).drop()
        proxies[0].silence()
        await asyncio.sleep(1.0)
        proxies[0].drop()
        proxies[0].speak()
        await load.until(200)
    assert load.unknown
    assert all(isinstance(error, Indefinite | Refused) for error in load.errors)
    for proxy in proxies:
        proxy.cut()


async def test_a_handle_goes_on_after_its_server_was_away(
    nats_cluster: Cluster,  # noqa: F811
) -> None:
    proxy = await Proxy(nats_cluster.ports[0]).start()
    async with engines(f"nats://127.0.0.1:{proxy.port}", nats_cluster.url) as (near, far):
        away = anew("away")
        cut_off, other = await near.open(away), await far.open(away)
        assert await cut_off.append(Entry(b"a")) == 0
        proxy.cut()
        async with asyncio.timeout(30.0):
            while near._connection.session is not None:  # what is sent into a cut may have arrived
                await asyncio.sleep(0.01)
        assert await other.append(Entry(b"b")) == 1
        waiting = asyncio.ensure_future(cut_off.append(Entry(b"c")))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await proxy.start()
        assert await waiting == 2
        assert [each.payload for each in await cut_off.read(0, 3)] == [b"a", b"b", b"c"]
    proxy.cut()
