"""A table whose n3 follows in another way than the others: late, held, or without a vote."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from members import Members, until

import plait
from plait import Consensus, Leader

KINDS = pytest.mark.parametrize(
    "settings", [Consensus(), Leader("any:1")], ids=["consensus", "leader"]
)
FOLLOWER = "n3"
OTHERS = ("n1", "n2")
ROWS = 5
HOUR_S = 3600.0
INF = float("inf")


def applied(members: Members, line: str, name: str = FOLLOWER) -> int:
    """How many records: entries that have none, of elections, wait for nothing."""
    return int(members.nodes[name].host(line).replica.record_index)


def delayed(members: Members, line: str) -> dict[str, Any]:
    """What the follower says of its delay."""
    return dict(members.nodes[FOLLOWER].host(line).status().get("delayed") or {})


async def adopted(members: Members) -> None:
    """Return once the follower goes by what it was told, on every line."""
    await until(lambda: members.nodes[FOLLOWER].followers.mine is not None)
    lines = members.nodes[FOLLOWER].lines.values()
    await until(lambda: all(host.pace and host.pace.record for host in lines))


async def put(table: plait.Table, first: int, count: int = ROWS) -> None:
    """Rows k0000 and on."""
    await table.put_many((f"k{n:04}", n) for n in range(first, first + count))


async def led_by_another(members: Members, line: str) -> str:
    """Who leads: the follower may have led, and goes on until the change is committed."""
    await until(lambda: any(members.nodes[n].host(line).leads for n in OTHERS))
    return next(n for n in OTHERS if members.nodes[n].host(line).leads)


async def told(store: plait.Store, members: Members, **how: Any) -> dict[str, Any]:
    """Set how the follower follows; the answer, once it does."""
    answer = await store.set_follower(FOLLOWER, **how)
    await adopted(members)
    return answer


@asynccontextmanager
async def follows(
    members: Members, settings: Any, *, rows: int = ROWS, name: str = "t", **how: Any
) -> AsyncIterator[tuple[plait.Store, plait.Table]]:
    """A store, and a table of it with rows that the follower had before it was told `how`."""
    async with plait.connect(members.url) as store:
        table = await store.table(name, settings)
        await put(table, 0, rows)
        await members.settled(table.line)
        await told(store, members, **how)
        yield store, table


@asynccontextmanager
async def led_by_the_follower(
    members: Members, settings: Any
) -> AsyncIterator[tuple[plait.Store, plait.Table]]:
    """A store, and a table of it with a row, that the follower leads."""
    async with plait.connect(members.url) as store:
        table = await store.table("t", settings)
        await table.put("a", 1)
        await members.settled(table.line)
        await store.switch_over(FOLLOWER, table.line)
        await until(lambda: members.nodes[FOLLOWER].host(table.line).leads)
        yield store, table


async def count_at(members: Members, name: str) -> int:
    """How many rows the node itself has, however old."""
    async with members.only(name) as there:
        return await (await there.table("t")).count(read="nearest", max_lag=INF)
