"""One replica of a scope: writing, delivery, quarantine, members, voids, stability, its row."""

import pytest
from graph_fold import SmallFold
from graph_pair import FOUNDER, NOW_MS, SECOND, THIRD, Site, share, trio

from plait.base.errors import BadFrame, ClockWrong, HistoryTrimmed, ReadOnly
from plait.base.hlc import hlc_of
from plait.graph.event import Batch, Op
from plait.graph.notices import Behind, Forked, Refused, Verdict
from plait.graph.records import decode_scope, encode_scope

# ----------------------------------------------------------------------------- delivery


def test_own_numbers_have_no_gaps_and_a_batch_names_what_was_newly_seen() -> None:
    a, b, _ = trio()
    first = b.add(b"x")
    a.receive(first)
    second = a.add(b"y")
    third = a.add(b"z")
    assert (second.first, third.first) == (3, 4)
    assert second.seen == ((SECOND, 1),)
    assert third.seen == ()


def test_a_batch_waits_for_everything_that_it_has_seen() -> None:
    a, b, c = trio()
    cause = a.add(b"x")
    b.receive(cause)
    effect = b.add(b"y")
    assert c.receive(effect) == []
    assert c.elements == set()
    assert c.receive(cause) == [cause, effect]
    assert c.elements == {b"x", b"y"}


def test_a_batch_waits_for_its_author_s_previous_one_and_counts_once() -> None:
    a, b, _ = trio()
    one, two = a.add(b"x"), a.add(b"y")
    assert b.receive(two) == []
    assert b.receive(one, one, two) == [one, two]
    assert b.receive(one, two) == []
    assert b.scope.notices() == []


def test_other_content_under_a_known_dot_is_ignored_and_names_the_author() -> None:
    a, b, _ = trio()
    real = a.add(b"x")
    b.receive(real)
    fake = Batch(real.replica, real.first, real.hlc, (), (Op("k", ("aw:set",), ["add", b"!"]),))
    assert b.receive(fake) == []
    assert b.scope.notices() == [Forked(FOUNDER, real.first)]
    assert b.elements == {b"x"}


def test_a_stream_that_continues_another_past_is_refused_by_its_hash() -> None:
    a, b, _ = trio()
    b.receive(a.add(b"x"))
    twin = Site(FOUNDER)
    twin.write(twin.scope.admit(SECOND, "b"), twin.scope.admit(THIRD, "c"))
    twin.add(b"other")
    third = twin.add(b"y")
    mark = twin.scope.history.digest_at((FOUNDER, third.first - 1))
    assert mark is not None
    assert b.scope.receive([third], NOW_MS, {(FOUNDER, third.first): mark[:4]}) == []
    assert b.scope.notices() == [Forked(FOUNDER, third.first)]
    assert b.elements == {b"x"}


def test_what_no_replica_can_have_written_changes_nothing() -> None:
    a, b, _ = trio()
    good = a.add(b"x")
    with pytest.raises(BadFrame):
        b.receive(good, Batch(SECOND, 0, 1, (), (Op("k", (), None),)))
    assert b.elements == set()


def test_more_of_the_own_stream_than_was_written_says_that_state_was_lost() -> None:
    a, b, _ = trio()
    b.receive(a.add(b"x"))
    restored = Site(FOUNDER)
    restored.receive(*b.scope.history.since({}))
    assert restored.scope.notices() == [Behind(2), Behind(3)]
    assert restored.scope.next_seq == 1


def test_waiting_is_bounded_and_what_was_dropped_can_come_again() -> None:
    a, b, _ = trio()
    b.scope.waiting.ops_max = 5
    batches = [a.add(b"%d" % n) for n in range(10)]
    b.receive(*batches[1:])
    assert b.scope.waiting.ops == 5
    b.receive(batches[0])
    b.receive(*batches)
    assert len(b.elements) == 10


# ----------------------------------------------------------------------------- clocks


def test_a_stream_from_the_future_waits_and_so_does_what_has_seen_it() -> None:
    a, b, c = trio()
    ahead = a.write(Op("k", ("aw:set",), ["add", b"x"]), now_ms=NOW_MS + 100_000)
    b.receive(ahead, now_ms=NOW_MS + 100_000)
    after = b.write(Op("k", ("aw:set",), ["add", b"y"]), now_ms=NOW_MS + 100_000)
    assert c.receive(ahead, after) == []
    assert {batch.replica for batch in c.scope.quarantine.fresh()} == {FOUNDER, SECOND}
    assert c.scope.quarantine.fresh() == []
    assert c.scope.vector.get(SECOND) is None
    assert c.scope.known() == {FOUNDER: 3, SECOND: 1}
    assert c.scope.clock.last < hlc_of(NOW_MS + 1)
    assert c.scope.release(NOW_MS + 39_000) == []
    assert c.scope.release(NOW_MS + 40_000) == [ahead, after]


def test_an_operator_accepts_what_is_held() -> None:
    a, b, _ = trio()
    ahead = a.write(Op("k", ("aw:set",), ["add", b"x"]), now_ms=NOW_MS + 100_000)
    b.receive(ahead)
    assert b.scope.accept(FOUNDER, NOW_MS) == [ahead]


def test_a_clock_that_went_back_stamps_nothing() -> None:
    a, _, _ = trio()
    a.scope.stamp(NOW_MS)
    with pytest.raises(ClockWrong):
        a.scope.stamp(NOW_MS - 61_000)
    a.scope.stamp(NOW_MS - 59_000)


# ----------------------------------------------------------------------------- members


