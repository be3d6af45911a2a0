"""A cluster with rights on, for tests of them: one node, two tables, and tokens by user."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Consensus, Leader
from plait.base.errors import NotAllowed


class Ledger(plait.StateMachine):
    def __init__(self) -> None:
        self.sum = 0

    @plait.command
    def add(self, amount: int) -> int:
        self.sum += amount
        return self.sum

    @plait.query
    def total(self) -> int:
        return self.sum


class World:
    """A cluster with rights on, and tokens by user."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.tokens: dict[str, str] = {}

    async def begin(self) -> None:
        async with plait.connect(self.members.url) as store:
            rights = store.rights
            await rights.put_user("root", ["admin"])
            self.tokens["root"] = await rights.add_token("root")
            await rights.switch(True)

    async def user(self, name: str, *grants: str, days: float | None = None) -> None:
        async with self.store("root") as store:
            await store.rights.put_role(name, grants)
            await store.rights.put_user(name, [name])
            self.tokens[name] = await store.rights.add_token(name, days=days)

    def store(self, user: str) -> contextlib.AbstractAsyncContextManager[plait.Store]:
        return plait.connect(self.members.url, token=self.tokens[user])


@contextlib.asynccontextmanager
async def guarded(tmp_path: Path) -> AsyncIterator[World]:
    """One node, rights on, and two tables."""
    members = Members(tmp_path, 1)
    await members.start()
    world = World(members)
    await world.begin()
    async with world.store("root") as store:
        orders = await store.table("orders", Consensus())
        await orders.put("eu-1", "tea")
        await orders.put("us-1", "coffee")
        await store.table("prices", Leader())
    yield world
    await members.close()


async def refused(work, right: str, where: str) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(NotAllowed) as caught:
            await work
    assert (caught.value.details["right"], caught.value.details["collection"]) == (right, where)
