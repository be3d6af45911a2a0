"""Any node's door does everything: writes pass on to who leads, and nothing hangs on one node."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from doors import served
from members import Members

import plait
from plait import Consensus, Leader
from plait.doors.http.limits import HttpLimits


async def doors_of(stack: AsyncExitStack, members: Members) -> dict[str, httpx.AsyncClient]:
    """A client of each node's door."""
    found = {}
    for name, node in members.nodes.items():
        base = await stack.enter_async_context(served(node))
        client = httpx.AsyncClient(base_url=base, timeout=20)
        found[name] = await stack.enter_async_context(client)
    return found


@pytest.mark.parametrize("mode", ["consensus", "leader"])
async def test_rows_are_written_and_read_at_every_node(members: Members, mode: str) -> None:
    async with AsyncExitStack() as stack:
        doors = await doors_of(stack, members)
        made = await doors["n3"].put("/v1/tables/films", json={"mode": mode})
        assert made.status_code == 201, made.text
        session = ""
        for name, client in doors.items():
            path = f"/v1/tables/films/rows/{name}"
            put = await client.put(path, json=name, headers={"Plait-Session": session})
            assert put.status_code == 200, put.text
            session = put.headers["plait-session"]
            for reader in doors.values():
                got = await reader.get(
                    path, params={"read": "nearest"}, headers={"Plait-Session": session}
                )
                assert got.json() == name
        page = (await doors["n2"].get("/v1/tables/films/rows")).json()
        assert [row["key"] for row in page["rows"]] == ["n1", "n2", "n3"]
        status = (await doors["n2"].get("/v1/status")).json()
        assert status["node"] == "n2"
        assert sorted(status["nodes"]) == ["n1", "n2", "n3"]
        assert len((await doors["n2"].get("/v1/members")).json()) == 3


async def test_documents_are_made_and_written_at_any_node(members: Members) -> None:
    async with AsyncExitStack() as stack:
        doors = await doors_of(stack, members)
        made = await doors["n2"].put("/v1/documents/notes")
        assert made.status_code == 201, made.text
        for name, client in doors.items():
            item = f"/v1/documents/notes/items/{name}"
            done = await client.patch(item, json={"by": name})
            assert done.status_code == 200, done.text
        for client in doors.values():
            async with asyncio.timeout(10):
                keys: list[Any] = []
                while len(keys) < 3:
                    keys = (await client.get("/v1/documents/notes/keys")).json().get("keys", [])
        dropped = await doors["n3"].delete("/v1/documents/notes")
        assert dropped.status_code == 204, dropped.text


async def test_the_others_doors_go_on_when_who_leads_is_gone(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.table("films", Consensus())
        await store.table("shows", Leader())
        leader = (await store.status())["nodes"]["n1"]["lines"]["consensus"]["leader"]
    async with AsyncExitStack() as stack:
        left = next(name for name in members.nodes if name != leader)
        base = await stack.enter_async_context(served(members.nodes[left]))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=40))
        acknowledged = {}
        for number in range(20):
            if number == 10:
                await members.stop(leader)
            for table in ("films", "shows"):
                put = await client.put(f"/v1/tables/{table}/rows/k{number}", json=number)
                if put.is_success:
                    acknowledged[table, f"k{number}"] = number
                else:
                    assert put.status_code in (503, 504), put.text
        assert len(acknowledged) > 30
        for (table, key), number in acknowledged.items():
            got = await client.get(f"/v1/tables/{table}/rows/{key}")
            assert got.json() == number, (table, key, got.text)


async def test_a_minority_says_that_it_cannot_and_reads_what_is_old_enough(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("shows", Leader())
        await table.put("a", 1)
        await members.settled(table.line)
    async with AsyncExitStack() as stack:
        limits = HttpLimits(request_s=3.0)
        base = await stack.enter_async_context(served(members.nodes["n3"], limits=limits))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=60))
        assert (await client.get("/v1/tables/shows/rows/a")).json() == 1
        await members.stop("n1")
        await members.stop("n2")
        old = await client.get("/v1/tables/shows/rows/a", params={"read": "nearest"})
        assert old.json() == 1, old.text
        put = await client.put("/v1/tables/shows/rows/a", json=2)
        assert put.status_code in (503, 504), put.text
        assert put.headers["content-type"] == "application/problem+json"
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("mode", ["consensus", "leader"])
async def test_a_write_that_was_left_open_is_repeated_and_happens_once(
    members: Members, mode: str
) -> None:
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(
            served(members.nodes["n1"], limits=HttpLimits(request_s=1.0))
        )
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=20))
        async with asyncio.timeout(20):
            while (made := await client.put("/v1/tables/t", json={"mode": mode})).is_error:
                assert made.status_code in (503, 504), made.text
        row = "/v1/tables/t/rows/k"
        async with asyncio.timeout(20):
            while (first := await client.put(row, json=0)).is_error:
                assert first.status_code in (503, 504), first.text
        held = {"If-Match": first.headers["etag"]}
        await members.stop("n2")
        await members.stop("n3")
        left_open = await client.put(row, json=1, headers=held)
        assert left_open.status_code == 504, left_open.text
        assert left_open.json()["definite"] is False
        await members.start("n2", "n3")
        async with asyncio.timeout(40):
            while (again := await client.put(row, json=1, headers=held)).status_code in (503, 504):
                await asyncio.sleep(0.05)
        if again.status_code == 412:  # it had happened: this says so
            assert again.json()["details"]["as_wanted"] is True
            now = again.headers["etag"]
        else:
            assert again.status_code == 200, again.text
            now = again.headers["etag"]
        last = await client.put(row, json=1, headers=held)
        assert (last.status_code, last.headers["etag"]) == (412, now)
        assert (await client.get(row)).headers["etag"] == now
