"""Texts in documents: cursors and anchors that follow their places, and patches for who watches."""

import asyncio
import random
from typing import Any

import pytest

from plait.api.documents import Documents
from plait.base.causality import VersionVector
from plait.base.errors import BadValue, HistoryTrimmed
from plait.graph.event import Event
from plait.types.text.type import TEXT
from tests.unit.graph_fake import FakeReplica
from tests.unit.text_notes import Note, edit_anywhere, two


@pytest.fixture
def docs() -> Any:
    return Documents(FakeReplica(1, "ann"), Note)


@pytest.fixture
def note(docs: Any) -> Any:
    docs["n"].body.append("Hello world")
    return docs["n"]


# --------------------------------------------------------------------------- places


def test_a_cursor_follows_what_everybody_writes():
    ann, bob, meet_up = two()
    ann.body += "Hello world"
    meet_up()
    cursor = ann.body.cursor(6)
    bob.body.insert(0, ">> ")
    bob.body.delete(3, 2)
    meet_up()
    assert cursor.index == 7
    assert ann.body[cursor.index :] == "world"
    ann.body.insert(cursor.index, "big ")
    assert ann.body[cursor.index :] == "big world"
    ann.body.clear()
    assert cursor.index == 0


def test_a_cursor_holds_on_to_the_side_that_it_was_told(note: Any):
    left, right = note.body.cursor(5, "left"), note.body.cursor(5, side="right")
    note.body.insert(5, ",")
    assert (left.index, right.index) == (5, 6)
    assert (left.side, right.side) == ("left", "right")
    assert note.body[left] == ","
    left.move(0)
    note.body.insert(0, "> ")
    assert (left.index, right.index) == (0, 8)


def test_what_is_written_at_a_cursor_stays_together():
    ann, bob, meet_up = two()
    ann.body += "[]"
    meet_up()
    cursors = [one.body.cursor(1) for one in (ann, bob)]
    for pair_of_letters in zip("anns words ", "bobs words ", strict=True):
        for cursor, letter in zip(cursors, pair_of_letters, strict=True):
            cursor.insert(letter)
        meet_up()
    assert ann.body in ("[anns words bobs words ]", "[bobs words anns words ]")
    assert bob.body == ann.body


def test_a_text_or_a_branch_is_written_like_a_str(docs: Any, note: Any):
    cursor = note.body.cursor(5)
    cursor.insert(note.body)
    assert note.body == "HelloHello world world"
    assert cursor.index == 16
    cursor.insert(note.body.fork())
    assert cursor.index == 38
    with pytest.raises(BadValue, match=r"^notes\['n'\]\.body: "):
        cursor.insert(5)
    assert len(note.body) == 44
    docs["title"].body += "https://a.example"
    note.body.mark(0, 5, "link", docs["title"].body)
    assert note.body.marks_at(0) == {"link": "https://a.example"}


def test_a_cursor_in_an_empty_text_waits_for_what_comes(docs: Any):
    left, right = docs["n"].body.cursor(0), docs["n"].body.cursor(0, "right")
    docs["n"].body += "abc"
    assert (left.index, right.index) == (0, 3)


def test_an_anchor_is_the_same_place_at_every_replica():
    ann, bob, meet_up = two()
    ann.body += "Hello world"
    meet_up()
    token = ann.body.anchor(6, "right")
    assert isinstance(token, str)
    ann.body.insert(0, "1 ")
    bob.body.insert(6, "wide ")
    assert ann.body[ann.body.index_of(token) :] == "world"
    assert bob.body[bob.body.index_of(token) :] == "world"
    meet_up()
    assert ann.body.index_of(token) == bob.body.index_of(token) == 13
    ann.body.delete(13, 5)
    assert ann.body.index_of(token) == 13


def test_an_anchor_of_an_empty_text_keeps_its_side_in_a_text_that_was_opened():
    state = TEXT.zero()
    start, end = state.anchor(0, True), state.anchor(0, False)
    TEXT.apply(state, [0, "hello"], Event(1, 1, 1, VersionVector()))
    opened = TEXT.decode(TEXT.encode(state))
    assert [opened.locate(place) for place in (start, end)] == [0, 5]


def test_an_anchor_of_what_is_not_here_yet_is_told_apart_from_nonsense():
    ann, bob, _ = two()
    ann.body += "Hello"
    bob.body += "other"
    with pytest.raises(HistoryTrimmed, match="body"):
        bob.body.index_of(ann.body.anchor(3))
    for nonsense in ("", "x", "!!!!", "AAAA", 5, None, "k5HBwcM", "x" * 100_000):
        with pytest.raises(BadValue, match="anchor"):
            bob.body.index_of(nonsense)


def test_cursors_and_anchors_agree_however_the_text_is_edited():
    chance = random.Random(11)
    for _ in range(30):
        ann, bob, meet_up = two()
        ann.body += "0123456789"
        meet_up()
        places = []
        for _ in range(12):
            one = chance.choice((ann, bob))
            at = chance.randint(0, len(one.body))
            side = chance.choice(("left", "right"))
            places.append((one, one.body.cursor(at, side), one.body.anchor(at, side)))
            edit_anywhere(chance, chance.choice((ann, bob)).body)
            if chance.random() < 0.3:
                meet_up()
        for one, cursor, token in places:
            at = one.body.index_of(token)
            # where its neighbour was deleted, what stands there by now has no order to go by
            assert 0 <= cursor.index <= len(one.body)
            assert 0 <= at <= len(one.body)
        meet_up()
        for _, _, token in places:
            assert ann.body.index_of(token) == bob.body.index_of(token)


# --------------------------------------------------------------------------- watching


async def _patched(copy: str, watch: Any) -> str:
    while watch._ready:
        for index, deleted, inserted in (await anext(watch)).patches:
            assert 0 <= index <= index + deleted <= len(copy)
            copy = copy[:index] + inserted + copy[index + deleted :]
    return copy


async def test_patches_make_of_a_copy_what_the_text_is():
    chance = random.Random(3)
    ann, bob, meet_up = two()
    ann.body += "Hello world"
    meet_up()
    watches = [(one, one.body.watch(), str(one.body)) for one in (ann, bob)]
    for _ in range(150):
        edit_anywhere(chance, chance.choice((ann, bob)).body)
        if chance.random() < 0.2:
            meet_up()
    meet_up()
    for one, watch, copy in watches:
        async with asyncio.timeout(20):
            assert await _patched(copy, watch) == one.body
    assert ann.body == bob.body


async def test_patches_say_that_a_document_was_deleted_and_came_back(docs: Any):
    note = docs["n"]
    note.body += "Hello"
    async with note.body.watch() as watch:
        copy = "Hello"
        note.parts["other"] += "not watched"
        note.body.delete(0)
        del docs["n"]
        copy = await _patched(copy, watch)
        assert copy == note.body == ""
        note.body += "again"
        copy = await _patched(copy, watch)
        assert copy == note.body == "again"
        with docs.change():
            note.body.clear()
            note.body += "three"
            note.body.insert(0, "> ")
        assert await _patched(copy, watch) == note.body == "> three"


async def test_a_watch_on_a_collection_has_patches_too(docs: Any):
    async with docs.watch() as watch:
        docs["n"].body += "Hi"
        docs["n"].body.insert(1, "e")
        first, second = await anext(watch), await anext(watch)
    assert first.path == ("body",)
    assert first.patches == ((0, 0, "Hi"),)
    assert second.patches == ((1, 0, "e"),)
    assert second.before is second.after is None
    assert second.who == "ann"
