"""Marks in the core of a text: hostile bodies, links, folding, and what is stored."""

from typing import Any

import pytest

from plait.base.codec import encode
from plait.base.errors import BadFrame, Corrupt, UnknownFormat
from plait.graph.event import Event
from plait.types.graph_type import Here
from plait.types.text.blocks import pack_block
from plait.types.text.link import Incoming, Outgoing
from plait.types.text.mark_storage import MARKS, marks_of, put_marks
from plait.types.text.marked import pruned
from plait.types.text.marking import Marked
from plait.types.text.marks import is_body
from plait.types.text.pages import page_bytes, read_page
from plait.types.text.state import TextState
from plait.types.text.storage import _TEXTS, load, save
from plait.types.text.type import TEXT
from plait.types.walker.oplog import MARK, OpLog

BOLD = {"bold": True}


def test_a_text_without_marks_keeps_nothing_of_marks():
    state = TextState("me")
    state.insert(0, "abc")
    assert state.spans() == []
    assert state.marks is None
    assert b"marks" not in save(state)


@pytest.mark.parametrize(
    "body",
    [[], [1, "b", 1], [1, "b", 1, "both", 0], [0, "b", 1, "both"], [-1, "b", 1, "both"],
     [4, "b", 1, "both"], [True, "b", 1, "both"], [1, "", 1, "both"], [1, b"b", 1, "both"],
     [1, "b", [1], "both"], [1, "b", {}, "both"], [1, "b", float("inf"), "both"],
     [1, "b", 1, "outside"], [1, "b", 1, None], (1, "b", 1, "both"), {"length": 1}],
)  # fmt: skip
def test_hostile_bodies_are_refused_and_change_nothing(body: Any):
    state = TextState("me")
    state.insert(0, "abc")
    first = state.end
    for parents in (None, (0,)):
        with pytest.raises(BadFrame):
            state.add("other", 1, [0, body], parents)
    assert (state.text(), state.end, state.spans()) == ("abc", first, [])
    other = TEXT.zero()
    TEXT.apply(other, [0, "abc", 0, body], Event(1, 1, 1, {}))
    assert TEXT.value(other) == ""


def test_marks_come_over_a_link_with_the_text():
    here, there = TextState("here"), TextState("there")
    out, into = Outgoing(here), Incoming(there)
    here.insert(0, "Hello")
    into.receive(out.take())
    before = save(there)
    here.mark(0, 4, "link", "ü", "none")
    here.insert(5, " world")
    update = out.take()
    into.receive(update)
    assert there.spans() == here.spans() == [(4, {"link": "ü"})]
    refused = 0
    for cut in range(1, len(update)):
        copy = load(before)
        try:
            Incoming(copy).receive(update[:cut])
        except BadFrame:
            refused += 1
        assert (copy.text(), copy.spans()) in (
            ("Hello", []), ("Hello", here.spans()), (here.text()[: len(copy)], here.spans()),
        )  # fmt: skip
    assert refused > 10


def test_marks_given_as_a_whole_graph_count_one_unit_each():
    events = [
        ("a", 1, [0, "abcd", 1, [2, "bold", True, "after"]], ()),
        ("a", 6, [3, "X"], (4,)),
        ("b", 1, [2, "Y"], (3,)),
    ]
    state = TextState("me")
    state.add_all(events)
    assert (state.text(), state.spans()) == ("abYcXd", [(1, {}), (4, BOLD)])


def test_marks_of_what_is_folded_stay_and_count_for_what_is_typed_later():
    state = TextState("me")
    state.insert(0, "abcd")
    state.mark(1, 2, "bold", True, "after")
    state.mark(0, 2, "italic", True, "none")
    assert state.fold({"me": 6})
    assert len(state.log) == 0
    state.insert(3, "X")
    assert load(save(state)).spans() == state.spans()
    assert state.spans() == [
        (1, {"italic": True}), (1, {"bold": True, "italic": True}), (2, BOLD),
    ]  # fmt: skip


