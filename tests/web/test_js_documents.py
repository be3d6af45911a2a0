"""Documents of client.js, in Node, against a Python program's: the same fields, both ways."""

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import plait
from plait import (
    AddWinsSet,
    Ask,
    BoundedCounter,
    Counter,
    Document,
    EnableFlag,
    Eventual,
    GrowCounter,
    Json,
    List,
    Map,
    Nested,
    Register,
    Text,
)
from tests.web.agents import until
from tests.web.node_runner import REPOSITORY, WEB, node
from tests.web.replica_server import ReplicaServer


class Meta(Document):
    color = Register(str)


class Step(Document):
    what = Register(str)
    done = EnableFlag()


class Draft(Document):
    body = Text()
    tasks = List()
    steps = List(Step)


class Note(Document):
    title = Register(str)
    when = Register(str, resolve=Ask())
    likes = Counter()
    views = GrowCounter()
    stock = BoundedCounter(1)
    tags = AddWinsSet(str)
    done = EnableFlag()
    props = Map(Register())
    data = Json()
    meta = Nested(Meta)


class Page:
    """A page in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def run(self, body: str) -> Any:
        """Have JavaScript done there; what it returns."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"run": body}).encode() + b"\n")
        return await self.answer()

    async def answer(self) -> Any:
        assert self.process.stdout is not None
        said = json.loads(await asyncio.wait_for(self.process.stdout.readline(), 40))
        assert "error" not in said, said["error"]
        return said["ok"]

    async def shows(self, expression: str, value: Any) -> None:
        """Wait until an expression has a value there."""

        async def does() -> bool:
            return bool(await self.run(f"return {expression}") == value)

        await until(does)


@contextlib.asynccontextmanager
async def page(*urls: str) -> AsyncIterator[Page]:
    process = await asyncio.create_subprocess_exec(
        node(), "--experimental-websocket", "--no-warnings", str(WEB / "documents_agent.mjs"),
        *urls, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        made = Page(process)
        assert await made.answer() == "ready"
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_every_field_is_the_same_field_in_a_page_and_in_python(tmp_path: Path) -> None:
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        notes = await store.documents("notes", Note, Eventual())
        note = notes["a"]
        note.title = "from Python"
        note.likes += 2
        note.tags.add("x")
        note.props["k"] = [1, {"deep": True}]
        note.data["a"]["b"] = 1
        note.meta.color = "red"
        note.stock += 3
        async with page(server.url) as browser:
            await browser.shows("notes.get('a').title", "from Python")
            found = await browser.run("return notes.get('a')")
            assert found["likes"] == 2
            assert found["tags"] == ["x"]
            assert found["props"] == {"k": [1, {"deep": True}]}
            assert found["data"] == {"a": {"b": 1}}
            assert found["meta"] == {"color": "red"}
            assert found["stock"] == 4
            await browser.run(
                """
                notes.change(() => {
                  const note = notes.get("a");
                  note.title = "from the page";
                  note.likes.increment(3);
                  note.views.increment();
                  note.stock.increment(2);
                  note.tags = ["y"];
                  note.done = true;
                  note.props.set("n", 1).delete("k");
                  note.data.set("a", "c", { d: "e" });
                  note.meta.color = "blue";
                  notes.get("b").when = "tomorrow";
                }, "a page's change");
                """
            )
            await until(lambda: note.title == "from the page")
            assert (note.likes.value, note.views.value, note.stock.value) == (5, 1, 6)
            assert note.tags.value == {"y"}
            assert note.done.value
            assert note.props.value == {"n": 1}
            assert note.data.value == {"a": {"b": 1, "c": {"d": "e"}}}
            assert note.meta.color == "blue"
            assert notes["b"].when == "tomorrow"


async def test_a_page_sees_who_wrote_and_decides_conflicts(tmp_path: Path) -> None:
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        notes = await store.documents("notes", Note, Eventual())
        async with page(server.url) as browser:
            await browser.run("notes.get('a').when = 'base'")
            await until(lambda: notes["a"].when == "base")
            await browser.run("store.offline = true; notes.get('a').when = 'page'")
            notes["a"].when = "python"
            await browser.run("store.offline = false")
            await until(notes.conflicts)
            await browser.shows("notes.conflicts().length", 1)
            (conflict,) = await browser.run("return notes.conflicts()")
            assert (conflict["field"], conflict["base"]) == ("when", "base")
            assert {one["value"] for one in conflict["siblings"]} == {"page", "python"}
            assert {one["who"] for one in conflict["siblings"] if one["own"]} == {"Ann"}
            await browser.run("notes.resolve(notes.conflicts()[0], 'both')")
            await until(lambda: notes["a"].when == "both" and not notes.conflicts())
            heard = await browser.run(
                "return heard.map(({ key, path, kind }) => [key, path, kind])"
            )
            assert ["a", ["when"], "value"] in heard


async def test_deleting_undoing_and_counting_work_across(tmp_path: Path) -> None:
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        notes = await store.documents("notes", Note, Eventual())
        async with page(server.url) as browser:
            await browser.run(
                "const a = notes.get('a'); a.title = 'x'; a.likes.increment(4); a.tags.add('t')"
            )
            await until(lambda: "a" in notes)
            await browser.run("notes.delete('a')")
            await until(lambda: "a" not in notes)
            assert await browser.run("return notes.undo()")
            await until(lambda: "a" in notes and notes["a"].likes.value == 4)
            assert notes["a"].title == "x"
            del notes["a"]
            await browser.shows("notes.keys()", [])
            kinds = await browser.run("return heard.filter(({ path }) => !path.length)")
            assert [one["exists"] for one in kinds] == [True, False, True, False]


async def test_the_examples_of_the_guide_run(tmp_path: Path) -> None:
    guide = (REPOSITORY / "docs" / "guide" / "browser.md").read_text()
    blocks = re.findall(r"^```js\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    client = (WEB / "docs_client.mjs").as_uri()
    program = "\n".join(blocks).replace('"/client.js"', json.dumps(client))
    script = tmp_path / "guide.mjs"
    script.write_text(f"{program}\nawait notes.flush(); stop(); process.exit(0);\n")
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        await store.documents("notes", Note, Eventual())
        await store.documents("drafts", Draft, Eventual())
        process = await asyncio.create_subprocess_exec(
            node(), "--experimental-websocket", "--no-warnings", str(script), server.url,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        said, wrong = await asyncio.wait_for(process.communicate(), 40)
        assert process.returncode == 0, wrong.decode()
        lines = said.decode().splitlines()
        assert lines[1].startswith("milk or rye 🍞 14 [")
        place = lines.index("9")
        assert lines[place + 1].startswith("[ 'eat', 'bake' ] [ { what: 'plan', done: true } ]")
        assert lines[place + 2] == "Groceries, Saturday 3 true true"
