"""Loglets that are prepared before anybody knows where they begin, on a real PostgreSQL."""

import asyncio
import itertools

import pytest
from postgres_servers import PostgresServer, engine_at

from plait.base.errors import BadSettings
from plait.engines.conformance.engine import entry, read_texts
from plait.line.loglet import Origin

ORIGIN = Origin(7, 3, 70)
numbers = itertools.count()


def fresh() -> str:
    return f"prepared{next(numbers)}"


async def test_what_several_nodes_prepare_and_open_is_one_log(postgres: PostgresServer) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as other:
        await asyncio.gather(one.prepare(name), other.prepare(name))
        loglets = await asyncio.gather(one.open(name, ORIGIN), other.open(name, ORIGIN))
        for number, loglet in enumerate(loglets):
            assert await loglet.append(entry(f"{number}")) == 7 + number
        for loglet in loglets:
            assert (await loglet.check_tail()).position == 9
            assert await read_texts(loglet, 7, 9) == {7: "0", 8: "1"}


async def test_preparing_connects_and_leaves_no_loglet(postgres: PostgresServer) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as engine:
        await engine.prepare(name)
        assert len(engine._pool._sessions) == 3
        assert postgres.rows("SELECT 1 FROM plait.loglets WHERE name = %s", name) == []


async def test_who_makes_a_loglet_has_a_permit_with_it(postgres: PostgresServer) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as engine:
        loglet = await engine.open(name, ORIGIN)
        before = _permits(postgres, name)
        assert len(before) == 1
        await loglet.append(entry("a"))
        assert _permits(postgres, name) == before
        await loglet.close()
        assert _permits(postgres, name) == []


async def test_who_expects_to_append_has_a_permit_before_that(postgres: PostgresServer) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as other:
        await other.prepare(name)
        await one.open(name, ORIGIN)
        await other.open(name, ORIGIN)
        async with asyncio.timeout(10.0):
            while len(_permits(postgres, name)) < 2:
                await asyncio.sleep(0.01)


async def test_permits_that_nobody_needs_any_more_go_with_the_next(
    postgres: PostgresServer,
) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as other:
        forgotten = await one.open(name, ORIGIN)
        await forgotten.append(entry("a"))
        postgres.rows("UPDATE plait.writers SET since = now() - interval '31 days'")
        loglet = await other.open(name, ORIGIN)
        await loglet.append(entry("b"))
        assert len(_permits(postgres, name)) == 1
        assert await forgotten.append(entry("c")) == 9  # it gets another


async def test_whoever_opens_what_began_elsewhere_is_refused(postgres: PostgresServer) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as other:
        await other.prepare(name)
        await one.open(name, ORIGIN)
        with pytest.raises(BadSettings, match="began at"):
            await other.open(name, Origin(8, 3, 70))


def _permits(postgres: PostgresServer, name: str) -> list[tuple[int]]:
    return postgres.rows(
        "SELECT writer FROM plait.writers JOIN plait.loglets ON id = loglet WHERE name = %s", name
    )
