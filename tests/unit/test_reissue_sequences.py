"""Texts and lists are done again on what they have become, when their replica's id was given up."""

from plait.base.causality import VersionVector
from plait.base.codec import decode, encode
from plait.engines.graph.reissue_sequences import intents_of, mutations_of
from plait.graph.event import Event
from plait.types.graph_type import Here
from plait.types.lists.type import LIST
from plait.types.text.type import TEXT

ANN, BOB = 1, 2


def do(type_, state, replica, seq, mutation, **seen):
    """A replica does something, having seen what it did before and `seen`."""
    context = VersionVector({ANN: seen.get("ann", 0), BOB: seen.get("bob", 0)})
    context[replica] = seq - 1
    context = VersionVector({who: seq for who, seq in context.items() if seq})
    body = type_.prepare(state, mutation, Here(replica, context))
    type_.apply(state, body, Event(replica, seq, seq, context))


def redone(type_, mine, dots, theirs):
    """The value after what was lost was done again on what the others have."""
    number = 0
    for body, every in intents_of(mine, [dots]):
        assert every == dots
        for mutation in mutations_of(decode(encode(body)), theirs):
            number += 1
            do(type_, theirs, 3, number, mutation, ann=9, bob=9)
    return type_.value(theirs)


def test_what_was_typed_and_deleted_is_merged_into_what_the_text_has_become():
    mine, theirs = TEXT.zero(), TEXT.zero()
    for state in (mine, theirs):
        do(TEXT, state, ANN, 1, ("insert", 0, "The quick brown fox"))
    do(TEXT, mine, BOB, 1, ("insert", 19, " jumps"), ann=1)
    do(TEXT, mine, BOB, 2, ("delete", 4, 6), ann=1)
    do(TEXT, theirs, ANN, 2, ("insert", 0, "Look: "))
    assert redone(TEXT, mine, [(BOB, 1), (BOB, 2)], theirs) == "Look: The brown fox jumps"


def test_a_text_of_which_all_was_lost_is_written_again():
    mine = TEXT.zero()
    do(TEXT, mine, BOB, 1, ("insert", 0, "only here"))
    assert redone(TEXT, mine, [(BOB, 1)], TEXT.zero()) == "only here"


def test_what_was_deleted_of_a_folded_text_is_there_again_and_nothing_typed_is_lost():
    mine, theirs = TEXT.zero(), TEXT.zero()
    for state in (mine, theirs):
        do(TEXT, state, ANN, 1, ("insert", 0, "one two three"))
        TEXT.fold(state, VersionVector({ANN: 1}))
    do(TEXT, mine, BOB, 1, ("insert", 13, " four"), ann=1)
    do(TEXT, mine, BOB, 2, ("delete", 4, 4), ann=1)
    assert redone(TEXT, mine, [(BOB, 1), (BOB, 2)], theirs).endswith("three four")


def test_what_was_inserted_in_a_list_comes_behind_what_it_stood_behind():
    mine, theirs = LIST.zero(), LIST.zero()
    for state in (mine, theirs):
        do(LIST, state, ANN, 1, ("insert", 0, ["a", "b", "c"]))
    do(LIST, mine, BOB, 1, ("insert", 2, ["x", "y"]), ann=1)
    do(LIST, mine, BOB, 2, ("insert", 0, ["first"]), ann=1)
    do(LIST, theirs, ANN, 2, ("insert", 0, ["before"]))
    assert redone(LIST, mine, [(BOB, 1), (BOB, 2)], theirs) == [
        "first", "before", "a", "b", "x", "y", "c",
    ]  # fmt: skip


def test_what_stood_behind_something_that_is_gone_comes_last():
    mine, theirs = LIST.zero(), LIST.zero()
    for state in (mine, theirs):
        do(LIST, state, ANN, 1, ("insert", 0, ["a", "b"]))
    do(LIST, mine, BOB, 1, ("insert", 1, ["x"]), ann=1)
    do(LIST, theirs, ANN, 2, ("delete", 0, 1))
    assert redone(LIST, mine, [(BOB, 1)], theirs) == ["b", "x"]


def test_a_text_is_told_group_by_group_and_each_can_be_done_again_without_the_others():
    mine = TEXT.zero()
    do(TEXT, mine, ANN, 1, ("insert", 0, "one three"))
    do(TEXT, mine, BOB, 1, ("insert", 4, "two "), ann=1)
    do(TEXT, mine, BOB, 2, ("insert", 13, " four"), ann=1)
    told = list(intents_of(mine, [[(BOB, 1)], [(BOB, 2)]]))
    assert told == [
        (["one three", "one two three"], [(BOB, 1)]),
        (["one two three", "one two three four"], [(BOB, 2)]),
    ]
    theirs = TEXT.zero()
    do(TEXT, theirs, ANN, 1, ("insert", 0, "one three"))
    for number, mutation in enumerate(mutations_of(told[1][0], theirs)):
        do(TEXT, theirs, 3, number + 1, mutation, ann=1)
    assert TEXT.value(theirs) == "one three four"
