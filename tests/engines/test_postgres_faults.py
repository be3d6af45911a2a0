"""PostgreSQL that is killed, cut off and replaced under appends: nothing acknowledged is lost,
nothing is doubled, and a log that lost something says so."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from postgres_servers import PostgresServer, engine_at, postgres_folder, postgres_server

from plait.base.errors import Indefinite, LogForked, PlaitError, Unavailable
from plait.engines.conformance.engine import entry, read_all, start, text
from plait.engines.postgres.engine import PostgresEngine
from plait.engines.postgres.session import Session
from plait.engines.postgres.statements import APPEND
from plait.engines.shared import Known
from plait.line.loglet import Loglet

WRITERS = 6
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = %s AND query LIKE %s AND state = 'active'
"""


@pytest.fixture(scope="module")
def own() -> Iterator[PostgresServer]:
    """A server that a test may treat as badly as it likes, as long as it runs in the end."""
    with postgres_server() as server:
        yield server


class Load:
    """Appenders that note what they were told, and a judge."""

    def __init__(self, loglets: list[Loglet]) -> None:
        self.loglets = loglets
        self.acknowledged: dict[int, str] = {}
        self.doubtful: set[str] = set()
        self.refused: set[str] = set()
        self._stop = False
        self._tasks = [
            start(self._append(f"{node}.{writer}", loglet))
            for node, loglet in enumerate(loglets)
            for writer in range(WRITERS)
        ]

    async def _append(self, who: str, loglet: Loglet) -> None:
        for i in itertools.count():
            if self._stop:
                return
            what = f"{who}/{i}"
            try:
                position = await loglet.append(entry(what, i % 3))
            except Indefinite:
                self.doubtful.add(what)
            except PlaitError:
                self.refused.add(what)
            else:
                assert position not in self.acknowledged, f"{position} was given twice"
                self.acknowledged[position] = what

    async def more(self, count: int) -> None:
        """Return when so many more were acknowledged."""
        goal = len(self.acknowledged) + count
        async with asyncio.timeout(25.0):
            while len(self.acknowledged) < goal:
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)

    async def judge(self, loglet: Loglet) -> None:
        """What was acknowledged is there, what was refused is not, nothing is there twice."""
        tail = await loglet.check_tail()
        found = await read_all(loglet, 0, tail.position)
        texts = [text(each) for each in found]
        lost = {at: what for at, what in self.acknowledged.items() if texts[at] != what}
        assert not lost, f"acknowledged and lost: {lost}"
        assert len(set(texts)) == len(texts), "an entry is there twice"
        assert not self.refused & set(texts), "refused and there"
        assert set(texts) <= set(self.acknowledged.values()) | self.doubtful
        records = 0
        for each in found:
            assert each.record_index == records
            records += each.records
        by_writer: dict[str, list[int]] = {}
        for what in texts:
            who, _, i = what.partition("/")
            by_writer.setdefault(who, []).append(int(i))
        assert all(order == sorted(order) for order in by_writer.values())


async def under_load(
    server: PostgresServer, name: str, harm: Callable[[Load], Awaitable[None]]
) -> Load:
    """Two nodes append, harm is done, they go on; then a third looks."""
    async with engine_at(server.url()) as one, engine_at(server.url()) as two:
        load = Load([await each.open(name) for each in (one, two)])
        await load.more(50)
        await harm(load)
        await load.more(50)
        await load.stop()
        for loglet in load.loglets:
            await load.judge(loglet)
    async with engine_at(server.url()) as fresh:
        await load.judge(await fresh.open(name))
    return load


async def test_a_server_killed_under_load_loses_and_doubles_nothing(own: PostgresServer) -> None:
    async def harm(load: Load) -> None:
        own.kill()
        await asyncio.to_thread(own.start_again)

    load = await under_load(own, "killed", harm)
    assert not load.doubtful, "every outcome could be found out in time"


async def test_a_server_shut_down_at_once_and_started_again_goes_on(own: PostgresServer) -> None:
    async def harm(load: Load) -> None:
        await asyncio.to_thread(own.stop, "immediate")
        await asyncio.to_thread(own.start)

    assert not (await under_load(own, "shut down", harm)).doubtful


async def test_a_server_that_stays_away_makes_appends_unavailable_in_time(
    own: PostgresServer,
) -> None:
    async with engine_at(own.url(), timeout_s=0.8) as engine:
        loglet = await engine.open("away")
        load = Load([loglet])
        await load.more(20)
        own.stop("immediate")
        for call in (loglet.check_tail(), loglet.append(entry("x")), engine.latest_copy("x")):
            async with asyncio.timeout(4.0):
                with pytest.raises(Unavailable):
                    await call
        own.start()
        await load.more(20)
        await load.stop()
        assert load.doubtful
        load.doubtful.add("x")
        await load.judge(loglet)


async def test_backends_ended_in_the_middle_of_commits_lose_and_double_nothing(
    postgres: PostgresServer,
) -> None:
    chance = random.Random(7)
    ended = 0
    url = postgres.url("?application_name=victim")
    async with engine_at(url, "ended") as one, engine_at(url, "ended") as two:
        load = Load([await one.open("log"), await two.open("log")])
        while ended < 8:  # not every moment meets a commit; the test's own time limits this
            await load.more(chance.randrange(1, 30))
            ended += postgres.rows(TERMINATE, "victim", "%permit AS%")[0][0]
        await load.stop()
        assert not load.doubtful
        for loglet in load.loglets:
            await load.judge(loglet)


