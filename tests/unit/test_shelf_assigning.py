"""Assigning a register of many documents at once does what assigning one after another does, and
documents that are one register alone are as any others."""

from itertools import combinations
from random import Random

import pytest

from plait.base.causality import VersionVector
from plait.base.errors import BadKey, BadValue
from plait.graph.event import CLEAR, Event
from plait.types import catalogue
from plait.types.held_documents import LONE_TIMES
from plait.types.row_codec import seal, unseal
from plait.types.row_keys import document_row
from tests.unit.shelf_world import Replica, Storm
from tests.unit.test_documents_fold import images, meet

TITLE, OTHER, TAGS = ("r:title",), ("r:other",), ("aw:tags",)
PATHS = [TITLE, OTHER, TAGS, ("o:meta", "r:deep")]


class Assigning(Replica):
    """A replica that assigns many documents at once."""

    def __init__(self, replica, documents_max=20_000):
        super().__init__(replica, documents_max, catalogue.type_of)

    def assign(self, path, values):
        planned = self.shelf.plan(path, values, self.here())
        assert planned is not None
        ops = [op for one in planned for op in one.ops]
        first = self.vector.get(self.replica, 0) + 1
        self.clock += 1
        context = self.vector.copy()
        event = Event(self.replica, first, self.clock, context)
        self.log.append((tuple(ops), event))
        last = first + len(ops) - 1
        self.vector.saw(self.replica, last)
        assert self.shelf.carry_out(planned, event._replace(context=self.vector)) == ops
        context = context.copy()
        context[self.replica] = last
        self.heads[self.replica] = (last, context)
        return ops


class AssigningStorm(Storm):
    """A random world in which half of what happens are assignments of many."""

    def change(self, one, other):
        if self.random.random() < 0.4:
            super().change(one, other)
            return
        keys = self.random.sample(self.keys, self.random.randrange(1, len(self.keys) + 1))
        path = self.random.choice([TITLE, TITLE, TITLE, OTHER])
        one.assign(path, {key: self.random.randrange(5) for key in keys})


@pytest.mark.parametrize("seed", range(60))
def test_what_is_assigned_at_once_reads_the_same_on_all_roads(seed):
    random = Random(seed)
    replicas = [Assigning(r, documents_max=random.choice([1, 2, 100])) for r in (11, 22, 33)]
    keys = list("abcdefgh")[: random.randrange(1, 9)]
    world = AssigningStorm(random, replicas, keys, random.sample(PATHS, random.randrange(1, 5)))
    for _ in range(120):
        world.step()
        for one in replicas:
            assert one.shelf.count() == len(list(one.shelf.keys(None, None)))
            assert not one.shelf._held.lone.entries.keys() & one.shelf._held.documents.keys()
        for one, other in combinations(replicas, 2):
            if one.vector == other.vector:
                cut = one.stable.merged(other.stable)
                assert images(one, keys, cut) == images(other, keys, cut)
    meet(replicas)
    cut = replicas[0].stable
    assert len({one.shelf.canonical(cut) for one in replicas}) == 1
    assert len({tuple(one.shelf.keys(None, None)) for one in replicas}) == 1


def test_the_rows_are_those_of_whole_documents():
    many, single = Assigning(7), Assigning(7)
    values = {f"k{number}": b"v%d" % number for number in range(5)}
    many.assign(TITLE, values)
    for key, value in values.items():
        single.change(key, TITLE, "set", value)
    many.save()
    single.save()
    for key in values:
        row = document_row(key)
        flags, content = unseal(row, many.rows.rows[row])
        stamps = content[1][0][2][0][1][2]
        stamps[0] = unseal(row, single.rows.rows[row])[1][1][0][2][0][1][2][0]  # one each there
        assert seal(row, flags, content) == single.rows.rows[row]
    many.restart()
    assert many.shelf.count() == 5
    assert many.value("k3", *TITLE) == b"v3"


def test_what_is_one_register_alone_stays_small_until_more_is_asked_of_it():
    one = Assigning(7, documents_max=2)
    one.assign(TITLE, {"a": 1, "b": 2, "c": 3})
    held = one.shelf._held
    assert not held.documents
    assert list(one.shelf.keys()) == ["a", "b", "c"]
    assert one.shelf.exists("b")
    assert not one.shelf.exists("d")
    assert one.shelf.count() == 3
    one.change("b", TAGS, "add", 1)
    assert list(held.documents) == ["b"]
    one.assign(TITLE, {"a": 4, "b": 5})
    assert [one.value(key, *TITLE) for key in "abc"] == [4, 5, 3]
    one.restart()
    one.assign(TITLE, {"a": 6, "b": 7})
    assert list(one.shelf._held.documents) == ["b"]  # its row says that there is more
    assert [one.value(key, *TITLE) for key in "abc"] == [6, 7, 3]
    assert one.value("b", *TAGS) == frozenset([1])


def test_so_many_are_held_and_no_more():
    one = Assigning(7, documents_max=2)
    one.assign(TITLE, {f"k{number}": number for number in range(50)})
    one.shelf.evict()
    assert len(one.shelf._held.lone.entries) == 50  # nothing is saved yet
    one.save()
    assert len(one.shelf._held.lone.entries) == 2 * LONE_TIMES
    assert one.shelf.count() == 50
    one.assign(TITLE, {f"k{number}": -number for number in range(50)})
    assert one.shelf.count() == 50
    assert [one.value(f"k{number}", *TITLE) for number in range(50)] == [-n for n in range(50)]


def test_one_that_was_deleted_begins_anew():
    one, other = Assigning(7), Assigning(8)
    one.assign(TITLE, {"a": 1, "b": 2})
    other.receive_ops(one)
    one.delete("a")
    ops = one.assign(TITLE, {"a": 3, "b": 4})
    assert [(op.key, op.kind == CLEAR) for op in ops] == [("a", True), ("a", False), ("b", False)]
    other.receive_ops(one)
    assert [other.value(key, *TITLE) for key in "ab"] == [3, 4]
    assert one.shelf.canonical({}) == other.shelf.canonical({})


def test_what_nobody_may_write_is_refused_before_anything_is_written():
    one = Assigning(7)
    one.assign(TITLE, {"a": 1})
    before = one.shelf.canonical({})
    for values, error in [({"a": 2, "": 3}, BadKey), ({"a": 2, "k" * 5000: 3}, BadKey),
                          ({"a": 2, "b": object()}, BadValue)]:  # fmt: skip
        with pytest.raises(error):
            one.shelf.plan(TITLE, values, one.here())
        assert one.shelf.canonical({}) == before
        assert list(one.shelf.keys()) == ["a"]


def test_other_types_and_places_are_left_to_who_does_it_one_by_one():
    one = Assigning(7)
    for path in [("aw:tags",), ("q:asked",), ("c:likes",), ("o:meta", "r:deep")]:
        assert one.shelf.plan(path, {"a": 1}, one.here()) is None
    assert one.vector == VersionVector()


def test_a_draft_that_is_rolled_back_leaves_what_was_assigned_before():
    one = Assigning(7)
    one.assign(TITLE, {"a": 1, "b": 2})
    one.shelf.mark()
    for op in one.shelf.prepare("a", TITLE, ("set", 9), one.here()):
        one.shelf.apply(op, Event(7, 3, 9, one.vector))
    one.shelf.rollback()
    assert one.shelf.count() == 2
    one.restart()
    assert [one.value(key, *TITLE) for key in "ab"] == [1, 2]
