"""Refusing what a peer may not write: the refusal is said first, then the event takes its place.

::

    batch of a peer with a warrant -> judged -> nothing refused ----------------> receive
                                        |
                                        +-> owed -> Write -> (wrote) -> durable -> receive

So whoever gets the event from here has got the refusal before it: what is refused is never seen by
anybody but its author, who hears of it by the refusal itself, like everybody else, and again and
again until it has. A process that dies in between has either said it, or never taken the event:
then its author offers it again, here or elsewhere.

Invariant: a batch that waits here has refusals that are owed, or stands behind one that has.
Absent: what is refused (`warrants`).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plait.base.causality import Dot, VersionVector
from plait.graph.event import Batch
from plait.graph.peers import Peer
from plait.graph.scope import Scope
from plait.graph.warrants import is_own_to_say, owns, refused_of

WAITING_OPS_MAX = 1 << 18
ANYBODYS = "client"  # what guests were admitted as before anybody was asked who they are


class Judged(NamedTuple):
    """A batch that may be received, refused or not."""

    peer: str
    batch: Batch
    mark: bytes
    now_ms: int


class Refusing:
    """The batches of peers with warrants, one after the other."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._waiting: deque[tuple[Peer, Judged]] = deque()
        self._ops = 0

    @property
    def waits(self) -> bool:
        """Whether a batch waits until what is owed was said."""
        return bool(self._waiting)

    def hear(
        self, peer: Peer, batches: Sequence[Batch], marks: Mapping[Dot, bytes], now_ms: int
    ) -> None:
        """Batches came from a peer with a warrant; `take` gives what may be received."""
        warrant, members = peer.warrant, self._scope.members
        if warrant is None or not owns(warrant, members, peer.replica, ANYBODYS):
            return
        for batch in batches:
            if batch.replica != peer.replica or self._ops > WAITING_OPS_MAX:
                continue  # others' it is not believed; what does not fit is asked for again
            mark = marks.get((batch.replica, batch.first), b"")
            self._ops += len(batch.ops)
            self._waiting.append((peer, Judged(peer.name, batch, mark, now_ms)))

    def take(self) -> list[Judged]:
        """What may be received now; refusals that are owed then have to be said before more can."""
        ready: list[Judged] = []
        while self._waiting:
            if self._scope.voids.owes:
                break
            peer, judged = self._waiting[0]
            if not self._judge(peer, judged.batch):
                self._pop()
            elif not self._scope.voids.owes:
                ready.append(self._pop())
        return ready

    def unlinked(self, peer: str) -> None:
        """The peer is gone; it offers what was not received again."""
        kept = [one for one in self._waiting if one[1].peer != peer]
        self._waiting = deque(kept)
        self._ops = sum(len(judged.batch.ops) for _, judged in kept)

    def _pop(self) -> Judged:
        _, judged = self._waiting.popleft()
        self._ops -= len(judged.batch.ops)
        return judged

    def _judge(self, peer: Peer, batch: Batch) -> bool:
        """Whether a batch may take its place; what is refused of it is owed then."""
        scope, warrant = self._scope, peer.warrant
        assert warrant is not None, "nobody else is judged"
        if batch.last <= scope.vector.get(batch.replica, 0):
            return True  # it was judged when it came first
        for op in batch.ops:
            if not op.key and not is_own_to_say(op, warrant, scope.members, ANYBODYS):
                return False
        unheard = scope.voids.unheard(batch.replica, self._seen(peer, batch))
        for dot, (reason, key) in refused_of(batch, warrant, unheard).items():
            scope.voids.refuse(dot, reason, key)
        return True

    def _seen(self, peer: Peer, batch: Batch) -> VersionVector:
        """What the author of a batch had seen, as far as that is known from what came before."""
        stream = self._scope.streams.get(batch.replica)
        if stream is not None:
            peer.seen.merge(stream.context)
        for replica, seq in batch.seen:
            peer.seen.saw(replica, seq)
        return peer.seen
