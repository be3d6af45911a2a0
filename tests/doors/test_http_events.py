"""Watching over Server-Sent Events: everything, in order, across reconnects and nodes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import served
from members import Members

import plait
from plait import Consensus
from plait.api.store import Store
from plait.doors.http.door import Door, asgi
from plait.doors.http.limits import HttpLimits
from plait.doors.http.serving import listening


async def events(
    base: str, path: str, count: int, headers: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """So many events of a stream, without its first, which says that it stands."""
    found: list[dict[str, Any]] = []
    async with (
        httpx.AsyncClient(base_url=base, timeout=20) as client,
        client.stream("GET", path, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        event: dict[str, Any] = {}
        async for line in answer.aiter_lines():
            if not line and event:
                found.append(event)
                event = {}
                if len(found) > count:
                    break
            elif line and not line.startswith((":", "retry")):
                name, _, text = line.partition(": ")
                event[name] = json.loads(text) if name == "data" else text
    return found


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Store, Door, str]]:
    async with plait.open(tmp_path / "d") as store:
        await store.table("films", Consensus())
        door = asgi(store, limits=HttpLimits(heartbeat_s=0.1, watches_max=2))
        async with listening(door, "127.0.0.1:0") as bound:
            yield store, door, f"http://{bound}"


def values(found: list[dict[str, Any]]) -> list[Any]:
    return [change["value"] for event in found for change in event["data"].get("changes", ())]


async def test_a_watch_tells_changes_and_goes_on_where_it_was_cut(
    site: tuple[Store, Door, str],
) -> None:
    store, _, base = site
    films = await store.table("films")
    for number in range(10):
        await films.put(f"k{number}", number)
    path = "/v1/tables/films/watch"
    first = await events(base, f"{path}?from=0.0", 4)
    assert first[0]["event"] == "ready"
    assert values(first) == [0, 1, 2, 3]
    more = await events(base, path, 6, {"Last-Event-ID": first[-1]["id"]})
    assert values(more) == [4, 5, 6, 7, 8, 9]


async def test_a_watch_goes_on_at_another_node(members: Members) -> None:
    async with plait.connect(members.url) as store:
        films = await store.table("films", Consensus())
        for number in range(6):
            await films.put(f"k{number}", number)
        async with served(members.nodes["n1"]) as first, served(members.nodes["n3"]) as second:
            path = "/v1/tables/films/watch"
            found = await events(first, f"{path}?from=0.0", 3)
            await members.stop("n1")
            last = {"Last-Event-ID": found[-1]["id"]}
            found += await events(second, path, 3, last)
    assert values(found) == [0, 1, 2, 3, 4, 5]


async def test_a_transaction_is_one_event(site: tuple[Store, Door, str]) -> None:
    store, _, base = site
    films = await store.table("films")
    async with films.transaction() as t:
        t["a"], t["b"], t["c"] = 1, 2, 3
    (_, event) = await events(base, "/v1/tables/films/watch?from=0.0&prefix=a", 1)
    assert [change["key"] for change in event["data"]["changes"]] == ["a"]
    (_, event) = await events(base, "/v1/tables/films/watch?from=0.0", 1)
    assert [change["key"] for change in event["data"]["changes"]] == ["a", "b", "c"]


async def test_there_are_so_many_watches_and_no_more(site: tuple[Store, Door, str]) -> None:
    _, door, base = site
    tasks = [asyncio.create_task(events(base, "/v1/tables/films/watch", 9)) for _ in range(2)]
    async with asyncio.timeout(10):
        while door.watches < 2:
            await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=base) as client:
        answer = await client.get("/v1/tables/films/watch")
        assert (answer.status_code, answer.json()["code"]) == (503, "Busy")
        assert answer.headers["retry-after"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(10):
        while door.watches:
            await asyncio.sleep(0.01)


async def test_a_door_that_closes_ends_its_watches_with_a_reason(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "d") as store:
        await store.table("films", Consensus())
        door = asgi(store)
        async with listening(door, "127.0.0.1:0") as bound:
            task = asyncio.create_task(events(f"http://{bound}", "/v1/tables/films/watch", 9))
            async with asyncio.timeout(10):
                while not door.watches:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        found = await asyncio.wait_for(task, 10)
    assert found[-1]["event"] == "problem"
    assert found[-1]["data"]["code"] == "Unavailable"
