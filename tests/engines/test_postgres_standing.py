"""What a handle has seen, held against what a server says."""

import pytest

from plait.base.errors import LogForked
from plait.engines.postgres.standing import Mark, Row, Standing

SEEN = Row(head=2, tail=5, sealed=False, batch=50, born=1, kept=None)


def seen(row: Row = SEEN) -> Standing:
    standing = Standing("log", 1, 0)
    standing.see(standing.mark, row)
    return standing


def test_a_log_goes_on_from_what_was_seen() -> None:
    standing = seen()
    standing.see(standing.mark, SEEN._replace(kept=49))
    standing.see(standing.mark, SEEN._replace(tail=7, batch=70, kept=50, sealed=True))
    assert standing.tail == (7, True)
    assert standing.head == 2
    assert standing.mark == Mark(7, 70, True)


def test_nothing_moves_back_when_answers_overtake_each_other() -> None:
    standing = seen()
    asked = standing.mark
    standing.appended(asked, 5, 3, 80)
    standing.see(asked, SEEN._replace(tail=6, batch=60, kept=50))
    standing.see(asked, SEEN._replace(head=1))
    assert standing.mark == Mark(8, 80, False)
    assert standing.head == 2


def test_an_entry_that_was_trimmed_cannot_be_looked_for() -> None:
    standing = seen()
    standing.see(standing.mark, SEEN._replace(head=6, tail=9, batch=90, kept=None))
    assert standing.tail == (9, False)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (None, "not there any more"),
        (SEEN._replace(born=2, kept=50), "another one has its place"),
        (SEEN._replace(tail=4), "it ends at 4, and 5 was its tail"),
        (SEEN._replace(batch=51), "another entry stands at 4"),
        (SEEN._replace(tail=6, batch=60, kept=51), "another entry stands at 4"),
        (SEEN._replace(tail=6, batch=60, kept=None), "another entry stands at 4"),
    ],
)
def test_a_server_that_lacks_what_was_seen_stops_the_log_for_good(
    row: Row | None, why: str
) -> None:
    standing = seen()
    with pytest.raises(LogForked, match=why) as raised:
        standing.see(standing.mark, row)
    assert raised.value.details == {"loglet": "log", "position": 5}
    with pytest.raises(LogForked) as again:
        standing.check()
    assert again.value is raised.value


def test_a_seal_that_is_gone_or_moved_stops_the_log() -> None:
    for row in (SEEN, SEEN._replace(sealed=True, tail=6, batch=60, kept=50)):
        standing = seen(SEEN._replace(sealed=True))
        with pytest.raises(LogForked, match="had been sealed"):
            standing.see(standing.mark, row)


def test_a_position_that_is_given_twice_stops_the_log() -> None:
    standing = seen()
    with pytest.raises(LogForked, match="position 4 was given twice"):
        standing.appended(standing.mark, 4, 1, 90)
