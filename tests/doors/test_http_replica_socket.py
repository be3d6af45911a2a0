"""A browser's replica over WS /v1/replica: it reads and writes documents, and hears why it ends."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import websockets
from doors import served
from members import Members

import plait
from plait import Document, Register
from plait.api.documents import Documents
from plait.api.store import Store
from plait.doors.http.door import asgi
from plait.doors.http.limits import HttpLimits
from plait.doors.http.serving import listening
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryStorage

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


class Note(Document):
    title = Register(str)


class Browser:
    """A replica that speaks as client.js does."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.replica: Replica
        self.hello: dict[str, Any] = {}
        self.ended: list[Any] | None = None

    @staticmethod
    @contextlib.asynccontextmanager
    async def open(base: str, name: str) -> "AsyncIterator[Browser]":
        url = base.replace("http", "ws", 1) + "/v1/replica"
        async with websockets.connect(url) as socket:
            browser = Browser(socket)
            await socket.send(pack([0, {"protocol": 1, "token": None}]))
            _, browser.hello = unpack(await socket.recv())
            await socket.send(pack([1, 7, name]))
            kind, id_, info = unpack(await socket.recv())
            assert (kind, id_) == (1, 7)
            options = GraphOptions(
                name=info["name"], lineage=info["lineage"], founder=info["founder"], founds=False,
                node="browser", guest=True, founder_node=info["node"],
                sync=info["sync"], history=info["history"],
            )  # fmt: skip
            browser.replica = await open_replica(
                options, MemoryStorage(), SystemClock(), random.Random()
            )
            browser.begin()
            hearing = asyncio.create_task(browser.hear())
            await browser.replica.ready(10.0)
            yield browser
            hearing.cancel()
            await browser.replica.close()

    def begin(self) -> None:
        sends: set[asyncio.Task[None]] = set()

        def say(data: bytes) -> None:
            task = asyncio.ensure_future(self.socket.send(pack([2, 7, data])))
            sends.add(task)
            task.add_done_callback(sends.discard)

        self.replica.linked("node", say)

    async def hear(self) -> None:
        async for data in self.socket:
            match unpack(data):
                case [1, 7, _]:
                    self.begin()
                case [2, 7, said]:
                    self.replica.received("node", said)
                case [4, *_] as message:
                    self.ended = message

    def notes(self) -> Documents[Note]:
        return Documents(self.replica, Note, None)


async def until(holds: Any) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Store, str]]:
    async with plait.open(tmp_path / "d") as store:
        await store.documents("notes", Note)
        async with listening(asgi(store, limits=LIMITS), "127.0.0.1:0") as bound:
            yield store, f"http://{bound}"


LIMITS = HttpLimits(greeting_s=0.5, socket_message_bytes_max=100_000, links_per_socket_max=3)


async def test_a_browser_and_the_store_hear_of_each_other(site: tuple[Store, str]) -> None:
    store, base = site
    notes = await store.documents("notes", Note)
    notes["n1"].title = "from the store"
    async with Browser.open(base, "notes") as browser:
        assert browser.hello["node"] == store.here.node
        assert browser.hello["cluster"] == store.here.cluster
        assert abs(browser.hello["now_ms"] - SystemClock().wall_ms()) < 60_000
        browser.notes()["n2"].title = "from the browser"
        await until(lambda: "n2" in notes and "n1" in browser.notes())
        assert notes["n2"].title == "from the browser"


async def test_browsers_at_two_nodes_hear_of_each_other(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.documents("notes", Note)
    await until(lambda: all(node.graphs.infos() for node in members.nodes.values()))
    async with (
        served(members.nodes["n1"]) as first,
        served(members.nodes["n2"]) as second,
        Browser.open(first, "notes") as one,
        Browser.open(second, "notes") as two,
    ):
        assert (one.hello["node"], two.hello["node"]) == ("n1", "n2")
        one.notes()["n1"].title = "one"
        two.notes()["n2"].title = "two"
        await until(lambda: "n2" in one.notes() and "n1" in two.notes())


async def talk(base: str, *said: Any) -> list[Any]:
    """Say these, hear everything until the server ends it."""
    async with websockets.connect(base.replace("http", "ws", 1) + "/v1/replica") as socket:
        for one in said:
            await socket.send(one)
        heard = []
        with contextlib.suppress(websockets.ConnectionClosed, TimeoutError):
            async with asyncio.timeout(2.0):
                while True:
                    heard.append(unpack(await socket.recv()))
        return heard


HELLO = pack([0, {"protocol": 1, "token": None}])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([pack([0, {"protocol": 9}])], "VersionMismatch"),
        ([pack([1, 1, "notes"])], "BadFrame"),
        (["text"], "BadFrame"),
        ([b"\xc1"], "BadFrame"),
        ([], "Unavailable"),
        ([HELLO, pack([9])], "BadFrame"),
        ([HELLO, pack([1, -1, "notes"])], "BadFrame"),
        ([HELLO, pack([1, 1, "notes"]), pack([1, 1, "notes"])], "BadFrame"),
        ([pack([0, {"protocol": 1, "token": 7}])], "BadFrame"),
    ],
)
async def test_who_speaks_nonsense_hears_why_it_ends(
    site: tuple[Store, str], said: list[Any], code: str
) -> None:
    heard = await talk(site[1], *said)
    assert heard[-1][:3] == [4, 0, code]


async def test_a_link_that_cannot_be_ends_alone(site: tuple[Store, str]) -> None:
    heard = await talk(site[1], HELLO, pack([1, 1, "absent"]), pack([1, 2, "notes"]))
    assert [message[:3] for message in heard if message[0] == 4] == [[4, 1, "NoSuchCollection"]]
    assert any(message[:2] == [1, 2] for message in heard)


async def test_nonsense_on_a_link_ends_that_link(site: tuple[Store, str]) -> None:
    heard = await talk(site[1], HELLO, pack([1, 1, "notes"]), pack([2, 1, b"\x00nonsense"]))
    ended = [message for message in heard if message[0] == 4]
    assert not ended or ended[0][1] in (0, 1)


async def test_there_are_so_many_links_and_no_more(site: tuple[Store, str]) -> None:
    heard = await talk(site[1], HELLO, *(pack([1, id_, "notes"]) for id_ in range(1, 6)))
    refused = [message[:3] for message in heard if message[0] == 4]
    assert refused == [[4, 4, "Busy"], [4, 5, "Busy"]]


async def test_random_bytes_never_end_the_server(site: tuple[Store, str]) -> None:
    chance = random.Random(7)
    for _ in range(40):
        said = [HELLO] if chance.random() < 0.7 else []
        said += [chance.randbytes(chance.randrange(60)) for _ in range(3)]
        said += [pack([chance.randrange(5), chance.randrange(3), chance.randbytes(9)])]
        async with websockets.connect(site[1].replace("http", "ws", 1) + "/v1/replica") as socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                for one in said:
                    await socket.send(one)
    async with Browser.open(site[1], "notes") as browser:
        assert len(browser.notes()) == 0


async def test_a_page_of_another_site_opens_no_socket(site: tuple[Store, str]) -> None:
    url = site[1].replace("http", "ws", 1) + "/v1/replica"
    with pytest.raises(websockets.InvalidStatus, match="403"):
        await websockets.connect(url, origin="http://evil.example")
    with pytest.raises(websockets.InvalidStatus, match="421"):
        await websockets.connect(url, additional_headers={"Host": "evil.example"})
