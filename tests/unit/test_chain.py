"""The chain's value: segments, positions, changes, and what may never change."""

import pytest

from plait.base.errors import Corrupt
from plait.line.chain import (
    EPOCHS_SKIPPED,
    Configuration,
    End,
    Forced,
    Next,
    Segment,
    decode_configuration,
    encode_configuration,
)
from plait.line.loglet import BEGINNING, Origin

FIRST = Configuration((Segment(0, "memory", b"0"),))


def three() -> Configuration:
    """Segments at 0, 10 and 25."""
    second = FIRST.intending(Next("sqlite", b"1")).completed(Origin(10, 2, 30))
    return second.intending(Next("raft", b"2")).completed(Origin(25, 7, 70))


def test_a_completed_intent_puts_the_next_segment_at_the_sealed_tail() -> None:
    chain = three()
    assert chain.segments == (
        Segment(0, "memory", b"0"),
        Segment(10, "sqlite", b"1", 2, 30),
        Segment(25, "raft", b"2", 7, 70),
    )
    assert chain.intent is None
    assert chain.last.loglet == Next("raft", b"2")


def test_every_position_is_in_one_segment() -> None:
    chain = three()
    assert [chain.locate(at) for at in (0, 9, 10, 24, 25, 1000)] == [0, 0, 1, 1, 2, 2]
    assert [chain.stop(index) for index in range(3)] == [10, 25, None]


def test_an_empty_segment_holds_no_position() -> None:
    chain = (
        FIRST.intending(Next("a"))
        .completed(Origin(10, 1, 1))
        .intending(Next("b"))
        .completed(Origin(10, 1, 1))
    )
    assert chain.locate(9) == 0
    assert chain.locate(10) == 2
    chain.check()


def test_a_segment_begins_where_the_one_before_it_ends() -> None:
    assert [segment.origin for segment in three().segments] == [
        BEGINNING, Origin(10, 2, 30), Origin(25, 7, 70),
    ]  # fmt: skip
    chain = Configuration.beginning(Next("memory"), Origin(1000, 7, 12345))
    chain.check()
    assert (chain.head, chain.last.origin) == (1000, Origin(1000, 7, 12345))


FORCED = Forced(Next("memory", b"0"), 10, 14, 2 + EPOCHS_SKIPPED, "ada", 5000)


def test_a_forced_tail_is_kept_with_who_ordered_it_and_what_may_be_lost() -> None:
    intending = FIRST.intending(Next("raft", b"1"))
    chain = intending.forced(Origin(10, 2, 30), 14, "ada", 5000)
    assert chain.last == Segment(10, "raft", b"1", 2 + EPOCHS_SKIPPED, 30)
    assert chain.forcings == (FORCED,)
    assert "may be lost" in chain.forcings[0].warning
    assert chain.forcing(chain.segments[0]) == FORCED
    assert chain.forcing(chain.last) is None
    assert chain.trimmed(100).forcings == (FORCED,)
    intending.check_delta(chain)
    chain.check_delta(chain.trimmed(100))
    ended = FIRST.intending(End()).forced(Origin(10, 2, 30), 14, "ada", 5000)
    ended.check()
    assert (ended.end, ended.forcing(ended.last)) == (10, FORCED)


def test_nothing_is_forced_without_an_intent() -> None:
    with pytest.raises(AssertionError, match="nothing is intended"):
        FIRST.forced(Origin(10, 2, 30), 14, "ada", 5000)


def test_an_end_completes_without_a_next_segment() -> None:
    chain = three().intending(End()).completed(Origin(40, 9, 90))
    assert chain.end == 40
    assert chain.stop(2) == 40
    assert chain.segments == three().segments


def test_trimming_drops_the_segments_that_are_wholly_below() -> None:
    chain = three()
    assert chain.trimmed(9).segments == chain.segments
    assert chain.trimmed(10).segments == chain.segments[1:]
    assert chain.trimmed(24).segments == chain.segments[1:]
    assert chain.trimmed(100).segments == chain.segments[2:]
    assert chain.trimmed(100).trimmed(5).head == 100


