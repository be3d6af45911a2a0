"""One collection's part of a round through a shared folder: what others left is taken in, and what
they lack is left for them.

Each other writer's entry is played by a stand-in that is linked with this process's replica for the
length of the round, so everything goes the way that it goes over a connection: through the log of
the replica before anything is said of it.

Invariant: what `export` and `entry` give out is durable here.

Absent: files, and who writes them (`folder_sync`).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import msgspec

from plait.api.infos import GraphInfo
from plait.base.causality import VersionVector, descends, meet_all
from plait.base.codec import encode
from plait.base.errors import BadFrame, NotLoaded, PlaitError, Refused, Unavailable
from plait.base.ports import Clock
from plait.engines.graph import Replica
from plait.graph.messages import (
    PAGE_BYTES_MAX,
    Greeting,
    Message,
    Nothing,
    Ops,
    Part,
    Want,
    decode_message,
    encode_message,
)
from plait.graph.offers import Answer, Bundle, answer_of, choose, reach
from plait.graph.standin import Entry, Judged, StandIn

STEPS_MAX = 1_000_000  # messages of one round
ADOPT_S = 30.0
POLL_S = 0.02
SPARE_BYTES = 64 * 1024  # a page grows a little when it is encoded

PROBE = "folder"

Place = TypeVar("Place")
Load = Callable[[Place], Awaitable[Sequence[Message]]]

_texts = msgspec.msgpack.Decoder(tuple[bytes, ...])


def pack_messages(messages: Sequence[Message]) -> bytes:
    """Messages as the body of a file."""
    return encode([encode_message(message) for message in messages])


def unpack_messages(data: bytes) -> list[Message]:
    """The messages in a file's body. Raises `BadFrame`."""
    try:
        return [decode_message(text) for text in _texts.decode(data)]
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"no messages: {error}") from None


