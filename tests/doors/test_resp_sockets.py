"""The Redis door over raw sockets: damaged bytes, limits, large values, and clients that go."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio as redis

from plait.doors.resp.commands import TABLE
from plait.doors.resp.settings import RespSettings
from tests.doors.redis_server import door


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    settings = RespSettings(prefixes={"e:": 2, "c:": 1}, clients_max=50)
    async with door(tmp_path, settings) as bound:
        yield bound


def wire(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


async def said(port: int, data: bytes, patience_s: float = 0.2) -> bytes:
    """What the door says to these bytes before it is silent, or hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    found = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        while chunk := await asyncio.wait_for(reader.read(65_536), patience_s):
            found += chunk
    writer.close()
    return found


async def test_damaged_bytes_end_a_connection_and_nothing_else(port: int) -> None:
    chance = random.Random(7)
    names = sorted(name for name in TABLE if name.isupper())
    async with redis.Redis(port=port) as healthy:
        for turn in range(150):
            data = bytearray()
            for _ in range(chance.randint(1, 6)):
                words = [
                    chance.randbytes(chance.randint(0, 8)) for _ in range(chance.randint(0, 4))
                ]
                data += wire(chance.choice(names), *words)
            for _ in range(chance.randint(0, 3)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            await said(port, bytes(data), 0.01)
            if turn % 30 == 0:
                await healthy.set("k", turn)
                assert await healthy.get("k") == str(turn).encode()


async def test_what_is_no_request_is_told_and_hung_up_on(port: int) -> None:
    assert await said(port, wire(b"PING") + b"*1\r\n:5\r\n" + wire(b"PING")) == (
        b"+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n"
    )
    assert b"invalid bulk length" in await said(port, b"*1\r\n$999999999\r\n")


async def test_large_values_come_and_go(port: int) -> None:
    value = random.Random(1).randbytes(3 << 20)
    async with redis.Redis(port=port) as client:
        await client.set("big", value)
        assert await client.get("big") == value
        assert await client.mget("big", "big") == [value, value]
        async with client.pipeline(transaction=False) as pipe:  # behind a write, read all the same
            replies = await pipe.set("a", 1).get("big").get("a").get("big").execute()
        assert replies == [True, value, b"1", value]
        with pytest.raises(redis.ResponseError, match="too long"):
            await client.getdel("big")
        assert await client.strlen("big") == len(value)
        assert await client.unlink("big") == 1


async def test_there_is_room_for_so_many_clients_and_no_more(port: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(50):
            client = await stack.enter_async_context(redis.Redis(port=port))
            await client.ping()
        assert await said(port, b"") == b"-ERR max number of clients reached\r\n"
    await asyncio.sleep(0.1)
    assert await said(port, wire(b"PING")) == b"+PONG\r\n"


async def test_prefixes_lead_to_other_databases(port: int) -> None:
    async with redis.Redis(port=port) as client:
        await client.set("e:k", 1)
        await client.set("k", 2)
        assert await client.get("e:k") == b"1"
        assert await client.keys("*") == [b"k"]
        with pytest.raises(redis.ResponseError, match="several databases"):
            await client.mget("k", "e:k")
        with pytest.raises(redis.ResponseError, match="not possible on an eventual"):
            await client.lpop("e:l")
        async with client.pipeline() as pipe:
            assert await pipe.set("c:a", 1).incr("c:a").execute() == [True, 2]
        async with client.pipeline() as pipe:
            with pytest.raises(redis.ResponseError, match="several databases"):
                await pipe.set("c:a", 1).set("a", 1).execute()
    async with redis.Redis(port=port, db=2) as client:
        assert await client.get("e:k") == b"1"


async def test_many_commands_in_one_piece_are_answered_in_order(port: int) -> None:
    data = b"".join(
        wire(b"SET", b"k", b"%d" % n) + wire(b"GET", b"k") + wire(b"PING") for n in range(3000)
    )
    wanted = b"".join(b"+OK\r\n$%d\r\n%d\r\n+PONG\r\n" % (len(str(n)), n) for n in range(3000))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    assert await reader.readexactly(len(wanted)) == wanted
    writer.close()


async def test_a_database_survives_a_restart(tmp_path: Path) -> None:
    async with door(tmp_path) as port, redis.Redis(port=port) as client:
        await client.set("s", b"\x00\xff", ex=1000)
        await client.hset("h", "f", "v")
        await client.sadd("set", "b", "a")
        await client.rpush("l", 1, 2)
        await client.zadd("z", {"m": float("inf"), "n": 0.5})
        await client.incr("n")
    async with door(tmp_path) as port, redis.Redis(port=port) as client:
        assert await client.get("s") == b"\x00\xff"
        assert await client.ttl("s") > 900
        assert await client.hgetall("h") == {b"f": b"v"}
        assert await client.smembers("set") == {b"a", b"b"}
        assert await client.lrange("l", 0, -1) == [b"1", b"2"]
        assert await client.zscore("z", "m") == float("inf")
        assert await client.incr("n") == 2
