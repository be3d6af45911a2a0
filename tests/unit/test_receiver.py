"""The follower's half of replication: what matches, what is cut."""

import pytest
from test_log_view import A1, A2, B3, log_of

from plait.base.errors import BadFrame
from plait.line.entry import NO_EPOCH, Entry, Epoch
from plait.line.replication.log_view import Base
from plait.line.replication.messages import Append
from plait.line.replication.receiver import NEVER, Accepted, Mismatch, Receiver


def append(start: int, previous: Epoch, *epochs: Epoch, tail: int = 99) -> Append:
    rows = tuple(Entry(b"x").stamped(e, start + i).encode() for i, e in enumerate(epochs))
    return Append("line", B3, start, previous, rows, 0, tail, 0, 0)


def test_entries_that_follow_our_log_are_taken() -> None:
    verdict = Receiver(log_of(A1)).judge(append(1, A1, A1, A2))
    assert isinstance(verdict, Accepted)
    assert (verdict.start, len(verdict.rows), verdict.cut) == (1, 2, None)


def test_entries_that_we_have_are_not_taken_again() -> None:
    verdict = Receiver(log_of(A1, A1, A2)).judge(append(0, NO_EPOCH, A1, A1, A2, A2))
    assert isinstance(verdict, Accepted)
    assert (verdict.start, len(verdict.rows), verdict.cut) == (3, 1, None)


def test_a_delayed_append_erases_nothing() -> None:
    log = log_of(A1, A1, A2)
    for late in (append(1, A1), append(0, NO_EPOCH), append(0, NO_EPOCH, A1), append(1, A1, A1)):
        verdict = Receiver(log).judge(late)
        assert isinstance(verdict, Accepted)
        assert verdict.cut is None
        assert verdict.entries == ()


def test_only_a_contradiction_cuts_and_exactly_there() -> None:
    verdict = Receiver(log_of(A1, A1, A1)).judge(append(1, A1, A1, B3))
    assert isinstance(verdict, Accepted)
    assert (verdict.cut, verdict.start, len(verdict.rows)) == (2, 2, 1)


def test_a_gap_is_answered_with_our_tail() -> None:
    assert Receiver(log_of(A1)).judge(append(5, A1)) == Mismatch(1)


def test_another_epoch_before_the_start_is_answered_with_where_ours_began() -> None:
    assert Receiver(log_of(A1, A2, A2, A2)).judge(append(4, B3)) == Mismatch(1)


def test_every_hint_lies_below_what_was_tried() -> None:
    log = log_of(A1, A2, A2, B3, B3)
    other = Epoch(9, "z")
    start = log.tail
    tries = 0
    while isinstance(verdict := Receiver(log).judge(append(start, other)), Mismatch):
        assert verdict.hint < start
        start, tries = verdict.hint, tries + 1
        if start == -1:
            break
    assert tries <= 4


def test_a_history_that_differs_below_our_head_asks_for_a_copy() -> None:
    log = log_of(A2, A2, base=Base(3, A2, 3))
    assert Receiver(log).judge(append(3, A1)) is NEVER
    assert Receiver(log).judge(append(2, A1, A1, B3)) is NEVER
    assert Receiver(log).judge(append(1, A1, tail=2)) is NEVER


def test_what_we_trimmed_is_taken_as_equal_if_the_entry_before_our_head_is() -> None:
    log = log_of(A2, base=Base(3, A2, 3))
    verdict = Receiver(log).judge(append(1, A1, A1, A2, A2, A2))
    assert isinstance(verdict, Accepted)
    assert (verdict.start, len(verdict.rows), verdict.cut) == (4, 1, None)
    early = Receiver(log).judge(append(0, NO_EPOCH, A1))
    assert isinstance(early, Accepted)
    assert early.entries == ()


def test_what_is_verified_holds_for_one_epoch_only() -> None:
    receiver = Receiver(log_of(A1, A1))
    receiver.enter(A2)
    receiver.verify(2)
    receiver.enter(A2)
    assert receiver.verified == 2
    receiver.enter(B3)
    assert receiver.verified == 0


def test_a_damaged_or_descending_entry_is_refused() -> None:
    good = append(1, A1, A1)
    row = good.entries[0]
    bad = Append("line", B3, 1, A1, (row[:-1] + b"?",), 0, 9, 0, 0)
    with pytest.raises(BadFrame):
        Receiver(log_of(A1)).judge(bad)
    with pytest.raises(BadFrame):
        Receiver(log_of(A2)).judge(append(1, A2, A1))
