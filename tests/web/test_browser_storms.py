"""Browser replicas beside Python ones, at random: what they come to is the same, byte for byte.

One line replays a failure: ``PLAIT_STORM_SEED=… pytest tests/web/test_browser_storms.py``.
"""

import asyncio
import base64
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import plait
from plait import Document, Eventual, Register
from plait.base.causality import VersionVector
from plait.base.codec import encode
from plait.base.errors import PlaitError
from plait.node.local import Local
from tests.web.agents import Agent, AgentError, Agents, until
from tests.web.replica_server import ReplicaServer
from tests.web.test_browser_replicas import Members, created

SEEDS = [int(os.environ["PLAIT_STORM_SEED"])] if "PLAIT_STORM_SEED" in os.environ else [1, 2, 3]
KEYS = ["a", "b", "ç", "d-1"]
TURNS = 60

TITLE = ("r:title",)
MUTATIONS: dict[tuple[str, ...], Any] = {
    ("r:title",): lambda c: ("set", c.choice(["x", 1, 1.0, None, [1, {"b": 2, "1": 1.5}], "ü"])),
    ("q:when",): lambda c: ("set", c.choice(["mon", "tue", 3, 2.0])),
    ("m:plan",): lambda c: ("set", c.choice(["p", "q"])),
    ("c:likes",): lambda c: ("add", c.randint(-5, 9)),
    ("gc:views",): lambda c: ("add", c.randint(1, 9)),
    ("aw:tags",): lambda c: (c.choice(["add", "discard"]), c.choice(["s", "t", 1, 1.0])),
    ("rw:bans",): lambda c: (c.choice(["add", "discard"]), c.choice(["s", "t"])),
    ("gs:seen",): lambda c: ("add", c.choice(["u", "v", 2.0])),
    ("ew:done",): lambda c: (c.choice(["enable", "disable"]),),
    ("dw:shown",): lambda c: (c.choice(["enable", "disable"]),),
    ("x:body",): None,
    ("l:tasks",): lambda c: c.choice(
        [
            ("insert", c.randint(0, 2), [c.choice(["t", 1.0, None])]),
            ("insert", 0, ["u", "v"]),
            ("delete", c.randint(0, 2), 1),
            ("move", c.randint(0, 2), c.randint(0, 2)),
            ("set", c.randint(0, 1), "w"),
        ]
    ),
    ("o:meta", "r:a"): lambda c: ("set", c.randint(0, 9)),
    ("o:meta", "o:in", "c:n"): lambda c: ("add", 1),
}


class Note(Document):
    title = Register(str)


@pytest.fixture
async def agents() -> AsyncIterator[Agents]:
    async with Agents() as made:
        yield made


