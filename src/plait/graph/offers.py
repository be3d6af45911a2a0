"""What replicas leave for each other where nobody answers: bundles of sync messages, and how far
they lead.

A *bundle* is one answer of the sync protocol, a page of batches or a parcel, kept for whoever comes
by. It helps a replica that has seen what the bundle `needs`, and leads it to what it `reaches`.
A bundle may be cut into several pieces; all of them are needed.

Invariant: both vectors of a bundle are closed under causality together with what they stand on, so
whoever covers `needs` can take the whole bundle at once.

Absent: where bundles are kept (`node.folder_sync`).
"""

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec

from plait.base.causality import Context, VersionVector, descends
from plait.base.errors import BadFrame
from plait.graph.messages import Message, Ops, Pairs, Part
from plait.graph.parcels import Contents, Parcel
from plait.graph.peers import checked_vector

PIECES_MAX = 4096  # of one bundle

Place = TypeVar("Place")

_parcel_decoder = msgspec.msgpack.Decoder(Parcel)


class Piece(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """What is said of one piece, apart from its messages."""

    lineage: bytes
    bundle: str  # the same for all pieces of a bundle
    index: int
    last: bool
    road: str  # ops, delta, state
    needs: Pairs
    reaches: Pairs
    settled: bool  # one of a whole set that was made together, not an addition to it


class Bundle(NamedTuple, Generic[Place]):
    """A bundle with all its pieces."""

    road: str
    needs: VersionVector
    reaches: VersionVector
    settled: bool
    pieces: tuple[Place, ...]

    def helps(self, since: Context) -> bool:
        """Whether a replica that has seen `since` can take it, and gets something new."""
        return descends(since, self.needs) and not descends(since, self.reaches)


def assemble(pieces: Iterable[tuple[Place, Piece]]) -> list[Bundle[Place]]:
    """The bundles that are complete, in the order in which their first pieces came."""
    found: dict[str, dict[int, tuple[Place, Piece]]] = {}
    for place, piece in pieces:
        if 0 <= piece.index < PIECES_MAX:
            found.setdefault(piece.bundle, {}).setdefault(piece.index, (place, piece))
    bundles = []
    for known in found.values():
        ordered = [known[index] for index in sorted(known)]
        first, end = ordered[0][1], ordered[-1][1]
        if not end.last or end.index != len(ordered) - 1:
            continue
        try:
            needs, reaches = checked_vector(first.needs), checked_vector(first.reaches)
        except BadFrame:
            continue
        places = tuple([place for place, _ in ordered])
        bundles.append(Bundle(first.road, needs, reaches, first.settled, places))
    return bundles


def reach(since: Context, bundles: Sequence[Bundle[Place]]) -> VersionVector:
    """What a replica that has seen `since` comes to see by taking all that it can."""
    vector = VersionVector(since)
    left = list(bundles)
    while True:
        usable = [bundle for bundle in left if bundle.helps(vector)]
        if not usable:
            return vector
        for bundle in usable:
            vector.merge(bundle.reaches)
        left = [bundle for bundle in left if not descends(vector, bundle.reaches)]


def choose(since: Context, bundles: Sequence[Bundle[Place]]) -> Bundle[Place] | None:
    """The next bundle for a replica that has seen `since`: events first, which pass the clock one
    by one and stay in its history. Which road the collection prefers its writers have heeded."""
    for wanted in ("ops", "delta", "state"):
        for bundle in bundles:
            if bundle.road == wanted and bundle.helps(since):
                return bundle
    return None


# ----------------------------------------------------------------------------- making them


class Answer(NamedTuple):
    """The messages of one bundle, and how far they lead."""

    road: str
    needs: VersionVector
    reaches: VersionVector
    messages: tuple[Message, ...]


def answer_of(messages: Sequence[Ops | Part]) -> Answer | None:
    """What a replica answered, as a bundle; None if there is nothing in it. Raises `BadFrame`."""
    first = messages[0]
    if isinstance(first, Ops):
        needs, reaches = extent_of(first)
        return Answer("ops", needs, reaches, tuple(messages)) if reaches else None
    data = b"".join([part.data for part in messages if isinstance(part, Part)])
    try:
        parcel = _parcel_decoder.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"no parcel: {error}") from None
    contents = Contents(parcel)
    road = "state" if parcel.whole else "delta"
    return Answer(road, contents.since, contents.vector, tuple(messages))


def extent_of(page: Ops) -> tuple[VersionVector, VersionVector]:
    """What the batches of a page need, in their order, and what they lead to."""
    names, needs, reaches = page.names, VersionVector(), VersionVector()
    for batch in page.batches:
        for number, seq in (*batch.seen, (batch.replica, batch.first - 1)):
            if seq > reaches.get(names[number], 0):
                needs.saw(names[number], seq)
        reaches.saw(names[batch.replica], batch.last)
    return needs, reaches
