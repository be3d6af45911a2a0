"""How nodes follow, and what was dropped, as the control line has it; the pace that comes of it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from plait.line.entry import Entry
from plait.node import pace as pacing
from plait.node.pace import LinePace
from plait.types.commands import (
    FOLLOWERS_SINCE,
    Command,
    CreateTable,
    DropTable,
    Enable,
    SetFollower,
)
from plait.types.control import ControlMachine
from plait.types.control_dropped import DROPPED_MAX, dropped_tables
from plait.types.control_followers import FollowerRecord, Hold, follower, followers
from plait.types.control_restored import begin_cluster
from plait.types.fold import Failed, Stamp
from tests.fakes import DictView, FakeClock

MACHINE = ControlMachine()
NOW_MS = 1_000_000


def applied(view: DictView, command: Command, version: int = 0) -> Failed | None:
    return MACHINE.apply(view, Stamp(version, 0, version, NOW_MS), command)


def set_all(*commands: SetFollower) -> FollowerRecord:
    view = DictView()
    for command in commands:
        assert applied(view, command) is None
    return follower(view, "n3")


def test_a_node_without_a_record_applies_at_once() -> None:
    assert set_all() == FollowerRecord("n3", 0, None)


def test_what_is_not_said_stays_as_it_was() -> None:
    delayed, held = SetFollower("n3", 5000), SetFollower("n3", hold=(7, "", 0))
    assert set_all(delayed, held) == FollowerRecord("n3", 5000, Hold(7))
    assert set_all(delayed, held, SetFollower("n3", go=True)) == FollowerRecord("n3", 5000)
    assert set_all(delayed, held, SetFollower("n3", 0)) == FollowerRecord("n3", 0, Hold(7))


def test_to_stop_now_is_to_stop_where_the_delay_has_come_to() -> None:
    record = set_all(SetFollower("n3", 5000), SetFollower("n3", hold=(0, "", 0)))
    assert record.hold == Hold(NOW_MS - 5000)


def test_a_position_holds_one_line_and_the_others_stay_where_they_are() -> None:
    record = set_all(SetFollower("n3", 5000), SetFollower("n3", hold=(0, "a", 9)))
    assert record.hold == Hold(NOW_MS - 5000, "a", 9)


@pytest.mark.parametrize(
    "command", [SetFollower("n3", -1), SetFollower("n3", 1 << 60), SetFollower("no name!", 1)]
)
def test_what_makes_no_sense_fails(command: SetFollower) -> None:
    failed = applied(DictView(), command)
    assert failed is not None
    assert failed.code == "BadSettings"


def test_a_restored_cluster_begins_with_followers_that_are_like_any_other() -> None:
    view = DictView()
    applied(view, SetFollower("n3", 5000))
    begin_cluster(view, MACHINE, "n3")
    assert followers(view) == []


def test_dropped_tables_are_remembered_once_every_node_knows_how() -> None:
    view = DictView()
    for version, name in enumerate(("before", "after")):
        if name == "after":
            applied(view, Enable(FOLLOWERS_SINCE))
        applied(view, CreateTable(name, "majority", False, "line", "n1"))
        applied(view, DropTable(name, 8), version)
    (dropped,) = dropped_tables(view)
    assert (dropped.name, dropped.table, dropped.line) == ("after", 2, "line")
    assert (dropped.cleared_at, dropped.time_ms) == (8, NOW_MS)


def test_only_the_last_dropped_tables_are_remembered() -> None:
    view = DictView()
    applied(view, Enable(FOLLOWERS_SINCE))
    for number in range(DROPPED_MAX + 2):
        applied(view, CreateTable(f"t{number}", "majority", False, "line", "n1"))
        applied(view, DropTable(f"t{number}"), number)
    found = dropped_tables(view)
    assert len(found) == DROPPED_MAX
    assert found[0].name == "t2"


# ------------------------------------------------------------------------------- pace


def entry(time_ms: int) -> Entry:
    return Entry(b"", 1, time_ms=time_ms)


def pace(record: FollowerRecord | None) -> tuple[LinePace, FakeClock]:
    clock = FakeClock(NOW_MS)
    made = LinePace("line", clock)
    made.record = record
    return made, clock


def test_entries_are_due_at_once_after_the_delay_or_up_to_the_hold() -> None:
    at_once, _ = pace(None)
    assert at_once.wait_s(0, entry(NOW_MS)) == 0
    assert not at_once.on
    late, _ = pace(FollowerRecord("n3", 5000))
    assert late.wait_s(0, entry(NOW_MS - 2000)) == 3.0
    assert late.wait_s(0, entry(NOW_MS - 6000)) <= 0
    held, _ = pace(FollowerRecord("n3", 5000, Hold(NOW_MS - 100)))
    assert held.wait_s(0, entry(NOW_MS - 100)) == 0  # a hold is gone to at once
    assert held.wait_s(0, entry(NOW_MS - 99)) == float("inf")
    at, _ = pace(FollowerRecord("n3", 0, Hold(0, "line", 9)))
    assert at.wait_s(8, entry(NOW_MS)) == 0
    assert at.wait_s(9, entry(0)) == float("inf")
    elsewhere, _ = pace(FollowerRecord("n3", 0, Hold(NOW_MS, "other", 9)))
    assert elsewhere.wait_s(20, entry(NOW_MS)) == 0
    assert elsewhere.wait_s(0, entry(NOW_MS + 1)) == float("inf")


def test_who_leads_after_all_applies_everything() -> None:
    late, _ = pace(FollowerRecord("n3", 5000, Hold(0)))
    assert late.held
    late.opened = True
    assert not late.on
    assert not late.held
    assert late.wait_s(0, entry(NOW_MS)) == 0


async def test_an_entry_that_waits_is_applied_when_the_settings_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "LOOK_S", 0.001)
    late, _ = pace(FollowerRecord("n3", 0, Hold(0)))
    state: Any = SimpleNamespace(applied=0, time_ms=0, loglet=SimpleNamespace(committed=1))
    waiting = asyncio.create_task(late.due(0, entry(NOW_MS - 3000)))
    await asyncio.wait((waiting,), timeout=0.01)
    assert late.waits
    assert late.behind_s(state) == 3.0
    late.record = None
    await asyncio.wait_for(waiting, 5.0)
    assert not late.waits
    assert late.behind_s(state) == 0


async def test_how_far_behind_a_state_is_does_not_hang_on_clocks_alone() -> None:
    clock = TwoClocks()
    late = LinePace("line", clock)
    late.record = FollowerRecord("n3", 0, Hold(0))
    state: Any = SimpleNamespace(applied=0, time_ms=0, loglet=SimpleNamespace(committed=1))
    waiting = asyncio.create_task(late.due(0, entry(NOW_MS + 60_000)))  # the leader's is ahead
    await asyncio.wait((waiting,), timeout=0.01)
    assert late.behind_s(state) == 0
    clock.seconds += 2.0
    assert late.behind_s(state) == 2.0  # so long it has waited here, whatever the clocks say
    waiting.cancel()


class TwoClocks:
    """A wall clock that stands still, and seconds that pass."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def wall_ms(self) -> int:
        return NOW_MS
