"""The loglet over a real PostgreSQL: the common promises, and what many nodes at once see."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest
import uvloop
from postgres_servers import PostgresServer, engine_at

from plait.base.errors import (
    BadSettings,
    BadValue,
    Closed,
    Corrupt,
    HistoryTrimmed,
    LogForked,
    NoSuchCollection,
    Unavailable,
)
from plait.engines import conformance
from plait.engines.conformance.engine import append_all, entry, read_all, start, text
from plait.engines.postgres import loglet as loglets
from plait.engines.postgres.engine import PostgresEngine
from plait.engines.shared import Known
from plait.line.entry import Entry, Epoch
from plait.line.loglet import Loglet, Origin

numbers = itertools.count()


def fresh() -> str:
    return f"log{next(numbers)}"


async def run_conformance(url: str, only: str = "") -> conformance.Report:
    """Every check has a log of its own at one engine; what is opened again is so by another."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(engine_at(url, "conformance"))

        @asynccontextmanager
        async def make() -> AsyncIterator[conformance.Engine]:
            name = fresh()
            other: list[PostgresEngine] = []

            async def anew() -> Loglet:
                if not other:
                    other.append(await stack.enter_async_context(engine_at(url, "conformance")))
                return await other[0].open(name)

            async def reopen() -> Loglet:
                await engine.loglet.close()
                return await anew()

            async def crash() -> Loglet:
                first._pool.abort()  # its connections break; what they carried is in the air
                return await anew()

            engine = conformance.Engine(await first.open(name), reopen, crash)
            yield engine
            await engine.loglet.close()

        return await conformance.run(make, only=only)


async def test_postgres_keeps_every_promise(postgres: PostgresServer) -> None:
    report = await run_conformance(postgres.url())
    assert not report.skipped
    assert len(report.passed) == len(conformance.CHECKS)


def test_postgres_keeps_its_promises_on_uvloop(postgres: PostgresServer) -> None:
    report = uvloop.run(run_conformance(postgres.url(), only="append"))
    assert len(report.passed) > 5


async def test_a_log_begins_where_its_origin_says(postgres: PostgresServer) -> None:
    name = fresh()
    origin = Origin(1000, 7, 5000)
    async with engine_at(postgres.url()) as engine:
        loglet = await engine.open(name, origin)
        assert (loglet.head, loglet.committed) == (1000, 1000)
        assert await loglet.append(entry("a", 3)) == 1000
        await loglet.append(entry("b"))
        found = await loglet.read(1000, 1002)
        assert [each.record_index for each in found] == [5000, 5003]
        assert {each.epoch for each in found} == {Epoch(8, "")}
        with pytest.raises(HistoryTrimmed):
            await loglet.read(999, 1002)
        await loglet.trim(1002)
        assert await loglet.append(entry("c")) == 1002
        assert (await loglet.read(1002, 1003))[0].record_index == 5004
    async with engine_at(postgres.url()) as engine:
        with pytest.raises(BadSettings, match="began at"):
            await engine.open(name)
        again = await engine.open(name, origin)
        assert (again.head, again.committed) == (1002, 1003)


async def test_many_handles_that_append_at_once_see_one_order(postgres: PostgresServer) -> None:
    name, nodes, each_has = fresh(), 4, 60
    async with AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(engine_at(postgres.url())) for _ in range(nodes)]
        handles = [await engine.open(name) for engine in engines]
        followers = [start(read_all(handle, 0, nodes * each_has)) for handle in handles]
        results = await asyncio.gather(
            *(
                handle.append(entry(f"{number}-{i:02}", i % 4))
                for i in range(each_has)
                for number, handle in enumerate(handles)
            )
        )
        assert sorted(results) == list(range(nodes * each_has))
        orders = await asyncio.gather(*followers)
    assert all(order == orders[0] for order in orders)
    records = 0
    for found in orders[0]:
        assert found.record_index == records
        records += found.records
    for number in range(nodes):
        own = [text(each) for each in orders[0] if text(each).startswith(f"{number}-")]
        assert own == [f"{number}-{i:02}" for i in range(each_has)]


async def test_a_follower_hears_of_others_appends_and_seals_without_polling(
    postgres: PostgresServer,
) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as other:
        appending, following = await one.open(name), await other.open(name)
        await asyncio.sleep(0.2)  # until it listens
        for position in range(5):
            waiting = start(following.wait(position))
            await asyncio.sleep(0.02)
            await appending.append(entry("a"))
            async with asyncio.timeout(1.0):
                assert (await waiting).position == position + 1
        waiting = start(following.wait(100))
        await asyncio.sleep(0.02)
        await appending.seal()
        async with asyncio.timeout(1.0):
            assert await waiting == (5, True)


async def test_two_namespaces_and_two_schemas_never_mix(postgres: PostgresServer) -> None:
    name = fresh()
    places = [("one", ""), ("other", ""), ("one", "?plait_schema=elsewhere")]
    async with AsyncExitStack() as stack:
        for number, (namespace, extra) in enumerate(places):
            engine = await stack.enter_async_context(engine_at(postgres.url(extra), namespace))
            loglet = await engine.open(name)
            assert await append_all(loglet, [f"{number}a", f"{number}b"]) == [0, 1]
            assert [text(each) for each in await loglet.read(0, 9)] == [f"{number}a", f"{number}b"]
            register = await engine.register("r")
            assert await register.get() == (0, b"")
            assert await register.compare_and_set(0, b"%d" % number) == 1
            await loglet.seal()


