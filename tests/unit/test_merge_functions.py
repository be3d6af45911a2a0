"""The ready-made merge functions, and the registry that knows them by name and version."""

import random
from itertools import pairwise

import pytest

from plait.base.errors import BadSettings
from plait.types import merging
from plait.types.merging.collections import value_order
from plait.types.merging.difference import EDITS_MAX, matches
from plait.types.merging.functions import MergeFunction, find_function, register_function


@pytest.mark.parametrize(
    ("base", "siblings", "merged"),
    [
        ("a\nb\nc", ["a\nB\nc", "a\nb\nC"], "a\nB\nC"),
        ("a\nb\nc", ["a\nb\nc", "a\nc"], "a\nc"),
        ("a\nb", ["a\nb\nx", "a\nb\nx"], "a\nb\nx"),
        ("a\nb", ["a\nx\nb", "a\ny\nb"], "a\nx\ny\nb"),
        ("one", ["one\ntwo", "one\nthree"], "one\ntwo\nthree"),
        ("Buy milk and eggs", ["Buy oat milk and eggs", "Buy milk and 6 eggs"],
         "Buy oat milk and 6 eggs"),
        ("the color is red", ["the color is blue", "the color is green"],
         "the color is blue green"),
        ("l1\nl2 x\nl3", ["l1\nl3", "l1\nl2 y\nl3"], "l1\nl2 y\nl3"),
        ("a\nb\nc\nd", ["a\nB\nc\nd", "a\nb\nc\nD", "0\na\nb\nd"], "0\na\nB\nD"),
        (None, ["x", "y"], "x\ny"),
        ("", ["", "y"], "y"),
        ("x", ["", "x"], ""),
        ("x\n", ["x\ny\n", "w\nx\n"], "w\nx\ny\n"),
    ],
)  # fmt: skip
def test_texts_are_merged_by_lines_and_then_by_words(base, siblings, merged):
    assert merging.text(base, siblings) == merged


def test_nothing_that_one_side_alone_wrote_is_lost_from_texts():
    chance = random.Random(5)
    for _ in range(300):
        base = [chance.choice("abcdef") for _ in range(chance.randrange(8))]
        sides = []
        for name in ("one", "two", "three"):
            side = [line for line in base if chance.random() > 0.2]
            for number in range(chance.randrange(3)):
                side.insert(chance.randrange(len(side) + 1), f"{name}{number}")
            sides.append("\n".join(side))
        merged = merging.text("\n".join(base), sides)
        assert merged == merging.text("\n".join(base), sides)
        for side in sides:
            for line in side.split("\n"):
                assert len(line) < 2 or line in merged


def test_a_text_merges_with_itself_and_with_its_base():
    for text in ("", "a", "a\nb\n", "x y\n\nz"):
        assert merging.text("base\nb", [text, text]) == text
        assert merging.text("base\nb", ["base\nb", text]) == text
        assert merging.text("base\nb", [text, "base\nb"]) == text


def test_only_texts_are_merged_as_texts():
    with pytest.raises(TypeError):
        merging.text("a", ["b", 7])


def longest(one, other):
    row = [0] * (len(other) + 1)
    for item in one:
        before = row[:]
        for index, candidate in enumerate(other):
            row[index + 1] = (
                before[index] + 1 if item == candidate else max(row[index], before[index + 1])
            )
    return row[-1]


def test_differences_are_the_shortest():
    chance = random.Random(1)
    for _ in range(1500):
        one, other = ([chance.choice("abc") for _ in range(chance.randrange(9))] for _ in range(2))
        pairs = matches(one, other)
        assert all(one[i] == other[j] for i, j in pairs)
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))
        assert len(pairs) == longest(one, other)


def test_texts_that_differ_beyond_measure_keep_their_common_ends():
    size = EDITS_MAX * 2
    one = ["start", *[f"a{n}" for n in range(size)], "end"]
    other = ["start", *[f"b{n}" for n in range(size)], "end"]
    assert matches(one, other) == [(0, 0), (size + 1, size + 1)]


