"""Collections of documents through the store: embedded, on nodes, in clients, without await."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from members import Members, until

import plait
import plait.blocking
from plait import AddWinsSet, Counter, Document, Eventual, Register, Store
from plait.api.documents import Documents
from plait.base.errors import BadSettings, ChangeOpen, Closed, NoSuchCollection, WrongThread


class Note(Document):
    title = Register(str)
    tags = AddWinsSet(str)
    likes = Counter()


async def three(folder: Path) -> Members:
    cluster = Members(folder, 3)
    await cluster.start()
    return cluster


# --------------------------------------------------------------------------- embedded


async def test_documents_are_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "a") as store:
        notes = await store.documents("notes", Note)
        notes["n1"].title = "Shopping"
        notes["n1"].likes += 2
        notes["n1"].tags.add("home")
        await store.flush()
    async with plait.open(tmp_path / "a") as store:
        notes = await store.documents("notes", Note)
        assert notes["n1"].to_dict() == {"title": "Shopping", "tags": {"home"}, "likes": 2}
        assert list(notes) == ["n1"]
        assert [info.name for info in await store.collections()] == ["notes"]


async def test_a_collection_keeps_its_settings(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "a") as store:
        await store.documents("notes", Note, Eventual(history="forever"))
        with pytest.raises(BadSettings, match="forever"):
            await store.documents("notes", Note, Eventual(sync="ops"))


async def test_a_dropped_collection_begins_anew_under_its_name(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "a") as store:
        notes = await store.documents("notes", Note)
        notes["n1"].title = "old"
        await store.drop_documents("notes")
        with pytest.raises(Closed):
            notes["n1"].title = "into nothing"
        with pytest.raises(NoSuchCollection):
            await store.drop_documents("notes")
        again = await store.documents("notes", Note)
        assert "n1" not in again


async def test_one_task_may_have_changes_of_two_collections_open(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "a") as store:
        one = await store.documents("one", Note)
        two = await store.documents("two", Note)
        with one.change("outer"):
            one["a"].likes += 1
            with contextlib.suppress(KeyError), two.change("inner"):
                two["a"].likes += 1
                one["a"].likes += 1
                raise KeyError("the inner one is discarded")
            one["a"].likes += 1
        assert (one["a"].likes, two["a"].likes) == (3, 0)


async def test_another_task_cannot_write_into_a_change(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "a") as store:
        notes = await store.documents("notes", Note)

        opened = asyncio.Event()

        async def meddle() -> None:
            await opened.wait()
            notes["n1"].likes += 1

        meddling = asyncio.create_task(meddle())  # what a change itself starts belongs to it
        with notes.change("mine"):
            notes["n1"].likes += 1
            opened.set()
            with pytest.raises(ChangeOpen):
                await meddling
        await meddle()
        assert notes["n1"].likes == 2


async def test_documents_belong_to_the_loop_that_they_were_opened_on(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "a") as store:
        notes = await store.documents("notes", Note)

        def elsewhere() -> str | None:
            return notes["n1"].title

        with pytest.raises(WrongThread):
            await asyncio.to_thread(elsewhere)


def test_the_same_without_await(tmp_path: Path) -> None:
    with plait.blocking.open(tmp_path / "a") as store:
        notes = store.documents("notes", Note, author="Ann")
        with notes.change("two things"):
            notes["n1"].title = "x"
            notes["n1"].likes += 1
        assert (notes["n1"].title, notes["n1"].likes) == ("x", 1)
        [version] = notes["n1"].history()
        assert (version.who, version.message) == ("Ann", "two things")
        assert [info.name for info in store.collections()] == ["notes"]
        store.drop_documents("notes")
        assert store.collections() == []


# --------------------------------------------------------------------------- nodes, clients


async def both(one: Store, two: Store) -> tuple[Documents[Note], Documents[Note]]:
    return await one.documents("notes", Note), await two.documents("notes", Note)


async def test_clients_of_two_nodes_write_at_once_and_agree(tmp_path: Path) -> None:
    cluster = await three(tmp_path)
    try:
        async with (
            plait.connect(cluster.url) as any_node,
            cluster.only("n1") as one,
            cluster.only("n3") as two,
        ):
            await any_node.documents("notes", Note)
            ann, bob = await both(one, two)
            for _ in range(50):
                ann["n1"].likes += 1
                bob["n1"].likes += 1
            ann["n1"].tags.add("a")
            bob["n1"].tags.add("b")
            await until(lambda: ann["n1"].likes == 100 and ann["n1"] == bob["n1"])
            assert bob["n1"].tags == {"a", "b"}
    finally:
        await cluster.close()


async def test_a_client_writes_on_while_no_node_answers_and_loses_nothing(tmp_path: Path) -> None:
    cluster = await three(tmp_path)
    try:
        async with plait.connect(cluster.url) as store:
            notes = await store.documents("notes", Note)
            notes["n1"].likes += 1
            await notes.flush()
            for name in ("n1", "n2", "n3"):
                await cluster.stop(name)
            for _ in range(10):
                notes["n1"].likes += 1
            assert notes["n1"].likes == 11
            await cluster.start()
            async with asyncio.timeout(30):
                await notes.flush()
        async with cluster.only("n2") as store:
            others = await store.documents("notes", Note)
            await until(lambda: others["n1"].likes == 11)
    finally:
        await cluster.close()


async def test_a_node_that_joins_gets_every_document(tmp_path: Path) -> None:
    cluster = Members(tmp_path, 1)
    await cluster.start()
    try:
        async with cluster.only("n1") as store:
            notes = await store.documents("notes", Note)
            for number in range(200):
                notes[f"n{number:03}"].likes += number + 1
            await notes.flush()
            await cluster.add("n2")
            await store.join("n2", cluster.addresses["n2"])
        async with cluster.only("n2") as store:
            notes = await store.documents("notes", Note)
            assert len(notes) == 200
            assert notes["n199"].likes == 200
    finally:
        await cluster.close()


async def test_a_node_that_was_down_catches_up(tmp_path: Path) -> None:
    cluster = await three(tmp_path)
    try:
        async with plait.connect(cluster.url) as store:
            notes = await store.documents("notes", Note)
            notes["n1"].title = "before"
            await notes.flush()
            await cluster.stop("n3")
            notes["n1"].title = "after"
            notes["n2"].likes += 1
            await notes.flush()
        await cluster.start("n3")
        async with cluster.only("n3") as store:
            notes = await store.documents("notes", Note)
            await until(lambda: notes["n1"].title == "after" and notes["n2"].likes == 1)
    finally:
        await cluster.close()


async def test_a_client_that_leaves_is_waited_for_no_longer(tmp_path: Path) -> None:
    cluster = Members(tmp_path, 1)
    await cluster.start()
    try:
        async with cluster.only("n1") as store:
            notes = await store.documents("notes", Note)
            notes["n1"].likes += 1
            await notes.flush()
            members = cluster.nodes["n1"].graphs.status()["notes"]["members"]
            assert len(members) == 2
        [replica] = cluster.nodes["n1"].graphs.replicas()
        await until(lambda: len(replica.status()["members"]) == 1)
    finally:
        await cluster.close()


# --------------------------------------------------------------------------- folders


async def test_two_open_stores_agree_through_a_folder(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    async with plait.open(tmp_path / "a") as one, plait.open(tmp_path / "b") as two:
        ann = await one.documents("notes", Note)
        ann["n1"].likes += 1
        ann_syncs = await one.sync_folder(shared, every_s=0.05)
        bob_syncs = await two.sync_folder(shared, every_s=0.05)
        async with asyncio.timeout(20):
            while not await two.collections():
                await asyncio.sleep(0.02)
        bob = await two.documents("notes", Note)
        bob["n1"].likes += 1
        await until(lambda: ann["n1"].likes == bob["n1"].likes == 2)
        await bob_syncs.close()
        await ann_syncs.close()


async def test_a_client_does_not_sync_folders(tmp_path: Path) -> None:
    cluster = Members(tmp_path, 1)
    await cluster.start()
    try:
        async with cluster.only("n1") as store:
            with pytest.raises(BadSettings, match="plait sync"):
                await store.sync_folder(tmp_path)
    finally:
        await cluster.close()
