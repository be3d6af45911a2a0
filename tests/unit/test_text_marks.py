"""Marks on texts: the examples of the Peritext paper, and everything around them.

The examples are those of Litt, Lim, Kleppmann, van Hardenberg, "Peritext" (CSCW 2022), section 3.
"""

import random
from typing import Any

import pytest

import plait
from plait.api.documents import Document, Documents, Text
from plait.base.errors import (
    BadCall,
    BadValue,
    ReadOnly,
)
from plait.graph.event import Event
from plait.types.text.marks import EXPANDS, MarkChange
from plait.types.text.type import TEXT
from tests.unit.graph_fake import meet, pair

BOLD = {"bold": True}


class Note(Document):
    body = Text()


class Two:
    """Ann's and Bob's copy of a text that both have seen."""

    def __init__(self, text: str) -> None:
        self._ann, self._bob = pair()
        self.ann = Documents(self._ann, Note)["n"]
        self.bob = Documents(self._bob, Note)["n"]
        self.ann.body.append(text)
        self.meet()

    def meet(self) -> None:
        meet(self._ann, self._bob)

    def read(self) -> list[tuple[str, Any]]:
        """Stretches with their attributes, the same at both once they met."""
        self.meet()
        delta = self.ann.body.to_delta()
        assert self.bob.body.to_delta() == delta
        assert "".join(part["insert"] for part in delta) == self.ann.body
        return [(part["insert"], part.get("attributes", {})) for part in delta]


# --------------------------------------------------------------------------- Peritext


def test_text_that_is_inserted_into_a_stretch_while_it_is_made_bold_is_bold():
    two = Two("The fox jumped.")
    two.ann.body.mark(0, 15, "bold")
    two.bob.body.insert(4, "quick ")
    assert two.read() == [("The quick fox jumped.", BOLD)]


def test_bold_stretches_that_overlap_come_to_one():
    two = Two("The fox jumped.")
    two.ann.body.mark(0, 7, "bold")
    two.bob.body.mark(4, 15, "bold")
    assert two.read() == [("The fox jumped.", BOLD)]


def test_bold_and_italic_that_overlap_are_both_there():
    two = Two("The fox jumped.")
    two.ann.body.mark(0, 7, "bold")
    two.bob.body.mark(4, 15, "italic")
    assert two.read() == [
        ("The ", BOLD), ("fox", {"bold": True, "italic": True}), (" jumped.", {"italic": True}),
    ]  # fmt: skip


def test_of_two_colours_where_they_overlap_the_same_one_counts_for_everybody():
    two = Two("The fox jumped.")
    two.ann.body.mark(0, 7, "color", "red")
    two.bob.body.mark(4, 15, "color", "blue")
    read = two.read()
    assert [values["color"] for _, values in (read[0], read[-1])] == ["red", "blue"]
    assert [text for text, _ in read] in (["The ", "fox jumped."], ["The fox", " jumped."])


def test_bold_and_not_bold_at_once_is_one_of_them_where_they_overlap_only():
    two = Two("The fox jumped.")
    two.ann.body.mark(0, 15, "bold")
    two.meet()
    two.ann.body.unmark(0, 7, "bold")
    two.bob.body.mark(4, 15, "bold")
    read = two.read()
    assert read[0] == ("The ", {}) or read[0] == ("The fox", {})
    assert read[-1][0].endswith(" jumped.")
    assert read[-1][1] == BOLD


def test_comments_of_two_people_overlap_freely():
    two = Two("The fox jumped.")
    two.ann.body.mark(0, 7, "comment:1", "who?")
    two.bob.body.mark(4, 15, "comment:2", "where?")
    assert two.read() == [
        ("The ", {"comment:1": "who?"}),
        ("fox", {"comment:1": "who?", "comment:2": "where?"}),
        (" jumped.", {"comment:2": "where?"}),
    ]


def test_bold_goes_on_with_what_is_typed_behind_it_and_a_link_does_not():
    two = Two("The fox jumped.")
    two.ann.body.mark(4, 7, "bold")
    two.ann.body.mark(4, 7, "link", "https://fox.example")
    two.meet()
    two.bob.body.insert(7, "es")
    two.bob.body.insert(4, "big ")
    assert two.read() == [
        ("The big ", {}), ("fox", {"bold": True, "link": "https://fox.example"}), ("es", BOLD),
        (" jumped.", {}),
    ]  # fmt: skip


def test_what_is_typed_before_and_behind_a_mark_is_as_it_says():
    for expand, expected in (
        ("none", [("a<", {}), ("b", BOLD), (">c", {})]),
        ("before", [("a", {}), ("<b", BOLD), (">c", {})]),
        ("after", [("a<", {}), ("b>", BOLD), ("c", {})]),
        ("both", [("a", {}), ("<b>", BOLD), ("c", {})]),
    ):
        two = Two("abc")
        two.ann.body.mark(1, 2, "bold", True, expand)
        two.meet()
        two.bob.body.insert(2, ">")
        two.bob.body.insert(1, "<")
        assert two.read() == expected, expand


