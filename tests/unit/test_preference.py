"""Who is to lead by the zones that are preferred, and how soon."""

from itertools import pairwise

from plait.line.membership import founding
from plait.line.replication.progress import Progress
from plait.node.preference import (
    CALM,
    PAUSE_S_MAX,
    REMEMBERED_S,
    GivenBack,
    Patience,
    better,
    rank,
)

ZONES = {"a": "eu", "b": "us", "c": "eu", "d": "ap"}
MEMBERSHIP = founding("abcd", zones=ZONES)


def able(**matches: int) -> dict[str, Progress]:
    found = {}
    for name, match in matches.items():
        found[name] = Progress(0, 0.0)
        found[name].match = match
    return found


def test_zones_are_ranked_as_named_and_all_others_are_alike() -> None:
    assert [rank(zone, ("us", "eu")) for zone in ("us", "eu", "ap", None)] == [0, 1, 2, 2]


def test_the_best_zone_leads_and_there_whoever_has_most() -> None:
    everybody = able(a=9, b=7, c=10)
    assert better("d", MEMBERSHIP, ("us", "eu"), everybody) == "b"
    assert better("d", MEMBERSHIP, ("eu",), everybody) == "c"
    assert better("a", MEMBERSHIP, ("us", "eu"), everybody) == "b"


def test_nobody_leads_instead_of_one_in_as_good_a_zone() -> None:
    assert better("a", MEMBERSHIP, ("eu", "us"), able(b=9, c=9, d=9)) is None
    assert better("b", MEMBERSHIP, ("ap",), able(a=9, c=9)) is None
    assert better("b", MEMBERSHIP, (), able(a=9, c=9, d=9)) is None


def test_who_cannot_lead_is_not_asked() -> None:
    witness = founding("abcd", zones=ZONES)
    witness = type(witness)(witness.voters, witnesses=("a",), zones=witness.zones)
    assert better("b", witness, ("eu",), able(a=9, c=3)) == "c"
    assert better("b", MEMBERSHIP, ("eu",), able(x=9)) is None


def test_a_better_member_is_watched_for_a_while_without_a_break() -> None:
    patience = Patience(5.0)
    assert not patience.look("a", 0.0)
    assert not patience.look("a", 4.9)
    assert not patience.look(None, 4.95)
    assert not patience.look("a", 5.0)
    assert not patience.look("c", 9.9)
    assert patience.look("c", 15.0)


def test_a_line_that_keeps_coming_back_is_handed_over_more_and_more_seldom() -> None:
    patience, now, tries = Patience(5.0), 0.0, []
    while now < 20_000:
        if patience.look("a", now):
            patience.tried(now)
            tries.append(now)
        now += 0.25
    pauses = [after - before for before, after in pairwise(tries)]
    assert all(later >= sooner for sooner, later in pairwise(pauses))
    assert pauses[-1] >= PAUSE_S_MAX
    assert len(tries) < 45


def test_after_a_long_calm_the_next_attempt_is_soon() -> None:
    patience, now = Patience(5.0), 0.0
    for _ in range(3):
        while not patience.look("a", now):
            now += 0.25
        patience.tried(now)
    now += (CALM + 1) * PAUSE_S_MAX
    patience.look("a", now)
    assert patience.look("a", now + 5.0)
    patience.tried(now + 5.0)
    patience.look("a", now + 5.25)
    assert patience.look("a", now + 10.25)


def test_who_was_well_and_gave_a_line_back_does_not_get_it_again() -> None:
    memory = GivenBack()
    everybody = ("b", "c")
    assert not memory.look(True, everybody, ("eu",), 0.0)
    memory.gave("b")
    assert not memory.look(True, everybody, ("eu",), 0.1)  # it is on its way
    memory.look(False, (), ("eu",), 1.0)
    assert set(memory.look(True, everybody, ("eu",), 9.0)) == {"b"}
    assert set(memory.look(True, everybody, ("eu",), 9.0 + REMEMBERED_S - 1)) == {"b"}
    assert not memory.look(True, everybody, ("eu",), 9.0 + REMEMBERED_S)


def returned() -> GivenBack:
    memory = GivenBack()
    memory.look(True, ("b",), ("eu",), 0.0)
    memory.gave("b")
    memory.look(False, (), ("eu",), 1.0)
    assert set(memory.look(True, ("b",), ("eu",), 2.0)) == {"b"}
    return memory


def test_who_was_away_or_is_wanted_anew_may_have_it_again() -> None:
    memory = returned()
    assert not memory.look(True, (), ("eu",), 3.0)  # it died, so that was why
    assert not memory.look(True, ("b",), ("eu",), 4.0)
    assert not returned().look(True, ("b",), ("eu", "us"), 3.0)


def test_a_line_that_came_from_elsewhere_is_held_against_nobody() -> None:
    memory = GivenBack()
    memory.look(False, (), ("eu",), 0.0)
    assert not memory.look(True, ("b",), ("eu",), 1.0)
