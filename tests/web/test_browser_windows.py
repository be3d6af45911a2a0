"""The browser replica in Chromium: two windows on two nodes, tabs, storage, reloads."""

import contextlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import plait
from plait import AddWinsSet, Counter, Document, Eventual, Register
from plait.cli.doors import own_store
from plait.doors.http.door import asgi
from plait.doors.http.serving import listening
from plait.node.local import Local
from tests.web.browsers import SHARED, chromium, shows, window

sys.path.append(str(Path(__file__).resolve().parent.parent / "cluster"))

from members import Members, until

pytestmark = SHARED


class Note(Document):
    title = Register(str)
    likes = Counter()
    tags = AddWinsSet(str)


Doors = dict[str, contextlib.AsyncExitStack]


@contextlib.asynccontextmanager
async def nodes(tmp_path: Path, count: int) -> AsyncIterator[tuple[Members, list[str], Doors]]:
    """Nodes with an HTTP door each, and a collection."""
    doors: Doors = {}
    async with Members(tmp_path, count) as members, contextlib.AsyncExitStack() as stack:
        async with plait.connect(members.url) as store:
            await store.documents("notes", Note, Eventual())
        await until(lambda: all(node.graphs.replicas() for node in members.nodes.values()))
        for name in members.nodes:
            doors[name] = await stack.enter_async_context(contextlib.AsyncExitStack())
        bases = [await open_door(doors[name], members, name, "") for name in doors]
        yield members, bases, doors


async def open_door(
    stack: contextlib.AsyncExitStack, members: Members, name: str, base: str
) -> str:
    """Serve a node over HTTP, at an address that it had; where it is."""
    store = await stack.enter_async_context(own_store(members.nodes[name]))
    address = base.removeprefix("http://") or "127.0.0.1:0"
    return f"http://{await stack.enter_async_context(listening(asgi(store), address))}"


async def test_two_windows_on_two_nodes_show_each_others_edits(tmp_path: Path) -> None:
    async with nodes(tmp_path, 2) as (_, (one, two), _), chromium() as browser:
        ann = await window(await browser.new_context(), one, name="Ann")
        ben = await window(await browser.new_context(), two, name="Ben")
        await ann.evaluate("notes.get('a').title = 'hello'")
        await shows(ben, "notes.get('a').title", "hello")
        await ben.evaluate("notes.get('a').likes.increment(2)")
        await shows(ann, "notes.get('a').likes.value", 2)
        began = time.monotonic()
        await ann.evaluate("notes.get('a').title = 'quick'")
        await shows(ben, "notes.get('a').title", "quick")
        print(f"from window to window over two nodes: {time.monotonic() - began:.3f} s")
        # the link is cut; both go on, and come to the same when it is healed
        await ann.evaluate("store.offline = true")
        await ann.evaluate("notes.get('a').likes.increment(10), notes.get('a').tags.add('ann')")
        await ben.evaluate("notes.get('a').likes.increment(100), notes.get('a').tags.add('ben')")
        await shows(ann, "[store.status.online, store.status.pending]", [False, 2])
        await ann.evaluate("store.offline = false")
        for page in (ann, ben):
            await shows(page, "notes.get('a').likes.value", 112)
            await shows(page, "[...notes.get('a').tags].sort()", ["ann", "ben"])
        await shows(ann, "store.status.pending", 0)


async def test_a_reload_while_offline_keeps_what_is_unsent(tmp_path: Path) -> None:
    async with nodes(tmp_path, 1) as (members, (base,), _), chromium() as browser:
        context = await browser.new_context()
        page = await window(context, base)
        await page.evaluate("notes.get('a').title = 'sent'")
        await shows(page, "store.status.pending", 0)
        await page.evaluate("store.offline = true")
        await page.evaluate("notes.get('a').title = 'unsent', notes.get('b').likes.increment(7)")
        await page.evaluate("store._core.open('notes').then((r) => r.flush())")
        await page.close()
        page = await window(context, base, offline=True)
        assert await page.evaluate("notes.get('a').title") == "unsent"
        await shows(page, "store.status.pending", 2)
        notes = await plait.Store(Local(members.nodes["n1"])).documents("notes", Note)
        assert notes["a"].title == "sent"
        await page.evaluate("store.offline = false")
        await until(lambda: notes["a"].title == "unsent" and notes["b"].likes.value == 7)
        await shows(page, "store.status.pending", 0)


