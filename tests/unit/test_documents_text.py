"""Texts in documents: reading, editing, places, patches, undo, the past, branches."""

import asyncio
import contextlib
import itertools
import random
from typing import Any

import pytest

from plait.api.documents import Document, Documents, Map, Text, TextView
from plait.base.errors import BadCall, BadValue, HistoryTrimmed, ReadOnly
from plait.types.text.state import TextState
from tests.unit.graph_fake import FakeReplica, meet, pair

WIDE = "a\U0001f600e\u0301\u00df"  # of one, two, one and one, one UTF-16 units


class Note(Document):
    body = Text()
    parts = Map(Text())


def two() -> tuple[Any, Any, Any]:
    """A document at two replicas, and how they meet."""
    ann, bob = pair()
    return Documents(ann, Note)["n"], Documents(bob, Note)["n"], lambda: meet(ann, bob)


@pytest.fixture
def docs() -> Any:
    return Documents(FakeReplica(1, "ann"), Note)


@pytest.fixture
def note(docs: Any) -> Any:
    docs["n"].body.append("Hello world")
    return docs["n"]


# --------------------------------------------------------------------------- as a str


def test_a_text_reads_as_a_str_does(note: Any):
    text, same = note.body, "Hello world"
    assert text == same
    assert same == text
    assert text != "Hello"
    assert text != 5
    assert str(text) == f"{text}" == text.value == same
    assert repr(text) == repr(same)
    assert len(text) == 11
    assert list(text) == list(same)
    assert "lo w" in text
    assert "z" not in text
    assert 5 not in text
    assert text + "!" == "Hello world!"
    assert "> " + text == "> Hello world"
    assert text.find("o") == 4
    assert text.find("o", 5) == 7
    assert bool(text)
    with pytest.raises(TypeError, match="unhashable"):
        hash(text)


@pytest.mark.parametrize(
    "index",
    [0, 3, -1, -11, slice(2, 5), slice(-3, None), slice(None), slice(5, 2), slice(2, 99),
     slice(None, None, -1), slice(1, 9, 3)],
)  # fmt: skip
def test_a_text_is_indexed_and_sliced_as_a_str(note: Any, index: Any):
    assert note.body[index] == "Hello world"[index]


@pytest.mark.parametrize("index", [11, -12, 99])
def test_there_is_no_character_to_read_out_of_bounds(note: Any, index: int):
    with pytest.raises(IndexError, match="has no character"):
        note.body[index]


def test_a_text_that_was_never_written_is_empty(docs: Any):
    text = docs["new"].body
    assert text == ""
    assert len(text) == 0
    assert not text
    assert list(text) == []
    assert text[0:3] == ""
    assert text.cursor(0).index == 0
    assert "new" not in docs


# --------------------------------------------------------------------------- editing


def test_a_text_is_edited_in_place(note: Any):
    text = note.body
    text.insert(5, ", big")
    assert text == "Hello, big world"
    text.delete(5, 5)
    text.delete(10)
    assert text == "Hello worl"
    text.append("d")
    note.body += "!"
    assert text == "Hello world!"
    text[0:5] = "Bye"
    text[-1] = "?"
    assert text == "Bye world?"
    del text[3:9]
    del text[-1]
    assert text == "Bye"
    text[3:3] = text
    assert text == "ByeBye"
    text.clear()
    assert note.body == ""


def test_replacing_takes_what_stands_there_or_where_it_stands(note: Any):
    text = note.body
    assert text.replace("o", "00") == 2
    assert text == "Hell00 w00rld"
    assert text.replace("00", "o", 1) == 1
    assert text.replace("nothing", "x") == 0
    assert text.replace(0, 5, "Bye") == 1
    assert text == "Bye w00rld"
    assert text.replace("00", "") == 1
    assert text == "Bye wrld"
    with pytest.raises(BadValue, match="replace no text"):
        text.replace("", "x")
    with pytest.raises(BadCall, match="both text"):
        text.replace("x", "y", "z")


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.insert(12, "x"),
        lambda text: text.insert(-1, "x"),
        lambda text: text.delete(11),
        lambda text: text.delete(-1),
        lambda text: text.delete(0, -1),
        lambda text: text.delete(5, 7),
        lambda text: text.replace(9, 3, "x"),
        lambda text: text.replace(9, -1, "x"),
        lambda text: text.__setitem__(11, "x"),
        lambda text: text.__setitem__(slice(0, 12), "x"),
        lambda text: text.__setitem__(slice(0, 4, 2), "x"),
        lambda text: text.__delitem__(slice(-12, None)),
        lambda text: text.cursor(12),
        lambda text: text.anchor(-1),
        lambda text: text.cursor(0, "middle"),
    ],
)
def test_writing_out_of_bounds_is_a_bad_call_and_changes_nothing(note: Any, write: Any):
    with pytest.raises(BadCall, match=r"^notes\['n'\]\.body: |notes\['n'\]\.body has"):
        write(note.body)
    assert note.body == "Hello world"


