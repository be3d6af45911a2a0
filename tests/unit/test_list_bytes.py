"""Lists as a graph type: what is forgotten when it is folded, bytes, and bodies without sense."""

from random import Random

import pytest

from plait.base.codec import decode, encode
from plait.base.errors import BadFrame
from plait.types.lists.slots import Slot, element_of_name, name_of_element, packed, unpacked
from plait.types.lists.type import LIST
from tests.unit.list_sites import Site, meet, two_of


@pytest.fixture
def both():
    """Two replicas of the list a b c d e."""
    return two_of("abcde")


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
