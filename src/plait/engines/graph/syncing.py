"""Syncing: the exchange of one replica, its peers' connections, and its effects on disk.

What the exchange delivers goes into the log before the messages that tell of it may leave, and the
outbox keeps these until it is durable. While a draft is open whatever arrives waits.

Empty bytes instead of a message ask the other side to begin the link anew: it is how a replica
that goes on under another id greets on a connection that stands.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from plait.base.causality import Context
from plait.base.errors import BadFrame, ClockWrong, PlaitError, Refused, StorageError
from plait.base.ports import Clock, Random
from plait.engines.graph import wal
from plait.engines.graph.collector import paused
from plait.engines.graph.journal import Journal
from plait.engines.graph.outbox import Outbox
from plait.engines.graph.parts import Parts, encode_parcel
from plait.graph.event import Batch, Op
from plait.graph.exchange import Exchange
from plait.graph.messages import (
    Adopt,
    Delivered,
    Effect,
    Found,
    Heard,
    Held,
    Joined,
    Restart,
    Send,
    Write,
    decode_message,
    encode_message,
)
from plait.graph.notices import Verdict
from plait.graph.warrants import Warrant

logger = logging.getLogger("plait.graph")

Say = Callable[[bytes], None]

RELINK = b""
HELD_MESSAGES_MAX = 4096  # that arrived while a draft is open
NOTICES_MAX = 32


class Owner(Protocol):
    """The replica, as far as syncing needs it."""

    def settle(self) -> bool:
        """Seal the open batch; False if a draft is open."""
        ...

    def say(self, ops: tuple[Op, ...]) -> None:
        """Write a batch that concerns the scope itself."""
        ...

    def took(self, events: int, batches: Sequence[Batch] = ()) -> None:
        """Something of others took effect and is in the log."""
        ...

    def restart(self, reason: str, trusted: bool = False, retire: int = 0) -> None:
        """Go on under a fresh id."""
        ...

    def adopt(self, reason: str, lost: tuple[Batch, ...], peer: str, forked: bool) -> None:
        """Begin again empty."""
        ...

    def torn(self, error: StorageError) -> None:
        """A document could not be read in the midst of something."""
        ...

    def heard(self, peer: str, message: Any) -> None:
        """Something that only rides along."""
        ...

    def judged(self, verdict: Verdict) -> None:
        """An event was refused, perhaps an own one."""
        ...


class Syncing:
    """One replica's peers."""

    def __init__(
        self, parts: Parts, journal: Journal, owner: Owner, clock: Clock, random: Random
    ) -> None:
        self.notices: deque[str] = deque(maxlen=NOTICES_MAX)
        self.outbox = Outbox()
        self.sent_bytes = 0
        self._parts = parts
        self._journal = journal
        self._owner = owner
        self._clock = clock
        self._random = random
        self._says: dict[str, Say] = {}
        self._warrants: dict[str, Warrant | None] = {}
        self._arrived: deque[tuple[str, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.begin()

    def begin(self, sponsor: str = "") -> None:
        """Another scope: every link begins anew. `sponsor`: the peer that is to admit it."""
        options = self._parts.options
        incarnation = self._random.getrandbits(63)
        self.exchange = Exchange(
            self._parts.scope, options.sync, options.node, incarnation, sponsor
        )

    def greet_again(self) -> None:
        """Link with every peer anew, on the connections that stand."""
        for peer, say in list(self._says.items()):
            self.outbox.put(self._journal.position, self._journal.durable, partial(say, RELINK))
            self._link(peer)

    # ------------------------------------------------------------------ connections

    def linked(self, peer: str, say: Say, warrant: Warrant | None = None) -> None:
        """A connection is open (or begins anew). `warrant`: what the peer may write."""
        if peer in self._says:
            self.unlinked(peer)
        self._says[peer], self._warrants[peer] = say, warrant
        self._link(peer)

    def _link(self, peer: str) -> None:
        warrant = self._warrants[peer]
        self._do(lambda now, now_ms: self.exchange.linked(peer, now, now_ms, warrant))

    def unlinked(self, peer: str) -> None:
        """The connection broke."""
        self._warrants.pop(peer, None)
        if self._says.pop(peer, None) is not None:
            self._do(lambda now, _: self.exchange.unlinked(peer, now))

    def received(self, peer: str, data: bytes) -> None:
        """A message arrived. Raises `BadFrame` or `WrongLineage`: close the connection then."""
        if peer not in self._says:
            return
        if not self._owner.settle():
            if len(self._arrived) >= HELD_MESSAGES_MAX:
                raise BadFrame("too many messages while a change is open")
            self._arrived.append((peer, data))
            return
        self._hear(peer, data)

    def resume(self) -> None:
        """The draft is closed: hear what arrived meanwhile."""
        while self._arrived:
            peer, data = self._arrived.popleft()
            if peer not in self._says:
                continue
            try:
                self._hear(peer, data)
            except PlaitError as error:
                self.note(f"{peer}: {error}")
                self.unlinked(peer)

    def _hear(self, peer: str, data: bytes) -> None:
        if data == RELINK:
            self._do(lambda now, _: self.exchange.unlinked(peer, now))
            self._link(peer)
            return
        with paused():
            message = decode_message(data)
            self._do(lambda now, now_ms: self.exchange.received(peer, message, now, now_ms))

    def accept(self, replica: int) -> None:
        """An operator accepts what is in quarantine of a replica, whatever its clock says."""
        self._do(lambda now, now_ms: self.exchange.accept(replica, now, now_ms))

    def wrote(self, batch: Batch) -> None:
        """An own batch was sealed, and is in the log."""
        now = self._clock.monotonic()
        self._carry_out(self.exchange.wrote(batch, now))
        self._arm()

    def tick(self) -> None:
        """Time passes."""
        self._timer = None
        if self._owner.settle():
            self._do(self.exchange.tick)
        else:
            self._arm()

    def vectors(self) -> list[Context]:
        """What each linked peer said it has on its disk."""
        return [peer.vector for peer in self.exchange.peers.values() if peer.greeted]

    def broadcast(self, message: Any) -> None:
        """Tell every peer something that rides along."""
        data = encode_message(message)
        for say in self._says.values():
            self.outbox.put(self._journal.position, self._journal.durable, partial(say, data))

    def caught_up(self) -> bool:
        """Whether no peer is known to have more, and at least one was heard."""
        vectors = self.vectors()
        lacks = self._parts.scope.lacks
        return bool(vectors) and not any(lacks(vector.items()) for vector in vectors)

    def hears(self, peer: str) -> bool:
        """Whether a peer is linked and has said who it is."""
        known = self.exchange.peers.get(peer)
        return known is not None and known.greeted

    def has_all_of(self, peer: str) -> bool:
        """Whether a peer is linked and has told of nothing that is not here."""
        return self.hears(peer) and not self._parts.scope.lacks(
            self.exchange.peers[peer].vector.items()
        )

    def note(self, text: str) -> None:
        """Something for people."""
        logger.info("graph %s: %s", self._parts.options.name, text)
        self.notices.append(text)

    def close(self) -> None:
        """Say nothing any more."""
        self._closed = True
        self._says.clear()
        self.outbox.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ------------------------------------------------------------------ effects

    def _do(self, step: Callable[[float, int], list[Effect]]) -> None:
        if self._closed:
            return
        self._owner.settle()
        try:
            effects = step(self._clock.monotonic(), self._clock.wall_ms())
        except StorageError as error:
            self._owner.torn(error)
            return
        self._carry_out(effects)
        self._arm()

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(peer, message):
                    self._send(peer, encode_message(message))
                case Delivered(batches):
                    self._journal.add(wal.delivered(batches))
                    for batch in batches:
                        self._parts.delivered(batch)
                    self._owner.took(sum(len(batch.ops) for batch in batches), batches)
                case Held(batches):
                    self._journal.add(wal.held(batches))
                    self._owner.took(len(batches))
                case Joined(parcel):
                    self._journal.add(wal.Joined(encode_parcel(parcel)))
                    self._parts.joined()
                    self._owner.took(len(parcel.fragments) + 1)
                case Write(ops):
                    self._write(ops)
                case Restart(reason, retire):
                    self._owner.restart(reason, retire=retire)
                case Adopt(reason, lost, peer, forked):
                    self._owner.adopt(reason, lost, peer, forked)
                case Heard(peer, message):
                    self._owner.heard(peer, message)
                case Found(notice):
                    self.note(repr(notice))
                    if isinstance(notice, Verdict):
                        self._owner.judged(notice)

    def _send(self, peer: str, data: bytes) -> None:
        say = self._says.get(peer)
        if say is not None:
            self.sent_bytes += len(data)
            self.outbox.put(self._journal.position, self._journal.durable, partial(say, data))

    def _write(self, ops: tuple[Op, ...]) -> None:
        try:
            self._owner.say(ops)
        except (ClockWrong, Refused) as error:
            self.note(f"cannot write what is owed: {error}")

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed or not (self._says or self._parts.scope.quarantine.starts):
            return
        delay = max(self.exchange.deadline - self._clock.monotonic(), 0.001)
        self._timer = asyncio.get_running_loop().call_later(delay, self.tick)