@pytest.mark.parametrize("wrong", [5, None, b"x", ["x"], "\ud800", "ok\udfff"])
def test_what_is_no_text_is_a_bad_value_and_changes_nothing(note: Any, wrong: Any):
    for write in (
        lambda: note.body.insert(0, wrong),
        lambda: note.body.append(wrong),
        lambda: note.body.apply_diff(wrong),
        lambda: note.body.__setitem__(slice(0, 2), wrong),
        lambda: note.body.replace("Hello", wrong),
        lambda: note.body.cursor(3).insert(wrong),
    ):
        with pytest.raises(BadValue, match=r"^notes\['n'\]\.body: "):
            write()
    assert note.body == "Hello world"


@pytest.mark.parametrize("value", ["Hello", None, 5])
def test_assigning_to_a_text_says_what_to_do_instead(note: Any, value: Any):
    with pytest.raises(BadValue, match=r"notes\['n'\]\.body .* apply_diff\(\)"):
        note.body = value
    with pytest.raises(BadValue, match="apply_diff"):
        note.parts["x"] = value
    with pytest.raises(BadValue, match="apply_diff"):
        note.body = note.parts["x"]


def test_texts_in_a_map_are_there_when_something_is_in_them(note: Any):
    assert "a" not in note.parts
    note.parts["a"] += "one"
    note.parts["b"].insert(0, "two")
    assert note.parts == {"a": "one", "b": "two"}
    assert isinstance(note.parts["a"], TextView)
    del note.parts["a"]
    assert note.to_dict() == {"body": "Hello world", "parts": {"b": "two"}}


def test_ten_million_characters_go_in_at_once(docs: Any):
    text = docs["n"].body
    text.insert(0, "0123456789" * 1_000_000)
    text.insert(5_000_000, "\U0001f600")
    assert len(text) == 10_000_001
    assert text[4_999_998:5_000_003] == "89\U0001f60001"


# --------------------------------------------------------------------------- a whole new text


def test_a_whole_new_text_is_one_edit_and_keeps_what_others_write():
    ann, bob, meet_up = two()
    ann.body += "The quick brown fox jumps over the lazy dog."
    meet_up()
    before = len(ann.body.history())
    ann.body.apply_diff("The quick red fox jumps over the dog!")
    assert len(ann.body.history()) == before + 1
    bob.body.insert(bob.body.find("jumps"), "never ")
    meet_up()
    assert ann.body == bob.body == "The quick red fox never jumps over the dog!"
    ann.body.apply_diff(str(bob.body))
    assert len(ann.body.history()) == before + 2  # theirs, and nothing that changes nothing


def test_a_whole_new_text_comes_out_whatever_it_was():
    chance = random.Random(5)
    ann, _, _ = two()
    for _ in range(100):
        new = "".join(chance.choice("ab \n\u00df\U0001f600") for _ in range(chance.randrange(40)))
        ann.body.apply_diff(new)
        assert ann.body == new


# --------------------------------------------------------------------------- offsets


def test_offsets_are_told_as_editors_count(docs: Any):
    text = docs["n"].body
    text += WIDE
    assert [text.to_utf16(index) for index in range(6)] == [0, 1, 3, 4, 5, 6]
    assert [text.to_utf8(index) for index in range(6)] == [0, 1, 5, 6, 8, 10]
    assert [text.from_utf16(text.to_utf16(index)) for index in range(6)] == list(range(6))
    assert [text.from_utf8(text.to_utf8(index)) for index in range(6)] == list(range(6))


