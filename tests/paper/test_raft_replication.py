"""Log replication and commitment, as Ongaro's thesis tells it."""

import pytest
from by_hand import (
    append,
    ask,
    hear,
    holds,
    lead,
    member,
    propose,
    said,
    sync,
    tell,
    terms,
    wait,
)

from plait.base.errors import Corrupt
from plait.base.ports import CutSuffix
from plait.line.raft.messages import Vote
from plait.line.raft.vocabulary import PeerUp
from plait.line.replication.messages import Append, AppendReply
from plait.line.replication.progress import ProgressState
from plait.line.replication.vocabulary import Committed, Persist


def answer(core, message) -> AppendReply:
    return said(tell(core, "x", message), AppendReply)["x"]


# ------------------------------------------------------------------------------- appending


def test_a_leader_pushes_an_entry_before_its_own_disk_has_it() -> None:
    """10.2.1: writing to the leader's disk in parallel."""
    core = member("a")
    lead(core, "b")
    tell(core, "b", holds(core, 1))
    effects = propose(core)
    assert isinstance(effects[-1], Persist)
    assert said(effects, Append)["b"].entries


def test_a_leader_does_not_wait_for_one_answer_before_it_sends_the_next() -> None:
    """10.2.2: pipelining, once the logs are known to match."""
    core = member("a")
    lead(core, "b")
    tell(core, "b", holds(core, 1))
    sent = [said(propose(core), Append)["b"] for _ in range(3)]
    assert [(message.start, len(message.entries)) for message in sent] == [(1, 1), (2, 1), (3, 1)]


def test_an_append_is_answered_once_it_is_on_disk() -> None:
    """3.8: servers persist log entries before they respond."""
    core = member("a")
    effects = hear(core, "x", append(1, 0, 0, [1, 1]))
    assert not said(effects, AppendReply)
    assert said(sync(core, effects), AppendReply)["x"].durable == 2


@pytest.mark.parametrize(
    ("start", "previous", "matched"),
    [(3, 2, True), (2, 1, True), (1, 1, True), (3, 1, False), (2, 2, False), (4, 2, False)],
)
def test_an_append_must_fit_what_stands_before_it(start: int, previous: int, matched: bool) -> None:
    """3.5: the consistency check."""
    core = member("a", log=[1, 1, 2])
    assert answer(core, append(3, start, previous)).matched == matched


# figure 3.6: the leader of term 8, and followers that lack or hold too much
LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
FOLLOWERS = {
    "a lacks an entry": [1, 1, 1, 4, 4, 5, 5, 6, 6],
    "b lacks many": [1, 1, 1, 4],
    "c has one too much": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "d has a term too much": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    "e has both": [1, 1, 1, 4, 4, 4, 4],
    "f has other terms": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
}


@pytest.mark.parametrize("log", FOLLOWERS.values(), ids=FOLLOWERS)
def test_a_leader_brings_any_log_into_line_with_its_own(log: list[int]) -> None:
    """3.5, figure 3.6: it finds where the logs agree, and its own entries replace the rest."""
    leader, follower = member("a", term=7, log=LEADER), member("b", log=log)
    role = lead(leader, "c")
    for _ in range(12):
        role.sender.progress["b"].waiting = False
        for message in said(leader.step(PeerUp("b"), 0.0), Append).values():
            replies = said(tell(follower, "a", message), AppendReply)
            effects = tell(leader, "b", replies["a"])
            for more in said(effects, Append).values():
                replies = said(tell(follower, "a", more), AppendReply)
                tell(leader, "b", replies["a"])
        if terms(follower) == terms(leader):
            break
    assert terms(follower) == terms(leader) == [*LEADER, 8]


def test_only_a_contradiction_cuts() -> None:
    """3.5: if an existing entry conflicts with a new one (same index, different terms)."""
    core = member("a", log=[1, 1, 2])
    tell(core, "x", append(3, 1, 1, [1]))
    assert terms(core) == [1, 1, 2]
    effects = tell(core, "x", append(3, 2, 1, [3]))
    assert terms(core) == [1, 1, 3]
    cuts = [w for e in effects if isinstance(e, Persist) for w in e.writes]
    assert [write.start for write in cuts if isinstance(write, CutSuffix)] == [2]


