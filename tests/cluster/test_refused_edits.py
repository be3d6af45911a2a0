"""Edits of documents that their author may not make, on real nodes: refused, told, taken back."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from guarded import World
from members import Members, until

import plait
import plait.blocking
from plait import Eventual
from plait.base.errors import NotAllowed
from plait.node.local import Local


class Tag(plait.Document):
    name: str = plait.Register(str, default="")


class Note(plait.Document):
    title: str = plait.Register(str, default="")
    likes: int = plait.Counter()
    body: str = plait.Text()
    tags = plait.AddWinsSet(str)
    marks = plait.Map(plait.Register(str))
    todo = plait.List(str)
    first = plait.Nested(Tag)


@contextlib.asynccontextmanager
async def cluster(tmp_path: Path, count: int = 1) -> AsyncIterator[World]:
    """Rights on, and a collection with one note for everybody."""
    members = Members(tmp_path, count)
    await members.start()
    world = World(members)
    await world.begin()
    async with world.store("root") as store:
        notes = await store.documents("notes", Note, Eventual())
        notes["ours/a"].title = "common"
        notes["theirs/b"].title = "private"
        notes["theirs/b"].body.insert(0, "hers")
        await notes.flush()
    yield world
    await members.close()


async def at_nodes(world: World) -> list[plait.Documents[Note]]:
    nodes = world.members.nodes.values()
    await until(lambda: all(node.graphs.infos() for node in nodes))
    return [await plait.Store(Local(node)).documents("notes", Note) for node in nodes]


def linked_with(world: World, notes: plait.Documents[Note]) -> str | None:
    """The node that a client's replica is linked with now."""
    replica = notes._access.replica
    peers = [peer.replica for peer in replica.syncing.exchange.peers.values()]
    for name, node in world.members.nodes.items():
        if any(one.replica in peers for one in node.graphs.replicas()):
            return name
    return None


async def clean(notes: plait.Documents[Note]) -> None:
    """Every verdict was heard, and what was refused is rolled back."""
    replica = notes._access.replica
    await until(lambda: not replica.parts.scope.voids.unclean)


async def test_a_refused_edit_is_told_with_its_reason_and_rolled_back(tmp_path) -> None:
    async with cluster(tmp_path) as world:
        await world.user("ann", "notes:read", "notes/ours/:write")
        (there,) = await at_nodes(world)
        async with world.store("ann") as store:
            notes = await store.documents("notes", Note)
            notes["theirs/b"].title = "mine now"
            notes["ours/a"].title = "better"
            with pytest.raises(NotAllowed, match="ann lacks write on notes") as caught:
                await notes.flush()
            assert caught.value.details["refused"] == [["theirs/b", "ann lacks write on notes"]]
            await clean(notes)
            assert notes["theirs/b"].title == there["theirs/b"].title == "private"
            assert notes["ours/a"].title == "better"
            await until(lambda: there["ours/a"].title == "better")
            (edit,) = notes.refused()
            assert (edit.key, edit.paths, edit.by) == ("theirs/b", [("title",)], "n1")
            assert edit.operations[0]["body"] == ["mine now"]
            notes["ours/a"].likes += 1
            await notes.flush()  # what was raised once is not raised again
            edit.dismiss()
            assert notes.refused() == []


async def test_every_kind_of_field_is_rolled_back_and_others_never_see_it(tmp_path) -> None:
    async with cluster(tmp_path) as world:
        await world.user("ann", "notes:read", "notes/ours/:write")
        (there,) = await at_nodes(world)
        async with world.store("ann") as store, there.watch("theirs/b") as watching:
            notes = await store.documents("notes", Note)
            before = there["theirs/b"].to_dict()
            note = notes["theirs/b"]
            note.title = "x"
            note.likes += 5
            note.body.insert(0, "not ")
            note.tags.add("red")
            note.marks["a"] = "b"
            note.todo.append("buy")
            note.first.name = "tag"
            notes["theirs/new"].title = "made"
            with pytest.raises(NotAllowed):
                await notes.flush()
            await clean(notes)
            assert notes["theirs/b"].to_dict() == before == there["theirs/b"].to_dict()
            assert "theirs/new" not in notes
            assert "theirs/new" not in there
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(watching), 0.2)
            assert notes.undo() is False


async def test_who_watches_at_home_sees_a_refused_edit_and_its_end(tmp_path) -> None:
    async with cluster(tmp_path) as world:
        await world.user("ann", "notes:read")
        async with world.store("ann") as store:
            notes = await store.documents("notes", Note)
            async with notes.watch("theirs/b") as changes, notes.watch_refused() as verdicts:
                notes["theirs/b"].title = "mine now"
                first = await asyncio.wait_for(anext(changes), 10)
                assert (first.before, first.after) == ("private", "mine now")
                edit = await asyncio.wait_for(anext(verdicts), 10)
                assert edit.key == "theirs/b"
                back = await asyncio.wait_for(anext(changes), 10)
                assert (back.before, back.after) == ("mine now", "private")