@pytest.mark.parametrize("offset", [2, 7, -1, "x"])
def test_an_offset_inside_a_character_or_past_the_end_is_refused(docs: Any, offset: Any):
    docs["n"].body.append(WIDE)
    with pytest.raises(BadValue, match="offset"):
        docs["n"].body.from_utf16(offset)
    with pytest.raises(BadValue, match="offset"):
        docs["n"].body.from_utf8(offset if offset != 7 else 11)
    with pytest.raises(BadValue, match="offset"):
        docs["n"].body.to_utf16(offset if offset != 2 else 6)


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
            _edit(chance, chance.choice((ann, bob)).body)
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


def _edit(chance: random.Random, text: Any) -> None:
    length = len(text)
    at = chance.randint(0, length)
    match chance.randrange(5):
        case 0:
            text.delete(at, min(length - at, chance.randrange(4)))
        case 1:
            text.replace(at, min(length - at, 2), "XY")
        case 2:
            text.replace(chance.choice("abcXY"), "-+")
        case _:
            text.insert(at, "".join(chance.choice("abc") for _ in range(chance.randint(1, 5))))


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
        _edit(chance, chance.choice((ann, bob)).body)
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


# --------------------------------------------------------------------------- undo


def test_undo_takes_back_ones_own_edits_and_leaves_others():
    replicas = pair()
    anns, bobs = (Documents(replica, Note) for replica in replicas)
    ann, bob = anns["n"].body, bobs["n"].body
    ann += "Hello world"
    meet(*replicas)
    ann.replace(6, 5, "there")
    bob.insert(5, ", hello")
    meet(*replicas)
    ann.insert(0, "> ")
    bob.insert(len(bob), "!")
    meet(*replicas)
    assert ann == "> Hello, hello there!"
    assert anns.undo()
    assert anns.undo()
    assert ann == "Hello, hello world!"
    assert anns.redo()
    assert anns.redo()
    assert ann == "> Hello, hello there!"
    assert bobs.undo()
    meet(*replicas)
    assert ann == bob == "> Hello, hello there"
    assert anns.undo()
    assert anns.undo()
    assert anns.undo()
    assert ann == ", hello"
    assert not anns.undo()


def test_undoing_all_goes_back_through_every_text_and_redoing_comes_again():
    chance = random.Random(31)
    for _ in range(20):
        docs = Documents(FakeReplica(1), Note)
        text = docs["n"].body
        texts = [""]
        for _ in range(15):
            _edit(chance, text)
            texts.append(str(text))
        for step, expected in ((docs.undo, texts[::-1]), (docs.redo, texts)) * 2:
            seen = [str(text)]
            while step():
                seen.append(str(text))
            assert _distinct(seen) == _distinct(expected)


def _distinct(texts: list[str]) -> list[str]:
    """Without repetitions: some edits change nothing."""
    return [text for text, _ in itertools.groupby(texts)]


def test_undoing_all_of_ones_own_leaves_just_what_others_wrote():
    chance = random.Random(37)
    for _ in range(20):
        replicas = pair()
        ann, bob = (Documents(replica, Note)["n"].body for replica in replicas)
        docs = Documents(replicas[0], Note)
        ann = docs["n"].body
        for _ in range(15):
            at = chance.randint(0, len(ann))
            if chance.random() < 0.6:
                ann.insert(at, chance.choice(("ann", "a")))
            else:
                ann.delete(at, min(len(ann) - at, 4))
            bob.insert(chance.randint(0, len(bob)), chance.choice("XYZ"))
            if chance.random() < 0.5:
                meet(*replicas)
            if chance.random() < 0.2:
                docs.undo()
            if chance.random() < 0.1:
                docs.redo()
        meet(*replicas)
        while docs.undo():
            assert len(ann) < 500
        meet(*replicas)
        assert ann == bob
        assert set(str(ann)) <= set("XYZ")
        assert len(ann) == 15


def test_a_change_of_very_many_edits_is_undone_and_redone(docs: Any, note: Any):
    chance = random.Random(41)
    with docs.change():
        for _ in range(3000):
            _edit(chance, note.body)
    edited = str(note.body)
    assert docs.undo()
    assert note.body == "Hello world"
    assert docs.redo()
    assert note.body == edited


