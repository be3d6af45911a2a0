"""A tap on a collection of documents: the batches that were delivered since it was last archived.

A replica drops a batch once every member has it, a lone one at once; and then only the state is
left, which says nothing of the moments before. Where history is kept, a tap holds every batch until
the archive has it.

Invariant: every batch that was delivered here beyond `base` is held, or came with a copy of
another's state; who takes from a tap sees that what it gives leads to where the replica stands.
"""

from plait.base.causality import VersionVector, descends
from plait.engines.graph import Replica
from plait.graph.event import Batch

OPS_MAX = 1 << 18  # beyond them the next archive begins with a copy


class Tap:
    """On one replica, from when it was opened."""

    def __init__(self, replica: Replica) -> None:
        parts = replica.parts
        self._batches: list[Batch] = []
        self._ops = 0
        self.base = VersionVector(parts.scope.vector)  # what was delivered before
        if parts.archive.complete:  # all of it is there: it is a new one, or keeps its history
            self.base = VersionVector()
            for batch in parts.archive.batches():
                self._add(batch)
        self.replica = replica
        parts.on_delivered = self._add

    def since(self, vector: VersionVector) -> list[Batch] | None:
        """What was delivered beyond a vector, in a causally legal order; None if not all of it is
        held."""
        if not descends(vector, self.base):
            return None
        return [batch for batch in self._batches if batch.last > vector.get(batch.replica, 0)]

    def forget(self, vector: VersionVector) -> None:
        """The archive has what the vector covers."""
        self._batches = [b for b in self._batches if b.last > vector.get(b.replica, 0)]
        self._ops = sum(len(batch.ops) for batch in self._batches)
        self.base = self.base.merged(vector)

    def close(self) -> None:
        """Hold nothing, and nothing more."""
        self._batches = []
        self.replica.parts.on_delivered = lambda batch: None

    def _add(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._ops += len(batch.ops)
        if self._ops > OPS_MAX:
            for held in self._batches:
                self.base.saw(held.replica, held.last)
            self._batches, self._ops = [], 0