def test_who_is_no_member_writes_nothing_and_is_not_delivered() -> None:
    a, _, _ = trio()
    stranger = Site(9)
    with pytest.raises(ReadOnly):
        stranger.scope.stamp(NOW_MS)
    batch = Batch(9, 1, hlc_of(NOW_MS), (), (Op("k", ("aw:set",), ["add", b"x"]),))
    assert a.receive(batch) == []
    assert a.scope.notices() == [Refused(9, 1)]


def test_beyond_its_retirement_a_replica_is_refused() -> None:
    a, b, c = trio()
    early, late = c.add(b"early"), c.add(b"late")
    a.receive(early)
    b.receive(a.write(a.scope.retire(THIRD)), early)
    assert b.receive(late) == []
    assert b.scope.notices() == [Refused(THIRD, late.first)]
    assert b.elements == {b"early"}


def test_who_had_delivered_more_of_a_retired_replica_says_so_and_everybody_follows() -> None:
    a, b, c = trio()
    early, late = c.add(b"early"), c.add(b"late")
    a.receive(early)
    b.receive(early, late)
    retire = a.write(a.scope.retire(THIRD))
    b.receive(retire)
    amended = b.add(b"b")
    assert amended.ops[-1].path == ("retire",)
    assert a.receive(late) == []
    assert a.receive(amended) == []
    assert a.receive(late) == [late, amended]
    assert a.fold.canonical({}) == b.fold.canonical({})


def test_a_silent_member_holds_the_cut_back_until_its_retirement_is_known_to_all() -> None:
    a, b, c = trio()
    share(a, b, c)
    a.add(b"x")
    share(a, b)
    b.write()
    share(a, b)
    assert a.scope.cut() == {}
    a.write(a.scope.retire(THIRD))
    assert a.scope.cut() == {}
    share(a, b)
    assert a.scope.cut() == {}, "b has not said that it knows"
    b.write()
    share(a, b)
    assert a.scope.cut()[FOUNDER] >= 3


def test_an_admitted_replica_counts_before_it_has_said_anything() -> None:
    a, b, c = trio()
    for site in (a, b, c):
        site.write()
    share(a, b, c)
    for site in (a, b, c):
        site.write()
    share(a, b, c)
    before = a.scope.cut()
    assert before
    a.scope.collect()
    a.write(a.scope.admit(9, "d"))
    a.add(b"x")
    share(a, b, c)
    for site in (a, b, c):
        site.write()
    share(a, b, c)
    assert a.scope.cut() == before


def test_what_was_delivered_of_others_does_not_count_before_their_stream_says_so() -> None:
    a, b, c = trio()
    a.add(b"x")
    share(a, b, c)
    assert a.scope.cut() == {}, "a knows that they have it by nothing that they wrote"


# ----------------------------------------------------------------------------- voids


def test_a_refused_event_has_no_effect_anywhere_and_its_author_sees_the_verdict() -> None:
    a, b, c = trio("forever")
    bad = a.add(b"bad")
    good = a.add(b"good")
    b.scope.voids.refuse((FOUNDER, bad.first), "no", "k")
    b.receive(bad, good)
    assert b.elements == {b"good"}
    verdict = b.add(b"b")
    c.receive(bad, good)
    assert c.elements == {b"bad", b"good"}
    for site in (a, c):
        site.receive(verdict)
        assert site.elements == {b"good", b"b"}
    assert a.scope.notices() == [Verdict((FOUNDER, bad.first), "no", SECOND)]


def test_what_a_voided_event_took_away_is_back() -> None:
    a, b, _ = trio("forever")
    b.receive(a.add(b"x"))
    gone = b.write(Op("k", ("aw:set",), ["remove", b"x"]))
    a.receive(gone)
    assert a.elements == set()
    void = a.write(a.scope.void((SECOND, gone.first), "no"))
    assert a.elements == {b"x"}
    b.receive(void)
    assert b.elements == {b"x"}


def test_where_history_does_not_reach_back_the_document_is_unclean() -> None:
    a, b, c = trio()
    for _ in range(2):
        for site in (a, b, c):
            site.write()
        share(a, b, c)
    a.scope.collect()
    bad = a.add(b"bad")
    b.scope.voids.refuse((FOUNDER, bad.first), "no", "k")
    b.receive(bad)
    a.receive(b.write())
    assert list(a.scope.voids.unclean) == ["k"]
    with pytest.raises(HistoryTrimmed):
        a.scope.void((FOUNDER, bad.first), "mine too")


# ----------------------------------------------------------------------------- garbage, disk


def test_stable_batches_are_dropped_unless_history_is_kept() -> None:
    for history in ("stable", "forever"):
        a, b, c = trio(history)
        a.add(b"x")
        share(a, b, c)
        for site in (a, b, c):
            site.write()
        share(a, b, c)
        for site in (a, b, c):
            site.write()
        share(a, b, c)
        events = a.scope.history.events
        assert a.scope.collect() is not None
        assert a.scope.collect() is None
        kept = a.scope.history.events
        assert kept == events if history == "forever" else kept < events


def test_a_row_and_the_retained_batches_are_the_whole_scope() -> None:
    a, b, c = trio()
    a.add(b"x")
    share(a, b, c)
    for site in (a, b, c):
        site.write()
    share(a, b, c)
    a.scope.collect()
    b.add(b"y")
    share(a, b, c)
    row = encode_scope(a.scope)
    again = decode_scope(row, SmallFold.load(a.fold.dump()))
    rest = list(a.scope.history.since({}))
    assert again.restore(rest) == []
    assert encode_scope(again) == row
    assert list(again.history.since({})) == rest
    assert again.floor == a.scope.floor
    late = b.add(b"z")
    assert again.receive([late], NOW_MS) == [late]


def test_the_row_of_a_scope_is_small() -> None:
    a, b, c = trio()
    for _ in range(200):
        a.add(b"x")
    share(a, b, c)
    assert len(encode_scope(a.scope)) < 200