def test_what_is_found_out_for_one_undo_serves_the_next(docs: Any, note: Any):
    for at in range(200):
        note.body.insert(at, "ab")
    trail = note.body._state().trail
    made = 0
    carrier = trail.carrier
    for left in range(199, -1, -1):
        assert docs.undo()
        made += trail.carrier is not carrier
        carrier = trail.carrier
        assert len(note.body) == 11 + 2 * left
    assert made < 10  # each reaches twice as far back


def test_a_change_of_several_texts_is_undone_together(docs: Any, note: Any):
    with docs.change("both"):
        note.body.apply_diff("Hi, world")
        note.body += "!"
        note.parts["a"] += "one"
    assert docs.undo()
    assert note.to_dict() == {"body": "Hello world", "parts": {}}
    assert docs.redo()
    assert note.to_dict() == {"body": "Hi, world!", "parts": {"a": "one"}}


def test_a_change_that_fails_leaves_the_text_as_it_was(docs: Any, note: Any):
    cursor = note.body.cursor(6)
    with contextlib.suppress(KeyError), docs.change():
        note.body.insert(0, "thrown away ")
        raise KeyError
    assert note.body == "Hello world"
    assert cursor.index == 6
    assert docs.undo()
    assert note.body == ""


def test_a_deleted_document_comes_back_with_its_text(docs: Any, note: Any):
    del docs["n"]
    assert note.body == ""
    assert docs.undo()
    assert note.body == "Hello world"


# --------------------------------------------------------------------------- the past


def test_a_text_has_a_history_and_a_past(docs: Any, note: Any):
    with docs.change("greet"):
        note.body.apply_diff("Bye world")
    note.parts["a"] += "not of the body"
    versions = note.body.history()
    assert [(version.who, version.message) for version in versions] == [
        ("ann", None),
        ("ann", "greet"),
    ]
    assert note.body.at(versions[0].version) == "Hello world"
    past = note.at(versions[1].version).body
    assert past == "Bye world"
    with pytest.raises(ReadOnly, match="past"):
        past += "!"


def test_blame_says_who_wrote_what():
    replicas = pair()
    ann, bob = (Documents(replica, Note)["n"].body for replica in replicas)
    ann += "Hello world"
    meet(*replicas)
    replicas[1].now_ms += 3_600_000
    bob.insert(5, ", big")
    bob.delete(0)
    meet(*replicas)
    said = [(ann[one.start : one.end], one.who) for one in ann.blame()]
    assert said == [("ello", "replica-1"), (", big", "replica-2"), (" world", "replica-1")]
    whens = [one.when for one in ann.blame()]
    assert whens[0] == whens[2]
    assert (whens[1] - whens[0]).total_seconds() == 3600
    assert bob.blame()[-1].end == len(bob)


def test_blame_joins_what_was_written_without_a_pause(docs: Any):
    text = docs["n"].body
    replica = docs._access.replica
    for letter in "abc":
        text += letter
        replica.now_ms += 40_000
    replica.now_ms += 600_000
    text += "d"
    assert [(one.start, one.end) for one in text.blame()] == [(0, 3), (3, 4)]
    assert len(text.blame(pause_s=0)) == 4
    assert docs["empty"].body.blame() == []


# --------------------------------------------------------------------------- branches


def test_a_branch_is_edited_apart_and_merged(note: Any):
    branch = note.body.fork()
    branch.insert(5, ",")
    branch.replace("world", "everybody")
    branch += "!"
    assert note.body == "Hello world"
    note.body.insert(0, "> ")
    assert branch == "Hello, everybody!"
    assert "body" in branch
    note.body.merge(branch)
    assert note.body == "> Hello, everybody!"
    note.body.merge(branch)
    assert note.body == "> Hello, everybody!"
    branch.insert(5, " there")
    note.body.insert(len(note.body), "?")
    note.body.merge(branch)
    assert note.body == "> Hello there, everybody!?"


def test_merging_a_branch_is_one_edit_that_can_be_undone(docs: Any, note: Any):
    branch = note.body.fork()
    for letter in "abc":
        branch.insert(0, letter)
    branch.delete(3, 5)
    versions = len(note.body.history())
    note.body.merge(branch)
    assert note.body == "cba world"
    assert len(note.body.history()) == versions + 1
    assert docs.undo()
    assert note.body == "Hello world"


