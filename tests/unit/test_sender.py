"""The leader's half of replication."""

from collections.abc import Sequence

import msgspec
from test_log_view import A1, A2, log_of

from plait.line.entry import Entry
from plait.line.replication.log_view import Base, LogView
from plait.line.replication.messages import Append, AppendReply
from plait.line.replication.progress import ProgressState
from plait.line.replication.sender import (
    HEARTBEAT_S,
    PROBE_S,
    RESEND_S,
    BeginSnapshot,
    LoadEntries,
    SendAppend,
    SendEffect,
    Sender,
)


def sender_of(log: LogView, *followers: str) -> Sender:
    return Sender("line", A2, log, followers or ("b",), 0.0)


def reply(matched: bool, durable: int, hint: int = 0, **more: object) -> AppendReply:
    answer = AppendReply("line", A2, matched, durable, durable, 0, 0, 0.0, hint=hint, round=1)
    return msgspec.structs.replace(answer, **more)


def appends(effects: Sequence[SendEffect]) -> list[Append]:
    return [effect.message for effect in effects if isinstance(effect, SendAppend)]


def add(log: LogView) -> None:
    entry = Entry(b"x").stamped(log.last_epoch, log.records)
    log.append(entry, entry.encode())


def test_a_follower_is_probed_before_it_is_sent_entries() -> None:
    log = log_of(A1, A1, A2)
    sender = sender_of(log)
    (probe,) = appends(sender.pump(0.0))
    assert (probe.start, probe.entries) == (3, ())
    assert sender.pump(0.0) == []
    (again,) = appends(sender.replied("b", reply(False, 0, hint=1), 0.0))
    assert (again.start, again.previous, again.entries) == (1, A1, ())
    (push,) = appends(sender.replied("b", reply(True, 1), 0.0))
    assert (push.start, len(push.entries)) == (1, 2)


def test_a_hint_is_never_taken_for_a_match() -> None:
    sender = sender_of(log_of(A1, A1, A2))
    sender.pump(0.0)
    sender.replied("b", reply(False, 3, hint=3), 0.0)
    assert sender.progress["b"].match == 0
    assert sender.matches() == [0]


def test_reordered_answers_never_lower_the_match_or_raise_it_above_next() -> None:
    sender = sender_of(log_of(A1, A1, A2))
    sender.pump(0.0)
    for answer in (reply(True, 3), reply(True, 1), reply(False, 0, hint=0), reply(True, 2)):
        sender.replied("b", answer, 0.0)
        progress = sender.progress["b"]
        assert progress.match == 3 <= progress.next


def test_entries_are_pipelined_once_the_logs_match() -> None:
    log = log_of(A1)
    sender = sender_of(log)
    sender.pump(0.0)
    sender.replied("b", reply(True, 1), 0.0)
    for start in (1, 2, 3):
        add(log)
        (push,) = appends(sender.pump(0.0))
        assert (push.start, len(push.entries)) == (start, 1)


def test_a_follower_whose_next_entry_is_trimmed_gets_a_copy_and_goes_on_behind_it() -> None:
    sender = sender_of(log_of(A1, A1, base=Base(5, A1, 5)))
    sender.pump(0.0)
    assert sender.replied("b", reply(False, 0, hint=0), 0.0) == [BeginSnapshot("b")]
    assert sender.progress["b"].state is ProgressState.SNAPSHOT
    (probe,) = appends(sender.snapshot_done("b", 6, 1.0))
    assert (probe.start, probe.previous) == (6, A1)


def test_a_copy_that_failed_is_not_begun_again_at_once() -> None:
    sender = sender_of(log_of(A1, base=Base(5, A1, 5)))
    sender.pump(0.0)
    sender.replied("b", reply(False, 0, hint=0), 0.0)
    assert sender.snapshot_done("b", None, 1.0) == []
    assert BeginSnapshot("b") not in sender.timer(1.5)
    assert BeginSnapshot("b") in sender.timer(1.0 + RESEND_S)


def test_a_follower_that_only_a_copy_can_help_gets_one_even_if_nothing_is_trimmed() -> None:
    sender = sender_of(log_of(A1, A1))
    sender.pump(0.0)
    assert sender.replied("b", reply(False, 0, hint=-1), 0.0) == [BeginSnapshot("b")]


def test_a_follower_that_waits_for_a_copy_still_hears_who_leads() -> None:
    sender = sender_of(log_of(A1, base=Base(5, A1, 5)))
    sender.pump(0.0)
    sender.replied("b", reply(False, 0, hint=0), 0.0)
    (sign,) = appends(sender.timer(1.0))
    assert (sign.start, sign.previous, sign.entries) == (5, A1, ())


