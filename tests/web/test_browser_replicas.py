"""Browser replicas (in Node) against nodes: both ways, offline, over kills, and refused."""

import asyncio
import base64
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import plait
from plait.node.local import Local
from tests.web.agents import Agent, AgentError, Agents, until
from tests.web.replica_notes import (
    LIKES,
    TAGS,
    TITLE,
    Note,
    created,
    is_value,
    reads,
    served,
    title,
)
from tests.web.replica_server import ReplicaServer

sys.path.append(str(Path(__file__).resolve().parent.parent / "cluster"))

from members import Members


@pytest.fixture
async def agents() -> AsyncIterator[Agents]:
    async with Agents() as made:
        yield made


async def test_an_edit_shows_on_the_other_side_both_ways(tmp_path: Path, agents: Agents) -> None:
    async with served(tmp_path) as (notes, server):
        notes["a"].title = "from python"
        browser = await agents.start(server.url)
        assert await browser.value("a", *TITLE) == "from python"
        await browser.mutate(title("from javascript"), ("b", LIKES, ("add", 3)))
        await until(lambda: notes["a"].title == "from javascript")
        assert notes["b"].likes.value == 3
        notes["b"].likes += 4
        await until(lambda: is_value(browser.value("b", *LIKES), 7))
        await browser.ask("sent", documents="notes")
        status = await browser.status()
        assert (status["pending"], status["online"], status["ready"]) == (0, True, True)


async def test_offline_edits_merge_on_return(tmp_path: Path, agents: Agents) -> None:
    async with served(tmp_path) as (notes, server):
        one, two = await agents.start(server.url), await agents.start(server.url)
        await one.ask("offline", value=True)
        await one.mutate(("a", LIKES, ("add", 5)), ("a", TAGS, ("add", "one")))
        await two.mutate(("a", LIKES, ("add", 2)), ("a", TAGS, ("add", "two")))
        notes["a"].likes += 10
        assert (await one.status())["pending"] > 0
        assert not (await one.status(None))["online"]
        await one.ask("offline", value=False)
        for browser in (one, two):
            await until(lambda browser=browser: is_value(browser.value("a", *LIKES), 17))
        assert notes["a"].likes.value == 17
        assert set(notes["a"].tags) == {"one", "two"}
        await one.ask("sent", documents="notes")


async def test_unsent_edits_outlive_their_process(tmp_path: Path, agents: Agents) -> None:
    async with served(tmp_path) as (notes, server):
        kept = tmp_path / "browser"
        browser = await agents.start(server.url, path=kept)
        await browser.mutate(title("sent"))
        await browser.ask("sent", documents="notes")
        await browser.ask("offline", value=True)
        await browser.mutate(title("unsent"), title("new", "b"))
        await browser.ask("flush", documents="notes")
        await browser.kill()
        # there is nobody to ask: it is opened from what it kept
        again = await agents.start(server.url, path=kept, offline=True)
        assert await again.value("a", *TITLE) == "unsent"
        assert (await again.status())["pending"] == 2
        assert notes["a"].title == "sent"
        await again.ask("offline", value=False)
        await until(lambda: notes["a"].title == "unsent" and notes["b"].title == "new")
        await again.ask("sent", documents="notes")
        assert (await again.status())["pending"] == 0


async def test_many_kills_lose_nothing_that_was_durable(tmp_path: Path, agents: Agents) -> None:
    async with served(tmp_path) as (notes, server):
        kept = tmp_path / "browser"
        for turn in range(6):
            browser = await agents.start(server.url, path=kept, offline=turn % 2 == 1)
            await browser.mutate(*[(f"k{turn}-{i}", LIKES, ("add", 1)) for i in range(40)])
            await browser.ask("flush", documents="notes")
            browser.process.send_signal(signal.SIGKILL)
            await browser.kill()
        last = await agents.start(server.url, path=kept)
        await last.ask("sent", documents="notes")
        assert sorted(notes) == sorted(f"k{turn}-{i}" for turn in range(6) for i in range(40))
        assert all(notes[key].likes.value == 1 for key in notes)


