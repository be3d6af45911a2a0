"""Keeping one replica of a scope and its peers at the same history: the sync protocol's core.

::

    links      tells: batches as they happen, what was seen
    asking     gets what is missing, one peer at a time     (serving answers)
    identity   greets, admits, gives a used-up id up

What is told unasked only makes it fast; telling what was seen and asking for what is missing would
do. So connections may break, and messages may be lost with them, in any topology.

Effects are carried out in their order; a message leaves when everything before it is durable.

Source: Almeida et al., "Delta State Replicated Data Types" (2018), anti-entropy with delta
intervals and acknowledgements.

Absent: connections, disk, permissions. Time is an argument: seconds (`now`) for the protocol,
milliseconds since 1970 (`now_ms`) for stamps.
"""

from plait.base.errors import WrongLineage
from plait.graph.asking import Asking
from plait.graph.event import Batch
from plait.graph.identity import Identity
from plait.graph.links import Links
from plait.graph.messages import (
    Effect,
    Found,
    Greeting,
    Heard,
    Join,
    MergedHashes,
    Message,
    More,
    Neighbours,
    Nothing,
    Ops,
    Part,
    Presence,
    Standing,
    Vector,
    Want,
    Write,
)
from plait.graph.peers import Peer, checked_vector
from plait.graph.scope import Scope
from plait.graph.serving import answer
from plait.graph.warrants import Warrant

COMPARE_SECONDS = 1.0
BEAT_SECONDS = 1.0
WINDOW = 4  # parts sent before the first is acknowledged