async def test_tabs_of_one_browser_work_together_offline_too(tmp_path: Path) -> None:
    async with nodes(tmp_path, 1) as (members, (base,), _), chromium() as browser:
        context = await browser.new_context()
        one = await window(context, base)
        await one.evaluate("notes.get('a').title = 'first'")
        await shows(one, "store.status.pending", 0)
        await one.evaluate("store.offline = true")
        await one.evaluate("notes.get('a').title = 'offline'")
        # another tab, which no node gives anything
        two = await window(context, base, offline=True)
        await shows(two, "notes.get('a').title", "offline")
        await two.evaluate("notes.get('b').title = 'from the second'")
        await shows(one, "notes.get('b').title", "from the second")
        await one.evaluate("notes.get('b').title = 'and back'")
        await shows(two, "notes.get('b').title", "and back")
        # the second is closed with what no node has; the first is online again
        await two.evaluate("notes.get('c').title = 'left behind'")
        await two.evaluate("store._core.open('notes').then((r) => r.flush())")
        await two.close()
        await one.evaluate("store.offline = false")
        notes = await plait.Store(Local(members.nodes["n1"])).documents("notes", Note)
        await until(lambda: notes["c"].title == "left behind")
        await until(lambda: notes["b"].title == "and back")


async def test_what_a_page_left_unsent_is_sent_by_the_next_one(tmp_path: Path) -> None:
    async with nodes(tmp_path, 1) as (members, (base,), _), chromium() as browser:
        context = await browser.new_context()
        one = await window(context, base)
        two = await window(context, base)
        await one.close()
        await two.evaluate("store.offline = true")
        await two.evaluate("notes.get('orphan').title = 'left'")
        await two.evaluate("store._core.open('notes').then((r) => r.flush())")
        await two.close()
        await window(context, base)  # takes the first slot; what is unsent is in the second
        notes = await plait.Store(Local(members.nodes["n1"])).documents("notes", Note)
        await until(lambda: notes["orphan"].title == "left")


async def test_damaged_rows_of_a_browser_are_a_typed_error(tmp_path: Path) -> None:
    async with nodes(tmp_path, 1) as (_, (base,), _), chromium() as browser:
        context = await browser.new_context()
        page = await window(context, base)
        await page.evaluate("notes.get('a').title = 'text'")
        await shows(page, "store.status.pending", 0)
        await page.evaluate("store.close()")
        await page.evaluate("""() => new Promise((resolve) => {
          const request = indexedDB.open("plait:plait");
          request.onsuccess = () => {
            const store = request.result.transaction("rows", "readwrite").objectStore("rows");
            const all = store.getAllKeys();
            all.onsuccess = () => {
              const name = all.result.find((one) => one.endsWith("/scope"));
              const row = store.get(name);
              row.onsuccess = () => {
                row.result[row.result.length - 1] ^= 1;
                store.put(row.result, name).onsuccess = () => (request.result.close(), resolve());
              };
            };
          };
        })""")
        with pytest.raises(Exception, match="damaged"):
            await window(context, base)


async def test_two_windows_type_in_one_text_and_one_list_over_a_cut_link(tmp_path: Path) -> None:
    schema = {"body": "text", "tasks": "list", "likes": "counter"}
    async with nodes(tmp_path, 2) as (members, (one, two), doors), chromium() as browser:
        ann = await window(await browser.new_context(), one, schema, name="Ann")
        ben = await window(await browser.new_context(), two, schema, name="Ben")
        await ann.evaluate(
            "notes.get('a').body.insert(0, 'shared text'), notes.get('a').tasks.push('first')"
        )
        await shows(ben, "notes.get('a').body.toString()", "shared text")
        await shows(ben, "notes.get('a').tasks.toArray()", ["first"])
        await doors["n2"].aclose()  # Ben's node is gone, and so is his link
        await members.stop("n2")
        await shows(ben, "store.status.online", False)
        await ben.evaluate(
            "notes.get('a').body.insert(11, ', and Ben'), notes.get('a').tasks.push('ben')"
        )
        await ann.evaluate(
            "notes.get('a').body.insert(0, 'Ann: '), notes.get('a').tasks.insert(0, 'ann')"
        )
        await members.start("n2")
        await open_door(doors["n2"], members, "n2", two)
        for page in (ann, ben):
            await shows(page, "notes.get('a').body.toString()", "Ann: shared text, and Ben")
            await shows(page, "notes.get('a').tasks.toArray()", ["ann", "first", "ben"])


async def test_ten_thousand_documents_open_in_a_page(tmp_path: Path) -> None:
    async with nodes(tmp_path, 1) as (members, (base,), _), chromium() as browser:
        notes = await plait.Store(Local(members.nodes["n1"])).documents("notes", Note)
        for i in range(10_000):
            notes[f"note-{i:05}"].title = f"the title of note {i}"
        await notes.flush()
        context = await browser.new_context()
        began = time.monotonic()
        page = await window(context, base)
        first = time.monotonic() - began
        await shows(page, "notes.size", 10_000)
        await page.evaluate("notes.flush()")
        await page.close()
        began = time.monotonic()
        page = await window(context, base, offline=True)
        second = time.monotonic() - began
        await shows(page, "notes.size", 10_000)
        print(f"10,000 documents in a page: {first:.2f} s from a node, {second:.2f} s kept")
        assert first < 15
        assert second < 8
