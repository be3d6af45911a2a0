"""Browser replicas (in Node) that are refused, whose storage was copied, that were retired."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait import Eventual
from tests.web.agents import Agents, until
from tests.web.replica_notes import BODY, LIKES, Note, is_value, reads, served, title
from tests.web.replica_server import ReplicaServer

sys.path.append(str(Path(__file__).resolve().parent.parent / "cluster"))

from guarded import World
from members import Members


@pytest.fixture
async def agents() -> AsyncIterator[Agents]:
    async with Agents() as made:
        yield made


async def test_a_refused_edit_is_rolled_back_and_shown_with_its_verdict(
    tmp_path: Path, agents: Agents
) -> None:
    members = Members(tmp_path / "m", 1)
    await members.start()
    world = World(members)
    await world.begin()
    async with world.store("root") as root:
        everything = await root.documents("notes", Note, Eventual())
        everything["theirs/b"].title = "private"
        await everything.flush()
        await world.user("ann", "notes:read", "notes/ours/:write")
        async with world.store("ann") as store, ReplicaServer(store) as server:
            kept = tmp_path / "browser"
            browser = await agents.start(server.url, path=kept)
            await reads(browser, "private", "theirs/b")
            await browser.mutate(title("mine now", "theirs/b"), title("allowed", "ours/a"))
            (refusal,) = await until(lambda: browser.ask("refused", documents="notes"))
            assert refusal["key"] == "theirs/b"
            assert "lacks write" in refusal["reason"]
            await reads(browser, "private", "theirs/b")
            await until(lambda: everything["ours/a"].title == "allowed")
            assert everything["theirs/b"].title == "private"
            assert (await browser.status())["refused"] == 1
            await browser.kill()
            browser = await agents.start(server.url, path=kept)
            assert await browser.ask("refused", documents="notes") == [refusal]
            await browser.ask("dismiss", documents="notes", number=refusal["number"])
            assert (await browser.status())["refused"] == 0
            await browser.mutate(title("still", "ours/a"))
            await until(lambda: everything["ours/a"].title == "still")
    await members.close()


async def test_a_change_of_several_documents_is_refused_as_one(
    tmp_path: Path, agents: Agents
) -> None:
    members = Members(tmp_path / "m", 1)
    await members.start()
    world = World(members)
    await world.begin()
    async with world.store("root") as root:
        everything = await root.documents("notes", Note, Eventual())
        await world.user("ann", "notes:read", "notes/ours/:write")
        async with world.store("ann") as store, ReplicaServer(store) as server:
            browser = await agents.start(server.url)
            await browser.mutate(
                title("one", "ours/a"), title("two", "theirs/b"), together=True, message="both"
            )
            await until(lambda: browser.ask("refused", documents="notes"))
            await reads(browser, None, "ours/a")
            assert not list(everything)
    await members.close()


async def test_a_copied_storage_takes_a_fresh_id_and_loses_nothing(
    tmp_path: Path, agents: Agents
) -> None:
    async with served(tmp_path) as (notes, server):
        kept, copied = tmp_path / "browser", tmp_path / "copy"
        browser = await agents.start(server.url, path=kept)
        await browser.mutate(("a", LIKES, ("add", 1)))
        await browser.ask("sent", documents="notes")
        await browser.ask("close")
        copied.write_bytes(kept.read_bytes())
        one = await agents.start(server.url, path=kept)
        two = await agents.start(server.url, path=copied, offline=True)
        assert await one.ask("id", documents="notes") == await two.ask("id", documents="notes")
        await one.mutate(("a", LIKES, ("add", 10)), ("one", LIKES, ("add", 1)))
        await one.ask("sent", documents="notes")
        await two.mutate(("a", LIKES, ("add", 100)), ("two", LIKES, ("add", 1)))
        await two.ask("offline", value=False)
        await until(lambda: notes["a"].likes.value == 111)
        for browser in (one, two):
            await until(lambda browser=browser: is_value(browser.value("a", *LIKES), 111))
        assert await one.ask("id", documents="notes") != await two.ask("id", documents="notes")
        await two.ask("sent", documents="notes")


async def test_who_was_retired_comes_back_with_what_others_lack(
    tmp_path: Path, agents: Agents
) -> None:
    async with served(tmp_path) as (notes, server):
        kept = tmp_path / "browser"
        notes["a"].body.insert(0, "one two three")
        browser = await agents.start(server.url, path=kept)
        await browser.mutate(
            title("old"), ("a", LIKES, ("add", 1)), ("a", BODY, ("insert", 0, "> "))
        )
        await browser.ask("sent", documents="notes")
        gone = int(await browser.ask("id", documents="notes"))
        await browser.ask("offline", value=True)
        await browser.mutate(("a", LIKES, ("add", 20)), title("stale"), title("kept", "b"))
        await browser.mutate(("a", BODY, ("insert", 9, " and a half")))
        await browser.mutate(("a", BODY, ("delete", 2, 4)))  # of what is folded: it comes back
        await browser.ask("flush", documents="notes")
        replica = notes._access.replica
        notes["a"].body.insert(0, "* ")
        replica.say((replica.parts.scope.retire(gone),))
        await asyncio.sleep(0.01)
        notes["a"].title = "later"
        await browser.ask("offline", value=False)
        await until(lambda: notes["a"].likes.value == 21)
        await until(lambda: notes["b"].title == "kept")
        assert str(notes["a"].body) == "* > one two and a half three"
        await browser.ask("sent", documents="notes")
        assert notes["a"].title == "later", "a later write stands"
        assert int(await browser.ask("id", documents="notes")) != gone
        await reads(browser, "later")
        status = await browser.status()
        assert any("later write stands" in notice for notice in status["notices"])
