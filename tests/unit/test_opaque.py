"""Types that a process does not know: kept, forwarded, and replayed once they are known."""

import pytest

from plait.base.errors import BadDocument, BadFrame
from plait.types.opaque import Opaque, read_log, realise
from tests.unit.shelf_types import TYPES, type_of
from tests.unit.shelf_world import Replica

PATH = ("aw:tags",)
OTHER = ("z:other",)


def ignorant(known=()):
    """A catalogue that lacks what it is not told of."""
    return lambda tag: TYPES[tag] if tag in known else Opaque(tag)


def learned(replica):
    """The same replica, with the types registered."""
    replica.types = type_of
    replica.restart()
    return replica


def test_operations_are_kept_until_the_type_is_known():
    one, other = Replica(1), Replica(2, types=ignorant())
    one.change("doc", PATH, "add", 1)
    one.change("doc", PATH, "add", 2)
    one.change("doc", PATH, "remove", 1)
    other.receive_ops(one)
    assert other.shelf.exists("doc")
    learned(other)
    assert other.value("doc", *PATH) == [2]
    assert one.shelf.canonical({}) == other.shelf.canonical({})


@pytest.mark.parametrize("road", ["receive_delta", "receive_state"])
def test_data_of_others_is_kept_and_joined_with_operations_later(road):
    one, other = Replica(1), Replica(2, types=ignorant())
    one.change("doc", PATH, "add", 1)
    one.change("doc", OTHER, "set", 1)
    getattr(other, road)(one)
    one.change("doc", PATH, "remove", 1)
    one.change("doc", PATH, "add", 2)
    one.change("doc", OTHER, "set", 2)
    other.receive_ops(one)
    other.restart()
    learned(other)
    assert other.value("doc", *PATH) == [2]
    assert other.value("doc", *OTHER) == [2]
    assert one.shelf.canonical({}) == other.shelf.canonical({})


@pytest.mark.parametrize("road", ["receive_ops", "receive_delta", "receive_state"])
def test_one_that_does_not_know_the_type_passes_everything_on(road):
    one, between, last = Replica(1), Replica(2, types=ignorant()), Replica(3)
    one.change("doc", PATH, "add", 1)
    between.receive_ops(one)
    last.receive_ops(one)
    one.change("doc", PATH, "add", 2)
    between.receive_delta(one)
    one.change("doc", PATH, "remove", 1)
    between.receive_ops(one)
    getattr(last, road)(between) or last.receive_state(between)
    assert last.value("doc", *PATH) == [2]
    assert one.shelf.canonical({}) == last.shelf.canonical({})


def test_a_clear_is_replayed_too():
    one, other = Replica(1), Replica(2, types=ignorant())
    one.change("doc", PATH, "add", 1)
    one.clear("doc", PATH)
    other.receive_ops(one)
    assert not other.shelf.exists("doc")
    one.change("doc", PATH, "add", 2)
    other.receive_ops(one)
    assert learned(other).value("doc", *PATH) == [2]


def test_what_a_store_saved_is_kept_when_the_type_is_not_registered_any_more():
    one = Replica(1)
    one.change("doc", PATH, "add", 1)
    one.change("doc", OTHER, "set", 1)
    one.types = ignorant()
    one.restart()
    other = Replica(2)
    other.change("doc", PATH, "add", 2)
    one.receive_ops(other)
    one.restart()
    learned(one)
    assert one.value("doc", *PATH) == [1, 2]
    assert one.value("doc", *OTHER) == [1]


def test_a_type_that_is_registered_later_is_known_at_the_next_look():
    known = []
    one, other = Replica(1), Replica(2, types=ignorant(known))
    one.change("doc", PATH, "add", 1)
    other.receive_ops(one)
    known.append("aw")
    assert other.value("doc", *PATH) == [1]


def test_an_unknown_type_cannot_be_changed():
    one = Replica(1, types=ignorant())
    with pytest.raises(BadDocument, match="register the type"):
        one.change("doc", PATH, "add", 1)


@pytest.mark.parametrize("data", [1, [1], [[0]], [[9, 1]], {"a": 1}, [[1, 2, 3]], None])
def test_a_log_that_is_none_is_refused(data):
    with pytest.raises(BadFrame):
        realise(TYPES["aw"], read_log(data))
