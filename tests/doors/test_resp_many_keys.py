"""What comes in one pass for many keys of an eventual database: one change, each in its place."""

import asyncio
from pathlib import Path

import pytest
import redis.asyncio as redis
from redis.exceptions import ResponseError

import plait
from plait.doors.people import Everybody
from plait.doors.resp.door import listen
from plait.doors.resp.redis_key import RedisKey
from tests.doors.redis_server import door

KEYS = 1500


async def test_an_error_amid_many_keys_is_its_own(tmp_path: Path) -> None:
    async with door(tmp_path) as port, redis.Redis(port=port, db=2) as client:
        await client.sadd("kind", "other")
        pipe = client.pipeline(transaction=False)
        for number in range(KEYS):
            pipe.set(f"k{number}", number)
            if number == 700:
                pipe.incr("kind")
                pipe.set("k" * 5000, "too long a key")
                pipe.execute_command("SET", "k5")
        replies = await pipe.execute(raise_on_error=False)
        wrong = [str(one) for one in replies if one is not True]
        assert len(replies) == KEYS + 3
        assert [one.split()[0] for one in wrong] == ["WRONGTYPE", "BadKey:", "wrong"], wrong
        assert await client.mget("k0", "k700", "k1499") == [b"0", b"700", b"1499"]
        assert await client.dbsize() == KEYS + 1
        assert await client.smembers("kind") == {b"other"}


async def test_a_watcher_sees_each_of_many_keys_and_a_transaction_at_once(tmp_path: Path) -> None:
    async with plait.open(tmp_path) as store, listen(Everybody(store), "127.0.0.1", 0) as port:
        documents = await store.documents("redis-2", RedisKey)
        async with redis.Redis(port=port, db=2) as client, documents.watch() as watch:
            await client.mset({f"k{number}": number for number in range(100)})
            seen = [change.key for change in await asyncio.wait_for(watch.batch(), 5)]
            assert sorted(seen) == sorted(f"k{number}" for number in range(100))
            pipe = client.pipeline(transaction=True)
            for number in range(50):
                pipe.set(f"k{number}", "new")
            pipe.sadd("set", "member")
            pipe.incr("k99")
            await pipe.execute()
            batch = await asyncio.wait_for(watch.batch(), 5)
            assert len({change.key for change in batch}) == 52
            pipe = client.pipeline(transaction=True)
            pipe.set("a", 1)
            pipe.set("k" * 5000, 2)
            with pytest.raises(ResponseError, match="4096"):
                await pipe.execute()
            assert await client.get("a") is None


async def test_many_keys_of_all_kinds_read_the_same_after_a_restart(tmp_path: Path) -> None:
    async with door(tmp_path) as port, redis.Redis(port=port, db=2) as client:
        for turn in range(3):
            pipe = client.pipeline(transaction=False)
            for number in range(300):
                pipe.set(f"s{number}", f"{turn}.{number}")
                pipe.incrby(f"n{number}", number)
                if number % 3 == turn:
                    pipe.set(f"s{number}", turn, ex=1000)
                    pipe.delete(f"s{(number + 1) % 300}")
                    pipe.sadd(f"s{number + 1000}", turn)
                    pipe.set(f"n{number}", 1000)
            await pipe.execute()
        before = {key: await _shown(client, key) for key in await client.keys()}
        assert len(before) > 600
    async with door(tmp_path) as port, redis.Redis(port=port, db=2) as client:
        assert {key: await _shown(client, key) for key in await client.keys()} == before


async def test_what_another_handle_writes_is_seen_between_passes(tmp_path: Path) -> None:
    async with plait.open(tmp_path) as store, listen(Everybody(store), "127.0.0.1", 0) as port:
        documents = await store.documents("redis-2", RedisKey)
        async with redis.Redis(port=port, db=2) as client:
            await client.mset({"a": "1", "b": "2"})
            assert documents["a"].text == b"1"
            assert len(documents) == 2
            await client.set("a", "3")
            assert documents["a"].text == b"3"


async def _shown(client: "redis.Redis", key: bytes) -> object:
    if await client.type(key) == b"set":
        return await client.smembers(key)
    return await client.get(key), (await client.ttl(key)) > 0