@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_delayed_append_erases_nothing(start: int) -> None:
    """Fault 5 (RaftOS): an old or empty append says nothing about what stands behind it."""
    core = member("a", log=[1, 1, 1])
    tell(core, "x", append(1, start, 1 if start else 0))
    tell(core, "x", append(1, start, 1 if start else 0, [1]))
    assert terms(core) == [1, 1, 1]


def test_the_same_append_twice_is_the_same_as_once() -> None:
    """3.7: Raft's requests are idempotent."""
    core = member("a")
    first = answer(core, append(1, 0, 0, [1, 1]))
    assert answer(core, append(1, 0, 0, [1, 1])) == first
    assert terms(core) == [1, 1]


def test_a_hint_is_no_evidence_of_a_match() -> None:
    """Fault 6 (CCF): where to try next may lie above what is equal."""
    core = member("a", log=[1, 1, 1])
    role = lead(core, "b")
    reply = AppendReply("line", role.epoch, False, 0, 0, 0, 0, 0.0, False, 3, role.sender.round)
    tell(core, "c", reply)
    assert role.sender.progress["c"].match == 0
    assert core.member.commit == 0


def test_a_reordered_answer_lowers_nothing() -> None:
    """Fault 2 (PySyncObj, RaftOS): match never falls, and next stays at or above it."""
    core = member("a", log=[1, 1, 1])
    role = lead(core, "b")
    for durable in (4, 1, 0, 3):
        tell(core, "b", holds(core, durable))
        progress = role.sender.progress["b"]
        assert progress.match == 4
        assert progress.next >= progress.match
    assert progress.state is ProgressState.REPLICATE


def test_an_answer_to_a_former_leader_counts_for_nothing() -> None:
    """3.3: what was said of another term says nothing of this one."""
    core = member("a", log=[1])
    role = lead(core, "b")
    old = holds(core, 2)
    tell(core, "b", type(old)("line", role.epoch._replace(number=1), True, 2, 2, 0, 0, 0.0))
    assert core.member.commit == 0


# ------------------------------------------------------------------------------- committing


def test_an_entry_is_committed_once_a_majority_has_it_on_disk() -> None:
    """3.5: and the leader's own disk is one of them only when it says so (10.2.1)."""
    core = member("a", "abcde")
    lead(core, "b", "c")
    for peer in "bcde":
        tell(core, peer, holds(core, 1))
    written = propose(core)
    assert core.member.commit == 1
    tell(core, "b", holds(core, 2))
    tell(core, "c", holds(core, 2))
    assert core.member.commit == 1
    assert Committed(2) in sync(core, written)


def test_a_commit_that_the_leaders_disk_lacks_is_not_told_yet() -> None:
    """10.2.1: the followers alone may be a majority; readers here wait for our own disk."""
    core = member("a")
    lead(core, "b")
    written = propose(core)
    effects = [*hear(core, "b", holds(core, 2)), *hear(core, "c", holds(core, 2))]
    assert core.member.commit == 2
    assert Committed(2) not in effects
    assert Committed(2) in sync(core, written)


def test_entries_of_older_terms_are_not_committed_by_counting() -> None:
    """3.6.2, figure 3.7, fault 3 (PySyncObj): only beneath an entry of the leader's own term."""
    core = member("a", "abcde", log=[1, 2])
    lead(core, "b", "c")
    for peer in "bcde":
        tell(core, peer, holds(core, 2))
    assert core.member.commit == 0
    tell(core, "b", holds(core, 3))
    assert core.member.commit == 0
    assert Committed(3) in tell(core, "c", holds(core, 3))


def test_the_entry_that_opens_a_term_unblocks_what_waits() -> None:
    """Fault 4 (RaftOS): without one, a quiet cluster would never commit its old entries."""
    core = member("a", log=[1, 1])
    lead(core, "b")
    assert terms(core) == [1, 1, 2]
    tell(core, "b", holds(core, 3))
    assert core.member.commit == 3


def test_followers_learn_what_is_committed_with_the_next_append() -> None:
    """3.5: once a follower learns that a log entry is committed, it applies it."""
    core = member("a")
    tell(core, "x", append(1, 0, 0, [1, 1]))
    assert core.member.commit == 0
    assert Committed(2) in tell(core, "x", append(1, 2, 1, commit=2))