class Storm:
    """Two stores that are linked, browsers on either, and chance."""

    def __init__(self, chance: random.Random, servers: list[ReplicaServer], replicas: list[Any]):
        self.chance = chance
        self.servers = servers
        self.replicas = replicas
        self.browsers: list[Agent] = []
        self.refusals: set[str] = set()

    async def turn(self) -> None:
        chance = self.chance
        what = chance.random()
        if what < 0.35:
            replica = chance.choice(self.replicas)
            for key, path, mutation in self.edits():
                with contextlib.suppress(PlaitError):
                    replica.mutate(key, path, mutation)
        elif what < 0.75:
            browser = chance.choice(self.browsers)
            for edit in self.edits():
                try:
                    await browser.mutate(edit)
                except AgentError as error:
                    self.refusals.add(error.code)
        elif what < 0.8:
            key = chance.choice(KEYS)
            await chance.choice(self.browsers).ask("delete", documents="notes", key=key)
        elif what < 0.84:
            chance.choice(self.replicas).delete(chance.choice(KEYS))
        elif what < 0.92:
            offline = chance.random() < 0.5
            await chance.choice(self.browsers).ask("offline", value=offline)
        elif what < 0.95:
            await chance.choice(self.browsers).ask("collect", documents="notes")
        else:
            server = chance.choice(self.servers)
            for socket in list(server.sockets):
                socket.transport.abort()
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.1)

    def edits(self) -> list[tuple[str, tuple[str, ...], Any]]:
        found = []
        for _ in range(self.chance.randint(1, 3)):
            path = self.chance.choice(list(MUTATIONS))
            draw = MUTATIONS[path] or self.typed
            found.append((self.chance.choice(KEYS), path, draw(self.chance)))
        return found

    def typed(self, chance: random.Random) -> Any:
        """An edit of a text, near its beginning: it may be too short for it elsewhere."""
        if chance.random() < 0.6:
            return ("insert", chance.randint(0, 4), chance.choice(["abc", "é", "🙂x", "line\n"]))
        return ("delete", chance.randint(0, 3), chance.randint(1, 3))

    async def agree(self) -> None:
        for browser in self.browsers:
            await browser.ask("offline", value=False)

        async def same() -> bool:
            for replica in self.replicas:
                replica.settle()
            first = dict(self.replicas[0].vector)
            vectors = [await browser.vector() for browser in self.browsers]
            return all(one == first for one in [*vectors, *[dict(r.vector) for r in self.replicas]])

        await until(same, 60)

    async def judge(self) -> None:
        assert self.refusals <= {"BadValue", "BadCall", "ReadOnly", "NotLoaded"}
        cut = VersionVector()
        for replica in self.replicas:
            cut.merge(replica.parts.scope.cut())
        for browser in self.browsers:
            cut.merge({int(r): s for r, s in await browser.ask("cut", documents="notes")})
        pairs = [[str(r), s] for r, s in cut.items()]
        shelf = self.replicas[0].parts.shelf
        wanted = shelf.canonical(cut)
        for replica in self.replicas[1:]:
            assert replica.parts.shelf.canonical(cut) == wanted
        for browser in self.browsers:
            found = await browser.ask("canonical", documents="notes", cut=pairs)
            if bytes.fromhex(found) != wanted:
                await self.differ(browser, pairs, cut)

    async def differ(self, browser: Agent, pairs: list[Any], cut: VersionVector) -> None:
        images = [base64.b64decode(one) for one in
                  await browser.ask("images", documents="notes", cut=pairs)]  # fmt: skip
        mine = [self.replicas[0].parts.shelf.image(key, cut) for key in sorted(KEYS)]
        theirs = [msgspec.msgpack.decode(image) for image in images]
        raise AssertionError(f"python {[encode(m).hex() for m in mine]}\n{mine}\nbrowser {theirs}")


@pytest.mark.turns(3)
@pytest.mark.parametrize("seed", SEEDS)
async def test_any_interleaving_of_browsers_and_python_converges(
    tmp_path: Path, agents: Agents, seed: int
) -> None:
    chance = random.Random(seed)
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store, "n1") as server:
        notes = await store.documents("notes", Note, Eventual())
        storm = Storm(chance, [server], [notes._access.replica])
        for number in range(3):
            path = tmp_path / f"b{number}" if number else None
            storm.browsers.append(await agents.start(server.url, path=path))
        for turn in range(TURNS):
            await storm.turn()
            if turn % 20 == 19:  # one is killed, and comes back from what it kept
                number = chance.choice([1, 2])
                await storm.browsers[number].ask("flush", documents="notes")
                await storm.browsers[number].kill()
                path = tmp_path / f"b{number}"
                storm.browsers[number] = await agents.start(server.url, path=path)
            if turn % 15 == 14:
                await storm.agree()
        storm.browsers.append(await agents.start(server.url))
        await storm.agree()
        await storm.judge()


