"""Texts at real replicas: what is watched is what is there, by any road; places, drafts, blame."""

import asyncio
import contextlib
import random
from typing import Any

import pytest
from graph_replicas import Wire, opened, until

from plait.api.documents import Document, Documents, Text
from plait.engines.graph import Replica
from plait.host.memory_storage import MemoryStorage


class Note(Document):
    body = Text()


async def two(**more: Any) -> tuple[Replica, Replica, Wire]:
    """Two members of one graph, linked."""
    ann = await opened(MemoryStorage(), "ann", **more)
    bob = await opened(MemoryStorage(), "bob", founds=False, **more)
    wire = Wire(ann, bob)
    await bob.ready(5.0)
    await until(lambda: bob.parts.scope.writable)
    return ann, bob, wire


def edit(chance: random.Random, text: Any) -> None:
    at = chance.randint(0, len(text))
    match chance.randrange(4):
        case 0:
            text.delete(at, min(len(text) - at, chance.randrange(6)))
        case 1:
            text.replace(at, min(len(text) - at, 2), "XY")
        case _:
            text.insert(at, "".join(chance.choice("abc ") for _ in range(chance.randint(1, 5))))


async def patched(copy: str, watch: Any) -> str:
    """A copy that was brought up to date by what a watch has ready."""
    while watch._ready:
        for index, deleted, inserted in (await anext(watch)).patches:
            assert 0 <= index <= index + deleted <= len(copy)
            copy = copy[:index] + inserted + copy[index + deleted :]
    return copy


@pytest.mark.parametrize("road", ["ops", "delta", "state"])
async def test_patches_make_of_a_copy_what_the_text_is_by_any_road(road: str):
    chance = random.Random(7)
    ann, bob, wire = await two(sync=road)
    texts = [Documents(replica, Note)["n"].body for replica in (ann, bob)]
    texts[0].append("Hello world")
    await until(lambda: texts[0] == texts[1])
    copies = [str(text) for text in texts]
    watches = [text.watch() for text in texts]
    cursors = [text.cursor(5) for text in texts]
    for _ in range(4):
        for _ in range(10):
            edit(chance, chance.choice(texts))
            await asyncio.sleep(0)
        wire.cut()
        for _ in range(10):
            edit(chance, chance.choice(texts))
        wire = Wire(ann, bob)
        await until(lambda: str(texts[0]) == str(texts[1]) and ann.vector == bob.vector)
        for at, (text, watch) in enumerate(zip(texts, watches, strict=True)):
            copies[at] = await patched(copies[at], watch)
            assert copies[at] == text
            assert 0 <= cursors[at].index <= len(text)
    await ann.close()
    await bob.close()


@pytest.mark.parametrize("road", ["ops", "delta", "state"])
async def test_a_cursor_keeps_its_place_by_any_road(road: str):
    ann, bob, wire = await two(sync=road)
    ours, theirs = (Documents(replica, Note)["n"].body for replica in (ann, bob))
    ours += "one two three"
    await until(lambda: ours == theirs)
    cursor = ours.cursor(8)
    wire.cut()
    theirs.insert(0, "zero ")
    theirs.apply_diff(str(theirs).replace("two", "2"))
    ours.append(" four")
    wire = Wire(ann, bob)
    await until(lambda: ours == theirs)
    assert ours[cursor.index :] == "three four"
    await ann.close()
    await bob.close()


async def test_a_change_that_is_discarded_moves_no_cursor_and_no_undo():
    ann = await opened(MemoryStorage(), "ann")
    docs = Documents(ann, Note)
    text = docs["n"].body
    text += "Hello world"
    text.insert(5, ",")
    cursor = text.cursor(7)
    watch = text.watch()
    with contextlib.suppress(KeyError), docs.change():
        text.insert(0, "thrown away ")
        text.delete(20, 3)
        assert text[cursor.index :] == "wd"
        raise KeyError
    assert text == "Hello, world"
    assert text[cursor.index :] == "world"
    assert await patched("Hello, world", watch) == text
    assert docs.undo()
    assert text == "Hello world"
    assert docs.undo()
    assert text == ""
    await ann.close()


