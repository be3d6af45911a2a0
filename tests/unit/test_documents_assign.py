"""`Documents.assign`: one register of many documents, as one change."""

import asyncio
from contextlib import suppress

import pytest

import plait
from plait import Ask, Counter, Document, Register
from plait.base.errors import BadKey, BadValue


class Note(Document):
    title = Register(str)
    when = Register(str, resolve=Ask())
    likes = Counter()


@pytest.fixture
async def notes(tmp_path):
    async with plait.open(tmp_path) as store:
        yield await store.documents("notes", Note)


def titles(notes):
    return {key: note.title for key, note in notes.items()}


async def test_many_are_assigned_and_stay(tmp_path):
    wanted = {f"n{number:04}": f"title {number}" for number in range(2000)}
    async with plait.open(tmp_path) as store:
        notes = await store.documents("notes", Note)
        notes["n0001"].likes += 1
        notes.assign("title", wanted)
        notes.assign("title", {"n0001": "again"})
        wanted["n0001"] = "again"
        assert len(notes) == 2000
        assert titles(notes) == wanted
    async with plait.open(tmp_path) as store:
        notes = await store.documents("notes", Note)
        notes.assign("title", {"n0002": "once more"})
        assert titles(notes) == wanted | {"n0002": "once more"}
        assert notes["n0001"].likes.value == 1


async def test_watchers_see_each_of_them_in_one_batch(notes):
    notes.assign("title", {"a": "old"})
    async with notes.watch() as watch:
        notes.assign("title", {"a": "1", "b": "2", "c": "3"})
        found = await asyncio.wait_for(watch.batch(), 5)
    assert [(change.key, change.before, change.after) for change in found] == [
        ("a", "old", "1"), ("b", None, "2"), ("c", None, "3"),
    ]  # fmt: skip


async def test_who_wants_keys_alone_is_told_them(notes):
    told = []
    stop = notes.on_change(lambda key, own: told.append((key, own)))
    notes.assign("title", {"a": "1", "b": "2"})
    notes["c"].likes += 1
    await asyncio.sleep(0.01)
    assert told == [("a", True), ("b", True), ("c", True)]
    stop()
    notes["d"].likes += 1
    await asyncio.sleep(0.01)
    assert len(told) == 3


async def test_it_is_all_or_nothing(notes):
    notes.assign("title", {"a": "old"})
    for values, error in [({"a": "new", "": "x"}, BadKey), ({"a": "new", "b": 5}, BadValue)]:
        with pytest.raises(error):
            notes.assign("title", values)
        assert titles(notes) == {"a": "old"}
    with notes.change():
        notes.assign("title", {"a": "in a change", "b": "too"})
    assert titles(notes) == {"a": "in a change", "b": "too"}
    with suppress(RuntimeError), notes.change():
        notes.assign("title", {"a": "never"})
        raise RuntimeError
    assert titles(notes) == {"a": "in a change", "b": "too"}


async def test_registers_of_every_kind_are_assigned_and_nothing_else_is(notes):
    notes.assign("when", {"a": "noon", "b": "soon"})
    assert notes["b"].when == "soon"
    for name in ("likes", "nothing"):
        with pytest.raises(BadValue):
            notes.assign(name, {"a": 1})


async def test_it_is_no_step_of_undo_and_a_handle_can_do_without(notes):
    notes["a"].title = "first"
    notes.assign("title", {"a": "second"})
    assert notes.undo()
    assert notes["a"].title == "second"  # what was overwritten is left alone
    notes.without_undo()
    with notes.change():
        notes["a"].title = "third"
        del notes["b"]
    notes["a"].likes += 1
    assert not notes.undo()
    assert notes["a"].title == "third"
