"""Rights at the doors beside the wide ones: dropped tables, groups of feeds, names of two kinds."""

import asyncio

import pytest
from guarded import Ledger, guarded

import plait
from plait import Consensus
from plait.api.dropped import DroppedTable
from plait.base.errors import NoSuchCollection, NotAllowed, PlaitError
from plait.node.machines import MachineRoom
from plait.types.machines import describe


@pytest.fixture
async def world(tmp_path):
    async with guarded(tmp_path) as world:
        yield world


async def test_an_administrator_reads_a_dropped_table_and_nobody_else_does(world) -> None:
    await world.user("ann", "*:read,write,admin")
    async with world.store("root") as root, world.store("ann") as ann:
        orders = await ann.table("orders")
        assert await orders.get("eu-1") == "tea"
        await root.drop_table("orders")
        dropped = await root.dropped_table("orders")
        assert await dropped.count() == 0  # this node is not late
        assert [key async for key, _ in dropped.scan()] == []
        with pytest.raises(NotAllowed):
            await ann.dropped_table("orders")
    async with world.store("ann") as ann:
        with pytest.raises(NoSuchCollection):
            await DroppedTable(ann._context, dropped.info).count()


async def test_a_write_to_a_dropped_table_does_not_stop_those_beside_it(world) -> None:
    await world.user("ann", "*:read,write")
    async with world.store("root") as root, world.store("ann") as ann:
        await root.table("old", Consensus())
        orders, old = await ann.table("orders"), await ann.table("old")
        await orders.put("eu-1", 0)
        await root.drop_table("old")
        done = await asyncio.gather(
            *((old if i == 7 else orders).put(f"eu-{i}", i) for i in range(20)),
            return_exceptions=True,
        )
        assert isinstance(done[7], NoSuchCollection)
        assert "there is no table 'old' any more" in str(done[7])
        assert not [one for one in done[:7] + done[8:] if isinstance(one, PlaitError)]


async def test_what_is_made_is_asked_for_by_its_kind_too(world) -> None:
    await world.user("ann", "ledger:read", "orders:read,write")
    await MachineRoom(world.members.nodes["n1"]).register(describe(Ledger))
    async with world.store("root") as root, world.store("ann") as ann:
        await root.machine("ledger", Ledger, Consensus())
        for making in (
            ann.table("ledger", Consensus()),
            ann.machine("orders", Ledger, Consensus()),
        ):
            with pytest.raises(NotAllowed, match="lacks admin"):
                await making
        assert [info.name for info in await root.tables()] == ["orders", "prices"]


async def test_who_may_only_write_learns_no_value_by_comparing(world) -> None:
    await world.user("ann", "orders/eu-:write")
    async with world.store("ann") as store:
        orders = await store.table("orders")
        await orders.cas("eu-2", plait.ABSENT, 1)  # which tells of no value
        for guess in ("tea", "milk"):
            with pytest.raises(NotAllowed, match="lacks read on orders"):
                await orders.cas("eu-1", guess, guess)


async def test_a_consumer_needs_to_read_the_table_and_to_keep_its_place(world) -> None:
    await world.user("ann", "prices:read", "prices.feeds:read,write")
    async with world.store("root") as root, world.store("ann") as ann:
        prices, theirs = await root.table("prices"), await ann.table("prices")
        with pytest.raises(NotAllowed, match=r"lacks admin on prices\.feeds"):
            async with theirs.consumer("index"):
                pass  # nobody has made it yet
        async with prices.consumer("other"):
            pass
        async with asyncio.timeout(20), theirs.consumer("index") as consumer:
            await prices.put("a", 1)
            await consumer.commit(await anext(aiter(consumer)))
