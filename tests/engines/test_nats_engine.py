"""What the NATS engine refuses, keeps apart, and tells of the servers."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')

from nats_servers import MAX_PAYLOAD, Cluster, nats_cluster, running  # noqa: F401

from plait.base.errors import (
    BadSettings,
    BadValue,
    Closed,
    Conflict,
    Corrupt,
    HistoryTrimmed,
    NoSuchCollection,
)
from plait.engines.conformance.engine import append_all, entry, read_texts
from plait.engines.nats.engine import NatsEngine, connect
from plait.engines.nats.loglet import NatsLoglet
from plait.engines.nats.settings import stream_config
from plait.engines.shared import Known
from plait.engines.sharing import connect as connect_by_url
from plait.host.clock import SystemClock
from plait.line.entry import Entry
from plait.line.loglet import Origin


async def opened(cluster: Cluster, namespace: str = "tests") -> NatsEngine:
    return await connect(cluster.url, namespace, SystemClock(), random.Random())


@pytest.fixture
async def engine(nats_cluster: Cluster) -> AsyncIterator[NatsEngine]:  # noqa: F811
    found = await opened(nats_cluster)
    yield found
    await found.close()


def fresh(test: str) -> str:
    return f"{test} {random.Random().getrandbits(32)}"


async def test_several_who_open_a_new_log_at_once_open_one(
    nats_cluster: Cluster,  # noqa: F811
) -> None:
    engines = [await opened(nats_cluster) for _ in range(3)]
    for number in range(5):
        name = fresh(f"race {number}")
        loglets = await asyncio.gather(*(engine.open(name) for engine in engines))
        assert {await loglet.append(entry("e")) for loglet in loglets} == {0, 1, 2}
    for engine in engines:
        await engine.close()


# ----------------------------------------------------------------------------- names, addresses


async def test_two_namespaces_never_mix(nats_cluster: Cluster) -> None:  # noqa: F811
    names = [("a", "b-c"), ("a-b", "c"), ("a", "b.c"), ("a.b", "c"), ("a", "B-c")]
    engines = [await opened(nats_cluster, namespace) for namespace, _ in names]
    loglets = [await each.open(name) for each, (_, name) in zip(engines, names, strict=True)]
    for number, loglet in enumerate(loglets):
        assert await loglet.append(entry(f"e{number}")) == 0
        register = await engines[number].register("r")
        expected = 0 if number not in (2, 4) else 1  # namespace "a" again
        assert (await register.get())[0] == expected
        if not expected:
            await register.compare_and_set(0, b"%d" % number)
    for number, loglet in enumerate(loglets):
        assert await read_texts(loglet, 0, 1) == {0: f"e{number}"}
    for each in engines:
        await each.close()


async def test_it_is_found_by_its_url(nats_cluster: Cluster) -> None:  # noqa: F811
    url = nats_cluster.url.replace("//", "//somebody:secret@")
    engine = await connect_by_url(url, "tests", SystemClock(), random.Random())
    assert engine.url == nats_cluster.url
    assert "secret" not in repr(engine)
    assert engine.entry_bytes_max > MAX_PAYLOAD - 1000
    await engine.close()


async def test_a_loglet_that_began_elsewhere_is_refused(engine: NatsEngine) -> None:
    name = fresh("origin")
    await engine.open(name, Origin(5, 1, 9))
    with pytest.raises(BadSettings, match="began at"):
        await engine.open(name, Origin(6, 1, 9))


async def test_closing_the_engine_closes_its_loglets(
    nats_cluster: Cluster,  # noqa: F811
) -> None:
    engine = await opened(nats_cluster)
    loglet = await engine.open(fresh("close"))
    await engine.close()
    with pytest.raises(Closed):
        await loglet.check_tail()


# ----------------------------------------------------------------------------- settings

WRONG = {
    "max_age": 3600 * 10**9,
    "max_msgs": 1000,
    "max_bytes": 1 << 20,
    "max_msg_size": 1 << 16,
    "max_msgs_per_subject": 1,
    "storage": "memory",
    "num_replicas": 1,
    "discard": "old",
    "deny_delete": False,
    "deny_purge": True,
    "retention": "interest",
    "allow_rollup_hdrs": True,
    "allow_msg_ttl": True,
    "allow_direct": False,
    "no_ack": True,
    "sources": [{"name": "ready"}],
    "subjects": ["plait.tests.log.wrong.*"],
}


@pytest.mark.parametrize("field", WRONG)
async def test_a_stream_that_could_lose_something_is_refused(
    engine: NatsEngine, field: str
) -> None:
    name = fresh(field)
    stream = engine._names.log(name)
    config = stream_config(stream, engine._names.log_subject(name, "0"))
    config["metadata"] = {"plait.origin": "0,0,0", "plait.incarnation": "0"}
    await engine._connection.api(f"STREAM.CREATE.{stream}", config | {field: WRONG[field]})
    with pytest.raises(BadSettings, match=f"{field} is .*remedy: ") as caught:
        await engine.open(name)
    assert stream in str(caught.value)
    await engine._connection.api(f"STREAM.DELETE.{stream}")


async def test_streams_that_were_changed_behind_our_back_are_found(
    nats_cluster: Cluster,  # noqa: F811
) -> None:
    engine = await opened(nats_cluster, "changed")
    await engine.open("x")
    for stream, change in (
        (engine._names.log("x"), {"max_msgs": 10}),
        (engine._names.registers, {"max_age": 10**12}),
    ):
        info = await engine._connection.api(f"STREAM.INFO.{stream}")
        await engine._connection.api(f"STREAM.UPDATE.{stream}", info["config"] | change)
    grave = [each for each in await engine.examine() if each.severity == "refuse"]
    assert [each.what.split(" is ")[0] for each in grave] == [
        "stream plait-changed-log-x: max_msgs",
        "stream plait-changed-registers: max_age",
    ]
    assert all(each.remedy for each in grave)
    await engine.close()


async def test_subjects_that_another_stream_takes_are_named(
    nats_cluster: Cluster,  # noqa: F811
) -> None:
    engine = await opened(nats_cluster, "overlap")
    config = {"name": "foreign", "subjects": ["plait.overlap.>"], "num_replicas": 1}
    await engine._connection.api("STREAM.CREATE.foreign", config)
    with pytest.raises(BadSettings, match="subjects"):
        await engine.open("x")
    await engine._connection.api("STREAM.DELETE.foreign")
    await engine.close()


async def test_a_stream_of_somebody_else_is_refused(engine: NatsEngine) -> None:
    name = fresh("foreign")
    stream = engine._names.log(name)
    config = stream_config(stream, engine._names.log_subject(name, "0"))
    await engine._connection.api(f"STREAM.CREATE.{stream}", config)
    for attempt in (engine.open, engine.drop):
        with pytest.raises(BadSettings, match="not made by Plait"):
            await attempt(name)
    await engine._connection.api(f"STREAM.DELETE.{stream}")


async def test_what_cannot_be_seen_is_said(nats_cluster: Cluster) -> None:  # noqa: F811
    engine = await opened(nats_cluster, "examined")
    await engine.open("x")
    (found,) = await engine.examine()
    await engine.close()
    assert found.severity == "warn"
    assert "cannot be seen" in found.what
    assert "sync_interval: always" in found.remedy


def test_a_single_server_does_with_a_warning() -> None:
    async def on_one(cluster: Cluster) -> None:
        engine = await opened(cluster)
        loglet = await engine.open("x")
        assert await loglet.append(entry("a")) == 0
        found = await engine.examine()
        assert any("num_replicas is 1" in each.what for each in found)
        assert {each.severity for each in found} == {"warn"}
        await engine.close()

    with running(nodes=1) as cluster:
        asyncio.run(on_one(cluster))


async def test_an_entry_that_is_too_large_is_refused_before_it_is_sent(engine: NatsEngine) -> None:
    loglet = await engine.open(fresh("large"))
    with pytest.raises(BadValue, match="max_payload"):
        await loglet.append(Entry(bytes(engine.entry_bytes_max + 1)))
    assert await loglet.append(Entry(bytes(engine.entry_bytes_max))) == 0


# ----------------------------------------------------------------------------- damage


async def expect_corrupt(loglet: NatsLoglet, sequence: int) -> None:
    with pytest.raises(Corrupt) as caught:
        async with asyncio.timeout(30):
            await loglet.wait(100)
    assert caught.value.details["sequence"] == sequence
    with pytest.raises(Corrupt):
        await loglet.append(entry("x"))


@pytest.mark.parametrize("seed", range(6))
async def test_a_foreign_message_is_an_error_that_names_it(engine: NatsEngine, seed: int) -> None:
    loglet = await engine.open(fresh("noise"))
    await append_all(loglet, ["a", "b"])
    chance = random.Random(seed)
    noise = chance.randbytes(chance.choice([0, 3, 40, 60, 5000]))
    assert (await engine._connection.ask(loglet._stream.subject, noise))["seq"] == 3
    await expect_corrupt(loglet, 3)


async def test_messages_that_somebody_removed_are_missed_loudly(engine: NatsEngine) -> None:
    name = fresh("purged")
    loglet = await engine.open(name)
    await append_all(loglet, ["a", "b", "c"])
    await engine._connection.api(f"STREAM.PURGE.{loglet._stream.name}", {"seq": 3})
    await expect_corrupt(await engine.open(name), 1)


async def test_a_stream_that_is_shorter_than_it_was_is_noticed(engine: NatsEngine) -> None:
    name = fresh("shorter")
    await append_all(await engine.open(name), ["a", "b"])
    believing = await engine.open(name, known=Known(5, 5))  # it read five before, somewhere
    with pytest.raises(Corrupt, match="lost entries"):
        await believing.append(entry("c"))


async def test_a_log_that_is_dropped_is_gone_for_whoever_has_it_open(engine: NatsEngine) -> None:
    name = fresh("dropped")
    loglet = await engine.open(name)
    await append_all(loglet, ["a", "b"])
    await loglet.trim(1)
    await engine.drop(name)
    again = await engine.open(name)
    assert again.head == 0
    assert await again.append(entry("new")) == 0
    with pytest.raises(NoSuchCollection):
        async with asyncio.timeout(10):
            await loglet.wait(100)


# ----------------------------------------------------------------------------- trimming


async def test_a_trim_is_known_to_the_others_when_they_need_it(
    nats_cluster: Cluster,  # noqa: F811
    engine: NatsEngine,
) -> None:
    other = await opened(nats_cluster)
    name = fresh("trims")
    mine, theirs = await engine.open(name), await other.open(name)
    positions = await append_all(mine, [f"e{i}" for i in range(20)])
    await theirs.wait(positions[-1])
    theirs._recent.trim(20)  # it has nothing in memory any more
    await mine.trim(15)
    with pytest.raises(HistoryTrimmed) as caught:
        await theirs.read(3, 20)
    assert caught.value.details["head"] == theirs.head == 15
    assert await theirs.read(15, 20) == await mine.read(15, 20)
    await other.close()


async def test_whoever_is_behind_a_trim_goes_on_at_the_head(
    nats_cluster: Cluster,  # noqa: F811
    engine: NatsEngine,
) -> None:
    other = await opened(nats_cluster)
    name = fresh("behind")
    mine, theirs = await engine.open(name), await other.open(name)
    theirs._prefix.take, take = lambda sequence, data: None, theirs._prefix.take  # it stands still
    await append_all(mine, [f"e{i}" for i in range(20)])
    await mine.trim(15)
    theirs._prefix.take = take
    await mine.append(entry("more"))
    assert (await theirs.wait(20)).position == 21
    assert theirs.head == 15
    assert await theirs.read(15, 21) == await mine.read(15, 21)
    await other.close()


async def test_a_crash_between_head_and_removal_is_harmless(engine: NatsEngine) -> None:
    name = fresh("crash")
    loglet = await engine.open(name)
    await append_all(loglet, [f"e{i}" for i in range(10)])
    loglet._purge = asyncio.Event().wait  # type: ignore[method-assign,assignment]
    trimming = asyncio.ensure_future(loglet.trim(6))
    while loglet.head < 6:
        await asyncio.sleep(0.01)
    trimming.cancel()
    again = await engine.open(name)
    assert again.head == 6
    with pytest.raises(HistoryTrimmed):
        await again.read(5, 10)
    await again.wait(9)
    assert await again.read(6, 10) == await loglet.read(6, 10)


# ----------------------------------------------------------------------------- registers


async def test_a_register_changes_by_compare_and_set_only(engine: NatsEngine) -> None:
    name = fresh("register")
    first, second = await engine.register(name), await engine.register(name)
    assert await first.get() == (0, b"")
    assert await first.compare_and_set(0, b"a") == 1
    with pytest.raises(Conflict):
        await second.compare_and_set(0, b"b")
    assert await second.get() == (1, b"a")
    assert await second.compare_and_set(1, b"b") == 2
    assert await first.get() == (2, b"b")


async def test_of_many_writers_of_a_register_one_wins_each_version(engine: NatsEngine) -> None:
    register = await engine.register(fresh("race"))
    won: list[int] = []

    async def write(number: int) -> None:
        while len(won) < 20:
            version, _ = await register.get()
            with suppress(Conflict):
                won.append(await register.compare_and_set(version, b"%d" % number))

    await asyncio.gather(*(write(number) for number in range(4)))
    assert sorted(won) == list(range(1, len(won) + 1))
