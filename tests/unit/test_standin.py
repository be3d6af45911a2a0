"""Stand-ins say what the absent one left, to whom it was meant for, and nothing more."""

from typing import Any

import msgspec
import pytest

from plait.base.errors import BadFrame
from plait.graph.event import GENESIS
from plait.graph.messages import FINE, FORKED, Greeting, Join, Nothing, Standing, Want
from plait.graph.standin import Entry, Judged, Marked, StandIn, checked_entry

LINEAGE = bytes(16)
ABSENT, LIVE = 11, 22


def greeting(replica: int, vector: tuple[tuple[int, int], ...] = (), seq: int = 0) -> Greeting:
    return Greeting(
        lineage=LINEAGE, replica=replica, vector=vector, held=(), seq=seq, digest=GENESIS,
        roots=(), neighbours=(7,), sync="auto", incarnation=1, now_ms=1000,
    )  # fmt: skip


def standing(verdict: int = FINE, complete: bool = True) -> Standing:
    return Standing(LINEAGE, True, None, verdict, 3, GENESIS, complete)


def stand_in(mine: str = "live", **changed: Any) -> StandIn:
    entry = Entry("notes", 1, "auto", "stable", greeting(ABSENT, ((ABSENT, 4),), 4), "", (), ())
    return StandIn(msgspec.structs.replace(entry, **changed), "absent", mine)


def test_it_greets_at_this_machines_time_and_without_neighbours():
    (greets, judges) = stand_in().hear(greeting(LIVE), 9999).replies
    assert (greets.replica, greets.seq, greets.now_ms, greets.neighbours) == (ABSENT, 4, 9999, ())
    assert (judges.member, judges.complete) == (False, False)


def test_a_standing_goes_only_to_the_id_that_it_was_meant_for():
    judged = (Judged("live", LIVE, standing()), Judged("other", LIVE, standing(FORKED)))
    assert stand_in(judged=judged).hear(greeting(LIVE), 0).replies[1] == standing()
    assert not stand_in(judged=judged).hear(greeting(LIVE + 1), 0).replies[1].member


def test_a_twin_that_has_not_judged_says_nothing():
    assert len(stand_in().hear(greeting(ABSENT), 0).replies) == 1


def test_nobody_is_told_that_it_is_complete_who_has_seen_more_since():
    judged = (Judged("live", LIVE, standing()),)
    seen = stand_in(judged=judged).hear(greeting(LIVE, ((ABSENT, 4), (LIVE, 9))), 0)
    assert seen.replies[1].complete
    more = stand_in(judged=judged).hear(greeting(LIVE, ((ABSENT, 5),)), 0)
    assert not more.replies[1].complete


def test_it_asks_to_be_admitted_for_the_absent_one_and_notes_who_was():
    player = stand_in(asks="bob")
    assert player.hear(greeting(LIVE), 0).replies[-1] == Join(LINEAGE, "bob")
    player.hear(msgspec.structs.replace(standing(), member=False), 0)
    assert (player.served, player.welcomed) == (False, False)
    player.hear(standing(), 0)
    assert (player.served, player.welcomed) == (True, True)


def test_a_second_greeting_asks_to_compare_and_is_answered_next_time():
    player = stand_in()
    player.hear(greeting(LIVE, (), 5), 0)
    assert player.hear(greeting(LIVE, (), 3), 0).replies == []
    assert player.mark == Marked("absent", 3, GENESIS)
    asked = stand_in(marks=(Marked("other", 9, b"x"), Marked("live", 2, b"y")))
    assert (asked.greet(0).seq, asked.greet(0).digest) == (2, b"y")


def test_a_question_is_handed_on_and_one_for_single_documents_has_no_answer():
    want = Want(LINEAGE, 1, (), (), "auto", 1000)
    assert stand_in().hear(want, 0).want is want
    only = msgspec.structs.replace(want, keys=("n1",))
    assert stand_in().hear(only, 0).replies == (Nothing(LINEAGE, 1),)


@pytest.mark.parametrize(
    "changed",
    [
        {"founder": 0},
        {"greeting": greeting(0)},
        {"greeting": greeting(ABSENT, ((ABSENT, 0),))},
        {"greeting": msgspec.structs.replace(greeting(ABSENT), lineage=b"short")},
    ],
)
def test_an_entry_that_no_replica_leaves_is_refused(changed):
    with pytest.raises(BadFrame):
        checked_entry(stand_in(**changed).entry)