async def test_a_change_of_several_documents_is_refused_as_a_whole(tmp_path) -> None:
    async with cluster(tmp_path) as world:
        await world.user("ann", "notes:read", "notes/ours/:write")
        (there,) = await at_nodes(world)
        async with world.store("ann") as store:
            notes = await store.documents("notes", Note)
            with notes.change("swap"):
                notes["ours/a"].title = "theirs"
                notes["theirs/b"].title = "ours"
            with notes.change("fine"):
                notes["ours/c"].title = "c"
                notes["ours/d"].title = "d"
            with pytest.raises(NotAllowed):
                await notes.flush()
            await clean(notes)
            assert [(edit.key, edit.message) for edit in notes.refused()] == [
                ("ours/a", "swap"), ("theirs/b", "swap")
            ]  # fmt: skip
            assert notes["ours/a"].title == there["ours/a"].title == "common"
            assert there["ours/d"].title == "d"


async def test_what_waited_while_the_right_was_taken_away_is_refused_when_it_arrives(
    tmp_path,
) -> None:
    members = Members(tmp_path, 1)
    await members.start()
    world = World(members)
    await world.begin()
    await world.user("ann", "notes:read,write")
    async with world.store("root") as root:
        await root.documents("notes", Note, Eventual())
    async with world.store("ann") as store:
        notes = await store.documents("notes", Note)
        notes["ours/a"].body.insert(0, "first")
        await notes.flush()
        async with world.store("root") as root:
            await root.rights.put_role("ann", ["notes:read"])
        await members.stop("n1")
        notes["ours/a"].body.insert(5, " and last")
        assert notes["ours/a"].body == "first and last"
        await members.start("n1")
        with pytest.raises(NotAllowed):
            await asyncio.wait_for(notes.flush(), 30)
        await clean(notes)
        assert notes["ours/a"].body == "first"
        async with world.store("root") as root:
            await root.rights.put_role("ann", ["notes:read,write"])
        await notes.flush()
        assert notes["ours/a"].body == "first", "what was refused stays refused"
        (edit,) = notes.refused()
        edit.again()
        await notes.flush()
        (there,) = await at_nodes(world)
        assert notes["ours/a"].body == there["ours/a"].body == "first and last"
        assert notes.refused() == []
    await members.close()


async def test_whichever_node_goes_meanwhile_all_come_to_the_same_verdict(tmp_path) -> None:
    async with cluster(tmp_path, 3) as world:
        await world.user("ann", "notes:read", "notes/ours/:write")
        everywhere = await at_nodes(world)
        await until(lambda: all("theirs/b" in notes for notes in everywhere))
        async with world.store("ann") as store:
            notes = await store.documents("notes", Note)
            for number in range(3):
                notes["theirs/b"].title = f"try {number}"
                notes["ours/a"].likes += 1
                await asyncio.sleep(0.005 * number)
                victim = linked_with(world, notes)
                if victim is not None and number < 2:
                    await world.members.stop(victim)
                    await world.members.start(victim)
            with pytest.raises(NotAllowed):
                await asyncio.wait_for(notes.flush(), 60)
            await clean(notes)
            assert notes["theirs/b"].title == "private"
            assert [edit.key for edit in notes.refused()] == ["theirs/b"] * 3
            everywhere = await at_nodes(world)
            await until(lambda: all(there["ours/a"].likes == 3 for there in everywhere), 60)
            assert {there["theirs/b"].title for there in everywhere} == {"private"}


def test_a_blocking_store_tells_the_same(tmp_path) -> None:
    made: list[World] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    held = cluster(tmp_path)
    try:
        made.append(run(held.__aenter__()))
        run(made[0].user("ann", "notes:read", "notes/ours/:write"))
        url, token = made[0].members.url, made[0].tokens["ann"]
        with plait.blocking.connect(url, token=token) as store:
            notes = store.documents("notes", Note)
            with notes.watch_refused() as verdicts:
                notes["theirs/b"].title = "mine now"
                with pytest.raises(NotAllowed, match="ann lacks write on notes"):
                    notes.flush()
                assert next(verdicts).key == "theirs/b"
            (edit,) = notes.refused()
            assert edit.to_dict()["operations"][0]["path"] == ["title"]
            edit.dismiss()
            assert notes.refused() == []
        run(held.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
