"""Mistakes in consensus: votes, terms, commits, reads. They are those of the unit tests' campaign;
here whole nodes make them, and clients and probes find them."""

from typing import Any

import msgspec
import raft_mistakes as known
from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.base.ports import CutSuffix, LogWrite
from plait.line.entry import Epoch
from plait.line.replication.follower import Follower
from plait.line.replication.messages import Append
from plait.line.replication.receiver import Accepted, Receiver


def an_empty_append_erases(patch: Patch) -> None:
    """RaftOS: a follower cuts what it holds behind an append, even behind a sign of life."""
    right = Follower._store

    def store(self: Follower, accepted: Accepted, epoch: Epoch) -> list[LogWrite]:
        member, end = self.member, accepted.start
        behind = None if accepted.entries else member.log.kept(end)
        if behind is None or end < member.commit:
            return right(self, accepted, epoch)
        self.receiver.forget_above(end)
        member.forget_suffix(end, behind.entry.record_index)
        return [CutSuffix(member.line, end), member.hard_state()]

    patch.setattr(Follower, "_store", store)


def what_comes_before_is_not_compared(patch: Patch) -> None:
    """A follower appends behind whatever it has: the log matching of Raft is left out."""
    right = Receiver.judge

    def judge(self: Receiver, message: Append) -> Any:
        if message.start <= self.log.tail and message.start > self.log.head:
            previous = self.log.epoch_at(message.start - 1)
            message = msgspec.structs.replace(message, previous=previous)
        return right(self, message)

    patch.setattr(Receiver, "judge", judge)


elections = world("registers", nodes=(3, 5), kill=1.5, partition=2.0, one_way=2.0, pause=2.0)
depositions = world(
    "registers",
    nodes=(3, 5),
    clients=3,
    think_s=0.02,
    slow=True,
    partition=1.0,
    kill=2.0,
    pause=2.0,
)
reorderings = world(
    "registers", nodes=(3, 5), clients=3, think_s=0.02, kill=2.0, exile=2.0, twice=1.0, shuffle=1.0
)
restarts = world("registers", clients=4, think_s=0.01, slow=True, stalls=True, kill=0.7)
resets = world("registers", clients=8, think_s=0.005, slow=True, reset=0.1, bad_sync=3.0)
doubts = world(  # so slow to doubt that a deposed leader is asked meanwhile
    "mirrors", clients=3, work_s=25.0, limits={"election_s": 3.0}, partition=4.0
)
exiles = world("floods", work_s=12.0, calm_s=90.0, exile=0.5)
forgetters = world("registers", nodes=(3, 5), calm_s=90.0, lost_voter=0.7)

MISTAKES = (
    Mistake(known.commits_an_older_term_by_counting, elections),
    Mistake(known.counts_its_own_unsynced_disk, elections),
    Mistake(known.counts_what_followers_received, elections),
    Mistake(known.commit_falls, depositions),
    Mistake(known.match_falls, reorderings),
    Mistake(known.takes_a_hint_for_a_match, exiles),
    Mistake(an_empty_append_erases, resets),
    Mistake(known.votes_before_it_is_durable, elections),
    Mistake(known.asks_before_its_own_vote_is_durable, elections),
    Mistake(known.votes_for_a_shorter_log, elections),
    Mistake(known.forgets_its_vote_when_it_steps_down, elections),
    Mistake(known.votes_twice, elections),
    Mistake(known.protects_no_leader, elections),
    Mistake(known.reads_without_a_round, doubts),
    Mistake(known.reads_before_its_term_committed, restarts),
    Mistake(known.compares_lengths_only, exiles),
    Mistake(what_comes_before_is_not_compared, exiles),
    Mistake(known.counts_new_disks_votes, forgetters),
)