def test_marks_that_can_never_count_again_are_forgotten():
    state = TextState("me")
    state.insert(0, "abcdefgh")
    for value in (True, None) * 20:
        state.mark(0, 4, "bold", value, "after")
    state.mark(5, 2, "color", "red", "after")
    state.mark(5, 2, "color", "blue", "none")
    state.mark(0, 8, "link", "x", "none")
    state.mark(0, 8, "link", "y", "both")
    marks = pruned(state.marked()).marks.values()
    assert [(mark.name, mark.value) for mark in marks] == [
        ("color", "red"), ("color", "blue"), ("link", "y"),
    ]  # fmt: skip
    state.fold({"me": 1 << 40})
    state.insert(7, "!")
    assert state.spans()[-2:] == [(1, {"color": "red", "link": "y"}), (1, {"link": "y"})]


def test_stored_marks_that_contradict_themselves_are_corrupt():
    state = TextState("me")
    state.insert(0, "abcd")
    state.mark(0, 2, "bold", True)
    state.fold({"me": 1 << 40})
    state.insert(0, "x")
    state.mark(0, 2, "bold", None)
    data = save(state)
    assert load(data).spans() == state.spans()
    for position in range(8, len(data), 3):
        wrong = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises(Corrupt):
            load(wrong).spans()


BASE = [3, [[2, [1]]], [[1, "me", 4, 0, [1, "bold", True, "after"], []]]]


@pytest.mark.parametrize(
    "data",
    [None, [], 5, [[]], [[[0, "bold", True, "after"]]], [[[1, "bold", True]]], [["bold"]],
     [[[1, "bold", True, "after"]] * 2], [[[1, "bold", True, "after"]], 5]],
)  # fmt: skip
def test_stored_marks_that_say_nothing_are_refused(data: Any):
    log = OpLog()
    log.add(MARK, 0, 1, None, False)
    put_marks(log, 0, packed([[[1, "bold", True, "after"]]]))
    with pytest.raises(BadFrame):
        put_marks(log, 0, packed(data))


@pytest.mark.parametrize(
    "base",
    [5, [4, *BASE[1:]],  # of another root
     [3, [[0, [1]]], BASE[2]],  # a span of nothing
     [3, [[2, [2]]], BASE[2]],  # by no mark
     [3, [[2, [1, 1]]], BASE[2]],  # twice
     [3, BASE[1], BASE[2] * 2],
     [3, BASE[1], [[3, *BASE[2][0][1:]]]],  # a mark of what comes later
     [3, BASE[1], [[*BASE[2][0][:4], [1, "bold", [], "after"], []]]]],
)  # fmt: skip
def test_stored_marks_of_a_root_that_contradict_themselves_are_refused(base: Any):
    assert marks_of([packed([[], BASE])], 3) is not None
    with pytest.raises(BadFrame):
        marks_of([packed([[], base])], 3)


def packed(data: Any) -> Any:
    """The extension with this in it."""
    return ((MARKS, True, pack_block(encode(data))),)


def test_a_page_with_marks_is_refused_by_who_does_not_know_them():
    state = TextState("me")
    state.insert(0, "abcd")
    state.mark(0, 2, "bold", True)
    page = state_page(state)
    assert [name for name, _, _ in page.extensions] == [MARKS]
    with pytest.raises(UnknownFormat, match="marks"):
        read_page(page_bytes(page))


def state_page(state: TextState) -> Any:
    """The snapshot of a state."""
    return _TEXTS._snapshot(state)


def test_only_what_says_all_there_is_to_say_is_a_body():
    assert is_body([1, "bold", True, "after"])
    assert is_body([1 << 40, "n" * 256, None, "none"])
    assert not is_body([1, "n" * 257, None, "none"])


def test_preparing_a_mark_says_where_it_goes():
    state = TEXT.zero()
    TEXT.apply(state, [0, "abc"], Event(1, 1, 1, {}))
    here = Here(1, {1: 1})
    assert TEXT.prepare(state, ("mark", 1, 3, "bold", True, "after"), here) == [
        1, [2, "bold", True, "after"],
    ]  # fmt: skip


def test_what_covers_nothing_is_nothing():
    assert pruned(Marked(3, (), {})) == Marked(3, (), {})