@pytest.mark.parametrize("road", ["ops", "delta", "state"])
async def test_undo_takes_back_ones_own_letters_whatever_they_are_and_by_any_road(road: str):
    ann, bob, wire = await two(sync=road)
    anns, bobs = Documents(ann, Note), Documents(bob, Note)
    ours, theirs = anns["n"].body, bobs["n"].body
    theirs += "[]"
    await until(lambda: ours == theirs)
    ours.insert(1, "ha ")
    cursor = ours.cursor(4)
    await until(lambda: ours == theirs)
    wire.cut()
    theirs.insert(4, "ha ho ")
    theirs.insert(1, "ho ha ho ")
    wire = Wire(ann, bob)
    await until(lambda: ours == theirs)
    assert ours == "[ho ha ho ha ha ho ]"
    assert cursor.index == 13
    assert anns.undo()
    assert ours == "[ho ha ho ha ho ]"
    assert {name for _, name, _ in ours._state().origins()} <= {bob.replica, None}
    await ann.close()
    await bob.close()


@pytest.mark.parametrize("seed", [43, 44, 45])
@pytest.mark.parametrize("history", ["stable", "forever"])
@pytest.mark.parametrize("road", ["ops", "delta", "state"])
async def test_undoing_all_of_ones_own_leaves_just_what_others_wrote_by_any_road(
    road: str, history: str, seed: int
):
    chance = random.Random(seed)
    ann, bob, wire = await two(sync=road, history=history)
    anns = Documents(ann, Note)
    ours, theirs = anns["n"].body, Documents(bob, Note)["n"].body
    written = 0
    for turn in range(12):
        if turn % 4 == 3:
            wire = Wire(ann, bob)
            await until(lambda: ours == theirs and ann.vector == bob.vector)
        elif turn % 4 == 1:
            wire.cut()
        for _ in range(3):
            word = chance.choice(("ha ", "ho ", "o "))
            theirs.insert(chance.randint(0, len(theirs)), word)
            written += len(word)
            with anns.change():
                at = chance.randint(0, len(ours))
                ours.insert(at, "ho ha ")
                ours.delete(at + chance.randrange(5), 2)
            await asyncio.sleep(0)
    await until(lambda: ours == theirs and ann.vector == bob.vector)
    cursor = ours.cursor(len(ours))
    while anns.undo():
        pass
    assert len(ours) == written == cursor.index
    assert {name for _, name, _ in ours._state().origins()} <= {bob.replica, None}
    await until(lambda: ours == theirs)
    await ann.close()
    await bob.close()


async def test_blame_knows_who_and_when_as_long_as_history_is_kept():
    ann, bob, _ = await two(history="forever")
    ann.author, bob.author = "Ann", "Bob"
    ours, theirs = (Documents(replica, Note)["n"].body for replica in (ann, bob))
    ours += "Hello world"
    await until(lambda: ours == theirs)
    theirs.insert(5, ", big")
    await until(lambda: ours == theirs)
    for text in (ours, theirs):
        assert [(text[b.start : b.end], b.who) for b in text.blame()] == [
            ("Hello", "Ann"), (", big", "Bob"), (" world", "Ann"),
        ]  # fmt: skip
        assert all(b.when is not None for b in text.blame())
    ours += "!"
    assert ours.blame()[-1].who == "Ann"
    ann.parts.shelf.fold(ann.vector)  # what is folded is told from the history on disk
    assert any(name is None for _, name, _ in ours._state().origins())
    assert [b.who for b in ours.blame()] == ["Ann", "Bob", "Ann"]
    assert ours.blame()[0].when is not None
    await ann.close()
    await bob.close()


async def test_blame_says_nothing_of_what_is_not_kept():
    ann = await opened(MemoryStorage(), "ann")
    text = Documents(ann, Note)["n"].body
    text += "Hello"
    ann.settle()
    ann.parts.fold()
    text += "!"
    blame = text.blame()
    assert [(b.start, b.end) for b in blame] == [(0, 5), (5, 6)]
    assert (blame[0].who, blame[0].when) == (None, None)
    assert blame[1].who == "ann"
    await ann.close()
