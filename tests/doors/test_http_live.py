"""Watching over WS /v1/live: several things at once, resumed where they were cut."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from doors import served
from members import Members

import plait
from plait import Consensus
from plait.api.store import Store
from plait.doors.http.door import asgi
from plait.doors.http.limits import HttpLimits
from plait.doors.http.serving import listening

LIMITS = HttpLimits(greeting_s=0.5, watches_per_socket_max=3, socket_unsent_bytes_max=200_000)


class Live:
    """A client of /v1/live."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(base: str, *, greets: bool = True) -> "AsyncIterator[Live]":
        async with websockets.connect(base.replace("http", "ws", 1) + "/v1/live") as socket:
            live = Live(socket)
            if greets:
                await live.say(op="hello")
                assert (await live.hear())["event"] == "hello"
            yield live

    async def say(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            told: dict[str, Any] = json.loads(await self._socket.recv())
        return told


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Store, str]]:
    async with plait.open(tmp_path / "d") as store:
        await store.table("films", Consensus())
        await store.documents("notes")
        async with listening(asgi(store, limits=LIMITS), "127.0.0.1:0") as bound:
            yield store, f"http://{bound}"


async def test_tables_documents_and_status_come_over_one_connection(
    site: tuple[Store, str],
) -> None:
    store, base = site
    films, notes = await store.table("films"), await store.documents("notes")
    async with Live.open(base) as live:
        await live.say(op="watch", id=1, table="films")
        assert (await live.hear())["event"] == "ready"
        await live.say(op="watch", id=2, documents="notes")
        assert (await live.hear())["event"] == "ready"
        await films.put("f1", "film")
        told = await live.hear()
        assert (told["id"], told["data"]["changes"][0]["value"]) == (1, "film")
        notes["n1"]["title"] = "note"
        told = await live.hear()
        assert (told["id"], told["data"]["changes"][0]["after"]) == (2, "note")
        await live.say(op="unwatch", id=1)
        assert await live.hear() == {"id": 1, "event": "ended"}
        await live.say(op="watch", id=3, status=True)
        assert "nodes" in (await live.hear())["data"]


async def test_a_watch_goes_on_over_another_connection_to_another_node(members: Members) -> None:
    async with plait.connect(members.url) as store:
        films = await store.table("films", Consensus())
        for number in range(6):
            await films.put(f"k{number}", number)
        found, at = [], "0.0"
        for name in ("n1", "n2"):
            async with served(members.nodes[name]) as base, Live.open(base) as live:
                await live.say(op="watch", id=1, table="films", **{"from": at})
                assert (await live.hear())["event"] == "ready"
                for _ in range(3):
                    told = await live.hear()
                    at = told["at"]
                    found += [change["value"] for change in told["data"]["changes"]]
    assert found == [0, 1, 2, 3, 4, 5]


async def test_who_does_not_read_is_cut_off_and_goes_on(site: tuple[Store, str]) -> None:
    store, base = site
    films = await store.table("films")
    for number in range(60):
        await films.put(f"k{number}", "x" * 100_000)
    url = base.replace("http", "ws", 1) + "/v1/live"
    async with websockets.connect(url, max_queue=1, max_size=None) as socket:
        await socket.send(json.dumps({"op": "hello"}))
        await socket.send(json.dumps({"op": "watch", "id": 1, "table": "films", "from": "0.0"}))
        await asyncio.sleep(1.0)
        told = []
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                told.append(json.loads(await socket.recv()))
    assert told[-1]["event"] == "problem"
    assert told[-1]["data"]["code"] == "Busy"
    assert len(told) < 60
    at = [one["at"] for one in told if "at" in one][-1]
    async with Live.open(base) as live:
        await live.say(op="watch", id=1, table="films", **{"from": at})
        assert (await live.hear())["event"] == "ready"


@pytest.mark.parametrize(
    ("messages", "code", "id_"),
    [
        ([{"op": "watch", "id": 1, "table": "films"}], "BadFrame", 0),
        ([], "Unavailable", 0),
        ([{"op": "hello"}, {"op": "nonsense"}], "BadFrame", 0),
        ([{"op": "hello"}, {"op": "hello"}], "BadFrame", 0),
        ([{"op": "hello"}, {"op": "watch", "id": -1}], "BadFrame", 0),
        ([{"op": "hello"}, {"op": "watch", "id": 1}], "BadFrame", 1),
        ([{"op": "hello"}, {"op": "watch", "id": 1, "table": "absent"}], "NoSuchCollection", 1),
        ([{"op": "hello"}, {"op": "watch", "id": 1, "table": "films", "from": "x"}], "BadValue", 1),
        ([{"op": "hello"}, {"op": "watch", "id": 1, "documents": "notes", "from": "x"}],
         "BadValue", 1),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_told(
    site: tuple[Store, str], messages: list[Any], code: str, id_: int
) -> None:
    async with Live.open(site[1], greets=False) as live:
        for message in messages:
            await live.say(**message)
        told: dict[str, Any] = {}
        while told.get("event") != "problem":
            told = await live.hear()
    assert (told["id"], told["data"]["code"]) == (id_, code)


async def test_there_are_so_many_watches_on_a_connection(site: tuple[Store, str]) -> None:
    async with Live.open(site[1]) as live:
        for id_ in range(1, 5):
            await live.say(op="watch", id=id_, table="films")
        told = [await live.hear() for _ in range(4)]
    refused = [one["id"] for one in told if one["event"] == "problem"]
    assert refused == [4]


async def test_random_messages_never_end_the_server(site: tuple[Store, str]) -> None:
    chance = random.Random(11)
    words = ["op", "watch", "hello", "id", "table", "films", "from", 1, -1, None, True, 1e300, []]
    url = site[1].replace("http", "ws", 1) + "/v1/live"
    for _ in range(40):
        async with websockets.connect(url) as socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                if chance.random() < 0.7:
                    await socket.send('{"op":"hello"}')
                for _ in range(3):
                    size = chance.randrange(5)
                    some = {str(chance.choice(words)): chance.choice(words) for _ in range(size)}
                    await socket.send(json.dumps(some))
                await socket.send(chance.randbytes(9))
    async with Live.open(site[1]):
        pass
