"""Documents over HTTP: fields of every kind, patches, history, conflicts, watching."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import client_of, embedded

import plait
from plait import (
    AddWinsSet,
    Ask,
    Counter,
    Document,
    EnableFlag,
    Eventual,
    List,
    Map,
    Register,
    Text,
)
from plait.api.store import Store
from plait.base.errors import HistoryTrimmed, StorageError
from plait.doors.http.door import asgi
from plait.doors.http.feeds import documents_feed
from plait.doors.http.serving import listening


class Note(Document):
    title = Register(str)
    when = Register(str, resolve=Ask())
    body = Text()
    tags = AddWinsSet(str)
    likes = Counter()
    tasks = List(str)
    done = EnableFlag()
    props = Map(Register(int))


ITEM = "/v1/documents/notes/items/n1"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Store, httpx.AsyncClient]]:
    async with embedded(tmp_path / "d") as (store, app), client_of(app) as client:
        await client.put("/v1/documents/notes", json={"history": "forever"})
        yield store, client


async def operate(client: httpx.AsyncClient, *edits: dict[str, Any], status: int = 200) -> Any:
    answer = await client.post(f"{ITEM}/operations", json={"operations": edits})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_every_kind_of_field_is_written_and_read(
    site: tuple[Store, httpx.AsyncClient],
) -> None:
    store, client = site
    told = await operate(
        client,
        {"op": "set", "path": ["title"], "kind": "register", "value": "Shopping"},
        {"op": "set", "path": ["when"], "kind": "ask", "value": "noon"},
        {"op": "insert", "path": ["body"], "kind": "text", "at": 0, "text": "milk"},
        {"op": "append", "path": ["body"], "text": " and eggs 💡"},
        {"op": "mark", "path": ["body"], "at": 0, "count": 4, "name": "bold", "value": True},
        {"op": "add", "path": ["tags"], "kind": "add_wins_set", "value": "home"},
        {"op": "add", "path": ["likes"], "kind": "counter", "value": 3},
        {"op": "add", "path": ["likes"], "value": -1},
        {"op": "append", "path": ["tasks"], "kind": "list", "value": "a"},
        {"op": "insert", "path": ["tasks"], "at": 0, "value": "b"},
        {"op": "enable", "path": ["done"], "kind": "flag"},
        {"op": "set", "path": ["props", "size"], "kind": "register", "value": 7},
    )
    value = {
        "title": "Shopping", "when": "noon", "body": "milk and eggs 💡", "tags": ["home"],
        "likes": 2, "tasks": ["b", "a"], "done": True, "props": {"size": 7},
    }  # fmt: skip
    assert told["value"] == value
    assert told["kinds"]["when"] == "ask"
    assert told["kinds"]["props"] == "map"
    assert (await client.get(ITEM)).json() == told
    note = (await store.documents("notes", Note, create=False))["n1"]
    assert note.title == "Shopping"
    assert note.likes == 2
    assert note.body.marks_at(1) == {"bold": True}
    assert note.props["size"] == 7
    assert note.history()[-1].paths


async def test_what_a_program_declared_is_edited_as_what_it_is(
    site: tuple[Store, httpx.AsyncClient],
) -> None:
    store, client = site
    notes = await store.documents("notes", Note, create=False)
    note = notes["n1"]
    note.body.insert(0, "one two")
    note.tags.add("a")
    note.likes += 1
    answer = await client.patch(
        ITEM,
        json={"body": "one 2 two", "tags": ["b"], "title": "T", "props": {"x": 1}, "more": [1, 2]},
    )
    assert answer.status_code == 200, answer.text
    assert note.body == "one 2 two"
    assert note.tags == {"b"}
    assert note.title == "T"
    assert note.props["x"] == 1
    assert answer.json()["value"]["more"] == [1, 2]
    gone = await client.patch(ITEM, json={"title": None, "props": {"x": None}})
    assert gone.json()["value"].get("title") is None
    refused = await client.patch(ITEM, json={"likes": 7})
    assert (refused.status_code, refused.json()["code"]) == (400, "BadValue")


async def test_a_batch_is_done_as_a_whole_or_not_at_all(
    site: tuple[Store, httpx.AsyncClient],
) -> None:
    _, client = site
    told = await operate(
        client,
        {"op": "set", "path": ["title"], "value": "x"},
        {"op": "append", "path": ["title"], "text": "no text"},
        status=400,
    )
    assert told["code"] == "BadValue"
    assert (await client.get(ITEM)).status_code == 404


async def test_positions_may_be_those_of_javascript(
    site: tuple[Store, httpx.AsyncClient],
) -> None:
    _, client = site
    await operate(client, {"op": "insert", "path": ["b"], "kind": "text", "text": "💡x"})
    told = await operate(
        client, {"op": "insert", "path": ["b"], "at": 2, "text": "-", "units": "utf16"}
    )
    assert told["value"]["b"] == "💡-x"


async def test_history_tells_versions_that_can_be_read(
    site: tuple[Store, httpx.AsyncClient],
) -> None:
    _, client = site
    await client.patch(ITEM, json={"title": "one"})
    await client.patch(ITEM, json={"title": "two"})
    versions = (await client.get(f"{ITEM}/history")).json()
    assert [version["paths"] for version in versions] == [[["title"]], [["title"]]]
    first = await client.get(ITEM, params={"version": versions[0]["version"]})
    assert first.json()["value"] == {"title": "one"}
    bad = await client.get(ITEM, params={"version": "!!"})
    assert (bad.status_code, bad.json()["code"]) == (400, "BadValue")


async def test_keys_come_page_by_page_and_documents_go(
    site: tuple[Store, httpx.AsyncClient],
) -> None:
    _, client = site
    for number in range(5):
        await client.patch(f"/v1/documents/notes/items/k{number}", json={"n": number})
    page = (await client.get("/v1/documents/notes/keys", params={"limit": 3})).json()
    assert page == {"keys": ["k0", "k1", "k2"], "after": "k2"}
    page = (await client.get("/v1/documents/notes/keys", params={"after": "k2"})).json()
    assert page == {"keys": ["k3", "k4"], "after": None}
    assert (await client.delete("/v1/documents/notes/items/k0")).status_code == 204
    assert (await client.get("/v1/documents/notes/items/k0")).status_code == 404
    assert (await client.delete("/v1/documents/notes")).status_code == 204
    assert (await client.get("/v1/documents/notes/keys")).status_code == 404


async def synced(stick: Path, one: Store, two: Store) -> None:
    """Everything that either has is carried to the other."""
    syncs = [await store.sync_folder(stick, every_s=0.05) for store in (one, two)]
    rounds = [sync.rounds for sync in syncs]
    async with asyncio.timeout(20):
        while any(sync.rounds < done + 4 for sync, done in zip(syncs, rounds, strict=True)):
            await asyncio.sleep(0.02)
    for sync in syncs:
        await sync.close()


async def counted(client: httpx.AsyncClient, conflicts: int) -> None:
    """Wait until the metrics say that so many decisions wait."""
    wanted = f'plait_documents_open_conflicts{{collection="notes"}} {conflicts}.0'
    async with asyncio.timeout(20):
        while wanted not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.05)


async def test_a_conflict_is_told_and_decided(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    async with plait.open(tmp_path / "a") as one:
        notes = await one.documents("notes", Note, Eventual())
        notes["n1"].title = "x"
        async with plait.open(tmp_path / "b") as two:
            await synced(stick, one, two)
            there = await two.documents("notes", Note, create=False)
            notes["n1"].when, there["n1"].when = "noon", "evening"
            await synced(stick, one, two)
        app = asgi(one)
        async with client_of(app) as client:
            await counted(client, 1)
            (conflict,) = (await client.get("/v1/documents/notes/conflicts")).json()
            assert {one["value"] for one in conflict["siblings"]} == {"noon", "evening"}
            assert (await client.get("/v1/conflicts")).json() == [conflict]
            decision = {"key": "n1", "path": ["when"], "value": "night", "siblings": ["x"]}
            path = "/v1/documents/notes/conflicts/resolve"
            stale = await client.post(path, json=decision)
            assert (stale.status_code, stale.json()["code"]) == (409, "ConflictChanged")
            decision["siblings"] = [one["value"] for one in conflict["siblings"]]
            assert (await client.post(path, json=decision)).status_code == 204
            assert (await client.get("/v1/documents/notes/conflicts")).json() == []
            again_told = await client.post(path, json=decision)
            assert again_told.status_code == 409
            await counted(client, 0)
            app.drain()
        assert notes["n1"].when == "night"


async def test_a_watch_of_documents_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "d") as store:
        notes = await store.documents("notes", Note, Eventual(history="forever"))
        notes["n0"].title = "zero"
        await store.flush()
        version = notes.version
        notes["n1"].title = "one"
        notes["n1"].body.insert(0, "text")
        del notes["n0"]
        told = await watched(store, notes, version)
    assert [name for name, _ in told] == ["changed", "changed", "ready", "changes"]
    assert told[0][1] == {"key": "n0", "deleted": True, "value": None}
    assert told[1][1]["value"] == {"title": "one", "body": "text"}
    assert told[3][1]["changes"][0]["after"] == "live"


async def test_nothing_is_told_before_it_is_on_disk(
    site: tuple[Store, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = site
    notes = await store.documents("notes", Note, Eventual(history="forever"))
    disk = asyncio.Event()

    async def wait(position: int) -> None:
        await disk.wait()

    async with aclosing(documents_feed(store, notes, None)) as feed:
        assert (await anext(feed)).event == "ready"
        monkeypatch.setattr(notes._access.replica.journal, "wait", wait)
        before = notes.version
        for count in range(3):
            notes["n1"].likes += 1
            await asyncio.sleep(0.01 * count)
        next_one = asyncio.ensure_future(anext(feed))
        async with aclosing(documents_feed(store, notes, None)) as late:
            ready = asyncio.ensure_future(anext(late))
            await asyncio.sleep(0.05)
            assert not next_one.done()  # a kill now would give these places to something else
            assert not ready.done()
            disk.set()
            assert (await ready).id == notes.version != before
            told = [await next_one, await anext(feed), await anext(feed)]
            assert sum(len(one.data["changes"]) for one in told) == 3
            assert told[-1].id == notes.version
            notes["n1"].likes += 1
            assert (await anext(late)).id == (await anext(feed)).id == notes.version


async def test_who_comes_after_a_disk_failed_is_told_what_happens(
    site: tuple[Store, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = site
    notes = await store.documents("notes", Note, Eventual(history="forever"))

    async def fail(position: int) -> None:
        raise StorageError("the disk is full")

    async with aclosing(documents_feed(store, notes, None)) as first:
        assert (await anext(first)).event == "ready"
        with monkeypatch.context() as patched:
            patched.setattr(notes._access.replica.journal, "wait", fail)
            async with aclosing(documents_feed(store, notes, None, "n1")) as other:
                with pytest.raises(StorageError, match="full"):
                    await anext(other)
            notes["n1"].likes += 1
            await asyncio.sleep(0.05)  # the hub has found the disk as it is; `first` is not asked
        async with aclosing(documents_feed(store, notes, None)) as later, asyncio.timeout(5):
            assert (await anext(later)).event == "ready"
            notes["n1"].likes += 1
            assert (await anext(later)).id == notes.version
            with pytest.raises(StorageError, match="full"):
                await anext(first)


async def test_a_watch_goes_on_although_nobody_knows_what_happened_meanwhile(
    tmp_path: Path,
) -> None:
    async with plait.open(tmp_path / "d") as store:
        notes = await store.documents("notes", Note)
        notes["n0"].title = "zero"
        await store.flush()
        version = notes.version
        notes["n1"].title = "one"
        del notes["n0"]
        async with asyncio.timeout(20):
            while kept(notes, version):
                await asyncio.sleep(0.05)
        told = await watched(store, notes, version)
        assert [name for name, _ in told] == ["reset", "changed", "ready", "changes"]
        assert told[0][1] == {"documents": 1}
        assert told[1][1] == {"key": "n1", "deleted": False, "value": {"title": "one"}}
        one = await watched(store, notes, version, "&key=n0")
        assert one[0] == ("changed", {"key": "n0", "deleted": True, "value": None})


def kept(notes: plait.Documents[Note], version: str) -> bool:
    try:
        notes.at(version)
    except HistoryTrimmed:
        return False
    return True


async def watched(
    store: plait.Store, notes: plait.Documents[Note], version: str, more: str = ""
) -> list[tuple[str, Any]]:
    """What a watch from a version tells, and of one more edit."""
    told: list[tuple[str, Any]] = []
    async with (
        listening(asgi(store), "127.0.0.1:0") as bound,
        httpx.AsyncClient(base_url=f"http://{bound}", timeout=10) as client,
    ):
        path = f"/v1/documents/notes/watch?from={version}{more}"
        async with client.stream("GET", path) as answer:
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                    if name == "ready":
                        notes["n0" if more else "n2"].title = "live"
                elif line.startswith("data: "):
                    told.append((name, json.loads(line[6:])))
                    if name == "changes":
                        break
    return told