def test_what_others_type_at_the_edge_while_it_is_marked_is_not_marked():
    two = Two("abc")
    two.ann.body.mark(1, 2, "bold", True, "both")
    two.bob.body.insert(2, ">")
    two.bob.body.insert(1, "<")
    assert two.read() == [("a<", {}), ("b", BOLD), (">c", {})]


def test_bold_goes_on_where_its_last_characters_were_deleted():
    two = Two("The fox jumped.")
    two.ann.body.mark(4, 7, "bold")
    two.ann.body.delete(5, 2)
    two.meet()
    two.bob.body.insert(5, "rog")
    assert two.read() == [("The ", {}), ("frog", BOLD), (" jumped.", {})]


def test_a_mark_whose_last_character_was_deleted_elsewhere_still_takes_in_what_is_inside():
    two = Two("abcd")
    two.ann.body.mark(0, 4, "bold", True, "none")
    two.bob.body.delete(3, 1)
    two.bob.body.insert(3, "X")  # before the one that was deleted, or behind it
    (text, values), *rest = two.read()
    assert (text, values) == ("abcX", BOLD) or [(text, values), *rest] == [("abc", BOLD), ("X", {})]


def test_a_mark_is_gone_with_its_text():
    two = Two("The fox jumped.")
    two.ann.body.mark(4, 7, "bold")
    two.bob.body.delete(4, 4)
    assert two.read() == [("The jumped.", {})]


# --------------------------------------------------------------------------- reading and writing


@pytest.fixture
def text() -> Any:
    note = Two("Hello world").ann
    note.body.mark(0, 5, "bold")
    note.body.mark(4, 8, "link", "u")
    return note.body


def test_marks_are_listed_in_order_as_far_as_asked(text: Any):
    both = {"bold": True, "link": "u"}
    assert text.marks() == [(0, 4, BOLD), (4, 5, both), (5, 8, {"link": "u"})]
    assert text.marks(2, 5) == [(2, 4, BOLD), (4, 5, both)]
    assert text.marks(5, 5) == text.marks(8) == []


def test_a_character_has_the_marks_that_it_has(text: Any):
    assert text.marks_at(4) == {"bold": True, "link": "u"}
    assert text.marks_at(10) == {}
    with pytest.raises(BadCall, match="has no character 11, but 11 of them"):
        text.marks_at(11)


def test_what_is_read_of_marks_is_the_readers_to_change(text: Any):
    text.marks()[0][2]["bold"] = False
    text.to_delta()[0]["attributes"].clear()
    assert text.marks_at(0) == BOLD


def test_unmarking_takes_away_one_name_in_one_place(text: Any):
    text.unmark(2, 6, "bold")
    text.unmark(2, 3, "link")
    assert text.marks() == [(0, 2, BOLD), (4, 8, {"link": "u"})]


def test_a_link_that_is_cut_short_does_not_come_back_at_the_cut(text: Any):
    text.unmark(6, 8, "link")
    text.insert(6, "!")
    assert text.marks(5) == [(5, 6, {"link": "u"})]


def test_values_that_python_takes_for_equal_stay_apart():
    body = Two("abc").ann.body
    for index, value in enumerate((1, True, 1.0)):
        body.mark(index, index + 1, "level", value)
    assert [repr(values["level"]) for _, _, values in body.marks()] == ["1", "True", "1.0"]


def test_a_text_that_was_never_written_has_no_marks():
    body = Documents(pair()[0], Note)["new"].body
    assert (body.marks(), body.to_delta()) == ([], [])


def test_a_mark_of_no_characters_is_none(text: Any):
    before = text.marks()
    text.mark(3, 3, "italic")
    assert text.marks() == before


@pytest.mark.parametrize("place", [(-1, 2), (0, 12), (5, 4), (12, 12)])
def test_marks_outside_the_text_are_refused(text: Any, place: tuple[int, int]):
    with pytest.raises(BadCall, match="of a text of 11 characters"):
        text.mark(*place, "bold")
    with pytest.raises(BadCall):
        text.marks(*place)


@pytest.mark.parametrize(
    "mark",
    [("",), ("x" * 257,), (5,), ("\ud800",), ("bold", None), ("bold", [1]), ("bold", 1 << 64),
     ("bold", float("nan")), ("bold", "x" * 8193), ("bold", "\udfff"), ("bold", True, "outside"),
     ("bold", True, ["both"])],
)  # fmt: skip
def test_what_is_no_mark_is_refused(text: Any, mark: Any):
    before = text.marks()
    with pytest.raises(BadValue):
        text.mark(0, 1, *mark)
    assert text.marks() == before


def test_a_place_that_is_no_number_is_refused(text: Any):
    with pytest.raises(BadValue):
        text.mark("0", 1, "bold")
    with pytest.raises(BadValue):
        text.mark(0, True, "bold")


def test_the_past_cannot_be_marked(text: Any):
    past = text.at(text.history()[0].version)
    assert past.marks() == []
    with pytest.raises(ReadOnly):
        past.mark(0, 1, "bold")


