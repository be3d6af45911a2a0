"""Lists as a graph type: what concurrent operations come to, and what is taken back or watched."""

from random import Random

import pytest

from plait.base.codec import encode
from plait.base.errors import BadCall, BadValue
from plait.graph.event import Event
from plait.types.graph_type import Here
from plait.types.lists.type import LIST
from tests.unit.list_sites import Site, meet, two_of


@pytest.fixture
def both():
    """Two replicas of the list a b c d e."""
    return two_of("abcde")


# ----------------------------------------------------------------------------- one replica


def test_a_list_is_edited_by_index():
    site = Site(1)
    site.do("insert", 0, ["a", "c"])
    site.do("insert", 1, ["b"])
    site.do("set", 0, "A")
    site.do("replace", 1, 2, [1, 2, 3])
    assert site.value == ["A", 1, 2, 3]
    site.do("delete", 0, 3)
    assert site.value == [3]


@pytest.mark.parametrize("source", range(5))
@pytest.mark.parametrize("target", range(5))
def test_a_moved_element_stands_at_the_index_that_was_said(both, source, target):
    expected = list("abcde")
    expected.insert(target, expected.pop(source))
    both[0].do("move", source, target)
    assert meet(*both) == expected


@pytest.mark.parametrize(
    "mutation",
    [
        ("insert", 6, ["x"]), ("insert", -1, ["x"]), ("delete", 4, 2), ("delete", -1, 1),
        ("move", 5, 0), ("move", 0, 5), ("set", 5, "x"), ("replace", 5, 1, []), ("explode",),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_and_changes_nothing(both, mutation):
    before = LIST.encode(both[0].state)
    with pytest.raises(BadCall):
        both[0].do(*mutation)
    assert LIST.encode(both[0].state) == before


def test_what_no_list_holds_is_refused(both):
    for mutation in (("insert", 0, [object()]), ("insert", 0, "ab"), ("insert", "0", ["x"])):
        with pytest.raises(BadValue):
            both[0].do(*mutation)


def test_nothing_is_told_where_nothing_changes(both):
    for mutation in (("insert", 0, []), ("delete", 2, 0), ("move", 3, 3), ("replace", 1, 0, [])):
        assert both[0].do(*mutation) is None


# ----------------------------------------------------------------------------- concurrency


@pytest.mark.parametrize("replicas", [(1, 2), (2, 1)])
@pytest.mark.parametrize("backwards", [False, True])
def test_runs_that_two_people_insert_at_one_place_are_not_interleaved(replicas, backwards):
    one, two = Site(replicas[0]), Site(replicas[1])
    one.do("insert", 0, ["[", "]"])
    meet(one, two)
    for n in range(6):
        at = 1 if backwards else 1 + n
        one.do("insert", at, [f"one{n}"])
        two.do("insert", at, [f"two{n}"])
    words = [word[:3] for word in meet(one, two)[1:-1]]
    assert words in (["one"] * 6 + ["two"] * 6, ["two"] * 6 + ["one"] * 6)


def test_of_two_moves_of_one_element_the_later_stamp_counts(both):
    one, two = both
    two.clock += 10
    one.do("move", 0, 4)
    two.do("move", 0, 2)
    assert meet(one, two) == list("bcade")


def test_of_two_moves_with_one_stamp_the_greater_replica_counts(both):
    one, two = both
    one.do("move", 0, 4)
    two.do("move", 0, 2)
    assert one.sent[-1][1].hlc == two.sent[-1][1].hlc
    assert meet(one, two) == list("bcade")


def test_a_move_that_has_seen_two_moves_leaves_one_slot(both):
    one, two = both
    one.do("move", 0, 4)
    two.do("move", 0, 2)
    meet(one, two)
    assert len(one.state) == 6
    one.do("move", 2, 0)
    meet(one, two)
    assert len(one.state) == 5
    assert one.value == two.value


def test_a_deletion_that_has_seen_two_moves_deletes_the_element(both):
    one, two = both
    one.do("move", 0, 4)
    two.do("move", 0, 2)
    meet(one, two)
    two.do("delete", two.value.index("a"), 1)
    assert meet(one, two) == list("bcde")


def test_what_is_moved_while_it_is_deleted_stays_with_its_value(both):
    one, two, three = *both, Site(3)
    meet(one, two, three)
    one.do("delete", 1, 1)
    two.do("move", 1, 4)
    three.do("set", 1, "B")
    one.hear_from(three)  # a value for what is gone here
    assert one.value == list("acde")
    assert meet(one, two, three) == ["a", "c", "d", "e", "B"]


def test_what_is_set_while_it_is_deleted_is_deleted(both):
    one, two = both
    one.do("delete", 1, 1)
    two.do("set", 1, "B")
    assert meet(one, two) == list("acde")


def test_who_has_seen_a_value_overwrites_it_and_of_two_at_once_the_later_stands(both):
    one, two = both
    one.do("set", 0, "one")
    two.clock += 5
    two.do("set", 0, "two")
    assert meet(one, two)[0] == "two"
    one.do("set", 0, "last")
    assert meet(one, two)[0] == "last"


def test_a_value_goes_with_the_element_wherever_it_is_moved(both):
    one, two = both
    one.do("set", 0, "A")
    two.do("move", 0, 4)
    assert meet(one, two) == ["b", "c", "d", "e", "A"]


def test_a_clear_leaves_what_it_has_not_seen(both):
    one, two = both
    two.do("insert", 3, ["new"])
    two.do("move", 0, 1)
    event = Event(1, 2, one.clock + 1, one.vector.copy())
    for site in both:
        LIST.clear(site.state, event)
        site.vector.saw(1, 2)
    one.hear_from(two)
    assert one.value == two.value == ["a", "new"]


# ----------------------------------------------------------------------------- taking back


def test_what_was_inserted_is_taken_back_wherever_it_is_by_then(both):
    one, two = both
    undo = one.undo_of("insert", 2, ["x", "y"])
    meet(one, two)
    two.do("move", 2, 0)
    two.do("insert", 3, ["z"])
    meet(one, two)
    one.do(*undo)
    assert meet(one, two) == ["a", "b", "z", "c", "d", "e"]


def test_what_was_deleted_comes_back_beside_its_neighbours(both):
    one, two = both
    undo = one.undo_of("delete", 1, 2)
    two.do("insert", 0, ["start"])
    meet(one, two)
    redo = LIST.inverse(one.state, undo, (1, one.vector[1] + 1))
    one.do(*undo)
    assert meet(one, two) == ["start", "a", "b", "c", "d", "e"]
    one.do(*redo)
    assert meet(one, two) == ["start", "a", "d", "e"]


def test_what_came_back_is_set_by_who_had_seen_it_before(both):
    one, two = both
    undo = one.undo_of("delete", 1, 1)
    two.clock += 100
    two.do("set", 1, "B")
    one.do(*undo)
    assert meet(one, two)[1] == "B"


def test_a_move_is_taken_back_unless_somebody_else_has_moved_it_since(both):
    one, two = both
    undo = one.undo_of("move", 0, 3)
    again = one.undo_of("move", 0, 4)
    meet(one, two)
    two.do("move", 4, 1)
    meet(one, two)
    assert one.do(*again) is None
    one.do(*undo)
    assert meet(one, two) == ["c", "a", "b", "d", "e"]


def test_a_value_is_put_back_if_it_still_is_the_one_that_was_written(both):
    one, two = both
    first = one.undo_of("set", 0, "x")
    second = one.undo_of("set", 0, "y")
    one.do(*second)
    one.do(*first)
    assert one.value[0] == "a"
    undo = one.undo_of("set", 1, "mine")
    meet(one, two)
    two.do("set", 1, "theirs")
    meet(one, two)
    assert one.do(*undo) is None
    assert one.value[1] == "theirs"


# ----------------------------------------------------------------------------- watching


@pytest.mark.parametrize("seed", range(30))
def test_patches_lead_from_what_was_to_what_is(seed):
    random = Random(seed)
    one, two = Site(1), Site(2)
    copy = []
    for _ in range(40):
        site = random.choice((one, two))
        body = LIST.prepare(
            site.state, LIST.gen_op(random, site.state), Here(site.replica, site.vector)
        )
        if body is None:
            continue
        if site is one:
            patches = LIST.watching(one.state, lambda body=body: one.write(body))
        else:
            two.write(body)
            patches = []
        if random.random() < 0.4:
            for sent in two.sent[one.vector.get(2, 0) :]:
                patches += LIST.watching(one.state, lambda sent=sent: one.hear(*sent))
            two.hear_from(one)
        for at, gone, values in patches:
            copy[at : at + gone] = values
        assert encode(copy) == encode(one.value)
