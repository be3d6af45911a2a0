"""What a leader knows of one follower.

States: *probe* (one message at a time until the logs match), *replicate* (pipelined, bounded by
bytes in flight), *snapshot* (its next entry is gone, a copy of the state is on its way).

Invariants: match <= next; match never falls within one epoch (a follower acknowledges only what
is on its disk) unless the follower turns out to have a new disk, or (only after accepted loss) to
have trimmed another history; a hint moves `next`, never `match`.
"""

from collections import deque
from enum import Enum

INFLIGHT_BYTES = 4 << 20
APPEND_BYTES = 1 << 20
LAGGARD_ENTRIES = 64  # who lacks no more than these has caught up


class ProgressState(Enum):
    """How the leader sends to a follower."""

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


class Progress:
    """One follower, seen from the leader."""

    def __init__(self, tail: int, now: float) -> None:
        self.state = ProgressState.PROBE
        self.next = tail
        self.match = 0
        self.received = 0
        self.applied = 0
        self.applied_records = 0
        self.lag_s = 0.0
        self.round = 0
        self.commit_sent = 0
        self.last_heard = float("-inf")  # never, in this epoch
        self.last_sent = float("-inf")
        self.waiting = False  # a probe is out, or a load from disk is under way
        self.loading = False
        self.fresh = False
        self.learner = False  # has no vote: nothing depends on what its disk may have forgotten
        self.parked = False  # it does not follow this line for now: nothing is sent to it
        self.source = ""  # another follower that passes entries on to it, as it says
        self.admit_at = 0  # a fresh member counts again once it holds this much,
        self.admit_round = 0  # and all others answered this round
        self.slot_broken = False
        self.probed_at = now
        self._inflight: deque[tuple[int, int]] = deque()  # (end position, bytes)
        self.inflight_bytes = 0

    def sent(self, end: int, size: int) -> None:
        """Entries up to `end` were sent."""
        self.next = end
        self._inflight.append((end, size))
        self.inflight_bytes += size

    def arrived(self, received: int) -> None:
        """The follower holds everything below `received`: free the window."""
        while self._inflight and self._inflight[0][0] <= received:
            self.inflight_bytes -= self._inflight.popleft()[1]

    def probe(self, next_position: int) -> None:
        """Begin to look for the matching position again."""
        self.state = ProgressState.PROBE
        self.next = max(next_position, self.match)
        self.waiting = False
        self._inflight.clear()
        self.inflight_bytes = 0

    def new_disk(self, tail: int, round_: int) -> None:
        """Whatever the follower held and promised is forgotten; it does not count until admitted.

        Before, it can have acknowledged to this leader at most what stands below `tail`.
        """
        self.fresh = True
        self.match = self.received = self.applied = self.applied_records = 0
        self.admit_at, self.admit_round = tail, round_

    def replicate(self) -> None:
        """The logs match: pipeline from here."""
        self.state = ProgressState.REPLICATE
        self.waiting = False

    def snapshot(self) -> None:
        """A copy of the state is needed."""
        self.state = ProgressState.SNAPSHOT
        self.waiting = True
        self._inflight.clear()
        self.inflight_bytes = 0

    def caught_up(self, commit: int) -> bool:
        """Whether it could vote without holding up those who do."""
        able = self.state is ProgressState.REPLICATE and not self.fresh
        return able and self.match + LAGGARD_ENTRIES >= commit

    @property
    def fed(self) -> bool:
        """Whether another follower sends it entries, so that we need not; a voter's are ours."""
        return self.learner and bool(self.source)

    @property
    def has_room(self) -> bool:
        """Whether more may be sent now."""
        if self.state is ProgressState.REPLICATE:
            return self.inflight_bytes < INFLIGHT_BYTES and not self.loading
        return self.state is ProgressState.PROBE and not self.waiting
