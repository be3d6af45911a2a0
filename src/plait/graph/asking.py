"""Getting what is missing: one thing is asked of one peer at a time.

Whoever told that it has seen more can be asked, each in its turn. A peer that answers nothing in
time, or cannot, is left out for a while. What an answer makes deliverable is passed on.
"""

from collections.abc import Sequence

from plait.base.causality import Dot
from plait.graph.event import Batch, Pack, unpack
from plait.graph.links import Links
from plait.graph.messages import (
    OWN,
    PAGE_BYTES,
    Delivered,
    Found,
    Held,
    Joined,
    More,
    Nothing,
    Ops,
    Part,
    Want,
    Write,
)
from plait.graph.parcels import join
from plait.graph.peers import Peer
from plait.graph.pulling import Pull
from plait.graph.refusing import Refusing

PULL_SECONDS = 5.0
BUSY_SECONDS = 1.0
WINDOW = 4  # parts under way


class Asking:
    """What is being asked for, and what came."""

    def __init__(self, links: Links, sync: str) -> None:
        self.links = links
        self.scope = links.scope
        self.sync = sync
        self.refusing = Refusing(links.scope)
        self.pull: Pull | None = None
        self.quiet_since = 0.0  # when something was last written or delivered
        self._numbers = 0
        self._last = ""  # the peer that was asked last

    # ------------------------------------------------------------------ asking

    def ask(self, now: float) -> None:
        """Ask the next peer that has something, unless an answer is under way."""
        if self.pull is not None:
            return
        for peer in self._in_turn():
            if self._answers_us(peer, now) and self.scope.lacks(_told(peer)):
                self._want(peer, now)
                return
        self._clean(now)

    def _answers_us(self, peer: Peer, now: float) -> bool:
        standing = peer.standing
        welcome = standing is not None and (standing.member or bool(self.scope.vector))
        return welcome and now >= peer.busy_until

    def _clean(self, now: float) -> None:
        """Ask for documents that show what was voided, if there are any."""
        unclean = tuple(self.scope.voids.unclean)
        if unclean:
            for peer in self._in_turn():
                if self._answers_us(peer, now) and peer.judged_by is None:
                    peer.busy_until = now + BUSY_SECONDS
                    self._want(peer, now, unclean)
                    return

    def _in_turn(self) -> list[Peer]:
        """The peers, beginning after the one that was asked last."""
        peers = list(self.links.peers.values())
        names = [peer.name for peer in peers]
        start = names.index(self._last) + 1 if self._last in names else 0
        return peers[start:] + peers[:start]

    def _want(self, peer: Peer, now: float, keys: tuple[str, ...] = ()) -> None:
        scope = self.scope
        self._numbers += 1
        self._last = peer.name
        self.pull = Pull(peer.name, self._numbers, now + PULL_SECONDS)
        held = scope.quarantine.known(scope.vector)
        road = "ops" if peer.ops_only else self.sync
        if peer.judged_by is not None:
            road = OWN
        self.links.send(
            peer,
            Want(
                self.links.lineage, self._numbers, scope.vector.pairs(), held, road,
                PAGE_BYTES, keys,
            ),
        )  # fmt: skip

    def unlinked(self, peer: str, now: float) -> None:
        """A peer is gone; ask another."""
        self.refusing.unlinked(peer)
        if self.pull is not None and self.pull.peer == peer:
            self.pull = None
            self.ask(now)

    def tick(self, now: float) -> None:
        """Give up waiting for an answer in the end."""
        if self.pull is not None and now >= self.pull.deadline:
            peer = self.links.peers.get(self.pull.peer)
            if peer is not None:
                peer.busy_until = now + PULL_SECONDS
            self.pull = None
            self.ask(now)

    # ------------------------------------------------------------------ answers

    def ops(self, peer: Peer, message: Ops, now: float, now_ms: int) -> None:
        """Batches came, asked for or not."""
        batches = unpack(Pack(message.names, message.batches))
        named = dict(zip(message.names, message.marks, strict=False))
        marks: dict[Dot, bytes] = {}
        for batch in batches:
            peer.sent.saw(batch.replica, batch.last)
            marks[batch.replica, batch.first] = named.pop(batch.replica, b"")
        before = self.scope.known().count()
        if peer.judged_by is not None:
            self.refusing.hear(peer, batches, marks, now_ms)
            self.resume(now)
        else:
            self.took(self.scope.receive(batches, now_ms, marks), peer, now)
        if self.pull is None and self.scope.voids.unclean:
            self._clean(now)
        if self.pull is None or not self._answers(peer, message.number):
            return
        self.pull = None
        if self.scope.known().count() == before:
            peer.busy_until = now + BUSY_SECONDS  # it gave nothing that helps
        self.ask(now)

    def resume(self, now: float) -> None:
        """What is owed was said: receive what waited for that."""
        for judged in self.refusing.take():
            batch = judged.batch
            marks = {(batch.replica, batch.first): judged.mark}
            source = self.links.peers.get(judged.peer)
            self.took(self.scope.receive((batch,), judged.now_ms, marks), source, now)
        if self.refusing.waits:
            self.links.out.append(Write(()))

    def part(self, peer: Peer, message: Part, now: float, now_ms: int) -> None:
        """A piece of a parcel came; the last one joins it."""
        pull = self.pull
        if pull is None or not self._answers(peer, message.number) or peer.judged_by is not None:
            return
        pull.add(message)
        pull.deadline = now + PULL_SECONDS
        if not message.last:
            self.links.send(peer, More(message.lineage, message.number, pull.count + WINDOW))
            return
        self.pull = None
        parcel = pull.parcel()
        before = self.scope.vector.copy()
        delivered = join(self.scope, parcel, now_ms)
        if delivered is None:
            peer.ops_only = not parcel.keys
            peer.busy_until = now + BUSY_SECONDS
        else:
            peer.ops_only = False
            self.links.out.append(Joined(parcel))
            if self.scope.vector == before:
                peer.busy_until = now + BUSY_SECONDS
        self.took(delivered or [], peer, now, moved=delivered is not None)
        self.ask(now)

    def nothing(self, peer: Peer, message: Nothing, now: float) -> None:
        """The peer cannot answer now."""
        if self.pull is not None and self._answers(peer, message.number):
            self.pull = None
            peer.busy_until = now + BUSY_SECONDS
            self.ask(now)

    def _answers(self, peer: Peer, number: int) -> bool:
        pull = self.pull
        return pull is not None and pull.peer == peer.name and pull.number == number

    def took(
        self, delivered: Sequence[Batch], source: Peer | None, now: float, moved: bool = False
    ) -> None:
        """Pass on what was delivered or held, and say what is owed for it."""
        scope, links = self.scope, self.links
        held = scope.quarantine.fresh()
        if delivered:
            links.out.append(Delivered(tuple(delivered)))
        if held:
            links.out.append(Held(tuple(held)))
        if delivered or held or moved:
            self.quiet_since = now
            links.spread((*delivered, *held), source, now)
        links.out.extend(Found(notice) for notice in scope.notices())
        if scope.owed():
            links.out.append(Write(()))


def _told(peer: Peer) -> tuple[tuple[int, int], ...]:
    """What a peer has told that it has seen, as far as it can be asked for it."""
    if peer.judged_by is None:
        return peer.vector.pairs()
    return ((peer.replica, peer.vector.get(peer.replica, 0)),)
