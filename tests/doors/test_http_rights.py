"""Each request acts for its token: the nodes' rights decide, whatever the door is asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import websockets
from guarded import World, guarded

import plait
from plait.cli.doors import _connected, own_store
from plait.doors.http.door import asgi
from plait.doors.http.serving import listening
from plait.doors.people import Known

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[World, httpx.AsyncClient, Known]]:
    async with guarded(tmp_path) as world:
        await world.user("ann", "orders/eu-:read,write", "notes:read,write")
        async with world.store("root") as store:
            await store.documents("notes")
        node = world.members.nodes["n1"]
        async with (
            own_store(node) as own,
            Known(own, lambda: node.rights.on, partial(_connected, node), stores_max=2) as people,
            listening(asgi(own, people=people), "127.0.0.1:0") as bound,
            httpx.AsyncClient(base_url=f"http://{bound}", timeout=20) as client,
        ):
            yield world, client, people


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_does_what_its_user_may_and_nothing_else(
    site: tuple[World, httpx.AsyncClient, Known],
) -> None:
    world, client, _ = site
    ann = bearer(world.tokens["ann"])
    assert (await client.get("/v1/tables/orders/rows/eu-1", headers=ann)).json() == "tea"
    for path in ("/v1/tables/orders/rows/us-1", "/v1/tables/orders/rows"):
        refused = await client.get(path, headers=ann)
        assert (refused.status_code, refused.json()["code"]) == (403, "NotAllowed"), path
    status = await client.get("/v1/status", headers=ann)
    assert list(status.json()["nodes"]["n1"]) == ["error"]
    async with world.store("root") as root:
        await root.documents("secrets")
        await root.rights.put_role("ann", ["orders/eu-:read,write", "notes:read", "secrets/a:read"])
    for path in ("/v1/conflicts", "/v1/rescued"):
        seen = await client.get(path, headers=ann)
        assert seen.status_code == (200 if path == "/v1/conflicts" else 403), seen.text
    made = await client.put("/v1/tables/more", headers=ann)
    assert made.status_code == 403
    wrote = await client.put("/v1/tables/orders/rows/eu-2", json=1, headers=ann)
    assert wrote.status_code == 200, wrote.text
    seen = await client.get("/v1/status", headers=bearer(world.tokens["root"]))
    assert [answer.json()["who"] for answer in (status, seen)] == ["ann", "root"]


@pytest.mark.parametrize("headers", [{}, bearer("nonsense"), {"Authorization": "Basic x"}])
async def test_who_shows_no_good_token_is_asked_who_they_are(
    site: tuple[World, httpx.AsyncClient, Known], headers: dict[str, str]
) -> None:
    _, client, people = site
    for path in ("/v1/status", "/v1/tables", "/metrics", "/v1/documents/notes/watch"):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "NotSignedIn"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await client.get("/healthz", headers=headers)).status_code == 200
    assert (await client.get("/v1/openapi.json", headers=headers)).status_code == 200
    assert people.count == 0


async def test_a_stream_takes_its_token_from_the_address(
    site: tuple[World, httpx.AsyncClient, Known],
) -> None:
    world, client, _ = site
    query = {"token": world.tokens["root"], "from": "0.0"}
    async with client.stream("GET", "/v1/tables/orders/watch", params=query) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data:") and "tea" in line:
                break


async def test_documents_are_written_as_far_as_rights_go(
    site: tuple[World, httpx.AsyncClient, Known],
) -> None:
    world, client, _ = site
    await world.user("bob", "notes:read")
    item = "/v1/documents/notes/items/n1"
    done = await client.patch(item, json={"x": 1}, headers=bearer(world.tokens["ann"]))
    assert done.status_code == 200, done.text
    refused = await client.patch(item, json={"x": 2}, headers=bearer(world.tokens["bob"]))
    assert refused.status_code == 403, refused.text
    async with asyncio.timeout(10):
        while True:
            seen = await client.get(item, headers=bearer(world.tokens["bob"]))
            if seen.is_success and seen.json()["value"] == {"x": 1}:
                break
            await asyncio.sleep(0.05)


async def test_so_many_people_are_here_and_the_idle_make_room(
    site: tuple[World, httpx.AsyncClient, Known],
) -> None:
    world, client, people = site
    for name in ("b", "c", "d"):
        await world.user(name, "orders:read")
        got = await client.get("/v1/tables/orders/count", headers=bearer(world.tokens[name]))
        assert got.status_code == 200
    assert people.count == 2


async def test_a_revoked_token_ends_at_once(
    site: tuple[World, httpx.AsyncClient, Known],
) -> None:
    world, client, _ = site
    await world.user("eve", "orders:read")
    eve = bearer(world.tokens["eve"])
    assert (await client.get("/v1/tables/orders/count", headers=eve)).status_code == 200
    async with world.store("root") as store:
        await store.rights.drop_user("eve")
    answer = await client.get("/v1/tables/orders/count", headers=eve)
    assert (answer.status_code, answer.json()["code"]) == (401, "NotSignedIn")


async def socket_says(client: httpx.AsyncClient, token: str | None) -> list[Any]:
    url = str(client.base_url).replace("http", "ws", 1).rstrip("/") + "/v1/replica"
    heard = []
    async with websockets.connect(url) as socket:
        await socket.send(pack([0, {"protocol": 1, "token": token}]))
        await socket.send(pack([1, 1, "notes"]))
        with contextlib.suppress(websockets.ConnectionClosed, TimeoutError):
            async with asyncio.timeout(3):
                while len(heard) < 2:
                    heard.append(unpack(await socket.recv()))
    return heard


async def test_a_browsers_replica_shows_its_token_first(
    site: tuple[World, httpx.AsyncClient, Known],
) -> None:
    world, client, _ = site
    assert (await socket_says(client, None))[0][:3] == [4, 0, "NotSignedIn"]
    assert (await socket_says(client, "nonsense"))[0][:3] == [4, 0, "NotSignedIn"]
    hello, linked = await socket_says(client, world.tokens["ann"])
    assert (hello[1]["node"], hello[1]["who"]) == ("n1", "ann")
    assert linked[:2] == [1, 1]
    assert linked[2]["writes"] is None
    await world.user("eve", "orders:read")
    refused = (await socket_says(client, world.tokens["eve"]))[1]
    assert refused[:3] == [4, 1, "NotAllowed"]


async def test_a_browsers_replica_is_told_what_it_may_write_whenever_that_changes(
    site: tuple[World, httpx.AsyncClient, Known],
) -> None:
    world, client, _ = site
    await world.user("bob", "notes:read", "notes/ours/:write")
    url = str(client.base_url).replace("http", "ws", 1).rstrip("/") + "/v1/replica"

    async def linked(socket: Any) -> Any:
        async with asyncio.timeout(10):
            while (told := unpack(await socket.recv()))[0] != 1:
                assert told[0] != 4, told
        return told[2]["writes"]

    async with websockets.connect(url) as socket, world.store("root") as root:
        await socket.send(pack([0, {"protocol": 1, "token": world.tokens["bob"]}]))
        await socket.send(pack([1, 1, "notes"]))
        assert await linked(socket) == ["ours/"]
        await root.rights.put_role("bob", ["notes:read"])
        assert await linked(socket) == []
        await root.rights.put_role("bob", ["notes:read,write"])
        assert await linked(socket) is None
        await root.rights.put_role("bob", ["orders:read"])
        async with asyncio.timeout(10):
            while (told := unpack(await socket.recv()))[:3] != [4, 1, "NotAllowed"]:
                assert told[0] == 2, told


async def test_rights_that_are_switched_on_end_what_was_open_to_all(tmp_path: Path) -> None:
    from members import Members

    async with Members(tmp_path, 1) as members, plait.connect(members.url) as store:
        await store.documents("notes")
        node = members.nodes["n1"]
        async with (
            own_store(node) as own,
            Known(own, lambda: node.rights.on, partial(_connected, node)) as people,
            listening(asgi(own, people=people), "127.0.0.1:0") as bound,
            websockets.connect(f"ws://{bound}/v1/replica") as socket,
        ):
            await socket.send(pack([0, {"protocol": 1, "token": None}]))
            await socket.send(pack([1, 1, "notes"]))
            assert unpack(await socket.recv())[0] == 0
            assert unpack(await socket.recv())[0] == 1
            await store.rights.put_user("root", ["admin"])
            await store.rights.add_token("root")
            await store.rights.switch(True)
            await asyncio.sleep(0.1)
            await socket.send(pack([2, 1, b""]))
            told = [0]
            async with asyncio.timeout(10):
                while told[:3] != [4, 0, "NotSignedIn"]:
                    told = unpack(await socket.recv())
