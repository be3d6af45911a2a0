"""A subject of a real NATS server holds each transaction once, in order, whoever dies."""

import asyncio
import json

import nats
import pytest
from nats_servers import nats_cluster  # noqa: F401

import plait
from plait import Leader
from plait.base.errors import BadSettings, Fenced
from plait.sinks import deliver, mark_of, open_sink

pytestmark = pytest.mark.timeout(120)


class Crash(Exception):
    """Dies behind a message, before anybody has heard of it."""


@pytest.fixture
async def bus(nats_cluster):  # noqa: F811
    """A client, and a subject in a stream that forgets ids at once."""
    client = await nats.connect(f"nats://127.0.0.1:{nats_cluster.ports[0]}")
    stream = client.jetstream(timeout=10)
    await stream.add_stream(name="feeds", subjects=["feeds.>"], duplicate_window=0.1)
    yield nats_cluster.url, client
    await stream.delete_stream("feeds")
    await client.close()


async def messages(client, subject):
    stream = client.jetstream(timeout=10)
    found = await stream.subscribe(subject, ordered_consumer=True)
    texts = []
    while True:
        try:
            message = await found.next_msg(timeout=1)
        except TimeoutError:
            await found.unsubscribe()
            return texts
        texts.append((json.loads(message.data), message.headers))


async def orders(store, count=6):
    table = await store.table("orders", Leader())
    async with table.transaction() as t:
        t["a"], t["b"] = 1, 2
    for n in range(count - 1):
        await table.put("c", n)
    return table


async def run(table, sink, limit):
    return await asyncio.wait_for(deliver(table, "bus", sink, "0.0", limit=limit), 60)


async def test_a_subject_has_each_transaction_once_however_often_delivery_dies(bus, tmp_path):
    url, client = bus
    async with plait.open(tmp_path) as store:
        table = await orders(store)
        for _ in range(5):
            sink = open_sink(f"{url}/feeds.orders", "orders", "bus")
            sink.most = 3
            publish, left = sink._publish, [2]

            async def dies(batch, publish=publish, left=left):
                await publish(batch)
                left[0] -= 1
                if not left[0]:
                    raise Crash

            sink._publish = dies
            try:
                await run(table, sink, 7)
                break
            except Crash:
                await asyncio.sleep(0.3)  # the server forgets ids meanwhile
                if len(await messages(client, "feeds.orders")) == 6:
                    break
        found = await messages(client, "feeds.orders")
        cursors = [message["cursor"] for message, _ in found]
        assert len(cursors) == len(set(cursors)) == 6
        assert cursors == sorted(cursors, key=lambda c: tuple(map(int, c.split("."))))
        assert [change["key"] for change in found[0][0]["changes"]] == ["a", "b"]
        version = found[0][0]["version"]
        assert found[0][1]["Nats-Msg-Id"] == f"orders/bus/{cursors[0]}/{version}"


async def test_an_answer_that_was_lost_makes_no_second_message(bus, tmp_path):
    url, client = bus
    async with plait.open(tmp_path) as store:
        table = await orders(store, 2)
        batches = table.watch("0.0").batches()
        first, second = await anext(batches), await anext(batches)
        sink = open_sink(f"{url}/feeds.lost", "orders", "bus")
        assert await sink.open("0.0") is None
        await sink.write([first])
        sink._sequence = 0  # as it was before the answer
        await asyncio.sleep(0.3)
        await sink.write([first, second])
        await sink.close()
        again = open_sink(f"{url}/feeds.lost", "orders", "bus")
        assert await again.open("0.0") == mark_of(second)
        await again.close()
        assert len(await messages(client, "feeds.lost")) == 2


async def test_who_was_taken_over_puts_nothing_between(bus, tmp_path):
    url, client = bus
    async with plait.open(tmp_path) as store:
        table = await orders(store, 3)
        batches = [batch async for batch in take(table, 3)]
        old, new = (open_sink(f"{url}/feeds.two", "orders", "bus") for _ in range(2))
        await old.open("0.0")
        await old.write(batches[:1])
        await new.open("0.0")
        await new.write(batches[1:2])
        with pytest.raises(Fenced):
            await old.write(batches[2:])
        await new.write(batches[2:])
        for sink in (old, new):
            await sink.close()
        assert len(await messages(client, "feeds.two")) == 3


async def take(table, count):
    batches = table.watch("0.0").batches()
    for _ in range(count):
        yield await anext(batches)


async def test_what_cannot_be_a_feed_is_refused(bus, tmp_path):
    url, client = bus
    async with plait.open(tmp_path) as store:
        table = await orders(store, 1)
        with pytest.raises(BadSettings, match="no JetStream stream takes 'elsewhere'"):
            await run(table, open_sink(f"{url}/elsewhere", "orders", "bus"), 1)
        await client.jetstream().publish("feeds.taken", b"hello")
        with pytest.raises(BadSettings, match="holds something else"):
            await run(table, open_sink(f"{url}/feeds.taken", "orders", "bus"), 1)
        await run(table, open_sink(f"{url}/feeds.orders2", "orders", "bus"), 1)
        with pytest.raises(BadSettings, match="the feed of table 'orders'"):
            await open_sink(f"{url}/feeds.orders2", "films", "bus").open("0.0")
