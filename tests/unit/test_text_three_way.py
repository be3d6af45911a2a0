"""Changes of one text that are carried over into another: neither side loses what it wrote."""

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.types.text.three_way import merge_edits

BASE = "abcdefghij klmnop\nqrstuvwxyz"  # every letter once, so that it is plain what was kept
MINE = "123456789 \n"
THEIRS = "ABCDEFGHI \n"


def edited(base, letters):
    """Texts that somebody could make of the base, with letters of their own."""
    steps = st.tuples(st.integers(0, 40), st.integers(0, 6), st.text(letters, max_size=4))

    def do(changes):
        text = base
        for at, deleted, inserted in changes:
            at = min(at, len(text))
            text = text[:at] + inserted + text[at + deleted :]
        return text

    return st.lists(steps, max_size=4).map(do)


def merged(base, mine, theirs):
    text = theirs
    for at, deleted, inserted in merge_edits(base, mine, theirs):
        assert 0 <= at <= at + deleted <= len(text)
        text = text[:at] + inserted + text[at + deleted :]
    return text


def only(text, letters):
    return [letter for letter in text if letter in letters and not letter.isspace()]


@given(edited(BASE, MINE), edited(BASE, THEIRS))
def test_what_either_side_wrote_is_there_once_and_in_its_order(mine, theirs):
    text = merged(BASE, mine, theirs)
    assert only(text, MINE) == only(mine, MINE)
    assert only(text, THEIRS) == only(theirs, THEIRS)


@given(edited(BASE, MINE), edited(BASE, THEIRS))
def test_what_both_kept_is_kept_and_what_both_removed_is_gone(mine, theirs):
    text = merged(BASE, mine, theirs)
    rest = iter(only(text, BASE))  # a word that both changed is there in both variants
    assert all(letter in rest for letter in only(BASE, BASE) if letter in mine and letter in theirs)
    assert all(letter in mine or letter in theirs for letter in only(text, BASE))


@given(edited(BASE, "ab1 \n"), edited(BASE, "ab1 \n"))
def test_letters_that_both_wrote_are_not_fewer_than_with_either_alone(mine, theirs):
    text = merged(BASE, mine, theirs)
    assert text.count("1") >= max(mine.count("1"), theirs.count("1"))


@given(edited(BASE, MINE), edited(BASE, MINE))
def test_where_one_side_did_nothing_the_other_is_the_result(mine, theirs):
    assert merge_edits(BASE, BASE, theirs) == []
    assert merged(BASE, mine, BASE) == mine


@given(edited(BASE, MINE))
def test_what_both_did_alike_is_done_once(text):
    assert merge_edits(BASE, text, text) == []


@given(edited(BASE, MINE), edited(BASE, THEIRS))
def test_edits_are_the_same_every_time_and_go_forward(mine, theirs):
    edits = merge_edits(BASE, mine, theirs)
    assert edits == merge_edits(BASE, mine, theirs)
    assert all(deleted or inserted for _, deleted, inserted in edits)
    assert all(one[0] + len(one[2]) <= two[0] for one, two in pairwise(edits))


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "result"),
    [
        ("The cat sat.", "The dog sat.", "The cat sat down.", "The dog sat down."),
        ("The cat sat.", "The dog sat.", "The cow sat.", "The cow dog sat."),
        ("Go. The cat sat.", "Go. ", "Go. The dog sat.", "Go. The dog sat."),
        ("Go. The cat sat.", "Go. The dog sat.", "Go. ", "Go. The dog sat."),
        ("a b", "a foo b", "a bar b", "a bar foo b"),
        ("one\ntwo\n", "one\nmine\ntwo\n", "one\ntheirs\ntwo\n", "one\ntheirs\nmine\ntwo\n"),
        ("", "mine", "theirs", "theirs mine"),
        ("abc", "", "abXc", "abXc"),
        ("abcde fgh", "abfgh", "defgh", "fgh"),
        ("abcdefghij klm", "abcdeklm", "deklm", "deklm"),
        ("gone", "", "kept gone", "kept "),
        ("猫坐庭", "犬坐庭", "猫臥庭", "犬臥庭"),
    ],
)
def test_changes_that_meet_are_decided_as_registers_decide(base, mine, theirs, result):
    assert merged(base, mine, theirs) == result


def test_a_long_absence_doubles_nothing():
    chance = random.Random(11)
    base = [f"w{chance.randrange(2_000)}" for _ in range(30_000)]
    mine, theirs = list(base), list(base)
    for at in range(0, 30_000, 20):
        mine[at], theirs[at + 10] = f"mine{at}", f"theirs{at}"
    both = [m if m != b else t for b, m, t in zip(base, mine, theirs, strict=True)]
    began = time.process_time()
    text = merged(" ".join(base), " ".join(mine), " ".join(theirs))
    assert time.process_time() - began < 20
    assert text == " ".join(both)
