"""What two replicas, or a replica and its disk, tell each other of a scope besides documents.

Replica ids are 64 bits and repeat: each portable part lists them once, and everything else names
them by index (a `Names` while one is written).
"""

from collections.abc import Iterable, Sequence

import msgspec

from plait.base.causality import Context, Dot, VersionVector
from plait.base.errors import BadFrame
from plait.graph.event import DIGEST_BYTES, REPLICA_MAX
from plait.graph.members import Members
from plait.graph.openings import Openings, unknown
from plait.graph.streams import Stream


class Names:
    """Numbers for replica ids, given as they are met."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}

    def of(self, replica: int) -> int:
        """The id's number."""
        return self.numbers.setdefault(replica, len(self.numbers))

    def dots(self, dots: Iterable[Dot]) -> tuple[tuple[int, int], ...]:
        """Dots by number."""
        return tuple([(self.of(replica), seq) for replica, seq in dots])

    def pairs(self, context: Context) -> tuple[tuple[int, int], ...]:
        """A vector by number."""
        return self.dots(sorted(context.items()))

    def listed(self) -> tuple[int, ...]:
        """The ids in the order of their numbers."""
        return tuple(self.numbers)


def checked_names(names: Sequence[int]) -> Sequence[int]:
    """Ids that came from outside; `BadFrame` if one cannot be."""
    if not all(1 <= replica <= REPLICA_MAX for replica in names):
        raise BadFrame("a replica id out of range")
    return names


class Head(msgspec.Struct, frozen=True, array_like=True):
    """An author's stream."""

    replica: int
    last: int
    digest: bytes
    hlc: int
    spoke: int
    context: tuple[tuple[int, int], ...]
    openings: Openings | None = None  # None: by an earlier version, which knows none


def head_of(stream: Stream, names: Names) -> Head:
    """The stream by number; its own entry of the context goes without saying."""
    context = {r: seq for r, seq in stream.context.items() if r != stream.replica}
    return Head(
        names.of(stream.replica),
        stream.last,
        stream.digest,
        stream.hlc,
        stream.spoke,
        names.pairs(context),
        stream.openings,
    )


def stream_of(head: Head, names: Sequence[int]) -> Stream:
    """A stream of its own; raises `BadFrame` or IndexError."""
    if head.last < 1 or len(head.digest) != DIGEST_BYTES or not 0 <= head.spoke <= head.last:
        raise BadFrame("no stream has such a head")
    openings = unknown(head.last) if head.openings is None else head.openings
    if not openings.fits(head.last):
        raise BadFrame("no stream has such openings")
    stream = Stream(_at(names, head.replica), head.last, head.digest, head.hlc, head.spoke)
    stream.openings = openings
    stream.context = vector_at(head.context, names)
    stream.context[stream.replica] = head.last
    return stream


def vector_at(pairs: Iterable[tuple[int, int]], names: Sequence[int]) -> VersionVector:
    """The vector of numbered pairs; raises `BadFrame` or IndexError."""
    vector = VersionVector()
    for number, seq in pairs:
        if seq < 1:
            raise BadFrame("a vector has no such entry")
        vector.saw(_at(names, number), seq)
    return vector


def dot_at(number: int, seq: int, names: Sequence[int]) -> Dot:
    """A numbered dot."""
    return (_at(names, number), seq)


class Void(msgspec.Struct, frozen=True, array_like=True):
    """A refusal: which event, why, and which event said so (`by_seq` 0: none yet, it is owed)."""

    replica: int
    seq: int
    reason: str
    key: str
    by: int
    by_seq: int


class Retired(msgspec.Struct, frozen=True, array_like=True):
    """A retired member."""

    replica: int
    last: int
    said: int
    dots: tuple[tuple[int, int], ...]


class Roll(msgspec.Struct, frozen=True, array_like=True):
    """The members of a scope."""

    founder: int
    admitted: tuple[tuple[int, str, int, int], ...]  # who, its name, the admission
    retired: tuple[Retired, ...]


def roll_of(members: Members, names: Names) -> Roll:
    """The members by number."""
    return Roll(
        names.of(members.founder),
        tuple(
            [
                (names.of(replica), members.names[replica], names.of(sponsor), seq)
                for replica, dots in sorted(members.sponsors.items())
                for sponsor, seq in dots
            ]
        ),
        tuple(
            [
                Retired(names.of(replica), known.last, known.said, names.dots(known.dots))
                for replica, known in sorted(members.retired.items())
            ]
        ),
    )


def call_roll(members: Members, roll: Roll, names: Sequence[int]) -> None:
    """Learn of a roll what `members` does not know."""
    for number, name, sponsor, seq in roll.admitted:
        members.admit(_at(names, number), name, dot_at(sponsor, seq, names))
    for retired in roll.retired:
        replica = _at(names, retired.replica)
        dots = tuple(dot_at(r, seq, names) for r, seq in retired.dots)
        members.learn(replica, retired.last, retired.said, dots)


def _at(names: Sequence[int], number: int) -> int:
    if number < 0:
        raise BadFrame("a negative number of a replica")
    return names[number]
