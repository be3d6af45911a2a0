"""How a PostgreSQL must be set up, what its URL says and hides, and its tables."""

import asyncio
import random
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from postgres_servers import PostgresServer, engine_at

from plait.base.errors import BadSettings, PlaitError, Unavailable, UnknownFormat
from plait.engines.conformance.engine import append_all, entry, text
from plait.engines.postgres.address import Address
from plait.engines.postgres.engine import connect
from plait.engines.postgres.session import Session
from plait.engines.postgres.setup import Setup
from plait.host.clock import SystemClock

SECRET = "s3cr/t:w@rd"
ENCODED = "s3cr%2Ft%3Aw%40rd"

FIT = Setup(
    version=180000, in_recovery=False, read_only=False, fsync=True, full_page_writes=True,
    zero_damaged_pages=False, autovacuum=True, data_checksums=True, synchronous=True, standbys=1,
    synchronous_standbys=1, hidden_standbys=0, unlogged=[], system=1, started="now",
    segment="000000010000000000000001",
)  # fmt: skip

BOOT = {
    "fsync": "on",
    "full_page_writes": "on",
    "default_transaction_read_only": "off",
    "synchronous_standby_names": "",
}

WRONG = [
    ({"version": 130012}, "refuse", "older than 14"),
    ({"in_recovery": True, "segment": ""}, "refuse", "standby or read-only"),
    ({"read_only": True}, "refuse", "standby or read-only"),
    ({"fsync": False}, "refuse", "fsync is off"),
    ({"full_page_writes": False}, "refuse", "full_page_writes is off"),
    ({"unlogged": ["entries"]}, "refuse", "unlogged.*entries"),
    ({"standbys": 0, "synchronous": False}, "warn", "no standby is connected: the disk"),
    ({"standbys": 0}, "warn", "no standby is connected: appends wait"),
    ({"synchronous": False}, "warn", "asynchronous.*lost at a fail-over"),
    ({"synchronous_standbys": 0}, "warn", "no synchronous standby"),
    ({"zero_damaged_pages": True}, "warn", "zero_damaged_pages is on"),
    ({"data_checksums": False}, "warn", "data_checksums is off"),
    ({"autovacuum": False}, "warn", "autovacuum is off"),
]


def test_a_server_with_a_synchronous_standby_is_found_in_order() -> None:
    assert FIT.findings() == []
    hidden = FIT._replace(synchronous_standbys=0, hidden_standbys=1)
    assert hidden.findings() == []


@pytest.mark.parametrize(("changed", "severity", "what"), WRONG)
def test_each_wrong_setting_is_reported_by_name(
    changed: dict[str, object], severity: str, what: str
) -> None:
    (finding,) = FIT._replace(**changed).findings()  # type: ignore[arg-type]
    assert finding.severity == severity
    assert re.search(what, finding.what)
    assert finding.remedy


def test_what_refuses_stands_before_what_warns() -> None:
    findings = FIT._replace(autovacuum=False, fsync=False, standbys=0).findings()
    assert [each.severity for each in findings] == ["refuse", "warn", "warn"]


@contextmanager
def set_to(server: PostgresServer, **settings: str) -> Iterator[None]:
    """Settings for sessions that begin within."""
    try:
        for name, value in settings.items():
            server.rows(f"ALTER SYSTEM SET {name} = '{value}'")
        _reload(server, settings)
        yield
    finally:
        before = {name: BOOT[name] for name in settings}
        for name in settings:
            server.rows(f"ALTER SYSTEM RESET {name}")
        _reload(server, before)


def _reload(server: PostgresServer, settings: Mapping[str, str]) -> None:
    server.rows("SELECT pg_reload_conf()")
    for name, value in settings.items():
        while server.rows(f"SHOW {name}") != [(value,)]:
            pass  # each asks a session that began later


async def test_an_unfit_server_is_examined_and_nothing_is_opened_there(
    postgres: PostgresServer,
) -> None:
    with set_to(postgres, fsync="off", full_page_writes="off"):
        engine = await connect(postgres.url(), "unfit", SystemClock(), random.Random())
        found = [each.what for each in await engine.examine() if each.severity == "refuse"]
        assert found == ["fsync is off", "full_page_writes is off"]
        for call in (engine.open("log"), engine.register("r"), engine.latest_copy("c")):
            with pytest.raises(BadSettings, match="fsync is off"):
                await call
    loglet = await engine.open("log")  # repaired
    assert await loglet.append(entry("a")) == 0
    with set_to(postgres, default_transaction_read_only="on"):
        async with engine_at(postgres.url(), "unfit") as another:
            with pytest.raises(BadSettings, match="read-only"):
                await another.open("log")
    await engine.close()


async def test_a_server_that_became_unfit_serves_nothing(postgres: PostgresServer) -> None:
    async with engine_at(postgres.url(), "unfit", timeout_s=0.5) as engine:
        loglet = await engine.open("later")
        with set_to(postgres, fsync="off"):
            engine._pool.abort()  # found out when it connects anew
            with pytest.raises(Unavailable, match="fsync is off"):
                await loglet.append(entry("a"))
        assert await loglet.append(entry("b")) == 0