class CollectionRound(Generic[Place]):
    """One replica, the stand-ins of the others, and the bundles that lie in the folder."""

    def __init__(
        self,
        replica: Replica,
        stand_ins: Sequence[StandIn],
        bundles: Sequence[Bundle[Place]],
        load: Load[Place],
        clock: Clock,
        name: str = "",
    ) -> None:
        """name: tells this store's rounds from those that it does elsewhere at the same time."""
        self.replica = replica
        self.stand_ins = list(stand_ins)
        self.bundles = list(bundles)
        self.errors: list[str] = []
        self._load = load
        self._clock = clock
        self._probe = f"{PROBE}/{name}"
        self._inbox: deque[tuple[StandIn, bytes]] = deque()
        self._numbers = 0

    # ------------------------------------------------------------------ talking

    async def link(self, says: bool = True) -> None:
        """Let the replica take in all that it can get, say that it has seen it (what is stable
        depends on that, and the store may be open for this round only), and judge every stand-in.

        says: unless another round soon will say it.
        """
        for stand_in in self.stand_ins:
            self.replica.linked(self._peer(stand_in), partial(self._said, stand_in))
        await self._talk()
        scope = self.replica.parts.scope
        if says and scope.unsaid and scope.writable:
            with contextlib.suppress(Refused):  # another round will say it
                self.replica.say(())
        for stand_in in self.stand_ins:
            self._tell(stand_in, stand_in.greet(self._clock.wall_ms()))
        await self._talk()

    def unlink(self) -> None:
        """The round is over."""
        for stand_in in self.stand_ins:
            self.replica.unlinked(self._peer(stand_in))

    def _peer(self, stand_in: StandIn) -> str:
        return f"{self._probe}/{stand_in.writer}"

    def _said(self, stand_in: StandIn, data: bytes) -> None:
        if data:  # nothing at all asks to greet again, which a greeting does by itself
            self._inbox.append((stand_in, data))

    def _tell(self, stand_in: StandIn, message: Message) -> None:
        if stand_in not in self.stand_ins:
            return
        try:
            self.replica.received(self._peer(stand_in), encode_message(message))
        except PlaitError as error:
            self.errors.append(f"what {stand_in.writer} left cannot be used: {error.message}")
            self.stand_ins.remove(stand_in)
            self.replica.unlinked(self._peer(stand_in))

    async def _talk(self) -> None:
        """Pass messages on until nobody says anything more."""
        for _ in range(STEPS_MAX):
            if not self._inbox:
                await self._settled()
                if not self._inbox:
                    return
            stand_in, data = self._inbox.popleft()
            message = decode_message(data)
            if isinstance(message, Greeting) and message.replica != self.replica.replica:
                continue  # it was said under an id that has been given up since
            heard = stand_in.hear(message, self._clock.wall_ms())
            for reply in heard.replies:
                self._tell(stand_in, reply)
            if heard.want is not None:
                await self._serve(stand_in, heard.want)
        self.errors.append("the round was too long; the next one goes on")

    async def _settled(self) -> None:
        """Everything is durable, so everything that waited for that was said."""
        until = self._clock.monotonic() + ADOPT_S
        while True:
            try:
                self.replica.check()
                await self.replica.flush()
                return
            except NotLoaded:  # it begins again empty, under a fresh id
                if self._clock.monotonic() > until:
                    raise
                await asyncio.sleep(POLL_S)

    async def _serve(self, stand_in: StandIn, want: Want) -> None:
        """Answer a question from what lies in the folder."""
        since = VersionVector(dict(want.since)).merged(dict(want.held))
        while (bundle := choose(since, self.bundles)) is not None:
            try:
                messages = [
                    message for place in bundle.pieces for message in await self._load(place)
                ]
            except BadFrame as error:
                self.errors.append(error.message)
                self.bundles.remove(bundle)
                continue
            for message in messages:
                if isinstance(message, Ops):
                    ops = msgspec.structs.replace(message, number=want.number, more=False)
                    self._tell(stand_in, ops)
                elif isinstance(message, Part):
                    self._tell(stand_in, msgspec.structs.replace(message, number=want.number))
            return
        self._tell(stand_in, Nothing(want.lineage, want.number))

    # ------------------------------------------------------------------ leaving

    def served(self) -> list[VersionVector]:
        """What each of those has seen who are given anything, as far as is known."""
        live = self._live()
        return [
            stand_in.entry.vector.merged(live.get(stand_in.entry.greeting.replica, {}))
            for stand_in in self.stand_ins
            if stand_in.served
        ]

    def _live(self) -> dict[int, VersionVector]:
        """What replicas have said to have seen that are linked with this one over a network."""
        peers = self.replica.syncing.exchange.peers
        return {
            peer.replica: peer.vector
            for name, peer in peers.items()
            if peer.greeted and not name.startswith(f"{PROBE}/")
        }

    def all_live(self) -> bool:
        """Whether everybody who is given anything gets it over a network as well."""
        live = self._live()
        return all(s.entry.greeting.replica in live for s in self.stand_ins if s.served)

    def elsewhere(self, bundles: Sequence[Bundle[Place]]) -> VersionVector:
        """What others have, or find in `bundles`."""
        seen = VersionVector()
        for stand_in in self.stand_ins:
            seen.merge(stand_in.entry.vector)
        return reach(seen, bundles)

    async def export(self, bundles: Sequence[Bundle[Place]]) -> AsyncIterator[Answer]:
        """What those who are served lack, unless they find it in `bundles`."""
        served = [stand_in for stand_in in self.stand_ins if stand_in.served]
        if not served:
            return
        base = meet_all(self.served())
        vector = reach(base, bundles)
        while not descends(vector, self.replica.vector):
            answer = await self._ask(served[0], vector)
            if answer is None or descends(vector, answer.reaches):
                return
            vector.merge(answer.reaches)
            yield answer

    async def _ask(self, stand_in: StandIn, since: VersionVector) -> Answer | None:
        self._numbers += 1
        limit = PAGE_BYTES_MAX - SPARE_BYTES
        self._tell(stand_in, stand_in.ask(self._numbers, since, limit))
        await self._talk()
        if not stand_in.answered or not stand_in.answers:
            return None
        return answer_of(stand_in.answers)

    async def entry(self, earlier: Entry | None, info: GraphInfo) -> Entry:
        """What this replica leaves of itself; `earlier`: what it left last time."""
        greeting = await self._greeting()
        member = any(stand_in.member for stand_in in self.stand_ins)
        joins = any(stand_in.joins for stand_in in self.stand_ins)
        same = earlier is not None and earlier.greeting.replica == greeting.replica
        asked = earlier.asks if earlier is not None and same and not member else ""
        return Entry(
            info.name,
            info.founder,
            info.settings.sync,
            info.settings.history,
            greeting,
            (self.replica.who(self.replica.replica) or PROBE) if joins else asked,
            tuple([s.mark for s in self.stand_ins if s.mark is not None]),
            tuple(
                [
                    Judged(s.writer, s.entry.greeting.replica, s.judged)
                    for s in self.stand_ins
                    if s.judged is not None
                ]
            ),
        )

    async def _greeting(self) -> Greeting:
        """What the replica says of itself now, when it is durable."""
        said: list[bytes] = []
        self.replica.linked(self._probe, said.append)
        await self._settled()
        self.replica.unlinked(self._probe)
        for data in reversed(said):
            if data and isinstance(message := decode_message(data), Greeting):
                return msgspec.structs.replace(message, neighbours=())
        raise Unavailable(f"documents {self.replica.name!r} have nothing to say yet")


def same_entry(one: Entry, other: Entry) -> bool:
    """Whether nothing but the time has changed."""

    return timeless(one) == timeless(other)


def timeless(entry: Entry) -> Entry:
    """`entry` without what changes by itself."""
    greeting = msgspec.structs.replace(entry.greeting, now_ms=0, incarnation=0)
    return msgspec.structs.replace(entry, greeting=greeting)