async def test_an_append_whose_answer_was_lost_is_found_and_not_repeated(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one whose question was lost is asked again, and comes to nothing if it arrives late."""
    rows = Session.rows
    lose: list[str] = []
    late: list[tuple[object, ...]] = []

    async def losing(self: Session, query: str, *parameters: object) -> list[tuple[object, ...]]:
        if not (lose and query == APPEND):
            return await rows(self, query, *parameters)
        if lose.pop() == "answer":
            await rows(self, query, *parameters)
        else:
            late.append(parameters)
        self.abort()
        raise Unavailable("lost on the way")

    monkeypatch.setattr(Session, "rows", losing)
    async with engine_at(postgres.url(), "answers") as engine:
        loglet = await engine.open("log")
        for i, what in enumerate(["answer", "question", "answer", "question"]):
            lose.append(what)
            assert await loglet.append(entry(f"{i}")) == i
        session = await engine._pool.connect()
        for parameters in late:
            assert await session.rows(APPEND, *parameters) == [(0, None, None)]
        await session.close()
        assert (await loglet.check_tail()).position == 4
        found = [text(each) for each in await loglet.read(0, 99)]
        assert found == ["0", "1", "2", "3"]


@asynccontextmanager
async def held_up(server: PostgresServer, namespace: str) -> AsyncIterator[None]:
    """Every append of a namespace waits at its log's row."""
    async with engine_at(server.url(), namespace) as other:
        session = await other._pool.connect()
        async with session.transaction():
            await session.rows("SELECT 1 FROM loglets WHERE namespace = $1 FOR UPDATE", namespace)
            yield
        await session.close()


async def test_a_lost_append_that_is_still_under_way_at_the_server_is_waited_for(
    postgres: PostgresServer,
) -> None:
    async with engine_at(postgres.url(), "under way") as engine:
        loglet = await engine.open("log")
        await loglet.append(entry("before"))
        async with held_up(postgres, "under way"):
            append = start(loglet.append(entry("lost")))
            await asyncio.sleep(0.2)
            engine._pool.abort()
            await asyncio.sleep(0.4)
            assert not append.done()
        assert await append == 1
        assert await loglet.append(entry("after")) == 2
        assert [text(each) for each in await loglet.read(0, 9)] == ["before", "lost", "after"]


async def test_an_append_that_nobody_waits_for_any_more_is_settled_before_the_next(
    postgres: PostgresServer,
) -> None:
    async with engine_at(postgres.url(), "given up", timeout_s=0.5) as engine:
        loglet = await engine.open("log")
        await loglet.append(entry("before"))
        async with held_up(postgres, "given up"):
            with pytest.raises(Unavailable):
                await loglet.append(entry("doubtful"))
        assert await loglet.append(entry("after")) in (1, 2)
        found = [text(each) for each in await loglet.read(0, 99)]
        assert found in (["before", "after"], ["before", "doubtful", "after"])
        await asyncio.sleep(0.2)
        assert (await loglet.check_tail()).position == len(found)


async def test_registers_keep_their_promise_when_backends_are_ended(
    postgres: PostgresServer,
) -> None:
    url = postgres.url("?application_name=counter")

    async def count(engine: PostgresEngine, times: int) -> int:
        register, doubtful = await engine.register("counter"), 0
        for _ in range(times):
            while True:
                version, data = await register.get()
                try:
                    await register.compare_and_set(version, b"%d" % (int(data or b"0") + 1))
                except Indefinite:
                    doubtful += 1
                except PlaitError:
                    continue
                break
        return doubtful

    async with engine_at(url) as one, engine_at(url) as two:
        counting = [start(count(each, 60)) for each in (one, two)]
        while not all(each.done() for each in counting):
            await asyncio.sleep(0.02)
            postgres.rows(TERMINATE, "counter", "%registers%")
        doubtful = sum([await each for each in counting])
        version, data = await (await one.register("counter")).get()
        assert version == int(data)
        assert 120 - doubtful <= version <= 120


async def test_a_promoted_standby_that_lacks_the_tail_is_noticed() -> None:
    with postgres_folder() as folder:
        primary, standby = PostgresServer(folder / "one"), PostgresServer(folder / "two")
        primary.create()
        primary.start()
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://postgres@{hosts}/postgres"
        async with engine_at(url) as engine, engine_at(url) as other:
            loglet = await engine.open("log")
            await loglet.append(entry("everywhere"))
            standby.follow(primary)
            standby.start()
            await loglet.append(entry("there too"))
            register = await engine.register("r")
            await register.compare_and_set(0, b"kept")
            heard = await other.open("log")
            await _caught_up(primary, standby)
            assert any("asynchronous" in each.what for each in await engine.examine())
            standby.stop()
            await loglet.append(entry("lost"))
            await heard.wait(2)
            await register.compare_and_set(1, b"lost")
            primary.stop()
            standby.start()
            standby.promote()
            # A node that never heard of what is gone goes on, and fills the place again.
            async with engine_at(url) as innocent:
                again = await innocent.open("log", known=Known(2, 2))
                assert await again.append(entry("in its place")) == 2
                assert await again.append(entry("and after")) == 3
            # Those who did hear stop, whatever is there now.
            for seen in (loglet, heard):
                for call in (seen.check_tail, seen.seal, partial(seen.append, entry("x"))):
                    with pytest.raises(LogForked):
                        await call()
            with pytest.raises(LogForked):
                await register.get()
            with pytest.raises(LogForked):
                await engine.open("log", known=Known(9, 9))


async def _caught_up(primary: PostgresServer, standby: PostgresServer) -> None:
    ((written,),) = primary.rows("SELECT pg_current_wal_lsn()::text")
    async with asyncio.timeout(10.0):
        while standby.rows("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written) != [(True,)]:
            await asyncio.sleep(0.02)
