"""Sessions: exactly once, against a plain dict of what was applied."""

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.line.outcome import Failed, Run
from plait.line.sessions import (
    WINDOW_COMMANDS_MAX,
    WINDOW_RETURNS_BYTES_MAX,
    WINDOW_RUNS_MAX,
    Barred,
    Fresh,
    Repeated,
    Sessions,
    decode_session,
)

CONFLICT = Failed("Conflict", "lost")


def opened(session: int = 7) -> Sessions:
    sessions = Sessions()
    assert sessions.open(session, 0) is None
    return sessions


def test_an_unknown_session_is_evicted_and_nothing_happens() -> None:
    (part,) = Sessions().admit(7, 1, 0, 3, 1)
    assert isinstance(part, Barred)
    assert (part.count, part.failed.code) == (3, "SessionEvicted")


def test_session_zero_is_always_fresh() -> None:
    sessions = Sessions()
    for _ in range(2):
        assert sessions.admit(0, 1, 0, 3, 1) == [Fresh(0, 3)]
        sessions.remember(0, 1, 3, (1, 0, 1), ())


def test_a_retried_group_gets_its_original_outcome_whole_or_in_pieces() -> None:
    sessions = opened()
    sessions.admit(7, 10, 10, 4, 1)
    sessions.remember(7, 10, 4, (1, 5, 50), ((2, CONFLICT),))
    assert sessions.admit(7, 10, 10, 4, 2) == [Repeated(0, Run(0, 4, 1, 5, 50), ((2, CONFLICT),))]
    assert sessions.admit(7, 12, 10, 1, 3) == [Repeated(0, Run(0, 1, 1, 7, 52), ((0, CONFLICT),))]
    assert sessions.admit(7, 11, 10, 5, 4) == [
        Repeated(0, Run(0, 3, 1, 6, 51), ((1, CONFLICT),)),
        Fresh(3, 2),
    ]


def test_groups_that_stand_together_cost_one_run() -> None:
    sessions = opened()
    for group in range(4):
        sessions.admit(7, group * 10, 0, 10, 1)
        sessions.remember(7, group * 10, 10, (1, group * 10, 1 + group * 10), ((1, CONFLICT),))
    ((_, data),) = sessions.drain_dirty()
    assert data is not None
    record = decode_session(data)
    assert [run.count for run in record.runs] == [40]
    assert [index for index, _ in record.runs[0].failures] == [1, 11, 21, 31]


def test_what_was_answered_is_forgotten_and_never_applied_again() -> None:
    sessions = opened()
    sessions.admit(7, 0, 0, 2, 1)
    sessions.remember(7, 0, 2, (1, 0, 1), ())
    assert sessions.admit(7, 2, 2, 1, 2) == [Fresh(0, 1)]
    sessions.remember(7, 2, 1, (2, 0, 3), ())
    barred, repeated = sessions.admit(7, 1, 0, 2, 3)
    assert isinstance(barred, Barred)
    assert isinstance(repeated, Repeated)
    assert (barred.index, barred.count, barred.failed.code) == (0, 1, "SessionEvicted")


def test_a_full_window_is_busy_but_its_gaps_can_be_filled() -> None:
    sessions = opened()
    for number in range(WINDOW_RUNS_MAX):
        sequence = 2 * number + 1
        assert sessions.admit(7, sequence, 0, 1, number) == [Fresh(0, 1)]
        sessions.remember(7, sequence, 1, (number, 0, number), ())
    (part,) = sessions.admit(7, 5000, 0, 1, 9)
    assert isinstance(part, Barred)
    assert part.failed.code == "Busy"
    assert sessions.admit(7, 0, 0, 1, 9) == [Fresh(0, 1)]
    assert sessions.admit(7, 5000, 4000, 1, 9) == [Fresh(0, 1)]


def test_a_window_is_bounded_in_commands_too() -> None:
    sessions = opened()
    sessions.remember(7, 0, 1, (0, 0, 1), ())
    (part,) = sessions.admit(7, WINDOW_COMMANDS_MAX, 0, 1, 1)
    assert isinstance(part, Barred)
    assert part.failed.code == "Busy"