def test_one_switch_at_a_time_and_none_after_the_end() -> None:
    with pytest.raises(AssertionError, match="under way"):
        FIRST.intending(Next("a")).intending(Next("b"))
    with pytest.raises(AssertionError, match="ended"):
        FIRST.intending(End()).completed(Origin(3, 1, 1)).intending(Next("a"))
    with pytest.raises(AssertionError, match="intended"):
        FIRST.completed(Origin(3, 1, 1))


def test_what_was_intended_and_not_adopted_gives_way_to_another_loglet_and_is_never_withdrawn() -> (
    None
):
    intending = FIRST.intending(Next("dead", b"1"))
    instead = intending.intending_instead(Next("raft", b"1"))
    intending.check_delta(instead)
    assert instead.completed(Origin(3, 1, 1)).last.loglet == Next("raft", b"1")
    for chain in (FIRST, FIRST.intending(End())):
        with pytest.raises(AssertionError, match="no next loglet"):
            chain.intending_instead(Next("raft", b"1"))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Configuration(()), "at least one"),
        (Configuration((Segment(0, "a"), Segment(5, "a"))), "twice"),
        (Configuration((Segment(5, "a"), Segment(4, "b")), 5), "bases"),
        (Configuration((Segment(0, "a", base_epoch=2), Segment(4, "b"))), "epochs"),
        (Configuration((Segment(0, "a", base_records=2), Segment(4, "b"))), "record"),
        (Configuration((Segment(5, "a"),), 4), "not kept"),
        (Configuration((Segment(0, "a"),), intent=Next("a")), "already"),
        (Configuration((Segment(0, "a"),), intent=End(), end=3), "after the end"),
        (Configuration((Segment(5, "a"),), 5, end=3), "before its last"),
        (Configuration((Segment(0, "a"),), 5, end=3), "more is trimmed"),
        (Configuration(FIRST.segments, forcings=(FORCED,)), "goes on was forced"),
        (Configuration(three().segments, forcings=(FORCED, FORCED)), "forced twice"),
    ],
)
def test_check_names_what_is_wrong(wrong: Configuration, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        wrong.check()


def test_every_legal_change_passes_check_delta() -> None:
    steps = [FIRST, FIRST.intending(Next("sqlite", b"1"))]
    steps.append(steps[-1].completed(Origin(10, 2, 30)))
    steps.append(steps[-1].trimmed(5))
    steps.append(steps[-1].trimmed(12))
    steps.append(steps[-1].intending(End()))
    steps.append(steps[-1].completed(Origin(20, 3, 60)))
    for i, before in enumerate(steps):
        before.check()
        for after in steps[i:]:
            before.check_delta(after)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (FIRST, "last segment fell away"),
        (Configuration((*three().segments[:2], Segment(26, "raft", b"2", 7, 70))), "in use|middle"),
        (Configuration(three().segments[1:], 10), "head moved back"),
        (Configuration((three().segments[0], three().segments[2]), 20), "middle"),
        (Configuration(three().segments, 20, end=99), "end moved"),
    ],
)
def test_check_delta_names_what_may_not_change(after: Configuration, why: str) -> None:
    before = three().trimmed(20) if "head" in why else Configuration(three().segments)
    before = Configuration(before.segments, before.head, end=50 if "end" in why else None)
    with pytest.raises(AssertionError, match=why):
        before.check_delta(after)


def test_what_was_forced_is_never_forgotten() -> None:
    before = Configuration(three().segments, forcings=(FORCED,))
    with pytest.raises(AssertionError, match="forgotten"):
        before.check_delta(three())


def test_a_configuration_survives_the_register() -> None:
    forced = FIRST.intending(Next("x")).forced(Origin(10, 2, 30), 14, "ada", 5000)
    for chain in (
        forced,
        FIRST,
        three().trimmed(12).intending(End()),
        three().intending(Next("x", b"y")),
    ):
        assert decode_configuration(encode_configuration(chain)) == chain
    with pytest.raises(Corrupt):
        decode_configuration(b"\x01")
