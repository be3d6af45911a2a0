"""Documents from other threads."""

import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from plait.api.documents import AddWinsSet, Ask, Counter, Document, Map, Register
from plait.api.documents import Documents as Inner
from plait.base.errors import ChangeOpen
from plait.blocking.documents import Documents
from plait.host.portal import Portal
from tests.unit.graph_fake import FakeReplica


class Note(Document):
    title = Register(str, resolve=Ask())
    likes = Counter()
    tags = AddWinsSet(str)
    meta = Map(Counter())


@asynccontextmanager
async def opened() -> Any:
    yield Inner(FakeReplica(1, "ann"), Note)


@pytest.fixture
def docs() -> Iterator[Any]:
    portal = Portal(opened, "test")
    yield Documents(portal, portal.held)
    portal.close()


def test_documents_feel_the_same_from_another_thread(docs: Any):
    note = docs["a"]
    note.title = "x"
    note.likes += 2
    note.tags.add("t")
    note.tags |= {"u"}
    note.meta["m"] += 3
    assert (note.title, int(note.likes), note.likes + 1) == ("x", 2, 3)
    assert note.likes == 2
    assert note.tags == {"t", "u"}
    assert sorted(note.tags) == ["t", "u"]
    assert "t" in note.tags
    assert note.to_dict() == {"title": "x", "likes": 2, "tags": {"t", "u"}, "meta": {"m": 3}}
    assert repr(note.meta) == "{'m': 3}"
    assert ("a" in docs, list(docs), len(docs)) == (True, ["a"], 1)
    assert [(key, one.title) for key, one in docs.items()] == [("a", "x")]
    assert docs.undo()
    assert docs.conflicts() == []
    assert docs.at(docs.version)["a"].title == "x"
    docs.flush()
    del docs["a"]
    assert "a" not in docs


def test_a_change_belongs_to_its_thread(docs: Any):
    refused: list[BaseException] = []

    def other() -> None:
        try:
            docs["a"].likes += 1
        except ChangeOpen as error:
            refused.append(error)

    with pytest.raises(ZeroDivisionError), docs.change("x"):  # noqa: PT012
        docs["a"].title = "y"
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        _ = 1 / 0
    assert len(refused) == 1
    assert docs["a"].title is None
    with docs["a"].change("kept"):
        docs["a"].title = "z"
    other()
    assert (docs["a"].title, int(docs["a"].likes)) == ("z", 1)
    assert [version.message for version in docs["a"].history()] == ["kept", None]


def test_a_watch_is_an_iterator(docs: Any):
    with docs.watch() as watch:
        docs["a"].likes += 1
        assert next(watch).path == ("likes",)
        docs["a"].likes += 1
        assert [change.path for change in watch.batch()] == [("likes",)]
