"""The position of a group only moves forward, and nothing that was done with it is done again."""

import asyncio

import pytest

import plait
from plait import Leader
from plait.api.store import Store
from plait.base.errors import BadSettings, Unavailable
from plait.engines import feed
from plait.sinks import deliver, mark_of
from tests.fakes_backend import FakeBackend

SOON = 5.0


@pytest.fixture
async def table():
    return await Store(FakeBackend()).table("t", Leader())


class KeepingSink:
    """Knows what it took last, as a file does."""

    most = 1000

    def __init__(self):
        self.batches = []

    async def open(self, cursor):
        return mark_of(self.batches[-1]) if self.batches else None

    async def write(self, batches):
        self.batches += batches

    async def close(self):
        pass

    @property
    def keys(self):
        return [change.key for batch in self.batches for change in batch.changes]


async def test_a_sign_of_life_that_waited_for_a_slow_transaction_takes_nothing_back(table):
    await table.put("a", 1)
    async with table.consumer("g", "0.0", takeover_s=0.15) as consumer:
        batch = await anext(consumer)
        async with consumer.transaction(batch):
            await asyncio.sleep(0.1)  # longer than until a sign of life is due
        beat = (await table._context.backend.open_table("t.feeds", None)).table
        written = len(table._context.backend.feeds[beat])
        async with asyncio.timeout(SOON):
            while len(table._context.backend.feeds[beat]) < written + 1:
                await asyncio.sleep(0.01)
        assert consumer.cursor == batch.cursor
    async with table.consumer("g") as consumer:
        assert consumer.cursor == batch.cursor


async def test_what_was_done_after_all_though_nobody_heard_is_not_done_again(table, monkeypatch):
    backend = table._context.backend
    await table.put("a", 1)
    async with table.consumer("g", "0.0") as consumer:
        batch = await anext(consumer)
        submit, unheard = backend.submit, asyncio.get_running_loop().create_future()

        def lose(*words):
            submit(*words)
            return unheard

        monkeypatch.setattr(backend, "submit", lose)
        unheard.set_exception(Unavailable("no answer"))
        with pytest.raises(Unavailable):
            async with consumer.transaction(batch) as t:
                t["/sum"] = await t.get("/sum", 0) + 1
        monkeypatch.undo()
        with pytest.raises(BadSettings, match="is done already"):
            async with consumer.transaction(batch) as t:
                t["/sum"] = await t.get("/sum", 0) + 1
        assert consumer.cursor == batch.cursor
        assert await (await Store(backend).table("t.feeds")).get("/sum") == 1


async def test_a_position_does_not_go_back_to_a_batch_that_comes_late(table):
    for key in "ab":
        await table.put(key, 1)
    async with table.consumer("g", "0.0") as consumer:
        early, late = await consumer.take()
        async with consumer.transaction(late):
            pass
        with pytest.raises(BadSettings):
            async with consumer.transaction(early):
                pass
        assert consumer.cursor == late.cursor


async def test_a_sink_goes_on_after_its_group_has_passed_over_what_is_not_for_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(feed, "PASSED_BYTES", 100)
    async with plait.open(tmp_path) as store:
        quiet = await store.table("quiet", Leader())
        busy = await store.table("busy", Leader())
        sink = KeepingSink()
        await quiet.put("a", 1)
        assert await deliver(quiet, "g", sink, "0.0", limit=1) == 1
        delivering = asyncio.create_task(deliver(quiet, "g", sink, takeover_s=0.15))
        for n in range(50):
            await busy.put("k", "x" * 50 + str(n))
        position = (await busy.put("k", "last")).position
        async with asyncio.timeout(SOON):
            while True:
                row = await (await store.table("quiet.feeds")).get("g")
                if int(row["cursor"].split(".")[0]) > position - 5:
                    break
                await asyncio.sleep(0.02)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        await quiet.put("b", 1)
        async with asyncio.timeout(SOON):
            assert await deliver(quiet, "g", sink, limit=1) == 1
        assert sink.keys == ["a", "b"]
