"""Groups under fail-over: consumers freeze, others take over, the leader dies; done once."""

import asyncio
import random
from pathlib import Path

import pytest
from nodes import Nodes

import plait
from plait import Consensus
from plait.base.errors import Conflict, Fenced, PlaitError

AMOUNTS = 400
SUM = "/sum"


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_change_is_counted_once_whoever_freezes_or_dies(tmp_path: Path) -> None:
    chance = random.Random(11)
    nodes = Nodes(tmp_path, 3)
    fenced: list[str] = []
    epochs: set[int] = set()
    try:
        nodes.start()
        async with plait.connect(nodes.url) as store:
            amounts = await store.table("amounts", Consensus())

            async def write() -> None:
                for number in range(AMOUNTS):
                    await amounts.put(f"a{number % 7}", number)
                    await asyncio.sleep(0.01)

            async def consume(name: str) -> None:
                """Counts for a while, then says nothing for longer than others wait for it."""
                async with plait.connect(nodes.url) as own:
                    table = await own.table("amounts")
                    while True:
                        try:
                            async with table.consumer(
                                "sum", "0.0", owner=name, takeover_s=0.6
                            ) as consumer:
                                epochs.add(consumer.epoch)
                                await count(consumer, chance.randint(5, 60))
                        except Fenced:
                            fenced.append(name)
                        except PlaitError:
                            await asyncio.sleep(0.1)

            async def count(consumer: plait.Consumer, freezes_after: int) -> None:
                async for batch in consumer:
                    freezes_after -= 1
                    if not freezes_after:
                        assert consumer._beating is not None
                        consumer._beating.cancel()
                        await asyncio.sleep(1.5)
                    async with consumer.transaction(batch) as t:
                        done = await t.get(SUM, {"count": 0, "sum": 0})
                        t[SUM] = {
                            "count": done["count"] + len(batch.changes),
                            "sum": done["sum"] + sum(change.value for change in batch.changes),
                        }

            consumers = [asyncio.create_task(consume(name)) for name in ("one", "two")]
            writing = asyncio.create_task(write())
            await asyncio.sleep(2.0)
            nodes.kill("n1")
            await asyncio.sleep(2.0)
            nodes.start("n1")
            await writing
            async with asyncio.timeout(90):
                feeds = await store.table("amounts.feeds")
                while ((await feeds.get(SUM)) or {"count": 0})["count"] < AMOUNTS:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1.0)  # whoever would count twice has had the time
            for task in consumers:
                task.cancel()
            for outcome in await asyncio.gather(*consumers, return_exceptions=True):
                assert isinstance(outcome, asyncio.CancelledError | Conflict), outcome
            assert await feeds.get(SUM) == {"count": AMOUNTS, "sum": sum(range(AMOUNTS))}
            assert fenced
            assert len(epochs) > 2
    finally:
        nodes.close()