def test_what_is_only_on_disk_is_loaded_and_a_late_load_is_not_sent_twice() -> None:
    log = LogView(Base())
    log.restore([(A1, 0)], tail=4, records=4)
    sender = sender_of(log)
    sender.pump(0.0)
    assert sender.replied("b", reply(True, 1), 0.0) == [LoadEntries("b", 1)]
    assert sender.pump(0.0) == []
    (push,) = appends(sender.loaded("b", 1, (b"1", b"2", b"3"), 0.0))
    assert (push.start, len(push.entries)) == (1, 3)
    assert appends(sender.loaded("b", 1, (b"1", b"2", b"3"), 0.0)) == []


def test_what_stays_unanswered_is_probed_again() -> None:
    sender = sender_of(log_of(A1))
    sender.pump(0.0)
    assert appends(sender.timer(PROBE_S / 2)) == []
    assert len(appends(sender.timer(PROBE_S))) == 1


def test_a_fresh_connection_probes_from_the_match() -> None:
    log = log_of(A1, A1, A2)
    sender = sender_of(log)
    sender.pump(0.0)
    sender.replied("b", reply(True, 2), 0.0)
    sender.peer_reset("b")
    (probe,) = appends(sender.pump(0.0))
    assert (probe.start, probe.entries) == (2, ())


def test_commits_are_told_at_once_with_the_timer_and_only_once() -> None:
    log = log_of(A1)
    sender = sender_of(log)
    sender.pump(0.0)
    sender.replied("b", reply(True, 1), 0.0)
    sender.timer(0.0)
    sender.advance(1, 0.001)
    assert sender.deadline < HEARTBEAT_S
    (told,) = appends(sender.timer(sender.deadline))
    assert told.commit == 1
    assert appends(sender.timer(0.01)) == []


def test_the_timer_is_never_due_again_at_the_moment_it_was_served() -> None:
    sender = sender_of(log_of(A1))
    now = 0.1
    for _ in range(500):
        sender.timer(now)
        assert sender.deadline > now
        now = sender.deadline


def test_a_new_disk_counts_for_nothing_until_it_was_admitted() -> None:
    sender = sender_of(log_of(A1, A1, A2), "b", "c")
    sender.pump(0.0)
    sender.replied("b", reply(True, 3), 0.0)
    sender.replied("b", reply(True, 3, fresh=True), 0.0)
    assert sender.matches() == [0, 0]
    sender.replied("b", reply(True, 3), 0.0)
    assert sender.matches() == [3, 0]


def test_a_new_disk_in_the_place_of_an_old_one_starts_from_nothing() -> None:
    sender = sender_of(log_of(A1, A1, A2), "b", "c")
    sender.pump(0.0)
    sender.replied("b", reply(True, 3), 0.0)
    effects = sender.replied("b", reply(False, 0, hint=0, fresh=True), 0.0)
    assert sender.progress["b"].match == 0
    probe = [e.message for e in effects if isinstance(e, SendAppend) and e.peer == "b"][-1]
    assert (probe.start, probe.admit) == (0, False)


def test_a_new_disk_is_admitted_once_it_caught_up_and_all_others_still_follow() -> None:
    sender = sender_of(log_of(A1, A1, A2), "b", "c")
    sender.pump(0.0)
    sender.replied("c", reply(True, 3, round=1), 0.0)
    sender.replied("b", reply(False, 0, hint=0, fresh=True), 0.0)
    (told,) = [m for m in appends(sender.timer(1.0)) if m.start == 3][:1]
    assert told.round == 2
    sender.replied("b", reply(True, 3, fresh=True, round=2), 1.0)
    assert not any(m.admit for m in appends(sender.timer(2.0)))
    sender.replied("c", reply(True, 3, round=2), 2.0)
    assert any(m.admit and m.admit_at == 3 for m in appends(sender.timer(3.0)))


def test_a_new_disk_is_not_admitted_before_it_caught_up_though_all_others_follow() -> None:
    sender = sender_of(log_of(A1, A1, A2), "b", "c")
    sender.pump(0.0)
    sender.replied("b", reply(False, 0, hint=0, fresh=True), 0.0)
    sender.replied("c", reply(True, 3, round=2), 0.0)
    sender.replied("b", reply(True, 2, fresh=True, round=2), 0.0)
    assert not any(m.admit for m in appends(sender.timer(1.0)))
    sender.replied("b", reply(True, 3, fresh=True, round=2), 1.0)
    assert any(m.admit for m in appends(sender.timer(2.0)))
