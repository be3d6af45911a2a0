"""A scope as one row: everything but the fold and the retained batches.

What waits is not in it: it is asked for again. What is held for the clock is not in it either: the
engine keeps those batches and gives them to `Scope.receive` again.
"""

import msgspec

from plait.base.codec import encode
from plait.base.errors import UnknownFormat
from plait.graph.fold import Fold
from plait.graph.portable import (
    Head,
    Names,
    Roll,
    Void,
    call_roll,
    dot_at,
    head_of,
    roll_of,
    stream_of,
    vector_at,
)
from plait.graph.scope import Scope
from plait.graph.voids import Refusal

VERSION = 1
LINEAGE_BYTES = 16


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A scope on disk."""

    version: int
    lineage: bytes
    forever: bool
    replica: int
    former: tuple[int, int] | None
    names: tuple[int, ...]
    clock: int
    heads: tuple[Head, ...]
    bases: tuple[Head, ...]  # of streams that have retained batches, as they were at the floor
    whole: tuple[int, ...]  # streams whose batches are retained from the first on
    roll: Roll
    voids: tuple[Void, ...]
    unclean: tuple[str, ...]
    stable: tuple[tuple[int, int], ...]
    accepted: tuple[tuple[int, int], ...]
    news: tuple[int, ...]
    unsaid: bool


_decoder = msgspec.msgpack.Decoder(Record)


def lineage_bytes(lineage: int) -> bytes:
    """A lineage as messages and rows carry it."""
    return lineage.to_bytes(LINEAGE_BYTES, "big")


def encode_scope(scope: Scope) -> bytes:
    """The scope's row."""
    names = Names()
    nobody = names.of(scope.replica)  # what is owed has no event yet; its number is not read
    bases = [
        head_of(kept.base, names)
        for replica, kept in sorted(scope.history.authors.items())
        if 0 < kept.base.last < scope.streams[replica].last
    ]
    whole = [r for r, kept in sorted(scope.history.authors.items()) if not kept.base.last]
    record = Record(
        version=VERSION,
        lineage=lineage_bytes(scope.lineage),
        forever=scope.forever,
        replica=scope.replica,
        former=scope.former,
        clock=scope.clock.last,
        heads=tuple([head_of(stream, names) for _, stream in sorted(scope.streams.items())]),
        bases=tuple(bases),
        whole=tuple([names.of(replica) for replica in whole]),
        roll=roll_of(scope.members, names),
        voids=tuple(
            [
                Void(names.of(r), seq, k.reason, k.key, *(
                    (names.of(k.by[0]), k.by[1]) if k.by else (nobody, 0)
                ))
                for (r, seq), k in sorted(scope.voids.known.items())
            ]
        ),
        unclean=tuple(scope.voids.unclean),
        stable=names.pairs(scope.stable),
        accepted=names.pairs(scope.quarantine.accepted),
        news=tuple([names.of(replica) for replica in scope.news]),
        unsaid=scope.unsaid,
        names=names.listed(),
    )  # fmt: skip
    return encode(record)


def decode_scope(data: bytes, fold: Fold) -> Scope:
    """The scope of a row, with a fold that is as it was then; `restore` its batches next."""
    try:
        record = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise UnknownFormat(f"no row of a scope: {error}") from None
    if record.version != VERSION:
        raise UnknownFormat(f"a scope of version {record.version}, this reads {VERSION}")
    names = record.names
    history = "forever" if record.forever else "stable"
    lineage = int.from_bytes(record.lineage, "big")
    scope = Scope(lineage, record.replica, names[record.roll.founder], fold, history)
    scope.clock.observe(record.clock)
    bases = {head.replica: head for head in record.bases}
    for head in record.heads:
        stream = stream_of(head, names)
        scope.streams[stream.replica] = stream
        scope.vector[stream.replica] = stream.last
    call_roll(scope.members, record.roll, names)
    scope.stable = vector_at(record.stable, names)
    for head in record.heads:
        if head.replica not in record.whole:
            scope.history.begin(stream_of(bases.get(head.replica, head), names))
    for void in record.voids:
        by = dot_at(void.by, void.by_seq, names) if void.by_seq else None
        dot = dot_at(void.replica, void.seq, names)
        scope.voids.learn(dot, Refusal(void.reason, void.key, by))
    scope.voids.unclean = dict.fromkeys(record.unclean)
    scope.quarantine.accepted = dict(vector_at(record.accepted, names))
    scope.news = dict.fromkeys(names[number] for number in record.news)
    scope.unsaid = record.unsaid
    scope.former = record.former
    return scope
