"""A member's log as its core knows it."""

import pytest

from plait.line.entry import NO_EPOCH, Entry, Epoch
from plait.line.replication.log_view import Base, LogView

A1, A2, B3 = Epoch(1, "a"), Epoch(2, "a"), Epoch(3, "b")


def log_of(*epochs: Epoch, base: Base | None = None, window_bytes: int = 1 << 20) -> LogView:
    """A log with one single-record entry an epoch named."""
    log = LogView(base or Base(), window_bytes)
    for epoch in epochs:
        entry = Entry(b"x").stamped(epoch, log.records)
        log.append(entry, entry.encode())
    log.check()
    return log


def test_an_empty_log_ends_where_it_begins() -> None:
    log = LogView(Base(7, A1, 9))
    assert (log.head, log.tail, log.last_epoch, log.epoch_at(6)) == (7, 7, A1, A1)
    assert log.epoch_at(7) is None
    assert log.epoch_at(5) is None


def test_a_log_knows_which_epoch_wrote_what() -> None:
    log = log_of(A1, A1, A2, B3)
    assert [log.epoch_at(i) for i in range(-1, 5)] == [NO_EPOCH, A1, A1, A2, B3, None]
    assert [log.epoch_start(i) for i in range(4)] == [0, 0, 2, 3]
    assert log.records == 4


def test_epochs_ascend_along_a_log() -> None:
    log = log_of(A2)
    with pytest.raises(AssertionError):
        log.append(Entry(b"x").stamped(A1, 1), b"")


@pytest.mark.parametrize("before", [1, 2, 3, 4])
def test_a_trimmed_log_still_knows_the_epochs_that_it_keeps(before: int) -> None:
    log = log_of(A1, A1, A2, A2)
    last = log.epoch_at(before - 1)
    assert last is not None
    log.trim(Base(before, last, before))
    log.check()
    assert log.epoch_at(before - 1) == last
    assert [log.epoch_at(i) for i in range(before, 4)] == [A1, A1, A2, A2][before:]
    assert (log.head, log.tail, log.last_epoch, log.records) == (before, 4, A2, 4)


def test_a_log_trimmed_to_its_tail_goes_on_in_the_same_epoch() -> None:
    log = log_of(A1, A1)
    log.trim(Base(2, A1, 2))
    entry = Entry(b"y").stamped(A1, 2)
    assert log.append(entry, entry.encode()) == 2
    log.check()
    assert (log.epoch_at(2), log.epoch_start(2), log.epochs) == (A1, 2, ())


def test_what_the_hard_state_keeps_of_epochs_restores_them_after_a_trim() -> None:
    log = log_of(A1, A1, A2, B3)
    log.trim(Base(1, A1, 1))
    again = LogView(log.base)
    again.restore(list(log.epochs), log.tail, log.records)
    again.check()
    assert [again.epoch_at(i) for i in range(4)] == [log.epoch_at(i) for i in range(4)]


def test_a_cut_forgets_the_suffix_and_its_epochs() -> None:
    log = log_of(A1, A1, A2, B3)
    log.durable = 4
    log.cut(1, 1)
    log.check()
    assert (log.tail, log.durable, log.last_epoch, log.records) == (1, 1, A1, 1)


def test_a_cut_below_the_window_takes_the_count_of_records_from_the_caller() -> None:
    log = LogView(Base())
    log.restore([(A1, 0)], tail=5, records=50)
    log.cut(3, 30)
    log.check()
    assert (log.tail, log.durable, log.records, log.window_start) == (3, 3, 30, 3)


def test_the_window_drops_only_what_is_safe_and_too_much() -> None:
    log = log_of(*[A1] * 10, window_bytes=100)
    log.durable = 10
    log.shrink(4)
    assert log.window_start == 4
    log.shrink(10)
    assert 4 < log.window_start < 10
    assert log.kept(log.window_start - 1) is None
    assert log.kept(log.window_start) is not None
    log.check()


def test_rows_are_bounded_by_bytes_but_there_is_at_least_one() -> None:
    log = log_of(A1, A1, A1)
    size = len(log.rows(0, 1)[0])
    assert len(log.rows(0, 1)) == 1
    assert len(log.rows(0, 2 * size)) == 2
    assert len(log.rows(1, 1 << 20)) == 2
    assert log.rows(3, 100) == ()


def test_a_reset_log_is_durable_only_once_the_disk_says_so() -> None:
    log = log_of(A1, A1)
    log.durable = 2
    log.reset(Base(9, B3, 11))
    log.check()
    assert (log.head, log.tail, log.last_epoch, log.records) == (9, 9, B3, 11)
    assert log.durable < 9
