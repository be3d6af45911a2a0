"""Browser replicas (in Node) at the doors that ``plait serve`` opens."""

import contextlib
import sys
from pathlib import Path

import pytest

from plait import Eventual
from plait.cli.doors import DoorChoices, open_doors
from tests.web.agents import AgentError, Agents, until
from tests.web.replica_notes import Note, created, title

sys.path.append(str(Path(__file__).resolve().parent.parent / "cluster"))

from guarded import World
from members import Members

DOORS = DoorChoices(http="127.0.0.1:0")


async def test_other_nodes_are_learnt_from_the_first(tmp_path: Path) -> None:
    async with Members(tmp_path, 2) as members, contextlib.AsyncExitStack() as stack:
        agents = await stack.enter_async_context(Agents())
        one = await stack.enter_async_context(contextlib.AsyncExitStack())
        await one.enter_async_context(open_doors(DOORS, members.nodes["n1"]))
        await stack.enter_async_context(open_doors(DOORS, members.nodes["n2"]))
        notes = await created(members)
        browser = await agents.start(members.nodes["n1"].doors["http"])
        await until(lambda: _urls(browser, 2))
        await one.aclose()
        await browser.mutate(title("over the other"))
        await until(lambda: notes["a"].title == "over the other")
        assert (await browser.status(None))["node"] == "n2"


async def _urls(browser, count):
    return len(await browser.ask("urls")) == count


async def test_who_is_not_signed_in_hears_so_at_once(tmp_path: Path) -> None:
    members = Members(tmp_path / "m", 1)
    await members.start()
    world = World(members)
    await world.begin()
    async with world.store("root") as root:
        everything = await root.documents("notes", Note, Eventual())
        everything["theirs/b"].title = "private"
        await everything.flush()
    await world.user("ann", "notes:read", "notes/ours/:write")
    async with Agents() as agents, open_doors(DOORS, members.nodes["n1"]):
        url = members.nodes["n1"].doors["http"]
        for token in (None, "no token of anybody"):
            stranger = await agents.start(url, documents=None, token=token)
            with pytest.raises(AgentError) as caught:
                await stranger.ask("open", documents="notes")
            assert caught.value.code == "NotSignedIn"
        ann = await agents.start(url, token=world.tokens["ann"], name="Ann")
        await ann.mutate(title("mine", "theirs/b"), title("fine", "ours/a"))
        (refusal,) = await until(lambda: ann.ask("refused", documents="notes"))
        assert refusal["key"] == "theirs/b"
        await ann.ask("sent", documents="notes")
        assert await ann.value("theirs/b", "r:title") == "private"
        assert await ann.value("ours/a", "r:title") == "fine"
    await members.close()
