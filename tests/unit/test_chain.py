"""The chain's value: segments, positions, changes, and what may never change."""

import pytest

from plait.base.errors import Corrupt
from plait.line.chain import (
    Configuration,
    End,
    Next,
    Segment,
    decode_configuration,
    encode_configuration,
)
from plait.line.entry import Entry, Epoch

FIRST = Configuration((Segment(0, "memory", b"0"),))


def three() -> Configuration:
    """Segments at 0, 10 and 25."""
    second = FIRST.intending(Next("sqlite", b"1")).completed(10, 2, 30)
    return second.intending(Next("raft", b"2")).completed(25, 7, 70)


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
    chain = FIRST.intending(Next("a")).completed(10, 1, 1).intending(Next("b")).completed(10, 1, 1)
    assert chain.locate(9) == 0
    assert chain.locate(10) == 2
    chain.check()


def test_a_segment_places_epochs_and_record_indexes_behind_those_before_it() -> None:
    entry = Entry(b"x", 3, epoch=Epoch(1, "n"), record_index=4)
    placed = three().last.placed(entry)
    assert (placed.epoch, placed.record_index, placed.payload) == (Epoch(8, "n"), 74, b"x")
    assert FIRST.last.placed(entry) is entry


def test_an_end_completes_without_a_next_segment() -> None:
    chain = three().intending(End()).completed(40, 9, 90)
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
        FIRST.intending(End()).completed(3, 1, 1).intending(Next("a"))
    with pytest.raises(AssertionError, match="intended"):
        FIRST.completed(3, 1, 1)


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
    ],
)
def test_check_names_what_is_wrong(wrong: Configuration, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        wrong.check()


def test_every_legal_change_passes_check_delta() -> None:
    steps = [FIRST, FIRST.intending(Next("sqlite", b"1"))]
    steps.append(steps[-1].completed(10, 2, 30))
    steps.append(steps[-1].trimmed(5))
    steps.append(steps[-1].trimmed(12))
    steps.append(steps[-1].intending(End()))
    steps.append(steps[-1].completed(20, 3, 60))
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


def test_a_configuration_survives_the_register() -> None:
    for chain in (FIRST, three().trimmed(12).intending(End()), three().intending(Next("x", b"y"))):
        assert decode_configuration(encode_configuration(chain)) == chain
    with pytest.raises(Corrupt):
        decode_configuration(b"\x01")
