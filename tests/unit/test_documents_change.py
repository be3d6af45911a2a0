"""Changes, undo and redo."""

import asyncio
from typing import Any

import pytest

from plait.api.documents import AddWinsSet, Counter, Document, Documents, Json, Map, Register
from plait.base.errors import ChangeOpen, Refused
from tests.unit.graph_fake import FakeReplica, meet, pair


class Note(Document):
    title = Register(str)
    likes = Counter()
    tags = AddWinsSet(str)
    meta = Map(Counter())
    data = Json()


@pytest.fixture
def replica() -> FakeReplica:
    return FakeReplica(1, "ann")


@pytest.fixture
def docs(replica: FakeReplica) -> Documents[Note]:
    return Documents(replica, Note)


def test_a_change_is_one_batch_with_author_and_message(docs: Any, replica: FakeReplica):
    with docs.change("tidy up"):
        docs["a"].title = "x"
        docs["b"].likes += 1
        assert docs["a"].title == "x"
    (sent,) = replica.log
    assert [op.key for op, _ in sent.events] == ["a", "b"]
    assert {(event.who, event.message) for _, event in sent.events} == {("ann", "tidy up")}


def test_a_change_that_raises_never_happened(docs: Any, replica: FakeReplica):
    docs["a"].title = "old"
    note = docs["a"]
    with pytest.raises(ZeroDivisionError), note.change():  # noqa: PT012
        note.title = "new"
        note.likes += 1
        docs["b"].title = "b"
        _ = 1 / 0
    assert (note.title, int(note.likes), list(docs)) == ("old", 0, ["a"])
    assert len(replica.log) == 1
    assert docs.undo()
    assert note.title is None
    assert not docs.undo()


def test_a_change_inside_a_change_joins_it(docs: Any, replica: FakeReplica):
    with docs.change("outer"):
        docs["a"].title = "x"
        with docs["b"].change("inner"), Documents(replica, Note).change():
            docs["b"].title = "y"
    assert len(replica.log) == 1


def test_a_joined_change_that_failed_takes_the_outer_one_along(docs: Any, replica: FakeReplica):
    def both() -> None:
        with docs.change():
            docs["a"].title = "x"
            try:
                with docs.change():
                    raise ValueError
            except ValueError:
                pass

    with pytest.raises(Refused, match="a change inside it ended with ValueError"):
        both()
    assert list(docs) == []
    assert not docs.undo()


async def test_another_task_is_told_that_a_change_is_open(docs: Any):
    inside, done = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        with docs.change():
            docs["a"].title = "slow"
            inside.set()
            await done.wait()

    task = asyncio.create_task(slow())
    await inside.wait()
    with pytest.raises(ChangeOpen):
        docs["a"].likes += 1
    with pytest.raises(ChangeOpen), docs.change():
        pass
    done.set()
    await task
    docs["a"].likes += 1
    assert (docs["a"].title, int(docs["a"].likes)) == ("slow", 1)


def test_undo_and_redo_go_through_what_was_written(docs: Any):
    note = docs["a"]
    note.title = "one"
    note.title = "two"
    note.likes += 3
    note.tags.add("t")
    with docs.change():
        note.likes += 1
        note.tags.add("u")
    states = [note.to_dict()]
    while docs.undo():
        states.append(note.to_dict())
    assert [(s["title"], s["likes"], sorted(s["tags"])) for s in states] == [
        ("two", 4, ["t", "u"]),
        ("two", 3, ["t"]),
        ("two", 3, []),
        ("two", 0, []),
        ("one", 0, []),
        (None, 0, []),
    ]
    again = [note.to_dict()]
    while docs.redo():
        again.append(note.to_dict())
    assert again == states[::-1]


def test_a_new_write_ends_what_could_be_redone(docs: Any):
    docs["a"].likes += 1
    docs.undo()
    docs["a"].likes += 5
    assert not docs.redo()


def test_undo_takes_back_ones_own_writes_only():
    ann, bob = pair()
    mine, theirs = Documents(ann, Note), Documents(bob, Note)
    mine["a"].title = "ann"
    mine["a"].likes += 1
    meet(ann, bob)
    theirs["a"].title = "bob"
    theirs["a"].likes += 10
    meet(ann, bob)
    assert mine.undo()
    assert mine.undo()
    meet(ann, bob)
    assert (mine["a"].title, int(mine["a"].likes)) == ("bob", 10)
    assert mine["a"] == theirs["a"]


def test_a_document_undoes_what_was_done_to_it(docs: Any):
    docs["a"].likes += 1
    docs["b"].likes += 1
    assert docs["a"].undo()
    assert (int(docs["a"].likes), int(docs["b"].likes)) == (0, 1)
    assert not docs["a"].undo()
    assert docs["a"].redo()
    assert int(docs["a"].likes) == 1


def test_what_was_deleted_or_cleared_comes_back(docs: Any):
    note = docs["a"]
    with docs.change():
        note.title = "x"
        note.likes += 3
        note.tags.update(["t", "u"])
        note.meta["m"] += 2
        note.data = {"k": {"l": [1]}}
    before = note.to_dict()
    del note.meta["m"]
    del note.data["k"]
    del docs["a"]
    assert "a" not in docs
    for _ in range(3):
        assert docs.undo()
    assert note.to_dict() == before


def test_a_deleted_document_that_somebody_edits_meanwhile_is_back_whole():
    ann, bob = pair()
    mine, theirs = Documents(ann, Note), Documents(bob, Note)
    mine["a"].title = "x"
    meet(ann, bob)
    del mine["a"]
    theirs["a"].likes += 1
    meet(ann, bob)
    assert mine["a"].title == theirs["a"].title == "x"
    assert mine["a"] == theirs["a"]
