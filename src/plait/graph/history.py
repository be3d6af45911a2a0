"""The batches that are retained, by author.

Each author's batches are consecutive from the *floor* to what was delivered; below the floor they
were dropped, or never came (a state was joined instead). With them goes what the author's stream
was at the floor, so that contexts and rolling hashes of retained batches can be told.

A stamp is greater than those of everything that its author had seen, so the order of stamps is a
causally legal order of batches.

Absent: disk. The engine keeps the rows and gives them back with `restore`.
"""

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from plait.base.causality import Context, Dot, VersionVector
from plait.graph.event import Batch, Event, Op, events_of
from plait.graph.streams import Stream


class Retained:
    """The retained batches of one author."""

    __slots__ = ("base", "batches", "digests", "firsts")

    def __init__(self, base: Stream) -> None:
        self.base = base  # the stream as it was at the floor
        self.batches: list[Batch] = []
        self.firsts: list[int] = []
        self.digests: list[bytes] = []  # the stream's after each batch

    def find(self, seq: int) -> int:
        """Index of the batch that begins at `seq`, or of the first one after."""
        return bisect_left(self.firsts, seq)


class History:
    """Retained batches of every author."""

    def __init__(self) -> None:
        self.authors: dict[int, Retained] = {}
        self.events = 0  # how many are retained

    @property
    def floor(self) -> VersionVector:
        """Everything after this vector is retained."""
        return VersionVector(
            (r, kept.base.last) for r, kept in self.authors.items() if kept.base.last
        )

    def add(self, batch: Batch, digest: bytes) -> None:
        """Retain the author's next batch; `digest` is the stream's after it."""
        kept = self.authors.get(batch.replica)
        if kept is None:
            kept = self.authors[batch.replica] = Retained(Stream(batch.replica))
        kept.batches.append(batch)
        kept.firsts.append(batch.first)
        kept.digests.append(digest)
        self.events += len(batch.ops)

    def begin(self, base: Stream) -> None:
        """Retain nothing of an author but what comes after `base` (a private copy)."""
        kept = self.authors.get(base.replica)
        if kept is not None:
            self.events -= sum(len(batch.ops) for batch in kept.batches)
        self.authors[base.replica] = Retained(base)

    def holds_below(self, cut: Context) -> bool:
        """Whether a batch that the vector covers is retained."""
        return any(
            kept.batches and kept.batches[0].last <= cut.get(replica, 0)
            for replica, kept in self.authors.items()
        )

    def drop(self, cut: Context) -> None:
        """Forget the batches that a vector covers."""
        for replica, kept in self.authors.items():
            seq = cut.get(replica, 0)
            if seq <= kept.base.last:
                continue
            count = kept.find(seq + 1)
            for batch in kept.batches[:count]:
                kept.base.advance(batch)
                self.events -= len(batch.ops)
            del kept.batches[:count], kept.firsts[:count], kept.digests[:count]

    def reaches(self, since: Context) -> bool:
        """Whether everything after `since` is retained."""
        get = since.get
        return all(get(r, 0) >= kept.base.last for r, kept in self.authors.items())

    def since(self, vector: Context) -> Iterator[Batch]:
        """The retained batches that a vector does not cover, in a causally legal order."""
        return heapq.merge(
            *[
                _from(kept, kept.find(vector.get(replica, 0) + 1))
                for replica, kept in self.authors.items()
            ],
            key=_order,
        )

    def count_since(self, vector: Context) -> int:
        """How many events `since` gives."""
        total = 0
        for replica, kept in self.authors.items():
            if kept.batches:
                seq = max(vector.get(replica, 0), kept.base.last)
                total += max(0, kept.batches[-1].last - seq)
        return total

    def digest_at(self, dot: Dot) -> bytes | None:
        """The rolling hash of a stream after `dot`; None if no retained batch ends there."""
        replica, seq = dot
        kept = self.authors.get(replica)
        if kept is None:
            return None
        if seq == kept.base.last:
            return kept.base.digest
        index = kept.find(seq + 1) - 1
        if index < 0 or kept.batches[index].last != seq:
            return None
        return kept.digests[index]

    def batch_at(self, dot: Dot) -> Batch | None:
        """The retained batch that holds an event."""
        kept = self.authors.get(dot[0])
        if kept is None:
            return None
        index = kept.find(dot[1] + 1) - 1
        if index < 0 or kept.batches[index].last < dot[1]:
            return None
        return kept.batches[index]

    def tail(self, replica: int, count: int) -> tuple[tuple[int, bytes], ...]:
        """Up to `count` latest (last sequence number, rolling hash) of an author, oldest first."""
        kept = self.authors.get(replica)
        if kept is None:
            return ()
        marks = [(batch.last, d) for batch, d in zip(kept.batches, kept.digests, strict=True)]
        return ((kept.base.last, kept.base.digest), *marks)[-count:]

    def ancestors(self, dot: Dot) -> VersionVector:
        """Everything that comes causally before an event; `LookupError` if it is not retained."""
        batch = self.batch_at(dot)
        if batch is None:
            raise LookupError(dot)
        kept = self.authors[dot[0]]
        context = kept.base.context.copy()
        for earlier in kept.batches[: kept.find(batch.first) + 1]:
            for replica, seq in earlier.seen:
                context.saw(replica, seq)
        context[dot[0]] = dot[1] - 1
        if dot[1] == 1:
            del context[dot[0]]
        return context

    def replay(self, upto: Context | None = None) -> Iterator[tuple[Op, Event]]:
        """Every retained event with its place, in a causally legal order.

        Contexts are live: they change as the iteration goes on.
        """
        contexts = {replica: kept.base.context.copy() for replica, kept in self.authors.items()}
        for batch in self.since({}):
            context = contexts[batch.replica]
            for replica, seq in batch.seen:
                context.saw(replica, seq)
            context[batch.replica] = batch.last
            if upto is None or batch.last <= upto.get(batch.replica, 0):
                yield from events_of(batch, context)

    def restore(self, batches: Iterable[Batch]) -> None:
        """Take retained batches back from disk, in any order; what is dropped already is ignored.

        Stops an author at its first gap.
        """
        for batch in sorted(batches, key=lambda b: (b.replica, b.first)):
            kept = self.authors.get(batch.replica)
            if kept is None:
                kept = self.authors[batch.replica] = Retained(Stream(batch.replica))
            last = kept.batches[-1].last if kept.batches else kept.base.last
            if batch.first == last + 1:
                head = Stream(
                    batch.replica,
                    last,
                    kept.digests[-1] if last > kept.base.last else kept.base.digest,
                )
                head.advance(batch)
                self.add(batch, head.digest)


def _from(kept: Retained, index: int) -> Iterator[Batch]:
    return iter(kept.batches[index:])


def _order(batch: Batch) -> tuple[int, int]:
    return (batch.hlc, batch.replica)