async def test_a_storage_that_fails_keeps_edits_unsent_until_it_works(
    tmp_path: Path, agents: Agents
) -> None:
    async with served(tmp_path) as (notes, server):
        browser = await agents.start(server.url, path=tmp_path / "browser")
        await browser.ask("fail", why="no room")
        await browser.mutate(title("kept back"))
        await until(lambda: _has_error(browser))
        with pytest.raises(AgentError, match="no room"):
            await browser.mutate(title("refused"))
        await asyncio.sleep(0.3)
        assert "a" not in notes, "nothing leaves before it is durable"
        await browser.ask("fail", why=None)
        await until(lambda: notes["a"].title == "kept back")
        await browser.mutate(title("goes on"))
        await until(lambda: notes["a"].title == "goes on")


async def _has_error(browser: Agent) -> bool:
    return (await browser.status())["error"] is not None


@pytest.mark.parametrize("harm", ["flip", "cut", "drop"])
async def test_a_damaged_storage_is_never_taken_for_an_empty_one(
    tmp_path: Path, agents: Agents, harm: str
) -> None:
    async with served(tmp_path) as (_, server):
        kept = tmp_path / "browser"
        browser = await agents.start(server.url, path=kept)
        await browser.mutate(title("text"))
        await browser.ask("sent", documents="notes")
        await browser.ask("close")
        await browser.kill()
        damage(kept, harm)
        with pytest.raises(AgentError) as caught:
            await agents.start(server.url, path=kept)
        assert caught.value.code == "Corrupt"


