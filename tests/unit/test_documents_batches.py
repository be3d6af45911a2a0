"""Watching documents batch by batch, and only some changes."""

import asyncio

import pytest

import plait
from plait import AddWinsSet, Counter, Document, Register


class Note(Document):
    title = Register(str)
    likes = Counter()
    tags = AddWinsSet(str)


@pytest.fixture
async def notes(tmp_path):
    async with plait.open(tmp_path) as store:
        yield await store.documents("notes", Note)


async def batch_of(watch):
    return [(change.key, *change.path) for change in await asyncio.wait_for(watch.batch(), 5)]


async def test_what_was_written_together_comes_together(notes):
    async with notes.watch() as watch:
        with notes["a"].change("first"):
            notes["a"].title = "x"
            notes["a"].tags.add("t")
        await asyncio.sleep(0.01)
        notes["b"].likes += 1
        assert await batch_of(watch) == [("a", "title"), ("a", "tags")]
        assert await batch_of(watch) == [("b", "likes")]
    assert await watch.batch() is None


async def test_a_predicate_chooses_and_the_last_that_passes_says_so(notes):
    async with notes.watch(where=lambda change: change.path != ("tags",)) as watch:
        with notes["a"].change("first"):
            notes["a"].title = "x"
            notes["a"].tags.add("t")
        await asyncio.sleep(0.01)
        notes["b"].tags.add("t")
        notes["b"].likes += 1
        change = await asyncio.wait_for(anext(watch), 5)
        assert (change.path, change.before, change.after, change.last) == (
            ("title",), None, "x", True,
        )  # fmt: skip
        assert await batch_of(watch) == [("b", "likes")]