async def test_sessions_wait_for_the_disk_whatever_the_server_says(
    postgres: PostgresServer,
) -> None:
    postgres.rows("CREATE ROLE hasty LOGIN SUPERUSER")
    for wish, got in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
        postgres.rows(f"ALTER ROLE hasty SET synchronous_commit = '{wish}'")
        session = await Session.connect(Address(postgres.url(login="hasty")))
        assert await session.rows("SHOW synchronous_commit") == [(got,)]
        await session.close()


async def test_an_unlogged_table_is_refused(postgres: PostgresServer) -> None:
    url = postgres.url("?plait_schema=careless")
    async with engine_at(url) as engine:
        await engine.open("log")
    postgres.rows("ALTER TABLE careless.entries SET UNLOGGED")
    async with engine_at(url) as engine:
        with pytest.raises(BadSettings, match=r"unlogged.*entries"):
            await engine.open("log")


async def test_many_nodes_that_come_first_make_the_tables_once(postgres: PostgresServer) -> None:
    url = postgres.url("?plait_schema=raced")
    engines = [await connect(url, "n", SystemClock(), random.Random()) for _ in range(5)]
    loglets = await asyncio.gather(*(engine.open("log") for engine in engines))
    assert [await append_all(each, ["a"]) for each in loglets] == [[i] for i in range(5)]
    for engine in engines:
        await engine.close()
    assert postgres.rows("SELECT version FROM raced.meta") == [(1,)]
    postgres.rows("UPDATE raced.meta SET version = 2")
    async with engine_at(url) as engine:
        with pytest.raises(UnknownFormat, match="version \\[2\\]"):
            await engine.open("log")


async def test_a_commit_that_stopped_waiting_for_its_standby_is_not_acknowledged(
    postgres: PostgresServer,
) -> None:
    """The server calls such a commit done, with a warning."""
    async with engine_at(postgres.url(), "waiting", timeout_s=1.0) as engine:
        loglet = await engine.open("log")
        await loglet.append(entry("before"))
        with set_to(postgres, synchronous_standby_names="nobody"):
            assert any("appends wait" in each.what for each in await engine.examine())
            canceling = asyncio.ensure_future(_cancel_all(postgres))
            with pytest.raises(Unavailable):
                await loglet.append(entry("doubtful"))
            canceling.cancel()
        await loglet.append(entry("after"))
        found = [text(each) for each in await loglet.read(0, 9)]
        assert found == ["before", "doubtful", "after"]


async def _cancel_all(server: PostgresServer) -> None:
    while True:
        server.rows(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event='SyncRep'"
        )
        await asyncio.sleep(0.05)


# ----------------------------------------------------------------------------- URLs


def test_a_url_is_shown_without_what_nobody_should_see() -> None:
    url = f"postgres://me:{ENCODED}@a.example:1,b.example:2/db%20x?sslpassword=hush&plait_schema=s"
    address = Address(url)
    assert address.url == "postgresql://a.example:1,b.example:2/db%20x"
    assert address.schema == "s"
    assert address.parameters["password"] == SECRET
    assert address.parameters["target_session_attrs"] == "read-write"
    assert "plait_schema" not in address.parameters
    assert "hush" not in repr(address) + address.scrub(f"got {SECRET}, {ENCODED} and\n hush")
    assert Address("postgresql://h/?target_session_attrs=any").parameters[
        "target_session_attrs"
    ] == "any"  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{ENCODED}@host/db",
        f"postgresql://me:{ENCODED}@host:port:port/db",
        f"postgresql://me:{SECRET}@host/db",
        f"postgresql://me:{ENCODED}@host/db?password=x&nonsense={ENCODED}",
        f"postgresql://me:{ENCODED}@host/db?plait_nonsense=1",
        f"postgresql://me:{ENCODED}@host/db?plait_schema=Robert%27);",
        f"postgresql://me:{ENCODED}%ZZ@host/db",
        f"postgresql://me:{ENCODED}@[host/db",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(BadSettings) as raised:
        Address(url)
    shown = "".join(traceback.format_exception(raised.value)).partition("raise BadSettings")[0]
    said = "".join(str(each) for each in _chain(raised.value)) + repr(raised.value)
    assert "s3cr" not in said + shown.replace(url, "")


def _chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


async def test_errors_of_a_server_do_not_tell_the_password(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://nobody-there:{ENCODED}@127.0.0.1:{postgres.port}/postgres"
    said: list[str] = []
    with pytest.raises(PlaitError) as refused:
        await connect(url, "n", SystemClock(), random.Random())
    said.append(str(refused.value))
    assert "nobody-there" in said[0]
    url = f"postgresql://postgres:{ENCODED}@127.0.0.1:{postgres.port}/postgres"
    async with engine_at(url) as engine:
        said += [engine.url, repr(engine), repr(vars(engine))]
        loglet = await engine.open("secret")
        said += [repr(loglet), repr(vars(loglet))]
    with pytest.raises(PlaitError) as closed:
        await loglet.append(entry("a"))
    assert "s3cr" not in "".join([*said, str(closed.value), caplog.text])
