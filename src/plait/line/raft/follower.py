"""A Raft follower: the shared one, and a sense of how long its leader may be silent."""

from plait.line.raft.election import Timing
from plait.line.raft.member import RaftMember
from plait.line.replication.follower import Follower
from plait.line.replication.messages import Append


class RaftFollower(Follower):
    """The role of every member that neither leads nor wants to."""

    def __init__(
        self, member: RaftMember, timing: Timing, now: float, leader: str | None = None
    ) -> None:
        super().__init__(member, leader)
        self._raft_member = member
        self._timing = timing
        self._patient_until = now + timing.patience_s()
        self._patience_s = timing.patience_s()

    @property
    def may_stand(self) -> bool:
        """Whether this member may ask for votes."""
        return self._raft_member.may_stand

    @property
    def deadline(self) -> float:  # type: ignore[override]
        """When to stand for election, if no leader speaks before."""
        if not self.may_stand:
            return float("inf")
        return max(self._patient_until, self.last_heard + self._patience_s)

    def is_led(self, now: float) -> bool:
        """Whether a leader spoke so lately that no election is needed (thesis 4.2.3)."""
        return self.leader is not None and now - self.last_heard < self._timing.election_s

    def _hear(self, message: Append, now: float) -> None:
        super()._hear(message, now)
        # every leader's log has what is committed, however late or old its message is
        self.receiver.verify(self.member.commit)

    def be_patient(self, now: float) -> None:
        """Somebody got our vote: let it win."""
        self._patient_until = now + self._timing.patience_s()

    def leader_lost(self, now: float) -> None:
        """The leader's connections broke: stand soon, unless it speaks again."""
        self.leader = None
        self.last_heard = float("-inf")
        self._patient_until = now + self._timing.haste_s()
