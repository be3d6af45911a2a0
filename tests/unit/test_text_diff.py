"""Edits from one whole text to another: right, few, small, and never cutting a character."""

import random
import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plait.types.text.alignment import Allowance, aligned
from plait.types.text.diff import changes_between, edits_between
from plait.types.text.tokens import Cuts, parts_character

ALPHABETS = ["ab", "ab ", "abc \n", "猫犬 a", "e\u0301 \n\r", "👩\u200d🏽🇩🇪a", "नमस्ते "]
PROSE = "The quick brown fox jumps over the lazy dog, and then it sleeps.\nNobody minds.\n"

texts = st.sampled_from(ALPHABETS).flatmap(lambda letters: st.text(letters, max_size=30))
pairs = st.sampled_from(ALPHABETS).flatmap(
    lambda letters: st.tuples(st.text(letters, max_size=30), st.text(letters, max_size=30))
)
old_words = st.text("abcdefgh", min_size=1, max_size=8)
new_words = st.text("stuvwxyz", min_size=1, max_size=8)


def applied(text, edits):
    for at, deleted, inserted in edits:
        assert 0 <= at <= at + deleted <= len(text)
        text = text[:at] + inserted + text[at + deleted :]
    return text


def size(edits):
    return sum(deleted + len(inserted) for _, deleted, inserted in edits)


def least_size(old, new):
    """By the quadratic table of longest common subsequences."""
    row = [0] * (len(new) + 1)
    for letter in old:
        before = row
        row = [0]
        for at, other in enumerate(new):
            row.append(before[at] + 1 if letter == other else max(before[at + 1], row[at]))
    return len(old) + len(new) - 2 * row[-1]


@given(pairs)
@example(("", "a"))
@example(("a\r\nb", "a\nb"))
@example(("\u0301", "e\u0301"))
def test_the_edits_give_the_new_text(pair):
    old, new = pair
    assert applied(old, edits_between(old, new)) == new


@given(pairs)
def test_changes_ascend_and_something_is_kept_between_them(pair):
    changes = changes_between(*pair)
    assert all(change.size for change in changes)
    assert all(one.stop < two.start for one, two in pairwise(changes))
    assert all(one.new_stop < two.new_start for one, two in pairwise(changes))


@given(texts)
def test_equal_texts_give_no_edits(text):
    assert edits_between(text, text) == []


@given(st.lists(old_words, max_size=8), new_words, st.integers(0, 8))
def test_a_word_that_is_put_in_or_taken_out_is_one_edit(words, word, place):
    more = [*words[:place], word, *words[place:]]
    old, new = " ".join(words), " ".join(more)
    (there,) = edits_between(old, new)
    (back,) = edits_between(new, old)
    assert size([there]) == size([back]) == len(new) - len(old)


@given(st.lists(old_words, min_size=1, max_size=8), new_words, st.integers(0, 7))
def test_a_word_in_place_of_another_is_one_edit(words, word, place):
    place %= len(words)
    others = [*words[:place], word, *words[place + 1 :]]
    at = sum(len(before) + 1 for before in words[:place])
    assert edits_between(" ".join(words), " ".join(others)) == [(at, len(words[place]), word)]


@given(st.text("ab \n", max_size=20), st.text("ab \n", min_size=1, max_size=5), st.integers(0, 20))
def test_any_one_stretch_is_one_edit_though_it_repeats_what_is_there(text, stretch, place):
    longer = text[:place] + stretch + text[place:]
    ((_, deleted, inserted),) = edits_between(text, longer)
    assert (deleted, len(inserted)) == (0, len(stretch))
    ((_, deleted, inserted),) = edits_between(longer, text)
    assert (deleted, inserted) == (len(stretch), "")


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("The came", "The cat came", [(4, 0, "cat ")]),
        ("one\ntwo\n", "one\nand\ntwo\n", [(4, 0, "and\n")]),
        ("a b", "a bar b", [(2, 0, "bar ")]),
        ("aaa", "aaaa", [(3, 0, "a")]),
        ("recieve it", "receive it", [(3, 2, "ei")]),
        ("teh cta", "the cat", [(1, 2, "he"), (5, 2, "at")]),
        ("word", '"word"', [(0, 0, '"'), (5, 0, '"')]),
        ("hello there", "world there", [(0, 5, "world")]),
        ("the cat sat", "a dog sat", [(0, 7, "a dog")]),
        ("foo bar", "foobar", [(3, 1, "")]),
        ("a quick brown fox", "a Qbrown fox", [(2, 6, "Q")]),
        ("猫が庭で座る", "犬が庭で座った", [(0, 1, "犬"), (5, 1, "った")]),
    ],
)
def test_edits_are_what_a_person_would_have_made(old, new, edits):
    assert edits_between(old, new) == edits


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("cafe is", "cafe\u0301 is", [(3, 1, "e\u0301")]),
        ("cafe\u0301 is", "cafe\u0300 is", [(3, 2, "e\u0300")]),
        ("a👨‍👩‍👧b", "a👨‍👩‍👦b", [(1, 5, "👨‍👩‍👦")]),
        ("👍", "👍🏽", [(0, 1, "👍🏽")]),
        ("🇩🇪🇫🇷", "🇩🇪🇮🇹", [(2, 2, "🇮🇹")]),
        ("x\r\ny", "x\ny", [(1, 2, "\n")]),
        ("नमस्ते", "नमस्का", [(4, 2, "का")]),
        ("❤ 1", "❤️ 1", [(0, 1, "❤️")]),
        ("\u1100\u1161\u11a8", "\u1100\u1161\u11a9", [(0, 3, "\u1100\u1161\u11a9")]),
    ],
)
def test_what_people_take_for_one_character_is_never_parted(old, new, edits):
    assert edits_between(old, new) == edits


