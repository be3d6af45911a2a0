"""Batches that cannot be delivered yet: something before them is missing.

Bounded by operations. What does not fit is dropped: it is outside the vector, so it is asked for
again when what was before it has been delivered.

Invariant: a batch here begins after what was delivered of its author.
"""

from collections.abc import Iterator

from plait.base.causality import Dot
from plait.graph.event import Batch

WAITING_OPS_MAX = 1 << 18


class Waiting:
    """Batches by author and first sequence number."""

    def __init__(self, ops_max: int = WAITING_OPS_MAX) -> None:
        self.ops_max = ops_max
        self.ops = 0  # operations of all batches here; those put beyond the bound included
        self.authors: dict[int, dict[int, Batch]] = {}
        self._marks: dict[Dot, bytes] = {}
        self._blocked: dict[int, dict[int, None]] = {}  # stream: the authors that wait for it

    def __iter__(self) -> Iterator[Batch]:
        for batches in self.authors.values():
            yield from batches.values()

    def get(self, replica: int, first: int) -> Batch | None:
        """The batch that begins there."""
        return self.authors.get(replica, {}).get(first)

    def mark(self, batch: Batch) -> bytes:
        """How the rolling hash of the stream before the batch begins, as its sender said."""
        return self._marks.get((batch.replica, batch.first), b"")

    def put(self, batch: Batch, needed: bool, mark: bytes) -> bool:
        """Keep a batch; False if there is no room and it is not `needed` (next of its author)."""
        if not needed and self.ops + len(batch.ops) > self.ops_max:
            return False
        self.authors.setdefault(batch.replica, {})[batch.first] = batch
        self.ops += len(batch.ops)
        if mark:
            self._marks[batch.replica, batch.first] = mark
        return True

    def pop(self, batch: Batch) -> None:
        """It was delivered, or it never will be."""
        batches = self.authors[batch.replica]
        del batches[batch.first]
        if not batches:
            del self.authors[batch.replica]
        self.ops -= len(batch.ops)
        self._marks.pop((batch.replica, batch.first), None)

    def forget(self, replica: int, last: int) -> bool:
        """Drop what begins at or below `last`, which came another way; whether there was any."""
        stale = [b for b in self.authors.get(replica, {}).values() if b.first <= last]
        for batch in stale:
            self.pop(batch)
        return bool(stale)

    def block(self, author: int, stream: int) -> None:
        """The author's next batch waits until `stream` advances."""
        self._blocked.setdefault(stream, {})[author] = None

    def unblock(self, stream: int) -> list[int]:
        """The stream advanced: who waited for it, in the order of waiting."""
        return list(self._blocked.pop(stream, ()))
