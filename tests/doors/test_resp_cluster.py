"""The Redis door on several nodes: writes go to who leads, eventual databases converge, messages
are heard everywhere, and rights hold."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio as redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

import plait
from plait.cli.doors import _connected, own_store
from plait.doors.people import Known
from plait.doors.resp.door import listen
from plait.doors.resp.machine import RedisDatabase
from plait.doors.resp.redis_key import RedisKey
from plait.node.machines import MachineRoom
from plait.types.machines import describe

sys.path.append(str(Path(__file__).resolve().parent.parent / "cluster"))

from guarded import guarded
from members import Members


@contextlib.asynccontextmanager
async def doors(
    members: Members, *names: str, database: int = 0
) -> AsyncIterator[list["redis.Redis"]]:
    """A door of each node, and a client of each."""
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for name in names or tuple(members.nodes):
            node = members.nodes[name]
            await MachineRoom(node).register(describe(RedisDatabase))
            own = await stack.enter_async_context(own_store(node))

            def connect(token: str, node: object = node) -> object:
                return _connected(node, token)  # type: ignore[arg-type]

            people = Known(own, lambda node=node: node.rights.on, connect)  # type: ignore[arg-type,misc]
            await stack.enter_async_context(people)
            port = await stack.enter_async_context(listen(people, "127.0.0.1", 0))
            clients.append(
                await stack.enter_async_context(redis.Redis(port=port, db=database, protocol=3))
            )
        yield clients


async def until(holds: object, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await holds():  # type: ignore[operator]
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("database", [0, 1])
async def test_any_node_takes_writes_and_reads_see_them(members: Members, database: int) -> None:
    async with doors(members, database=database) as clients:
        for number in range(30):
            writer, reader = clients[number % 3], clients[(number + 1) % 3]
            await writer.set("k", number)
            assert await reader.get("k") == str(number).encode()
        await asyncio.gather(*(client.incr("n") for client in clients * 20))
        assert {await client.get("n") for client in clients} == {b"60"}
        await clients[0].rpush("queue", *range(30))
        taken = await asyncio.gather(*(client.lpop("queue") for client in clients * 10))
        assert sorted(taken, key=int) == [str(number).encode() for number in range(30)]


async def test_messages_are_heard_at_every_node(members: Members) -> None:
    async with doors(members) as clients, clients[2].pubsub() as listener:
        await listener.subscribe("news")
        assert (await listener.get_message(timeout=30))["type"] == "subscribe"
        heard, published = [], 0
        async with asyncio.timeout(30):
            while not (said := await listener.get_message(timeout=0.5)):  # until the watch stands
                assert await clients[0].publish("news", "hello") == 0
                published += 1
        while said:
            heard.append(said["data"])
            if b"here" not in heard:
                assert await clients[2].publish("news", "here") == 1
            said = await listener.get_message(timeout=0.5)
        assert 1 <= heard.count(b"hello") <= published
        assert b"here" in heard


async def test_what_two_nodes_wrote_apart_is_merged(tmp_path: Path) -> None:
    members = Members(tmp_path, 2)
    await members.start()
    try:
        async with doors(members, database=2) as (one, two):
            async with one.pipeline() as pipe:
                pipe.set("n", 10).sadd("s", "a", "b").hset("h", mapping={"x": 1, "n": 5})
                await pipe.rpush("l", "m").zadd("z", {"a": 1}).set("gone", 1).execute()

            async def known() -> bool:
                return bool(await two.exists("gone") and await two.llen("l"))

            await until(known)
        await members.stop("n2")
        async with doors(members, "n1", database=2) as (one,):
            await one.incrby("n", 5), await one.sadd("s", "c"), await one.srem("s", "a")
            await one.hset("h", "y", 2), await one.hincrby("h", "n", 1)
            await one.rpush("l", "right"), await one.zadd("z", {"b": 2}), await one.delete("gone")
        await members.stop("n1")
        await members.start("n2")
        async with doors(members, "n2", database=2) as (two,):
            assert await two.get("n") == b"10"
            await two.decr("n"), await two.sadd("s", "a"), await two.hset("h", "x", 3)
            await two.hincrby("h", "n", 10), await two.lpush("l", "left")
            await two.zadd("z", {"c": 3}), await two.incr("n")
            await members.start("n1")
            async with doors(members, "n1", database=2) as (one,):

                async def state(client: "redis.Redis") -> list[object]:
                    return [
                        await client.get("n"), await client.smembers("s"),
                        await client.hgetall("h"), await client.lrange("l", 0, -1),
                        await client.zrange("z", 0, -1), await client.exists("gone"),
                    ]  # fmt: skip

                wanted = [
                    b"15", {b"a", b"b", b"c"}, {b"x": b"3", b"y": b"2", b"n": b"16"},
                    [b"left", b"m", b"right"], [b"a", b"b", b"c"], 0,
                ]  # fmt: skip

                async def equal() -> bool:
                    return await state(one) == wanted and await state(two) == wanted

                with contextlib.suppress(TimeoutError):
                    await until(equal)
                assert await state(one) == wanted
                assert await state(two) == wanted
    finally:
        await members.close()


async def test_rights_decide_what_a_token_may_do(tmp_path: Path) -> None:
    async with guarded(tmp_path) as world:
        await world.user("ann", "redis-0:read,write", "redis-2:read,write")
        await world.user("eve", "orders:read")
        await MachineRoom(world.members.nodes["n1"]).register(describe(RedisDatabase))
        async with world.store("root") as root:
            await root.machine("redis-0", RedisDatabase, plait.Leader())
            await root.documents("redis-2", RedisKey)
        async with doors(world.members) as (client,):
            port = client.connection_pool.connection_kwargs["port"]
            async with redis.Redis(port=port) as nobody:
                with pytest.raises(AuthenticationError):
                    await nobody.get("k")
            async with redis.Redis(port=port, password=world.tokens["ann"]) as ann:
                await ann.set("k", 1)
                assert await ann.get("k") == b"1"
            async with redis.Redis(port=port, db=2, password=world.tokens["ann"]) as ann:
                assert [await ann.incr("n"), await ann.get("n")] == [1, b"1"]
            async with redis.Redis(port=port, password="nonsense") as guess:
                with pytest.raises((AuthenticationError, ResponseError)):
                    await guess.get("k")
            async with redis.Redis(port=port, username="ann", password=world.tokens["eve"]) as eve:
                with pytest.raises(AuthenticationError, match="not one of ann's"):
                    await eve.get("k")
            async with redis.Redis(port=port, username="eve", password=world.tokens["eve"]) as eve:
                with pytest.raises((NoPermissionError, ResponseError), match="lacks"):
                    await eve.get("k")