async def test_what_is_known_is_held_against_the_log(postgres: PostgresServer) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as engine:
        loglet = await engine.open(name)
        for records in (2, 3, 4):
            await loglet.append(entry("e", records))
        await loglet.trim(1)
        for known in (Known(0, 99), Known(1, 2), Known(2, 5), Known(3, 9)):
            await (await engine.open(name, known=known)).close()
        for known in (Known(1, 3), Known(2, 6), Known(3, 8), Known(4, 9)):
            with pytest.raises(LogForked, match=f"position {known.position}"):
                await engine.open(name, known=known)


async def test_damaged_missing_and_foreign_rows_are_errors_that_name_the_position(
    postgres: PostgresServer,
) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as engine:
        await append_all(await engine.open(name), [f"e{i}" for i in range(8)])
    ((log,),) = postgres.rows("SELECT id FROM plait.loglets WHERE name = %s", name)
    foreign = Entry(b"foreign").stamped(Epoch(9, "x"), 0).encode()
    at = "WHERE loglet = %s AND position = %s"
    postgres.rows(f"UPDATE plait.entries SET data = set_byte(data, 35, 0) {at}", log, 1)
    postgres.rows(f"DELETE FROM plait.entries {at}", log, 3)
    postgres.rows(f"UPDATE plait.entries SET data = %s {at}", foreign, log, 5)
    postgres.rows(f"UPDATE plait.entries SET before = 77 {at}", log, 7)
    async with engine_at(postgres.url()) as engine:
        loglet = await engine.open(name)
        for start_at, bad in ((0, 1), (1, 1), (2, 3), (3, 3), (4, 5), (6, 7)):
            with pytest.raises(Corrupt, match=f"position {bad} ") as raised:
                await loglet.read(start_at, 8)
            assert raised.value.details["position"] == bad
        assert [text(each) for each in await loglet.read(0, 1)] == ["e0"]
        assert [text(each) for each in await loglet.read(6, 7)] == ["e6"]
        postgres.rows("INSERT INTO plait.entries VALUES (%s, 8, 8, 0, %s)", log, foreign)
        with pytest.raises(Corrupt, match="a row where there can be none"):
            await loglet.append(entry("late"))


async def test_a_trim_by_another_node_reads_as_trimmed_and_not_as_damage(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loglets, "DELETE_ENTRIES", 3)
    name = fresh()
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as other:
        trimming = await one.open(name)
        await append_all(trimming, [f"e{i}" for i in range(20)])
        reading = await other.open(name)
        await trimming.trim(17)
        with pytest.raises(HistoryTrimmed) as raised:
            await reading.read(5, 20)
        assert raised.value.details["head"] == reading.head == 17
        assert len(await reading.read(17, 20)) == 3
    query = "SELECT count(*) FROM plait.entries JOIN plait.loglets ON id = loglet WHERE name = %s"
    assert postgres.rows(query, name) == [(3,)]


async def test_large_entries_and_long_logs_come_back_in_parts(postgres: PostgresServer) -> None:
    async with engine_at(postgres.url()) as engine:
        loglet = await engine.open(fresh())
        big = bytes(range(256)) * 4096 * 3
        await asyncio.gather(*(loglet.append(Entry(big)) for _ in range(4)))
        with pytest.raises(BadValue):
            await loglet.append(Entry(bytes(engine.entry_bytes_max + 1)))
        await asyncio.gather(*(loglet.append(entry(f"{i}")) for i in range(3000)))
        found = await read_all(loglet, 0, 3004)
        assert [each.payload for each in found[:4]] == [big] * 4
        assert [text(each) for each in found[4:]] == [f"{i}" for i in range(3000)]


async def test_a_dropped_log_is_gone_and_its_name_begins_anew(postgres: PostgresServer) -> None:
    name = fresh()
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as other:
        loglet, elsewhere = await one.open(name), await other.open(name)
        await append_all(loglet, ["a", "b"])
        await append_all(elsewhere, ["c"])
        await one.drop(name)
        await one.drop(name)
        with pytest.raises(Closed):
            await loglet.append(entry("d"))
        with pytest.raises(NoSuchCollection):
            await elsewhere.append(entry("e"))
        with pytest.raises(LogForked, match="not there any more"):
            await elsewhere.check_tail()
        again = await one.open(name, Origin(5, 1, 9))
        assert await again.append(entry("f")) == 5


async def test_a_closed_engine_closes_its_logs_and_its_connections(
    postgres: PostgresServer,
) -> None:
    async with engine_at(postgres.url("?application_name=leaving")) as engine:
        loglet = await engine.open(fresh())
        append = start(loglet.append(entry("a")))
        await asyncio.sleep(0)
        await engine.close()
        with pytest.raises(Unavailable):
            await append
        with pytest.raises(Closed):
            await loglet.read(0, 1)
        with pytest.raises(Closed):
            await engine.open(fresh())
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leaving'"
    async with asyncio.timeout(30):
        while postgres.rows(query) != [(0,)]:
            await asyncio.sleep(0.01)


async def test_a_role_that_owns_nothing_but_the_tables_is_enough(
    postgres: PostgresServer,
) -> None:
    postgres.rows("CREATE ROLE plain LOGIN")
    with (
        psycopg.connect(postgres.url(login="plain"), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE SCHEMA forbidden")
    async with engine_at(postgres.url()) as engine:
        await engine.open(fresh())
    postgres.rows("GRANT USAGE ON SCHEMA plait TO plain")
    postgres.rows("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA plait TO plain")
    async with engine_at(postgres.url(login="plain")) as engine:
        loglet = await engine.open(fresh())
        assert await append_all(loglet, ["a", "b"]) == [0, 1]
        await loglet.trim(1)
        assert await loglet.seal() == 2
        assert await engine.examine()
