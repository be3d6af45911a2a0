"""Looking for registers with concurrent writes, in memory and in rows, without loading anything."""

import random

import pytest

from plait.types.catalogue import type_of
from plait.types.register import ASK, MERGE
from plait.types.shelf_rows import SPREAD_MIN
from tests.unit.shelf_world import Replica

TAGS = ("q", "m")
TYPES = {"q": ASK, "m": MERGE}


def pair():
    return Replica(1, types=type_of), Replica(2, types=type_of)


def meet(one, two):
    one.receive_ops(two)
    two.receive_ops(one)


def apart(one, two, key, path):
    """Both write there, neither knowing of the other."""
    one.change(key, path, "set", "mine")
    two.change(key, path, "set", "theirs")
    meet(one, two)


@pytest.fixture(params=["in memory", "in rows"])
def look(request):
    def look(replica, key=None):
        if request.param == "in rows":
            replica.restart()
        return replica.shelf.contended(TAGS, key)

    return look


def test_concurrent_writes_are_found_by_their_tags_in_order(look):
    one, two = pair()
    for key, path in (("b", ("q:when",)), ("a", ("o:meta", "m:text")), ("a", ("q:when",))):
        apart(one, two, key, path)
    apart(one, two, "a", ("r:q:title",))  # the bytes of a tag in a name are no tag
    one.change("c", ("q:when",), "set", "q: nobody else's")
    assert look(one) == [
        ("a", ("o:meta", "m:text")), ("a", ("q:when",)), ("b", ("q:when",)),
    ]  # fmt: skip
    assert look(one, "a") == [("a", ("o:meta", "m:text")), ("a", ("q:when",))]
    assert look(one, "c") == look(one, "nowhere") == []


def test_deleted_documents_have_none_and_revived_ones_do(look):
    one, two = pair()
    for key in "ab":
        apart(one, two, key, ("q:when",))
        one.delete(key)
    two.change("b", ("c:likes",), "add", 1)
    meet(one, two)
    assert [key for key, _ in look(one)] == ["b"]


def test_documents_of_many_objects_are_searched_too(look):
    one, two = pair()
    for number in range(SPREAD_MIN + 3):
        one.change("wide", (f"r:field-{number}",), "set", number)
    meet(one, two)
    apart(one, two, "wide", ("q:when",))
    assert look(one) == [("wide", ("q:when",))]


def test_looking_through_rows_holds_nothing():
    one, two = pair()
    for number in range(20):
        apart(one, two, f"k{number}", ("q:when",))
    one.restart()
    assert len(one.shelf.contended(TAGS)) == 20
    assert not one.shelf._held.documents


@pytest.mark.parametrize("seed", range(20))
def test_every_conflict_is_found_whatever_is_in_memory(seed):
    chance = random.Random(seed)
    replicas = pair()
    for _ in range(60):
        replica = chance.choice(replicas)
        key, path = chance.choice("abc"), (f"{chance.choice('qm')}:{chance.choice('xy')}",)
        chance.choice(
            [
                lambda r=replica, k=key, p=path: r.change(k, p, "set", chance.randrange(3)),
                lambda r=replica, k=key, p=path: r.change(k, p, "resolve", chance.randrange(3)),
                lambda r=replica, k=key: r.delete(k),
                lambda r=replica: r.restart(),
                lambda: meet(*replicas),
                lambda: [replica.collect((1, 2)) for replica in replicas],
            ]
        )()
        shelf = replica.shelf
        found = set(shelf.contended(TAGS))  # before the documents are loaded to be looked at
        conflicts = {
            (k, (part,))
            for k in shelf.keys()  # noqa: SIM118 - a shelf is no mapping
            for part in shelf.children(k, ())
            if len(TYPES[part[0]].siblings(shelf.object(k, (part,))).heads) > 1
        }
        assert conflicts <= found
