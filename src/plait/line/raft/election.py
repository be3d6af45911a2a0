"""Elections: whether to vote for somebody, and how a candidate counts.

A *pre-vote* asks whether an election could be won, and disturbs nobody: no term changes, and
whoever has heard from a leader lately says no. Only then the candidate raises its term, votes for
itself and asks in earnest.

A voter whose disk is new may have voted already and forgotten, so its vote does not count until
a leader has admitted it. Only while a line is being founded, when nobody else can ever have led,
such votes count; then *every* voter must give one.

Invariants: at most one vote a term, durable before it is sent; a leader's log holds everything
that any majority may have committed.

Source: Ongaro's thesis 3.4, 3.6.1, 4.2.3 and 9.6 (pre-vote).
"""

from plait.base.ports import Random
from plait.line.raft.member import RaftMember
from plait.line.raft.messages import RequestVote, Vote

ELECTION_S = 0.5  # silence of a leader that makes followers doubt; drawn from 1 to 2 times this
RETRY_S = 0.05
DOWN_S_MAX = 0.04  # after a leader's connections broke, candidates wait so long at most


class Timing:
    """How long members wait, drawn anew each time so that candidates do not collide."""

    def __init__(self, random: Random, election_s: float = ELECTION_S) -> None:
        self.election_s = election_s
        self._random = random

    def patience_s(self) -> float:
        """How long a leader may be silent."""
        return self._random.uniform(self.election_s, 2 * self.election_s)

    def haste_s(self) -> float:
        """How long to wait when the leader is known to be gone."""
        return self._random.uniform(0.0, DOWN_S_MAX)


def judge(member: RaftMember, peer: str, ask: RequestVote, led: bool) -> bool | None:
    """Whether to grant; None: do not even look at the term, for a leader is at work (`led`).

    A vote in earnest is granted at most once a term; `member.term` is the asked one by then.
    """
    # a new disk's vote counts only while nothing can have been committed: its log is no reason
    recent = member.fresh or member.as_recent(ask.last, ask.tail)
    if led and not ask.transfer:
        return False if ask.pre else None
    if ask.pre:
        return ask.term > member.term and recent
    return ask.term == member.term and member.vote in ("", peer) and recent


class Candidate:
    """The role of a member that asks for votes."""

    name = "candidate"
    leader: str | None = None

    def __init__(
        self, member: RaftMember, timing: Timing, now: float, *, pre: bool, transfer: bool = False
    ) -> None:
        self.member = member
        self.transfer = transfer
        self.pre = pre
        self.votes: dict[str, Vote] = {}  # granted ones
        self.until = now + timing.patience_s()  # then begin anew
        self._next_try = now
        self.standing = pre  # our own vote is durable
        if not pre:
            member.enter(member.term + 1, member.me)
            member.persist([member.hard_state()], self._voted)
        self.term = member.term + 1 if pre else member.term

    def _voted(self, now: float) -> None:
        if self.member.term == self.term:
            self.standing = True
            self.timer(now)

    @property
    def deadline(self) -> float:
        """When `timer` wants to be called."""
        return min(self.until, self._next_try if self.standing else self.until)

    def timer(self, now: float) -> None:
        """Ask again after a while: votes and questions may have been lost."""
        if now >= self._next_try:
            self.ask(now)

    def ask(self, now: float) -> None:
        """Ask everybody who has not granted."""
        if not self.standing:
            return
        self._next_try = now + RETRY_S
        member = self.member
        ask = RequestVote(
            member.line, self.term, self.pre, self.transfer, member.log.last_epoch, member.log.tail
        )
        for peer in member.others:
            if member.membership.votes(peer) and peer not in self.votes:
                member.send(peer, ask)

    def voted(self, peer: str, vote: Vote) -> None:
        """A member answered."""
        if vote.granted and vote.asked == self.term and vote.pre == self.pre:
            self.votes[peer] = vote

    @property
    def won(self) -> bool:
        """Whether enough members would vote, or voted, for us."""
        if not self.standing:
            return False
        if self.member.fresh:  # our lost disk may have promised what this one would break
            return self.founds
        counted = {peer for peer, vote in self.votes.items() if not vote.fresh}
        return self.member.membership.quorum(counted | {self.member.me}) or self.founds

    @property
    def founds(self) -> bool:
        """Whether everybody voted and nobody but us can ever have led (see `line.primary` too)."""
        member, log = self.member, self.member.log
        if not member.votes or not (member.empty if member.fresh else member.whole):
            return False
        votes: list[Vote] = []
        for peer in member.others:
            if member.membership.votes(peer):
                vote = self.votes.get(peer)
                if vote is None or not vote.fresh:
                    return False
                votes.append(vote)
        if member.fresh:
            return all(vote.empty for vote in votes)
        return all(epoch.candidate == member.me for epoch, _ in log.epochs)