def test_a_follower_commits_nothing_that_the_leader_did_not_confirm() -> None:
    """3.5: min(leaderCommit, index of the last new entry): behind it logs may differ."""
    core = member("a", log=[1, 1, 1])
    tell(core, "x", append(2, 1, 1, commit=3))
    assert core.member.commit == 1


def test_a_commit_index_never_falls() -> None:
    """Fault 1 (PySyncObj): a new leader may not know yet how far it is."""
    core = member("a", log=[1, 1, 1])
    tell(core, "x", append(2, 3, 1, commit=3))
    tell(core, "y", append(3, 3, 1, commit=0))
    assert core.member.commit == 3


def test_what_is_committed_is_never_cut() -> None:
    """3.6.3: a leader that contradicts it belongs to another history; the member stops."""
    core = member("a", log=[1, 1])
    tell(core, "x", append(2, 2, 1, commit=2))
    with pytest.raises(Corrupt):
        tell(core, "y", append(3, 1, 1, [3]))


def test_a_leader_only_appends() -> None:
    """3.4, figure 3.2: its own log it neither overwrites nor shortens."""
    core = member("a", log=[1, 1, 2])
    lead(core, "b")
    for peer in "bc":
        reply = holds(core, 0)
        tell(core, peer, type(reply)("line", reply.epoch, False, 0, 0, 0, 0, 0.0))
    assert terms(core) == [1, 1, 2, 3]


# ------------------------------------------------------------------------------- figure 3.7


def test_the_schedule_of_figure_3_7_loses_nothing() -> None:
    """3.6.2: s5 may still overwrite an entry of term 2 on a majority, unless s1 commits beneath
    an entry of term 4; then s5 cannot be elected."""
    s3 = member("s3", log=[1, 2], term=4)
    late = ask(5, 3, 2)  # s5 holds [1, 3]
    assert said(tell(s3, "s5", late), Vote)["s5"].granted
    s3 = member("s3", log=[1, 2, 4], term=4)
    assert not said(tell(s3, "s5", late), Vote)["s5"].granted


# ------------------------------------------------------------------------------- time


def test_a_silent_leader_sends_heartbeats() -> None:
    """3.4: periodic, and far more often than a follower's patience ends (3.9)."""
    core = member("a")
    lead(core, "b")
    for peer in "bc":
        tell(core, peer, holds(core, 1))
    beats = 0
    while core.deadline < 0.9:
        beats += "b" in said(wait(core), Append)
    assert beats >= 5


def test_a_new_leader_whose_first_word_was_lost_repeats_it_in_time() -> None:
    """3.4: before the followers' patience ends."""
    core = member("a")
    lead(core, "b")
    repeated: set[str] = set()
    while core.deadline < 1.0:
        repeated |= set(said(wait(core), Append))
    assert repeated == {"b", "c"}


def test_what_was_lost_is_sent_again() -> None:
    """3.5: the leader retries indefinitely."""
    core = member("a")
    lead(core, "b")
    tell(core, "b", holds(core, 1))
    assert said(propose(core), Append)["b"].start == 1
    reply = holds(core, 1)
    lacks = type(reply)("line", reply.epoch, False, 1, 1, 1, 1, 0.0, False, 1, reply.round)
    tell(core, "b", lacks)  # to a heartbeat that stands behind what was lost
    again = said(tell(core, "b", holds(core, 1)), Append)["b"]
    assert (again.start, len(again.entries)) == (1, 1)


def test_a_follower_that_fell_silent_is_asked_again() -> None:
    """3.5: when nothing comes back, entries that were sent are sent anew in the end."""
    core = member("a")
    lead(core, "b")
    tell(core, "b", holds(core, 1))
    propose(core)
    while (now := core.deadline) < 5.0:
        effects = wait(core)
        tell(core, "c", holds(core, 1), now)
        probe = said(effects, Append).get("b")
        if probe is not None and probe.start == 1:
            break
    again = said(tell(core, "b", holds(core, 1), now), Append)["b"]
    assert (again.start, len(again.entries)) == (1, 1)
