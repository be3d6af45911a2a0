"""A follower that takes entries in before it applies them never says that it has them already."""

from types import SimpleNamespace
from typing import Any

import pytest

from plait.base.errors import TooStale
from plait.node.config import Limits
from plait.node.line_host import LineHost
from plait.node.pace import LinePace
from plait.types.control_followers import FollowerRecord
from tests.fakes import FakeClock

NOW_MS = 10_000_000
OLD_S = 3600.0


def host(applied: int, committed: int, record: FollowerRecord | None) -> LineHost:
    """A line whose state is an hour old here; by what it took in, its member lags by nothing."""
    clock: Any = FakeClock(NOW_MS)
    loglet = SimpleNamespace(committed=committed)
    replica = SimpleNamespace(
        applied=applied, loglet=loglet, time_ms=NOW_MS - int(OLD_S * 1000), pace=None
    )
    member = SimpleNamespace(fresh=False)
    part = SimpleNamespace(
        leads=False, report_applied=lambda: None, lag_s=lambda: 0.0, member=member
    )
    group: Any = SimpleNamespace(loglet=part, primary=part)
    made = LineHost("l", loglet, replica, clock, Limits(), group)  # type: ignore[arg-type]
    made.pace = LinePace("l", clock)
    made.pace.record = record
    return made


LATE = FollowerRecord("n3", delay_ms=1000)


def test_a_late_follower_that_replays_is_as_far_behind_as_its_state() -> None:
    """What is due already is applied at once, but there is much of it after a restart."""
    late = host(5, 900, LATE)
    assert late.lag_s() == OLD_S
    for bound in (None, 1.0):
        with pytest.raises(TooStale):
            late.check_freshness("any", bound, "n3")


def test_a_late_follower_that_has_applied_everything_is_not_behind() -> None:
    late = host(900, 900, LATE)
    assert late.lag_s() == 0
    for bound in (None, 1.0):
        late.check_freshness("any", bound, "n3")


def test_who_is_late_no_more_is_behind_until_it_has_applied_what_it_held_back() -> None:
    once = host(5, 900, LATE)
    assert once.pace is not None
    once.pace.took_in(900)
    once.pace.record = None
    assert once.lag_s() == OLD_S
    once.replica.applied = 900
    assert once.lag_s() == 0
    once.replica.loglet.committed = 950  # type: ignore[misc]
    assert once.lag_s() == 0  # its member knows by now