def test_a_branch_is_merged_as_if_both_sides_had_written_at_the_same_time(docs: Any):
    chance = random.Random(47)
    for nth in range(300):
        body, base = docs[f"{nth}"].body, "abcdefghij"
        body.append(base)
        branches = [body.fork() for _ in range(2)]
        there: list[Any] = []
        for _ in range(chance.randrange(7)):
            at = chance.randint(0, len(body))
            if at < len(body) and chance.random() < 0.5:
                there += [at, min(chance.randint(1, 4), len(body) - at)]
                body.delete(*there[-2:])
            else:
                there += [at, "H" * chance.randint(1, 2)]
                body.insert(*there[-2:])
        for name, branch in zip("bc", branches, strict=True):
            expected = TextState(0, base)
            if there:
                expected.add("a", 1, there)
            edits: list[Any] = []
            for at in sorted(chance.sample(range(0, 10, 3), 3), reverse=True):
                edits += [at, name * chance.randint(1, 2)] if chance.random() < 0.5 else [at, 1]
            expected.add(name, 1, edits, ())
            for at, what in zip(edits[::2], edits[1::2], strict=True):
                branch.delete(at, what) if isinstance(what, int) else branch.insert(at, what)
            there += branch.carried(body._state())[0]
            body.merge(branch)
            assert body == expected.text()


def test_branches_that_were_forked_at_once_share_what_was_found_out(note: Any):
    branches = [note.body.fork() for _ in range(4)]
    for nth, branch in enumerate(branches):
        branch.insert(5, f" {nth}")
    note.body.merge(branches[0])
    forked = note.body._state().trail.forked
    for branch in branches[1:]:
        note.body.insert(0, "x")
        note.body.merge(branch)
        assert note.body._state().trail.forked.items is forked.items
    assert note.body == "xxxHello 0 1 2 3 world"


def test_a_side_that_a_place_does_not_have_is_a_bad_call(note: Any):
    for side in (["left"], "up", None, 1):
        for ask in (note.body.cursor, note.body.anchor):
            with pytest.raises(BadCall, match=r"^notes\['n'\]\.body: .*'left' or 'right'"):
                ask(1, side)


def test_a_branch_of_the_past_is_merged_into_the_present(note: Any):
    old = note.body.history()[0].version
    note.body.apply_diff("Hello wide world")
    branch = note.body.at(old).fork()
    branch.apply_diff("Hello world, how are you?")
    note.body.merge(branch)
    assert note.body == "Hello wide world, how are you?"


def test_only_a_branch_of_the_text_itself_is_merged(note: Any):
    for other in (note.parts["x"].fork(), "text", note.body, None):
        with pytest.raises(BadCall, match=r"fork\(\)"):
            note.body.merge(other)


def test_a_branch_checks_what_it_is_given(note: Any):
    branch = note.body.fork()
    for write in (
        lambda: branch.insert(12, "x"),
        lambda: branch.insert("1", "x"),
        lambda: branch.delete(3, 99),
    ):
        with pytest.raises(BadCall):
            write()
    for wrong in (5, "\ud800"):
        with pytest.raises(BadValue):
            branch.insert(0, wrong)
        with pytest.raises(BadValue):
            branch[0:2] = wrong
    assert branch == "Hello world"


def test_of_two_sides_nothing_is_lost_and_nothing_comes_twice():
    chance = random.Random(23)
    for _ in range(60):
        docs = Documents(FakeReplica(1), Note)
        text = docs["n"].body
        letters = iter(range(0x4E00, 0x9000))  # each character once, so that it can be followed
        text += "".join(chr(next(letters)) for _ in range(20))
        branch = text.fork()
        gone: set[str] = set()
        for _ in range(3):
            base_there, base_here = set(text), set(branch)
            for _ in range(chance.randrange(8)):
                side = chance.choice((text, branch))
                at = chance.randint(0, len(side))
                if chance.random() < 0.5:
                    side.delete(at, min(len(side) - at, chance.randrange(5)))
                else:
                    side.insert(at, "".join(chr(next(letters)) for _ in range(3)))
            there, here = str(text), str(branch)
            gone |= (base_there - set(there)) | (base_here - set(here))
            text.merge(branch)
            merged = str(text)
            assert sorted(merged) == sorted((set(there) | set(here)) - gone)
            assert [c for c in merged if c in there] == [c for c in there if c in merged]
            assert [c for c in merged if c in here] == [c for c in here if c in merged]
