"""Telling linked peers: batches as they happen, what was seen, who is linked with whom.

Own batches go to every peer; others' are relayed to peers that are not linked with their author.
A batch goes only to a peer that has what comes before it in the stream: any other will ask. What
was seen is told when it changes, gathered for a moment, and all of it now and then.
"""

from collections.abc import Iterable, Sequence

from plait.base.causality import Context, Dot, VersionVector, advances
from plait.graph.event import Batch, pack
from plait.graph.messages import Effect, Message, Neighbours, Ops, Send, Vector
from plait.graph.peers import Peer
from plait.graph.records import lineage_bytes
from plait.graph.scope import Scope

TELL_SECONDS = 0.1  # how long what was seen is gathered
TELL_AUTHOR_SECONDS = 0.002  # for who sent it, and may be waiting to hear that it is safe
TELL_PINNED_SECONDS = 0.01  # for peers that ask for what they are told of
TELL_ALL_SECONDS = 5.0
MARK_BYTES = 4


class Links:
    """The linked peers of one scope, and the effects for them."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.lineage = lineage_bytes(scope.lineage)
        self.peers: dict[str, Peer] = {}
        self.out: list[Effect] = []
        self.mute = False  # this replica's id is given up: it says nothing under it any more

    def flush(self) -> list[Effect]:
        """The effects so far."""
        out, self.out = self.out, []
        return out

    def send(self, peer: Peer, message: Message) -> None:
        """Send a message to one peer."""
        self.out.append(Send(peer.name, message))

    # ------------------------------------------------------------------ batches

    def spread(self, batches: Sequence[Batch], source: Peer | None, now: float) -> None:
        """Batches were delivered: pass them on, and soon what was seen."""
        for peer in self.peers.values():
            if not peer.greeted:
                continue
            wait = TELL_SECONDS if peer.takes_batches else TELL_PINNED_SECONDS
            if peer is source:
                wait = TELL_AUTHOR_SECONDS
            peer.tell_at = min(peer.tell_at or now + wait, now + wait)
            if peer.takes_batches:
                self.send_batches(peer, [b for b in batches if self._owes(peer, b, source)])

    def _owes(self, peer: Peer, batch: Batch, source: Peer | None) -> bool:
        """Whether a peer is to get a batch from here."""
        author = batch.replica
        if author == self.scope.replica:
            return peer.standing is not None and not self.mute
        return peer is not source and author != peer.replica and author not in peer.neighbours

    def send_batches(self, peer: Peer, batches: Iterable[Batch]) -> None:
        """Send what a peer has not got, if it has what comes before."""
        sent, fresh = peer.sent, []
        for batch in batches:
            if sent.get(batch.replica, 0) == batch.first - 1 and is_said(self.scope, batch):
                sent[batch.replica] = batch.last
                fresh.append(batch)
        if fresh:
            fresh = with_refusals(self.scope, fresh, peer.sent)
            self.send(peer, ops_message(self.scope, self.lineage, 0, False, fresh))

    # ------------------------------------------------------------------ what was seen

    def tell(self, peer: Peer, now: float, now_ms: int, everything: bool) -> None:
        """Tell a peer what was seen since it was last told."""
        vector = self.scope.vector
        pairs = vector.pairs() if everything else advances(vector, peer.told)
        peer.tell_at = None
        if everything:
            peer.told_all_at = now
        if pairs or everything:
            peer.told = VersionVector(vector)
            self.send(peer, Vector(self.lineage, pairs, now_ms))

    def compare(self, now: float, now_ms: int) -> None:
        """Tell everything to peers that have seen something else, and now and then to all."""
        for peer in self.peers.values():
            if peer.greeted and (
                peer.vector != self.scope.vector or now >= peer.told_all_at + TELL_ALL_SECONDS
            ):
                self.tell(peer, now, now_ms, everything=True)

    # ------------------------------------------------------------------ who is linked

    def neighbours(self) -> tuple[int, ...]:
        """The replicas that are linked with this one."""
        return tuple(sorted(peer.replica for peer in self.peers.values() if peer.greeted))

    def tell_neighbours(self) -> None:
        """Tell every peer who is linked now."""
        neighbours = Neighbours(self.lineage, self.neighbours())
        for peer in self.peers.values():
            if peer.greeted:
                self.send(peer, neighbours)


def is_said(scope: Scope, batch: Batch) -> bool:
    """Whether a batch can be passed on: what is refused of it was said."""
    return scope.voids.sayings(batch) is not None


def with_refusals(scope: Scope, batches: Sequence[Batch], has: Context) -> list[Batch]:
    """Batches that can be passed on to who has this, and first of all whatever says that something
    in them is refused: so it is believed in time, though it may have come another way."""
    before: dict[Dot, Batch] = {}
    for batch in batches:
        for dot in scope.voids.sayings(batch) or ():
            saying = scope.history.batch_at(dot)
            if saying is not None and saying.last > has.get(saying.replica, 0):
                before[saying.replica, saying.first] = saying
    return [*before.values(), *(b for b in batches if (b.replica, b.first) not in before)]


def ops_message(
    scope: Scope, lineage: bytes, number: int, more: bool, batches: Sequence[Batch]
) -> Ops:
    """Batches with a mark of what their streams were before the first of each."""
    packed = pack(batches)
    marks: dict[int, bytes] = {}
    for batch in batches:
        if batch.replica not in marks:
            before = scope.history.digest_at((batch.replica, batch.first - 1))
            marks[batch.replica] = (before or b"")[:MARK_BYTES]
    ordered = tuple([marks.get(replica, b"") for replica in packed.names])
    return Ops(lineage, number, more, packed.names, ordered, packed.batches)
