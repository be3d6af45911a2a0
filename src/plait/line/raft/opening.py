"""A Raft core as it starts from what its disk remembers."""

from plait.base.ports import Random
from plait.line.raft.core import RaftCore
from plait.line.raft.election import ELECTION_S
from plait.line.raft.member import HardState
from plait.line.replication.log_view import LogView


def opened(
    line: str,
    me: str,
    hard: HardState,
    tail: int,
    records: int,
    committed: int,
    random: Random,
    now: float,
    election_s: float = ELECTION_S,
) -> RaftCore:
    """A core as it starts from disk.

    `tail` and `records` are those of the entries there; everything below `committed` is known to
    be committed, because it was applied before the restart.
    """
    log = LogView(hard.base)
    log.restore(list(hard.epochs), tail, records)
    core = RaftCore(line, me, hard, log, random, now, election_s)
    if core.member.membership.members == (me,):
        committed = tail  # nobody else was ever asked
    core.member.commit = core.member.committed_told = max(log.head, min(committed, tail))
    return core