@given(pairs)
def test_a_change_begins_and_ends_between_characters(pair):
    old, new = pair
    flags = set("🇩🇪")
    if flags & set(old + new):
        return  # a row of flags is cut by pairs, which `parts_character` cannot know
    for change in changes_between(old, new):
        assert not any(parts_character(old, at) for at in (change.start, change.stop))
        assert not any(parts_character(new, at) for at in (change.new_start, change.new_stop))


@given(texts)
def test_the_pieces_of_a_text_are_the_text(text):
    cuts = Cuts(text)
    for pieces in (cuts.lines(text), cuts.words(text), cuts.characters(text)):
        assert "".join(pieces) == text
        assert all(pieces)


@pytest.mark.parametrize("letters", ["ab", "ab ", "abcd \n", "猫犬鳥 "])
def test_edits_are_nearly_as_small_as_can_be(letters):
    chance = random.Random(7)
    found = least = 0
    for _ in range(300):
        old = "".join(chance.choices(letters, k=chance.randint(0, 25)))
        new = "".join(chance.choices(letters, k=chance.randint(0, 25)))
        edits = edits_between(old, new)
        found += size(edits)
        least += least_size(old, new)
    assert least <= found <= 1.5 * least  # crumbs between changes are not kept


def test_a_few_changes_of_prose_are_found_exactly():
    chance = random.Random(3)
    for _ in range(200):
        new = old = PROSE * 3
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(0, len(new))
            new = (
                new[:at]
                + chance.choice(["", "Q", " XY", "\nZ"])
                + new[at + chance.choice([0, 6]) :]
            )
        assert size(edits_between(old, new)) <= 1.2 * least_size(old, new) + 8


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_short_sequences_are_aligned_by_a_longest_common_subsequence(one, other):
    runs = aligned(one, other, Allowance())
    for run in runs:
        there = other[run.other_start : run.other_start + run.length]
        assert one[run.start : run.start + run.length] == there
    assert all(
        a.start + a.length <= b.start and a.other_start + a.length <= b.other_start
        for a, b in pairwise(runs)
    )
    kept = sum(run.length for run in runs)
    assert len(one) + len(other) - 2 * kept == least_size(one, other)


@pytest.mark.parametrize("steps", [0, 100, 3_000, 30_000])
def test_little_allowance_makes_edits_coarse_and_never_wrong(steps):
    chance = random.Random(steps)
    one, other = (chance.choices("abcdefg", k=3_000) for _ in range(2))
    for at in range(0, 3_000, 100):
        other[at] = one[at] = f"unique {at}"
    runs = aligned(one, other, Allowance(steps))
    for start, other_start, length in runs:
        assert one[start : start + length] == other[other_start : other_start + length]
    assert all(
        a.start + a.length <= b.start and a.other_start + a.length <= b.other_start
        for a, b in pairwise(runs)
    )


def words_of(chance, count, vocabulary):
    return [f"w{chance.randrange(vocabulary)}" for _ in range(count)]


@pytest.mark.parametrize("ends", [" ", "\n"])
def test_many_changes_of_a_long_text_are_found_one_by_one(ends):
    chance = random.Random(5)
    words = words_of(chance, 20_000, 500)
    others = list(words)
    for at in range(100, 20_000, 500):
        others[at] = "changed"
    old, new = (" ".join(text[:7]) + ends + ends.join(text) for text in (words, others))
    edits = edits_between(old, new)
    assert applied(old, edits) == new
    assert len(edits) == 40
    assert {inserted for _, _, inserted in edits} == {"changed"}


@pytest.mark.parametrize("ends", [" ", "\n"])
def test_long_texts_that_have_nothing_in_common_take_no_quadratic_time(ends):
    chance = random.Random(9)
    spent = []
    for count in (20_000, 80_000):
        old, new = (ends.join(words_of(chance, count, 2_000)) for _ in range(2))
        began = time.process_time()
        edits = edits_between(old, new)
        spent.append(time.process_time() - began)
        assert applied(old, edits) == new
    assert spent[1] < 10 * max(spent[0], 0.1)  # sixteen times the work if it were quadratic


@pytest.mark.parametrize("old", ["a" * 200_000, "ab" * 100_000, "a b " * 50_000])
def test_what_repeats_for_ever_ends_soon(old):
    new = "b" + old[::-1] + old[: len(old) // 2] + "c"
    assert applied(old, edits_between(old, new)) == new
