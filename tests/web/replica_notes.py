"""A collection of notes that browser replicas are tried on: what it has, who serves it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import plait
from plait import AddWinsSet, Counter, Document, EnableFlag, Eventual, Register, Text
from plait.node.local import Local
from tests.web.agents import Agent, until
from tests.web.replica_server import ReplicaServer

BODY = ("x:body",)
TITLE, LIKES, TAGS = ("r:title",), ("c:likes",), ("aw:tags",)


class Note(Document):
    title = Register(str)
    likes = Counter()
    tags = AddWinsSet(str)
    done = EnableFlag()
    body = Text()


@contextlib.asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[tuple[plait.Documents[Note], ReplicaServer]]:
    """A store with a collection, and a server of it."""
    async with plait.open(str(tmp_path / "n")) as store, ReplicaServer(store) as server:
        yield await store.documents("notes", Note, Eventual()), server


async def created(members: Any) -> plait.Documents[Note]:
    """The collection, made by whichever node may; as its first node has it."""
    async with plait.connect(members.url) as store:
        await store.documents("notes", Note, Eventual())
    await until(lambda: all(node.graphs.replicas() for node in members.nodes.values()))
    return await plait.Store(Local(members.nodes["n1"])).documents("notes", Note)


def title(text: str, key: str = "a") -> tuple[str, tuple[str, ...], tuple[Any, ...]]:
    return (key, TITLE, ("set", text))


async def reads(browser: Agent, text: str | None, key: str = "a") -> None:
    async def does() -> bool:
        return bool(await browser.value(key, *TITLE) == text)

    await until(does)


async def is_value(asked: Any, wanted: Any) -> bool:
    return bool(await asked == wanted)