@pytest.mark.turns(2)
@pytest.mark.parametrize("seed", SEEDS[:2])
async def test_browsers_on_two_nodes_that_come_and_go_converge(
    tmp_path: Path, agents: Agents, seed: int
) -> None:
    chance = random.Random(1000 + seed)
    async with Members(tmp_path, 2) as members, contextlib.AsyncExitStack() as stack:
        await created(members)
        servers = []
        for name, node in members.nodes.items():
            server = ReplicaServer(plait.Store(Local(node)), name)
            servers.append(await stack.enter_async_context(server))
        replicas = [next(iter(node.graphs.replicas())) for node in members.nodes.values()]
        storm = Storm(chance, servers, replicas)
        urls = [server.url for server in servers]
        for _ in range(3):
            storm.browsers.append(await agents.start(*urls))
        for turn in range(TURNS):
            await storm.turn()
            if turn % 12 == 11:
                server = chance.choice(servers)
                await server.stop()
                for _ in range(4):
                    await storm.turn()
                await server.start()
        await storm.agree()
        await storm.judge()


async def test_hostile_messages_end_the_link_and_lose_nothing(
    tmp_path: Path, agents: Agents
) -> None:
    chance = random.Random(7)
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        notes = await store.documents("notes", Note, Eventual())
        notes["a"].title = "begun"
        heard = recorded(store)
        browser = await agents.start(server.url)
        assert heard, "the first link's messages are what is damaged"
        await browser.mutate(("mine", TITLE, ("set", "kept")))
        codes = set()
        for turn in range(300):
            data = damaged(chance.choice(heard), chance)
            encoded = base64.b64encode(data).decode()
            try:
                await browser.ask("hurt", documents="notes", data=encoded)
            except AgentError as error:
                codes.add(error.code)
            if turn % 50 == 0:
                notes["a"].title = f"turn {turn}"
        assert codes == {"BadFrame", "WrongLineage"}
        status = await browser.status()
        assert status["error"] is None, status
        await until(lambda: notes["mine"].title == "kept")
        assert await browser.value("mine", *TITLE) == "kept"


def recorded(store: plait.Store) -> list[bytes]:
    """What is told over the store's links from now on."""
    heard: list[bytes] = []
    link = store.link_documents

    async def listening(name: str, hear: Any, ended: Any) -> Any:
        def both(data: bytes) -> None:
            if data:
                heard.append(data)
            hear(data)

        return await link(name, both, ended)

    store.link_documents = listening  # type: ignore[method-assign]
    return heard


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The message with a few bytes that are others, cut off, or made up."""
    bytes_ = bytearray(data)
    what = chance.random()
    if what < 0.2:
        return bytes(chance.randrange(256) for _ in range(chance.randint(1, 60)))
    if what < 0.4:
        return bytes(bytes_[: chance.randrange(len(bytes_)) or 1])
    for _ in range(chance.randint(1, 4)):
        bytes_[chance.randrange(len(bytes_))] = chance.randrange(256)
    return bytes(bytes_)


async def test_ten_thousand_documents_open_in_reasonable_time(
    tmp_path: Path, agents: Agents
) -> None:
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        notes = await store.documents("notes", Note, Eventual())
        for i in range(10_000):
            notes[f"note-{i:05}"].title = f"the title of note {i}"
        await notes.flush()
        await store.flush()
        kept = tmp_path / "browser"
        browser = await agents.start(server.url, documents=None, path=kept)
        began = time.monotonic()
        await browser.ask("open", documents="notes", timeout=30)
        first = time.monotonic() - began
        assert await browser.ask("count", documents="notes") == 10_000
        await browser.mutate(("note-00007", TITLE, ("set", "changed")))
        await browser.ask("flush", documents="notes")
        await asyncio.sleep(1)
        await browser.ask("close")
        again = await agents.start(server.url, documents=None, path=kept, offline=True)
        began = time.monotonic()
        await again.ask("open", documents="notes")
        second = time.monotonic() - began
        print(f"10,000 documents: {first:.2f} s from a node, {second:.2f} s from storage")
        assert await again.ask("count", documents="notes") == 10_000
        assert await again.value("note-00007", *TITLE) == "changed"
        assert first < 10
        assert second < 5
