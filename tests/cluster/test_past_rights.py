"""Who may read what of the past: no more than today, whatever was granted then."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from guarded import World, guarded, refused

from plait import Consensus, Eventual
from plait.base.errors import NoSuchCollection, NotAllowed, PlaitError


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with guarded(tmp_path) as world:
        yield world


async def test_a_prefix_of_today_is_all_that_is_read_of_the_past(world: World) -> None:
    await world.user("ann", "orders:read")
    await world.user("ann", "orders/eu-:read")
    async with world.store("ann") as store, store.at("latest") as past:
        orders = await past.table("orders")
        assert await orders.get("eu-1") == "tea"
        assert [key async for key, _ in orders.scan(prefix="eu-")] == ["eu-1"]
        await refused(orders.get("us-1"), "read", "orders")
        await refused(orders.count(), "read", "orders")
        assert [info.name for info in await past.tables()] == ["orders"]


async def test_a_table_made_anew_under_its_name_does_not_open_the_one_before(world: World) -> None:
    await world.user("ann", "orders:read", "notes:read,write")
    async with world.store("root") as root:
        await root.documents("notes", settings=Eventual())
        before = (await (await root.table("orders")).put("eu-2", "secret")).position + 1
        async with world.store("ann") as store, store.at(f"consensus:{before}") as past:
            orders = await past.table("orders")
            assert await orders.get("eu-2") == "secret"
            await root.drop_table("orders")
            await root.drop_documents("notes")
            await refused(orders.get("eu-2"), "admin", "@cluster")
            await (await root.table("orders", Consensus())).put("new", 1)
            await root.documents("notes", settings=Eventual())
            await refused(orders.get("eu-2"), "admin", "@cluster")
            await refused(orders.count(), "admin", "@cluster")
            await refused(past.documents("notes", create=False), "admin", "@cluster")
        async with root.at(f"consensus:{before}") as past:
            assert await (await past.table("orders")).get("eu-2") == "secret"
        async with world.store("ann") as store, store.at("latest") as past:
            assert await (await past.table("orders")).get("new") == 1


async def test_a_token_that_is_revoked_ends_reading_the_past_at_once(world: World) -> None:
    await world.user("ann", "orders:read")
    await world.user("idle", "orders:write")
    async with world.store("idle") as store:
        with pytest.raises(NotAllowed):
            async with store.at("latest"):
                pass
    async with world.store("ann") as store, store.at("latest") as past:
        orders = await past.table("orders")
        assert await orders.get("eu-1") == "tea"
        async with world.store("root") as root:
            tokens = (await root.rights.show())["tokens"]
            (token,) = [one["token"] for one in tokens if one["user"] == "ann"]
            await root.rights.revoke_token(token)
        with pytest.raises(PlaitError):
            await orders.get("eu-1")


async def test_what_is_told_of_a_past_names_nothing_that_may_not_be_seen(world: World) -> None:
    await world.user("ann", "orders:read")
    node = next(iter(world.members.nodes.values()))
    assert list(await node.pasts.offer("latest")) == ["past"]
    async with world.store("ann") as store:
        with pytest.raises(NoSuchCollection) as caught:
            async with store.at("nowhere:3"):
                pass
        assert "there are" not in caught.value.message