class Exchange:
    """One replica's side of every connection of its scope."""

    def __init__(
        self,
        scope: Scope,
        sync: str = "auto",
        name: str = "",
        incarnation: int = 0,
        sponsor: str = "",
    ) -> None:
        """name: of this replica, when it is admitted; incarnation: random, for each process;
        sponsor: the peer that an `Adopt` named."""
        self.scope = scope
        self.links = Links(scope)
        self.asking = Asking(self.links, sync)
        self.identity = Identity(self.links, sync, name, incarnation, sponsor)
        self._compare_at = 0.0

    @property
    def peers(self) -> dict[str, Peer]:
        """The linked peers by name."""
        return self.links.peers

    @property
    def deadline(self) -> float:
        """When `tick` has something to do."""
        times = [self._compare_at]
        times += [p.tell_at for p in self.peers.values() if p.tell_at is not None]
        if self.asking.pull is not None:
            times.append(self.asking.pull.deadline)
        if self._beats:
            times.append(self.asking.quiet_since + BEAT_SECONDS)
        return min(times)

    @property
    def _beats(self) -> bool:
        return self.scope.unsaid and self.scope.writable and not self.links.mute

    # ------------------------------------------------------------------ connections

    def linked(
        self, peer: str, now: float, now_ms: int, warrant: Warrant | None = None
    ) -> list[Effect]:
        """A connection to `peer` is open. `warrant`: what it may write, if not everything."""
        known = self.peers[peer] = Peer(peer, warrant)
        known.told = self.scope.vector.copy()
        known.roots_told = self.scope.members.roots(self.scope.replica)
        self.identity.greet(known, now_ms)
        return self._flush()

    def unlinked(self, peer: str, now: float) -> list[Effect]:
        """The connection broke."""
        if self.peers.pop(peer, None) is not None:
            self.asking.unlinked(peer, now)
            self.links.tell_neighbours()
        return self._flush()

    def received(self, peer: str, message: Message, now: float, now_ms: int) -> list[Effect]:
        """A message arrived. Raises `WrongLineage`, `BadFrame`, or `NotAllowed` for who says to be
        somebody else: close the connection then."""
        if message.lineage != self.links.lineage:
            raise WrongLineage("the peer's graph of this name began separately")
        known = self.peers.get(peer)
        if known is None or not (known.greeted or isinstance(message, Greeting)):
            return []
        match message:
            case Greeting():
                self.identity.greeted(known, message, now, now_ms)
                self.links.tell_neighbours()
                self.links.send_batches(known, self.scope.quarantine.batches())
                self.asking.ask(now)
            case Standing():
                self.identity.stands(known, message, now, now_ms)
                self.asking.ask(now)
            case Join():
                self.identity.asked_in(known, message)
            case Neighbours(replicas=replicas):
                known.neighbours = replicas
            case Ops():
                self.asking.ops(known, message, now, now_ms)
            case Vector():
                known.saw(message.pairs)
                self.identity.clock(known, message.now_ms, now, now_ms)
                if self.asking.sync in ("delta", "state"):
                    self.asking.ask(now)
            case Want():
                self._wanted(known, message)
            case Part():
                self.asking.part(known, message, now, now_ms)
            case More(number=number, index=index):
                known.send_parts(number, index, self.links.out)
            case Nothing():
                self.asking.nothing(known, message, now)
            case MergedHashes() if known.judged_by is not None:
                pass  # it would have others write what it may not
            case Presence() | MergedHashes():
                self.links.out.append(Heard(peer, message))
        return self._flush()

    def _wanted(self, peer: Peer, want: Want) -> None:
        """A peer asks for what it lacks. A newcomer gets nothing before it was admitted; whoever
        was a member once does, because others may hear through it that it is none any more."""
        since, held = checked_vector(want.since), checked_vector(want.held)
        if not since and not self.scope.members.is_member(peer.replica):
            self.links.send(peer, Nothing(want.lineage, want.number))
            return
        peer.saw(want.since)
        hidden = {self.scope.replica: self.scope.next_seq} if self.links.mute else {}
        messages = answer(self.scope, want, since, held.merged(hidden))
        if isinstance(messages[0], Part):
            peer.outgoing = (want.number, [part for part in messages if isinstance(part, Part)])
            peer.send_parts(want.number, WINDOW, self.links.out)
            return
        for message in messages:
            self.links.send(peer, message)
            if isinstance(message, Ops):
                for batch in message.batches:
                    peer.sent.saw(message.names[batch.replica], batch.last)

    # ------------------------------------------------------------------ this replica

    def wrote(self, batch: Batch, now: float) -> list[Effect]:
        """An own batch was written."""
        self.asking.quiet_since = now
        self.links.spread((batch,), None, now)
        self.identity.admitted()
        self.asking.resume(now)
        return self._flush()

    def tick(self, now: float, now_ms: int) -> list[Effect]:
        """Time passes."""
        self.asking.took(self.scope.release(now_ms), None, now)
        self.asking.tick(now)
        for peer in self.peers.values():
            if peer.tell_at is not None and now >= peer.tell_at:
                self.links.tell(peer, now, now_ms, everything=False)
        if now >= self._compare_at:
            self._compare_at = now + COMPARE_SECONDS
            self.links.compare(now, now_ms)
            self.identity.tick(now, now_ms)
            self.asking.resume(now)
            self.asking.ask(now)
        if self._beats and now >= self.asking.quiet_since + BEAT_SECONDS:
            self.asking.quiet_since = now
            self.links.out.append(Write(()))
        return self._flush()

    def accept(self, replica: int, now: float, now_ms: int) -> list[Effect]:
        """An operator accepts what is held of a replica whose clock is too far ahead."""
        self.asking.took(self.scope.accept(replica, now_ms), None, now)
        return self._flush()

    def renamed(self, incarnation: int) -> None:
        """The scope goes on under a fresh id (`Scope.renamed`): link with every peer again."""
        self.links = Links(self.scope)
        self.asking = Asking(self.links, self.asking.sync)
        self.identity = Identity(self.links, self.asking.sync, self.identity.name, incarnation, "")

    def _flush(self) -> list[Effect]:
        effects = self.links.flush()
        for effect in effects:
            if isinstance(effect, Found):
                self.identity.noticed(effect.notice)
        return effects + self.links.flush()
