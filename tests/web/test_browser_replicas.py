"""Browser replicas (in Node) against nodes: both ways, offline, over kills, and refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import plait
from plait import AddWinsSet, Counter, Document, EnableFlag, Eventual, Register
from tests.web.agents import Agents, until
from tests.web.replica_server import ReplicaServer

TITLE, LIKES, TAGS = ("r:title",), ("c:likes",), ("aw:tags",)


class Note(Document):
    title = Register(str)
    likes = Counter()
    tags = AddWinsSet(str)
    done = EnableFlag()


@pytest.fixture
async def agents() -> AsyncIterator[Agents]:
    async with Agents() as made:
        yield made


async def test_an_edit_shows_on_the_other_side_both_ways(tmp_path: Path, agents: Agents):
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        notes = await store.documents("notes", Note, Eventual())
        notes["a"].title = "from python"
        browser = await agents.start(server.url)
        assert await browser.value("a", *TITLE) == "from python"
        await browser.mutate(("a", TITLE, ("set", "from javascript")), ("b", LIKES, ("add", 3)))
        await until(lambda: notes["a"].title == "from javascript")
        assert notes["b"].likes.value == 3
        notes["b"].likes += 4
        assert await until(lambda: _is(browser.value("b", *LIKES), 7))
        await browser.ask("sent", documents="notes")
        status = await browser.status()
        assert status["pending"] == 0 and status["online"] and status["ready"]


async def _is(asked, wanted):
    return await asked == wanted
