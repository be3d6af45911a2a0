"""redis-py's own idioms against the door, on each kind of database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio as redis
from redis.exceptions import DataError, ResponseError, WatchError

from tests.doors.redis_server import door

DATABASES = {"leader": 0, "consensus": 1, "eventual": 2}


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with door(tmp_path) as bound:
        yield bound


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(params=list(DATABASES))
async def client(
    request: pytest.FixtureRequest, port: int, protocol: int
) -> AsyncIterator["redis.Redis"]:
    database = DATABASES[request.param]
    async with redis.Redis(port=port, db=database, protocol=protocol) as made:
        yield made


async def test_every_kind_of_value_is_kept(client: "redis.Redis") -> None:
    assert await client.set("s", b"\x00\xff")
    assert await client.get("s") == b"\x00\xff"
    assert await client.get(b"\xff\x00") is None
    assert await client.set(b"\xff\x00", "bytes as a key")
    assert await client.get(b"\xff\x00") == b"bytes as a key"
    assert await client.incrby("n", 5) == 5
    assert await client.incr("n") == 6
    assert await client.hset("h", mapping={"a": 1, "b": 2}) == 2
    assert await client.hincrby("h", "a", 4) == 5
    assert await client.hgetall("h") == {b"a": b"5", b"b": b"2"}
    assert await client.sadd("set", "x", "y") == 2
    assert await client.smembers("set") == {b"x", b"y"}
    assert await client.rpush("l", "a", "b", "c") == 3
    assert await client.linsert("l", "BEFORE", "b", "ab") == 4
    assert await client.lrange("l", 0, -1) == [b"a", b"ab", b"b", b"c"]
    assert await client.zadd("z", {"one": 1, "two": 2}) == 2
    scored = await client.zrange("z", 0, -1, withscores=True)
    assert [tuple(pair) for pair in scored] == [(b"one", 1.0), (b"two", 2.0)]
    assert await client.dbsize() == 7
    assert await client.type("z") == b"zset"
    assert sorted([key async for key in client.scan_iter()]) == sorted(
        [b"s", b"\xff\x00", b"n", b"h", b"set", b"l", b"z"]
    )
    assert await client.delete("s", "n", "nothing") == 2
    assert await client.keys("[hl]*") == [b"h", b"l"]
    assert await client.flushdb()
    assert await client.dbsize() == 0


async def test_a_key_expires_and_says_when(client: "redis.Redis") -> None:
    await client.set("k", "v", ex=100)
    assert 99 <= await client.ttl("k") <= 100
    assert await client.persist("k")
    assert await client.ttl("k") == -1
    assert await client.expire("k", 50)
    assert not await client.expire("k", 40, gt=True)
    await client.set("short", "v", px=2000)
    assert await client.get("short") == b"v"
    assert await client.pexpire("short", 1)
    await asyncio.sleep(0.05)
    assert await client.get("short") is None
    assert await client.exists("short") == 0
    assert await client.set("short", "w", nx=True)


async def test_pipelines_come_back_in_order(client: "redis.Redis") -> None:
    async with client.pipeline(transaction=False) as pipe:
        for number in range(500):
            pipe.set(f"k{number % 50}", number)
            pipe.get(f"k{number % 50}")
            pipe.incr("n")
        replies = await pipe.execute()
    assert replies == [
        part for number in range(500) for part in (True, str(number).encode(), number + 1)
    ]


async def test_a_transaction_is_done_as_one(client: "redis.Redis") -> None:
    async with client.pipeline() as pipe:
        replies = await pipe.set("a", 1).incr("a").get("a").lpush("l", "x").execute()
    assert replies == [True, 2, b"2", 1]
    async with client.pipeline() as pipe:
        pipe.set("a", "text").incr("a")
        with pytest.raises(ResponseError, match="not an integer"):
            await pipe.execute()
    assert await client.get("a") == b"text"
    async with client.pipeline() as pipe:
        pipe.set("a", "no").execute_command("NOSUCH")
        with pytest.raises(ResponseError, match=r"unknown command|EXECABORT"):
            await pipe.execute()
    assert await client.get("a") == b"text"


async def test_a_wrong_kind_and_unknown_commands_are_told_as_redis_does(
    client: "redis.Redis",
) -> None:
    await client.set("s", "v")
    with pytest.raises(ResponseError, match="WRONGTYPE Operation against a key"):
        await client.lpush("s", "x")
    with pytest.raises(ResponseError, match="unknown command 'NOSUCH', with args beginning with"):
        await client.execute_command("NOSUCH", "a")
    with pytest.raises(ResponseError, match="wrong number of arguments for 'get' command"):
        await client.execute_command("GET")
    with pytest.raises((ResponseError, DataError), match="not an integer"):
        await client.execute_command("INCRBY", "n", "x")


@pytest.mark.parametrize("database", [0, 1])
async def test_who_watches_is_told_that_somebody_was_faster(port: int, database: int) -> None:
    async with (
        redis.Redis(port=port, db=database) as one,
        redis.Redis(port=port, db=database) as other,
    ):
        await one.set("balance", 10)
        async with one.pipeline() as pipe:
            await pipe.watch("balance")
            before = int(await pipe.get("balance"))
            await other.incr("balance")
            pipe.multi()
            pipe.set("balance", before + 1)
            with pytest.raises(WatchError):
                await pipe.execute()
        assert await one.get("balance") == b"11"

        async def add(pipe: "redis.client.Pipeline") -> None:
            now = int(await pipe.get("balance"))
            pipe.multi()
            pipe.set("balance", now + 1)

        await asyncio.gather(*(one.transaction(add, "balance") for _ in range(10)))
        assert await one.get("balance") == b"21"


async def test_an_eventual_database_refuses_what_needs_one_order(port: int) -> None:
    async with redis.Redis(port=port, db=2) as client:
        await client.rpush("l", "a")
        with pytest.raises(ResponseError, match="LPOP is not possible on an eventual database"):
            await client.lpop("l")
        async with client.pipeline() as pipe:
            with pytest.raises(ResponseError, match="WATCH is not possible on an eventual"):
                await pipe.watch("l")
        async with client.pipeline() as pipe:
            with pytest.raises(ResponseError, match="RPOP is not possible"):
                await pipe.set("a", 1).rpop("l").execute()


async def test_messages_reach_who_listens(port: int, protocol: int) -> None:
    async with redis.Redis(port=port, protocol=protocol) as client:
        async with client.pubsub() as listener:
            await listener.subscribe("news")
            await listener.psubscribe("we*")
            for _ in range(2):
                assert (await listener.get_message(timeout=30))["type"].endswith("subscribe")
            assert await client.publish("news", "one") == 1
            assert await client.publish("weather", "two") == 1
            assert await client.publish("silence", "three") == 0
            first = await listener.get_message(timeout=30)
            second = await listener.get_message(timeout=30)
        assert (first["channel"], first["data"]) == (b"news", b"one")
        assert (second["type"], second["data"]) == ("pmessage", b"two")


async def test_who_waits_for_an_element_gets_it(port: int) -> None:
    async with redis.Redis(port=port) as client:
        waiting = asyncio.create_task(client.blpop(["a", "b"], timeout=30))
        await asyncio.sleep(0.05)
        await client.rpush("b", "x")
        assert await waiting == (b"b", b"x")
        assert await client.blpop("a", timeout=0.05) is None
        await client.zadd("z", {"m": 2})
        assert await client.bzpopmin("z", timeout=1) == (b"z", b"m", 2.0)


async def test_the_server_tells_of_itself(port: int, protocol: int) -> None:
    async with redis.Redis(port=port, protocol=protocol, client_name="me") as client:
        await client.set("a", 1)
        info = await client.info()
        assert info["role"] == "master"
        assert info["db0"]["keys"] == 1
        assert await client.client_getname() in ("me", b"me")
        assert (await client.config_get("databases")) == {"databases": "3"}
        assert "get" in await client.command()
        assert await client.wait(0, 10) == 0
        assert [one["name"] for one in await client.client_list()] == ["me"]
        assert len(await client.time()) == 2
        with pytest.raises(ResponseError, match="DB index is out of range"):
            await client.select(7)


async def test_texts_are_decoded_if_that_is_asked_for(port: int) -> None:
    async with redis.Redis(port=port, decode_responses=True) as client:
        await client.set("grüße", "schön")
        assert await client.get("grüße") == "schön"
        assert await client.hset("h", "f", "v") == 1
        assert await client.hgetall("h") == {"f": "v"}
