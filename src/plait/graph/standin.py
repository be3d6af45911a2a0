"""Stand-ins: a replica that is elsewhere, played by what it left behind.

A replica leaves an *entry*: the greeting that it would open a connection with, how others stand
with it, and whether it asks to be admitted. From that a stand-in speaks the sync protocol with a
live replica, which notices no difference: it is greeted, judged, asked to admit, and asks in turn
for what it lacks. So forks, copies, lost state, retirement and admission are decided by the one
protocol that there is (`identity`, `asking`), only slower: an answer to what was said now is in the
entry that its owner leaves next time.

Invariants: a standing is passed on only to the id that it was meant for. Nobody is told that its
peer lacks nothing (`complete`) unless the peer's vector in the same entry says so.

Absent: the messages that bundles are made of (`offers`), files and time.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from plait.base.causality import VersionVector, descends
from plait.base.errors import BadFrame
from plait.graph.event import GENESIS, REPLICA_MAX
from plait.graph.messages import (
    FINE,
    Greeting,
    Join,
    Message,
    More,
    Nothing,
    Ops,
    Part,
    Standing,
    Want,
)
from plait.graph.peers import checked_vector
from plait.graph.records import LINEAGE_BYTES

WINDOW = 4  # parts under way


class Marked(msgspec.Struct, frozen=True, array_like=True):
    """A place of the own stream that one other is asked to compare."""

    writer: str
    seq: int
    digest: bytes


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """How one other's replica stands here."""

    writer: str
    replica: int
    standing: Standing


class Entry(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """What a replica of a collection leaves of itself."""

    name: str
    founder: int  # the replica that began the graph
    sync: str
    history: str
    greeting: Greeting
    asks: str  # the name that it asks to be admitted under, or ""
    marks: tuple[Marked, ...]
    judged: tuple[Judged, ...]

    @property
    def lineage(self) -> bytes:
        """The graph's lineage, as messages carry it."""
        return self.greeting.lineage

    @property
    def vector(self) -> VersionVector:
        """What its replica had seen. Raises `BadFrame`."""
        return checked_vector(self.greeting.vector)


def checked_entry(entry: Entry) -> Entry:
    """`entry`; raises `BadFrame` for one that no replica can have left."""
    greeting = entry.greeting
    if len(greeting.lineage) != LINEAGE_BYTES:
        raise BadFrame("a lineage that cannot be")
    if not (1 <= greeting.replica <= REPLICA_MAX and 1 <= entry.founder <= REPLICA_MAX):
        raise BadFrame("a replica that cannot be")
    checked_vector(greeting.vector)
    return entry


class Heard(NamedTuple):
    """What a stand-in makes of a message."""

    replies: Sequence[Message] = ()
    want: Want | None = None  # the live replica asks for this


class StandIn:
    """One absent replica, linked with a live one."""

    def __init__(self, entry: Entry, writer: str, mine: str) -> None:
        self.entry = entry
        self.writer = writer  # who left the entry
        self.judged: Standing | None = None  # how the absent one stands at the live one
        self.welcomed = False  # it was admitted while it was linked
        self.joins = False  # the live one asks to be admitted
        self.member = False  # the live one is a member, as the absent one knows
        self.mark: Marked | None = None  # what the absent one is to compare
        self.answers: list[Ops | Part] = []  # to what the stand-in asked last
        self.answered = False
        self._mine = mine  # the live one's writer
        self._greeted = 0  # the live one's id
        self._flock = 0  # and whose word it is a member by
        self._vector = VersionVector()

    @property
    def served(self) -> bool:
        """Whether the live one gives the absent one anything: it is a member, and no copy stands
        between them (see `members`): then what one of them has may never count for the other."""
        same = not self.entry.vector or self.entry.greeting.flock == self._flock
        return (
            same and self.judged is not None and self.judged.member and self.judged.retired is None
        )

    def hear(self, message: Message, now_ms: int) -> Heard:
        """The live replica says something."""
        match message:
            case Greeting():
                return Heard(self._greeted_by(message, now_ms))
            case Standing():
                known = self.judged
                self.welcomed |= known is not None and not known.member and message.member
                self.judged = message
            case Join():
                self.joins = True
            case Want(keys=keys):
                if keys:  # single documents are not kept
                    return Heard((Nothing(message.lineage, message.number),))
                return Heard(want=message)
            case Ops(number=number) if number:
                self._answer(message, last=True)
            case Part(number=number, index=index, last=last):
                self._answer(message, last)
                return Heard(() if last else (More(message.lineage, number, index + 1 + WINDOW),))
            case Nothing():
                self.answered = True
        return Heard()

    def greet(self, now_ms: int) -> Greeting:
        """The absent one's greeting, with a mark that was asked for if there is one. It is told at
        this machine's time: what its clock said then says nothing about ours."""
        entry = self.entry
        marks = [mark for mark in entry.marks if mark.writer == self._mine]
        greeting = msgspec.structs.replace(entry.greeting, neighbours=(), now_ms=now_ms)
        if marks:
            greeting = msgspec.structs.replace(greeting, seq=marks[-1].seq, digest=marks[-1].digest)
        return greeting

    def ask(self, number: int, since: VersionVector, bytes_max: int) -> Want:
        """Ask the live one for what comes after `since`."""
        self.answers, self.answered = [], False
        return Want(self.entry.lineage, number, since.pairs(), (), self.entry.sync, bytes_max)

    def _answer(self, message: Ops | Part, last: bool) -> None:
        self.answers.append(message)
        self.answered |= last

    def _greeted_by(self, message: Greeting, now_ms: int) -> list[Message]:
        """The first greeting under an id is answered; a later one asks to compare."""
        if message.replica == self._greeted:
            self.mark = Marked(self.writer, message.seq, message.digest)
            return []
        self._greeted = message.replica
        self._flock = message.flock
        self._vector = checked_vector(message.vector)
        replies: list[Message] = [self.greet(now_ms)]
        standing = self._standing()
        if standing is not None:
            self.member = standing.member and standing.retired is None
            replies.append(standing)
        if self.entry.asks:
            replies.append(Join(self.entry.lineage, self.entry.asks))
        return replies

    def _standing(self) -> Standing | None:
        """How the live one stands at the absent one, as far as it is known there. A twin that has
        not judged yet says nothing: whose state is good is not known."""
        entry, replica = self.entry, self._greeted
        for judged in entry.judged:
            if (judged.writer, judged.replica) == (self._mine, replica):
                told = [(r, seq) for r, seq in self._vector.items() if r != replica]
                complete = judged.standing.complete and descends(entry.vector, dict(told))
                return msgspec.structs.replace(judged.standing, complete=complete)
        if entry.greeting.replica == replica:
            return None
        return Standing(entry.lineage, False, None, FINE, 0, GENESIS, False, (), replica)
