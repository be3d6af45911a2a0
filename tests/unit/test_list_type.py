"""Lists as a graph type: what concurrent operations come to, folding, bytes, taking back."""

from random import Random

import pytest

from plait.base.causality import VersionVector
from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame, BadValue
from plait.graph.event import Event
from plait.types.graph_type import Here
from plait.types.lists.slots import (
    Slot,
    element_of_name,
    name_of_element,
    packed,
    unpacked,
)
from plait.types.lists.type import LIST


class Site:
    """One replica of one list; what it wrote is in `sent`."""

    def __init__(self, replica):
        self.replica = replica
        self.state = LIST.zero()
        self.vector = VersionVector()
        self.sent = []
        self.clock = 0
        self.cut = VersionVector()  # what is folded here

    def do(self, *mutation):
        """Carry out a mutation; the dot, or None if it changes nothing."""
        body = LIST.prepare(self.state, mutation, Here(self.replica, self.vector))
        return None if body is None else self.write(body)

    def write(self, body):
        """An operation of this replica, whatever it says."""
        self.clock += 1
        seq = self.vector.get(self.replica, 0) + 1
        event = Event(self.replica, seq, self.clock, self.vector.copy())
        self.hear(encode(body), event)
        self.sent.append((encode(body), event))
        return event.dot

    def undo_of(self, *mutation):
        """What will take a mutation back that is done now."""
        dot = (self.replica, self.vector.get(self.replica, 0) + 1)
        inverse = LIST.inverse(self.state, mutation, dot)
        self.do(*mutation)
        return inverse

    def hear(self, body, event):
        """An operation of anybody."""
        LIST.apply(self.state, decode(body), event)
        self.vector.saw(*event.dot)
        self.clock = max(self.clock, event.hlc)

    def hear_from(self, other):
        """All that another wrote and this one lacks."""
        for body, event in other.sent:
            if event.seq > self.vector.get(other.replica, 0):
                self.hear(body, event)

    def fold(self, cut):
        """Forget what everybody has seen."""
        LIST.fold(self.state, cut)
        self.cut.merge(cut)

    @property
    def value(self):
        return LIST.value(self.state)


def meet(*sites):
    """Everybody has everything, and reads the same; what it is."""
    for one in sites:
        for other in sites:
            if one is not other:
                one.hear_from(other)
    assert len({encode(site.value) for site in sites}) == 1
    cut = VersionVector()
    for site in sites:
        cut.merge(site.cut)
    assert len({LIST.canonical(site.state, cut) for site in sites}) == 1
    return sites[0].value


@pytest.fixture
def both():
    """Two replicas of the list a b c d e."""
    one, two = Site(1), Site(2)
    one.do("insert", 0, list("abcde"))
    meet(one, two)
    return one, two


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


# ----------------------------------------------------------------------------- folding, bytes


def test_folding_forgets_history_and_what_is_gone_but_not_what_stands(both):
    one, two = both
    one.do("move", 0, 4)
    one.do("delete", 0, 2)
    one.do("set", 0, "D")
    meet(one, two)
    before = one.value
    one.fold(one.vector)
    assert one.value == before
    assert list(one.state.ops()) == []
    assert len(one.state.items.known) == len(before)
    two.do("move", 2, 0)
    two.do("insert", 1, ["x"])
    one.hear_from(two)
    assert one.value == two.value == ["a", "x", "D", "e"]


def test_what_is_gone_is_remembered_until_everybody_has_seen_that(both):
    one, two = both
    one.do("delete", 1, 1)
    two.do("move", 1, 4)
    one.fold({1: 1})
    assert meet(one, two) == list("acdeb")


def test_a_slot_that_lost_stays_where_others_count_it(both):
    """An unfolded replica takes the places in the operations of one that has folded."""
    one, two = both
    one.do("move", 0, 4)
    two.do("move", 0, 2)
    meet(one, two)
    one.fold(one.vector)
    one.do("insert", 5, ["end"])
    one.do("insert", 0, ["start"])
    one.do("delete", 3, 1)
    two.hear_from(one)
    assert one.value == two.value


@pytest.mark.parametrize("seed", range(10))
def test_bytes_give_back_the_list_and_others_go_on_from_it(seed):
    random = Random(seed)
    one, two = Site(1), Site(2)
    for _ in range(40):
        site = random.choice((one, two))
        site.do(*LIST.gen_op(random, site.state))
        if random.random() < 0.2:
            meet(one, two)
        if random.random() < 0.3:
            site.state = LIST.decode(LIST.encode(site.state))
    meet(one, two)


def test_bytes_that_are_no_list_raise_bad_frame_and_never_give_another_list(both):
    one, two = both
    one.do("move", 0, 4)
    two.do("set", 0, {"deep": [1]})
    meet(one, two)
    data = LIST.encode(one.state)
    for size in range(len(data)):
        with pytest.raises(BadFrame):
            LIST.decode(data[:size])
    parts = decode(data)
    for bent in ([parts[0] * 2, *parts[1:]], [parts[0], parts[1], parts[2] * 2, parts[3]]):
        with pytest.raises(BadFrame):
            LIST.decode(encode(bent))


@pytest.mark.parametrize(
    "body",
    [
        [], [0], [0, 0], [0, 0, 1], [0, 0, 1, []], [0, 9, 1, ["x"]], [0, 0, 0, 6], [0, 0, 0, 0],
        [0, 0, 0, -1], [0, 0, 2, [1, 1]], [0, 0, 2, ["a", "b", "c"]], [0, 0, 9, 1], [1, [1, 1], 2],
        [True, [1, 1, 0], 2], [1, [9, 9, 9], 2], {0: 1}, [0, 1 << 62, 0, 1], [0, 0, 1, ["x"], 0],
    ],
)  # fmt: skip
def test_a_body_that_makes_no_sense_changes_nothing(both, body):
    one, two = both
    before = one.value
    one.write(body)
    assert meet(one, two) == before


def test_slots_are_packed_in_runs():
    born = [Slot(7, 1, 2, offset, (1, 2, offset)) for offset in range(50)]
    moved = Slot(9, 2, 3, 0, (1, 2, 5))
    slots = (*born[:5], moved, *born[6:])
    rows = packed(slots)
    assert len(rows) == 3
    assert unpacked(rows, 50) == slots
    with pytest.raises(ValueError, match="slots at once"):
        unpacked(rows, 40)


def test_an_element_has_one_name():
    assert element_of_name(name_of_element((255, 16, 1))) == (255, 16, 1)
    for name in ("", "ff", "ff.10", "FF.10.1", "0.1.1", "ff.10.1.1", "ff.10.-1"):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            element_of_name(name)


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
