"""Texts in documents: reading, editing, a whole new text, offsets."""

import random
from typing import Any

import pytest

from plait.api.documents import Documents, TextView
from plait.base.errors import BadCall, BadValue
from tests.unit.graph_fake import FakeReplica
from tests.unit.text_notes import WIDE, Note, two


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