def damage(path: Path, harm: str) -> None:
    """To the last row of the log that is in a file of rows."""
    import json

    rows: dict[str, str | None] = {}
    for line in path.read_text().splitlines():
        rows.update(dict(json.loads(line)))
    name = max(name for name, data in rows.items() if "/l/" in name and data)
    if harm == "drop":
        rows[name] = None
    else:
        data = bytearray(base64.b64decode(rows[name] or ""))
        if harm == "flip":
            data[len(data) // 2] ^= 1
        else:
            del data[-1]
        rows[name] = base64.b64encode(data).decode()
    path.write_text(json.dumps(list(rows.items())) + "\n")


async def test_a_node_that_is_gone_is_left_for_another(tmp_path: Path, agents: Agents) -> None:
    async with Members(tmp_path, 3) as members, contextlib.AsyncExitStack() as stack:
        servers = []
        for name, node in members.nodes.items():
            server = ReplicaServer(plait.Store(Local(node)), name)
            servers.append(await stack.enter_async_context(server))
        notes = await created(members)
        notes["a"].title = "first"
        browser = await agents.start(*[server.url for server in servers])
        for turn in range(3):
            on = (await browser.status(None))["node"]
            server = next(one for one in servers if one.node == on)
            await server.stop()
            await browser.mutate(title(f"turn {turn}"))
            await until(lambda turn=turn: notes["a"].title == f"turn {turn}")
            assert (await browser.status(None))["node"] != on
            await server.start()


async def test_a_node_that_is_killed_and_restarted_goes_on(tmp_path: Path, agents: Agents) -> None:
    async with Members(tmp_path, 1) as members:
        await created(members)
        store = plait.Store(Local(members.nodes["n1"]))
        async with ReplicaServer(store) as server:
            browser = await agents.start(server.url)
            await browser.mutate(title("before"))
            await browser.ask("sent", documents="notes")
            await server.stop()
            await members.stop("n1")
            await browser.mutate(title("meanwhile"))
            await members.start("n1")
            server.store = plait.Store(Local(members.nodes["n1"]))
            await server.start()
            await browser.ask("sent", documents="notes")
            notes = await server.store.documents("notes", Note)
            assert notes["a"].title == "meanwhile"


async def test_presence_is_told_and_never_stored(tmp_path: Path, agents: Agents) -> None:
    async with served(tmp_path) as (notes, server):
        one, two = await agents.start(server.url), await agents.start(server.url)
        await one.ask("present", documents="notes", value={"at": "a"})
        mine = await one.ask("id", documents="notes")
        await until(lambda: _holds(two, mine))
        assert int(mine) in notes._access.replica.everybody()
        await one.ask("present", documents="notes", value=None)
        await until(lambda: _holds(two, mine, False))


async def _holds(browser: Agent, replica: str, wanted: bool = True) -> bool:
    found = [id_ for id_, _ in await browser.ask("everybody", documents="notes")]
    return (replica in found) == wanted


@pytest.mark.parametrize("ahead_s", [600, -600])
async def test_a_wrong_clock_here_is_put_right_by_the_nodes(
    tmp_path: Path, agents: Agents, ahead_s: int
) -> None:
    async with served(tmp_path) as (notes, server):
        browser = await agents.start(server.url, ahead=ahead_s * 1000)
        await browser.mutate(title("stamped"))
        await until(lambda: notes["a"].title == "stamped")
        notes["a"].title = "later"
        await reads(browser, "later")
        assert not (await browser.status())["quarantined"]


async def test_a_collection_that_is_not_there_is_a_typed_error(
    tmp_path: Path, agents: Agents
) -> None:
    async with served(tmp_path) as (_, server):
        browser = await agents.start(server.url, documents=None)
        with pytest.raises(AgentError) as caught:
            await browser.ask("open", documents="absent")
        assert caught.value.code == "NoSuchCollection"


async def test_nobody_to_ask_is_unavailable(agents: Agents) -> None:
    browser = await agents.start("ws://127.0.0.1:9", documents=None)
    with pytest.raises(AgentError) as caught:
        await browser.ask("open", documents="notes", timeout=1)
    assert caught.value.code == "Unavailable"


async def test_a_replica_that_keeps_nothing_leaves_for_good(tmp_path: Path, agents: Agents) -> None:
    async with served(tmp_path) as (notes, server):
        browser = await agents.start(server.url)
        await browser.mutate(title("last words"))
        gone = int(await browser.ask("id", documents="notes"))
        members = notes._access.replica.parts.scope.members
        assert members.is_member(gone)
        await browser.ask("close")
        await until(lambda: not members.is_member(gone))
        assert notes["a"].title == "last words"


async def test_a_node_that_talks_nonsense_is_left_and_asked_again(
    tmp_path: Path, agents: Agents
) -> None:
    async with served(tmp_path) as (notes, server):
        browser = await agents.start(server.url)
        for nonsense in (b"", b"\xc1", b"\x93\x02\x01", b"\x93\x02\x01\xc4\x02\x91\x50", b"\x07"):
            await until(lambda: len(server.sockets) == 1)
            (socket,) = server.sockets
            await browser.mutate(title(repr(nonsense)))
            await socket.send(nonsense)
            await until(lambda socket=socket: socket not in server.sockets)
            if nonsense:  # it came back by itself after the first, and waits ever longer
                await browser.ask("offline", value=True)
                await browser.ask("offline", value=False)
            await until(lambda nonsense=nonsense: notes["a"].title == repr(nonsense))


async def test_many_edits_of_few_objects_come_as_a_delta(tmp_path: Path, agents: Agents) -> None:
    async with served(tmp_path) as (notes, server):
        notes["gone"].title = "deleted while it is away"
        browser = await agents.start(server.url)
        await browser.mutate(("a", LIKES, ("add", 1)))
        await browser.ask("sent", documents="notes")
        await browser.ask("offline", value=True)
        await browser.mutate(("a", LIKES, ("add", 100)))
        for turn in range(1500):
            notes["a"].likes += 1
            notes["a"].title = f"turn {turn}"
            if turn % 100 == 0:
                await asyncio.sleep(0)
        del notes["gone"]
        await browser.ask("offline", value=False)
        await until(lambda: is_value(browser.value("a", *LIKES), 1601))
        await reads(browser, "turn 1499")
        assert await browser.ask("keys", documents="notes") == ["a"]
        await until(lambda: notes["a"].likes.value == 1601)
