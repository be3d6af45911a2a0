"""The NATS engine keeps every promise of a loglet, against three real servers."""

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')

from nats_servers import Cluster, nats_cluster  # noqa: F401

from plait.engines import conformance
from plait.engines.conformance import CHECKS, Engine
from plait.engines.nats.engine import NatsEngine, connect
from plait.host.clock import SystemClock
from plait.line.loglet import BEGINNING, Loglet, Origin

numbers = itertools.count()
ORIGINS = {"from the beginning": BEGINNING, "from elsewhere": Origin(1000, 7, 50)}


@pytest.mark.parametrize("check", [check.__name__ for check in CHECKS])
@pytest.mark.parametrize("origin", ORIGINS)
async def test_it_keeps_its_promise(
    nats_cluster: Cluster,  # noqa: F811
    origin: str,
    check: str,
) -> None:
    engines: list[NatsEngine] = []

    @asynccontextmanager
    async def make() -> AsyncIterator[Engine]:
        name = f"log {next(numbers)}"

        async def opened() -> Loglet:
            engines.append(await connect(nats_cluster.url, "suite", SystemClock(), random.Random()))
            loglet = await engines[-1].open(name, ORIGINS[origin])
            loglet._recent._bytes_max = 2000  # so that older entries are fetched
            return loglet

        async def reopen() -> Loglet:
            await engine.loglet.close()
            return await opened()

        async def crash() -> Loglet:
            session = engines[-1]._connection.session
            session.client._transport._io_writer.transport.abort()
            return await opened()

        engine = Engine(await opened(), reopen, crash, ORIGINS[origin])
        yield engine
        await engine.loglet.close()

    try:
        report = await conformance.run(make, only=check)
        assert check in report.passed
    finally:
        for engine in engines:
            await engine.close()