@pytest.mark.parametrize(
    ("base", "siblings", "merged"),
    [
        ({"a": 1, "b": 1}, [{"a": 2, "b": 1}, {"a": 1, "b": 2}], {"a": 2, "b": 2}),
        ({"a": 1}, [{"a": 2}, {"a": 3}], {"a": 3}),
        ({"a": 1}, [{"a": 2}, {"a": 3}, {"a": 1}], {"a": 3}),
        ({"a": 1, "b": 1}, [{"b": 1}, {"a": 1, "b": 1, "c": 1}], {"b": 1, "c": 1}),
        ({"a": 1}, [{}, {"a": 2}], {"a": 2}),
        ({"a": 1}, [{"a": 2}, {}], {"a": 2}),
        ({"a": {"x": 1, "y": 1}}, [{"a": {"x": 2, "y": 1}}, {"a": {"x": 1, "y": 2}}],
         {"a": {"x": 2, "y": 2}}),
        ({}, [{"a": {"x": 1}}, {"a": {"y": 1}}], {"a": {"x": 1, "y": 1}}),
        (None, [{"a": 1}, {"b": 1}], {"a": 1, "b": 1}),
        ({"a": 1}, [{"a": True}, {"a": 1}], {"a": True}),
        ([1], [[1, 2], [1, 3]], [1, 3]),
        ({"a": 1}, ["text", {"a": 2}], {"a": 2}),
        ({1: "a"}, [{1: "b"}, {1: "a", None: "c"}], {1: "b", None: "c"}),
    ],
)  # fmt: skip
def test_maps_are_merged_field_by_field(base, siblings, merged):
    found = merging.json(base, siblings)
    assert found == merged
    assert repr(found) == repr(merged)


def test_merged_maps_do_not_show_the_order_of_their_fields():
    one, other = {"a": 1, "b": 2, "c": 3}, {"c": 4, "d": 5}
    turned = [dict(reversed(side.items())) for side in (one, other)]
    assert list(merging.json(None, [one, other])) == list(merging.json(None, turned))


@pytest.mark.parametrize(
    ("base", "siblings", "merged"),
    [
        ([1, 2], [[1, 2, 3], [2]], [2, 3]),
        ([], [["b"], ["a"]], ["a", "b"]),
        (None, [[1], [1.0], [True]], [1, True, 1.0]),
        ([{"a": 1, "b": 2}], [[{"b": 2, "a": 1}], [{"a": 1, "b": 2}]], [{"a": 1, "b": 2}]),
        (["x"], [[], ["x", "y"], ["x"]], ["y"]),
    ],
)
def test_lists_are_merged_as_sets(base, siblings, merged):
    assert repr(merging.union(base, siblings)) == repr(merged)


def test_only_lists_are_merged_as_sets():
    with pytest.raises(TypeError):
        merging.union(None, ["abc", ["a"]])


def test_the_greatest_and_the_least_are_the_same_in_any_order():
    values = [None, True, 3, 3.0, float("nan"), -1, "b", "a", b"x", [1], {"a": 1}]
    chance = random.Random(3)
    for _ in range(50):
        chance.shuffle(values)
        assert merging.max(None, values) == [1]
        assert merging.min(None, values) is True
        assert len({value_order(value)[2] for value in values}) == len(values)
    assert merging.max(None, [None, 3, 7]) == 7
    assert merging.min(None, [None, 7, 3]) == 3
    assert merging.min(None, [None, None]) is None


def test_functions_are_found_by_name_and_version():
    assert find_function("plait.text", 1) is merging.text
    assert find_function("plait.text", 2) is None


def test_two_functions_of_one_name_and_version_are_refused():
    first = register_function(MergeFunction("test.first", 1, max))
    assert register_function(MergeFunction("test.first", 1, max)) == first
    with pytest.raises(BadSettings):
        register_function(MergeFunction("test.first", 1, min))
    assert find_function("test.first", 1) == first
    assert register_function(MergeFunction("test.first", 2, min)).version == 2