# --------------------------------------------------------------------------- undo


def test_undoing_a_mark_puts_back_what_was_there():
    two = Two("abcdef")
    two.ann.body.mark(0, 2, "color", "red")
    two.ann.body.mark(1, 5, "color", "blue")
    two.ann.undo()
    assert two.read() == [("ab", {"color": "red"}), ("cdef", {})]
    two.ann.redo()
    assert two.read() == [("a", {"color": "red"}), ("bcde", {"color": "blue"}), ("f", {})]
    two.ann.undo()
    two.ann.undo()
    assert two.read() == [("abcdef", {})]


def test_undoing_a_mark_goes_where_it_went_by_now_and_no_further():
    two = Two("abcdef")
    two.ann.body.mark(1, 3, "bold")
    two.meet()
    two.bob.body.insert(3, "new")
    two.bob.body.insert(2, "in")
    two.bob.body.mark(0, 2, "bold", False)
    two.meet()
    assert two.read() == [
        ("ab", {"bold": False}), ("in", BOLD), ("cnew", BOLD), ("def", {})
    ] or two.read() == [("ab", {"bold": False}), ("incnew", BOLD), ("def", {})]  # fmt: skip
    two.ann.undo()
    assert two.read() == [("ab", {"bold": False}), ("incnewdef", {})]
    two.bob.body.insert(7, "er")
    assert two.read() == [("ab", {"bold": False}), ("incneerwdef", {})]


def test_undoing_takes_back_unmarking():
    two = Two("abcdef")
    two.ann.body.mark(0, 6, "bold")
    two.ann.body.unmark(2, 4, "bold")
    two.ann.undo()
    assert two.read() == [("abcdef", BOLD)]


def test_a_comment_whose_unmarking_was_taken_back_takes_in_nothing_at_its_edges():
    note = Two("[word]").ann
    note.body.mark(1, 5, "comment:1", "why")
    note.body.unmark(1, 5, "comment:1")
    note.undo()
    note.body.insert(5, " and more")
    note.body.insert(1, "before ")
    assert [(note.body[a:b], m) for a, b, m in note.body.marks()] == [
        ("word", {"comment:1": "why"})
    ]


def test_what_is_typed_at_any_edge_is_as_if_what_was_taken_back_had_never_been():
    chance = random.Random(5)
    for _ in range(80):
        expected, note = (Two("abcdefgh").ann for _ in range(2))
        for _ in range(chance.randrange(3)):
            _mark_both(chance, expected.body, note.body)
        _mark_both(chance, note.body)
        note.undo()
        if chance.random() < 0.3:
            note.redo()
            note.undo()
        assert note.body.marks() == expected.body.marks()
        for pos in range(8, -1, -1):
            for body in (expected.body, note.body):
                body.insert(pos, "z")
        assert note.body.marks() == expected.body.marks()


def _mark_both(chance: random.Random, *bodies: Any) -> None:
    start, stop = sorted(chance.sample(range(9), 2))
    value, expand = chance.choice(("https://a.example", None)), chance.choice(EXPANDS)
    for body in bodies:
        if value is None:
            body.unmark(start, stop, "link", expand)
        else:
            body.mark(start, stop, "link", value, expand)


def test_a_change_that_is_discarded_leaves_no_marks(text: Any):
    note = Two("Hello").ann
    note.body.mark(0, 1, "bold")
    before = note.body.marks()

    def half() -> None:
        with note.change():
            note.body.mark(0, 5, "italic")
            assert note.body.marks_at(3) == {"italic": True}
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert note.body.marks() == before


# --------------------------------------------------------------------------- watching


def test_who_watches_is_told_what_was_marked_where_it_is_now():
    state = TEXT.zero()
    TEXT.apply(state, [0, "abcdef"], Event(1, 1, 1, {}))
    TEXT.apply(state, [2, "X"], Event(2, 1, 2, {1: 1}))

    def told(body: Any, event: Event) -> Any:
        return TEXT.watching(state, lambda: TEXT.apply(state, body, event))

    bold = [1, [3, "bold", True, "after"]]
    assert told(bold, Event(1, 2, 3, {1: 1})) == [MarkChange(1, 5, "bold", True)]
    both = [0, "!", 0, [2, "bold", None, "none"]]
    assert told(both, Event(2, 2, 4, {1: 2, 2: 1})) == [
        (0, 0, "!"), MarkChange(0, 2, "bold", None),
    ]  # fmt: skip


async def test_a_change_says_what_was_marked(tmp_path: Any):
    async with plait.open(tmp_path) as store:
        note = (await store.documents("notes", Note))["n"]
        note.body.append("Hello")
        async with note.body.watch() as changes:
            note.body.insert(5, "!")
            note.body.mark(0, 6, "bold")
            first, second = [await anext(changes) for _ in range(2)]
    assert (first.patches, first.marks) == (((5, 0, "!"),), ())
    assert (second.patches, second.marks) == ((), (MarkChange(0, 6, "bold", True),))
