"""Refused edits as programs see them: the list, what is in it, undo, doing it again."""

import asyncio

import pytest
from graph_fake import FakeReplica

import plait
from plait.api.documents.handle import Documents
from plait.base.errors import Busy
from plait.engines.graph_port import Refusal
from plait.graph.event import CLEAR, DELETE, Event, Op


class Note(plait.Document):
    title: str = plait.Register(str, default="")
    likes: int = plait.Counter()


def refusal(number: int = 1, key: str = "a") -> Refusal:
    ops = (
        Op(key, ("r:title",), ["mine"]),
        Op(key, ("c:likes",), [3]),
        Op(key, ("c:likes",), None, CLEAR),
        Op(key, (), None, DELETE),
    )
    dots = tuple((1, 5 + n) for n in range(len(ops)))
    event = Event(1, 5, 1_000_000 << 16, {}, "ann", "why")
    return Refusal(number, key, ops, dots, "ann lacks write on notes", 2, event)


def opened() -> tuple[FakeReplica, Documents[Note]]:
    replica = FakeReplica(1, "ann")
    replica.names[2] = "n2"
    return replica, Documents(replica, Note)


def test_a_refused_edit_says_what_it_was_and_why_it_was_refused() -> None:
    replica, notes = opened()
    replica.refuse(refusal())
    (edit,) = notes.refused()
    assert (edit.collection, edit.key, edit.who, edit.by) == ("notes", "a", "ann", "n2")
    assert (edit.message, edit.reason) == ("why", "ann lacks write on notes")
    assert edit.paths == [("title",), ("likes",), ()]
    assert [one["kind"] for one in edit.operations] == ["apply", "apply", "clear", "delete"]
    first = {"path": ["title"], "type": "LastWriterWins", "kind": "apply", "body": ["mine"]}
    assert edit.operations[0] == first
    assert edit.to_dict()["when"].startswith("1970-01-01T00:16:40")


def test_a_refused_edit_is_listed_until_somebody_is_done_with_it() -> None:
    replica, notes = opened()
    replica.refuse(refusal(1))
    replica.refuse(refusal(2, "b"))
    first, second = notes.refused()
    first.dismiss()
    assert [edit.key for edit in notes.refused()] == ["b"]
    second.again()
    assert replica.done_again == [2]
    assert notes.refused() == []


def test_undo_knows_nothing_of_a_document_that_was_rolled_back() -> None:
    replica, notes = opened()
    notes["a"].likes += 1
    notes["b"].likes += 1
    with notes.change():
        notes["a"].title = "x"
        notes["b"].title = "y"
    replica.refuse(refusal(key="a"))
    assert notes.undo()
    assert (notes["b"].likes, notes["b"].title) == (0, "y")
    assert not notes.undo()


async def test_a_watch_tells_of_refused_edits_until_it_is_closed() -> None:
    replica, notes = opened()
    async with notes.watch_refused() as watch:
        replica.refuse(refusal(1))
        assert (await asyncio.wait_for(anext(watch), 1)).key == "a"
    assert replica.told_of_refusals == []
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def test_a_watch_that_nobody_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.api.documents.refused.WAITING_MAX", 3)
    replica, notes = opened()
    watch = notes.watch_refused()
    for number in range(4):
        replica.refuse(refusal(number))
    with pytest.raises(Busy):
        await anext(watch)
    assert len(notes.refused()) == 4
    await watch.aclose()