def test_numbers_outside_of_the_legal_range_are_refused() -> None:
    sessions = opened()
    for first in (-1, 2**64 - 1):
        (part,) = sessions.admit(7, first, 2**64 - 1, 1, 1)
        assert isinstance(part, Barred)
        assert part.failed.code == "BadValue"
    for session in (0, -1, 2**63):
        failed = sessions.open(session, 0)
        assert failed is not None
        assert failed.code == "BadValue"


def test_a_session_used_since_is_not_evicted() -> None:
    sessions = opened()
    sessions.admit(7, 0, 0, 1, 3)
    failed = sessions.evict(7, 0)
    assert failed is not None
    assert failed.code == "Conflict"
    assert sessions.evict(7, 3) is None
    assert 7 not in sessions
    assert sessions.drain_dirty() == [(7, None)]
    assert sessions.evict(7, 3) is None


def test_the_idle_and_the_oldest_of_too_many_are_candidates_for_eviction() -> None:
    sessions = Sessions()
    for session, position in ((3, 10), (1, 20), (2, 20), (4, 90)):
        sessions.open(session, position)
    assert sessions.eviction_candidates(100, 85, 9) == [(3, 10)]
    assert sessions.eviction_candidates(100, 1000, 2) == [(3, 10), (1, 20)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 25), st.integers(1, 6), st.integers(0, 12), st.booleans()),
        max_size=20,
    )
)
def test_every_number_takes_effect_once_and_keeps_its_outcome(
    groups: list[tuple[int, int, int, bool]],
) -> None:
    sessions = opened()
    applied: dict[int, tuple[int, int, int, bool]] = {}
    low, version = 0, 1
    for position, (first, count, answered, fails) in enumerate(groups, start=1):
        answered = min(answered, first)
        low = max(low, answered)
        covered: list[int] = []
        for part in sessions.admit(7, first, answered, count, position):
            numbers = range(first + part.index, first + part.index + part.count)
            covered.extend(numbers)
            if isinstance(part, Fresh):
                assert all(number not in applied and number >= low for number in numbers)
                failures = ((0, CONFLICT),) if fails else ()
                place = (position, part.index, version + part.index)
                sessions.remember(7, numbers[0], part.count, place, failures)
                for at, number in enumerate(numbers):
                    failed = fails and at == 0
                    applied[number] = (position, part.index + at, version + part.index + at, failed)
            elif isinstance(part, Repeated):
                failed_at = {index for index, _ in part.failures}
                for at, number in enumerate(numbers):
                    run, failed = part.run, part.index + at in failed_at
                    place = (run.position, run.offset + at, run.version + at)
                    assert applied[number] == (*place, failed)
            else:
                assert all(number < low for number in numbers)
        assert covered == list(range(first, first + count))
        version += count
        restored = {
            session: decode_session(data)
            for session, data in sessions.drain_dirty()
            if data is not None
        }
        sessions = Sessions(restored)


def test_a_retry_gets_what_was_returned_first_whole_or_in_pieces() -> None:
    sessions = opened()
    sessions.remember(7, 1, 2, (1, 0, 1), (), ((0, b"a"), (1, b"b")))
    sessions.remember(7, 3, 2, (1, 2, 3), (), ((1, b"d"),))
    (record,) = [decode_session(data or b"") for _, data in sessions.drain_dirty()]
    restored = Sessions({7: record})
    (whole,) = restored.admit(7, 1, 1, 4, 2)
    assert isinstance(whole, Repeated)
    assert whole.returns == ((0, b"a"), (1, b"b"), (3, b"d"))
    (piece,) = restored.admit(7, 2, 1, 3, 2)
    assert isinstance(piece, Repeated)
    assert piece.returns == ((0, b"b"), (2, b"d"))


def test_returned_values_that_nobody_took_are_bounded() -> None:
    sessions = opened()
    half = b"x" * (WINDOW_RETURNS_BYTES_MAX // 2)
    for first in (1, 2):
        assert isinstance(sessions.admit(7, first, 1, 1, first)[0], Fresh)
        sessions.remember(7, first, 1, (first, 0, first), (), ((0, half),))
    (barred,) = sessions.admit(7, 3, 1, 1, 3)
    assert isinstance(barred, Barred)
    assert "returned bytes" in barred.failed.message
    assert isinstance(sessions.admit(7, 3, 2, 1, 3)[0], Fresh)
