"""Counterexamples: the same from the same seed, small, and readable."""

from random import Random

import pytest

from plait.base.causality import VersionVector
from plait.check import laws
from plait.check.laws import LAWS, assert_laws, check_type
from plait.check.laws.diagram import draw_diagram
from plait.check.laws.drawing import draw
from plait.check.laws.image import image
from plait.check.laws.past import APPLY, ELSEWHERE, Batch, Moment, Past
from plait.check.laws.shrink import Shrinking
from plait.check.laws.steps import Mutate, Schedule, Write
from plait.check.laws.world import Mark
from plait.graph import event
from plait.types import graph_type
from tests.laws.right_types import MaxRegister, OrMap
from tests.laws.wrong_registers import WallClockRegister
from tests.laws.wrong_sets import EmptySlotsLeftOut

DIAGRAM = """\
      A                   B
   1  a1 put('x', 0)      │
   2  ├───── state ─────▶●
   3  a2 remove('x')      │
   4  ├───── delta ─────▶●"""


def test_one_seed_draws_one_schedule():
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)
    assert len(draw(7, replicas=4).ids) == 4


def test_a_seed_alone_finds_the_counterexample_again():
    found = check_type(WallClockRegister()).broken
    again = check_type(WallClockRegister(), [found.seed]).broken
    assert again == found


def test_a_counterexample_is_a_small_space_time_diagram():
    assert check_type(EmptySlotsLeftOut()).broken.diagram == DIAGRAM


def test_an_explanation_says_the_law_the_values_and_how_to_see_it_again():
    text = check_type(EmptySlotsLeftOut()).broken.explain("plait laws it --seed 3")
    assert text.startswith("broken law: three roads, one state\n")
    assert "value      {'x': 0}" in text
    assert "canonical  []" in text
    assert text.endswith("replay: plait laws it --seed 3")


def test_an_arrow_goes_across_the_columns_between_and_late_packets_name_their_line():
    marks = [Mark(0, "a1 add"), Mark(2, "state of line 1", 0), Mark(0, "c1", 2), Mark(1, "fold")]
    lines = draw_diagram("ABC", marks).splitlines()
    assert "┤" not in lines[2]
    assert lines[2].index("├") < lines[2].index(" state of line 1 ") < lines[2].index("▶●")
    assert lines[3].index("●◀") < lines[3].index(" c1 ") < lines[3].index("┤")
    assert "fold" in lines[4]


def test_shrinking_leaves_only_what_is_needed_and_makes_it_plain():
    steps = tuple(
        Write(n % 3, (Mutate(n, ("add", n * 10)), Mutate(n, ("add", 1)))) for n in range(9)
    )

    def fails(schedule):
        said = [wish.fixed for step in schedule.steps for wish in step.wishes]
        return schedule if any(number > 30 for _, number in said) else None

    smallest = Shrinking(fails).smallest(Schedule((7, 8, 9), (0, 5, 0), True, steps))
    assert len(smallest.ids) == 1
    assert smallest.skews_ms == (0,)
    (write,) = smallest.steps
    (wish,) = write.wishes
    assert 30 < wish.fixed[1] <= 60


def test_a_test_of_a_user_fails_with_the_counterexample():
    assert_laws(MaxRegister(), range(20))
    with pytest.raises(AssertionError, match=r"broken law: .*(?s:.)*replay: plait laws tests.laws"):
        assert_laws(EmptySlotsLeftOut())


def test_a_type_that_is_told_garbage_is_not_held_to_its_specification():
    assert not check_type(OrMap(), range(200)).broken
    assert any(wish.body is None for wish in _garbage(range(200)))


def _garbage(seeds):
    writes = [step for seed in seeds for step in draw(seed).steps if isinstance(step, Write)]
    return [wish for write in writes for wish in write.wishes if hasattr(wish, "body")]


def test_every_law_is_tried_in_the_default_number_of_schedules():
    counts = check_type(OrMap(), range(200), hostile=True).counts
    assert [law for law in LAWS if not counts[law]] == []


def test_images_tell_apart_what_python_calls_equal_and_ignore_the_order_of_keys():
    assert len({image(1), image(1.0), image(True)}) == 3
    assert image({"a": 1, "b": [2]}) == image({"b": [2], "a": 1})
    assert image([b"a", b"bc"]) != image([b"ab", b"c"])
    assert image({1, 2}) == image({2, 1})


@pytest.mark.parametrize("name", ["Event", "Here", "Happened"])
def test_the_words_of_the_laws_are_those_of_the_store(name):
    ours, theirs = getattr(laws, name), getattr(graph_type, name)
    assert ours._fields == theirs._fields
    assert ours._field_defaults == theirs._field_defaults
    public = {attribute for attribute in vars(theirs) if not attribute.startswith("_")}
    assert public <= set(vars(ours))


def test_what_an_event_of_the_laws_sees_is_what_an_event_of_the_store_sees():
    random = Random(1)
    for _ in range(200):
        place = (random.randint(1, 3), random.randint(1, 3), 9, {1: random.randint(1, 3), 2: 2})
        dot = (random.randint(1, 3), random.randint(1, 3))
        assert laws.Event(*place).sees(dot) == event.Event(*place).sees(dot)


def test_the_stable_cut_is_what_the_last_event_of_every_member_has_seen():
    past = Past((1, 2), newcomer=False)

    def write(site, seq, context):
        dot = (site + 1, seq)
        moment = Moment(site, dot, seq, VersionVector(context), ELSEWHERE, b"", "")
        past.add(Batch(VersionVector(context), (moment,)))

    write(0, 1, {})
    assert past.stable({1: 1}) == {}  # nobody knows what the other has seen
    write(1, 1, {1: 1})
    assert past.stable({1: 1, 2: 1}) == {1: 1}
    write(0, 2, {1: 1, 2: 1})
    assert past.stable({1: 2, 2: 1}) == {1: 1, 2: 1}


def test_a_newcomer_holds_the_cut_back_from_its_admission_on():
    past = Past((1, 2), newcomer=True)
    for seq in (1, 2, 3):
        context = VersionVector({1: seq - 1} if seq > 1 else {})
        past.add(Batch(context, (Moment(0, (1, seq), seq, context, APPLY, b"\xc0", ""),)))
    past.admitted = (1, 2)
    assert past.stable({1: 1}) == {1: 1}
    assert past.stable({1: 3}) == {1: 2}
