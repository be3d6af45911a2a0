"""Free-form documents: nested dicts as objects of their own."""

import pytest

from plait.base.errors import BadKey, BadValue
from plait.types import catalogue
from plait.types.json_object import (
    json_assign,
    json_remove,
    json_replace,
    json_value,
)
from tests.unit.shelf_world import Replica


def replica(number):
    return Replica(number, types=catalogue.type_of)


def write(one, steps):
    for path, mutation in steps:
        if mutation is None:
            one.clear("doc", path)
        else:
            one.change("doc", path, *mutation)


def assign(one, path, name, value):
    write(one, json_assign(one.shelf, "doc", path, name, value))


def read(one):
    return json_value(one.shelf, "doc")


def meet(one, other):
    one.receive_ops(other)
    other.receive_delta(one)
    assert read(one) == read(other)
    return read(one)


def test_a_nested_dict_is_read_back_as_it_was():
    one = replica(1)
    value = {"title": "x", "tags": [1, {"a": 2}], "meta": {"deep": {"er": None}, "empty": {}}}
    write(one, json_replace(one.shelf, "doc", (), value))
    assert read(one) == value
    one.restart()
    assert read(one) == value


def test_members_that_are_set_at_the_same_time_are_both_there():
    one, other = replica(1), replica(2)
    assign(one, (), "meta", {"a": 1})
    other.receive_ops(one)
    assign(one, ("o:meta",), "b", 2)
    assign(other, ("o:meta",), "c", 3)
    assert meet(one, other) == {"meta": {"a": 1, "b": 2, "c": 3}}


def test_replacing_takes_away_what_was_seen_only():
    one, other = replica(1), replica(2)
    assign(one, (), "a", 1)
    assign(one, (), "meta", {"x": 1})
    other.receive_ops(one)
    write(one, json_replace(one.shelf, "doc", (), {"b": 2}))
    assign(other, ("o:meta",), "y", 2)
    assert meet(one, other) == {"b": 2, "meta": {"y": 2}}


def test_an_object_is_shown_before_a_scalar_of_the_same_name():
    one, other = replica(1), replica(2)
    assign(one, (), "k", {"a": 1})
    assign(other, (), "k", 5)
    assert meet(one, other) == {"k": {"a": 1}}
    assign(one, (), "k", 6)
    assert meet(one, other) == {"k": 6}


def test_a_dict_that_lost_its_last_member_is_a_dict_still():
    one = replica(1)
    assign(one, (), "k", {"a": 1})
    write(one, json_remove(one.shelf, "doc", ("o:k",), "a"))
    assert read(one) == {"k": {}}
    write(one, json_remove(one.shelf, "doc", (), "k"))
    assert read(one) == {}


def test_names_may_hold_anything():
    one = replica(1)
    value = {"a:b": 1, "": 2, "o:x": {"r:y": 3}, "\x00": 4, "ü": 5}
    write(one, json_replace(one.shelf, "doc", (), value))
    assert read(one) == value


@pytest.mark.parametrize("value", [{1: 2}, {"a": {2: 3}}, {"\ud800": 1}, object()])
def test_what_is_no_json_is_refused_before_anything_is_written(value):
    one = replica(1)
    with pytest.raises((BadValue, BadKey)):
        json_assign(one.shelf, "doc", (), "k", value)
    assert read(one) == {}


def test_nesting_has_a_limit():
    value = 1
    for _ in range(70):
        value = {"a": value}
    with pytest.raises(BadValue, match="deep"):
        json_assign(replica(1).shelf, "doc", (), "k", value)
