"""What a guest wrote is safe once a peer has it on disk: there is no disk here.

Invariant: a replica that goes on under a fresh id meanwhile has handed nothing over by that. What
the old id wrote and this replica still has must be at the peer as well; what was lost with it is
written anew first.
"""

from plait.base.causality import Context, Dot, VersionVector
from plait.engines.graph.parts import Parts
from plait.engines.graph.syncing import Syncing


class Entrusted:
    """Everything written until now, as something that one peer has to have."""

    def __init__(self, parts: Parts, syncing: Syncing) -> None:
        self._parts = parts
        self._syncing = syncing
        self._ids: list[int] = [parts.scope.replica]  # that this replica had since
        self._owed = self._written()
        self._said: VersionVector | None = None  # what the peer had that had all of it first

    def safe(self) -> bool:
        """Whether one peer has all of it on disk."""
        replica = self._parts.scope.replica
        if replica not in self._ids:
            if self._parts.lost:
                return False  # to be written anew under this id
            self._ids.append(replica)
            self._owed = self._written()
        return not self._owed or self._covering() is not None

    def answered(self) -> bool:
        """Whether it is safe, and what whoever has it had to say by then was heard: a refusal is
        said before what it refuses is taken."""
        if not self.safe():
            return False
        if self._said is None and self._owed:
            covering = self._covering()
            self._said = None if covering is None else VersionVector(covering)
        return self._said is None or not self._parts.scope.lacks(self._said.items())

    def _covering(self) -> Context | None:
        for vector in self._syncing.vectors():
            if all(vector.get(author, 0) >= seq for author, seq in self._owed):
                return vector
        return None

    @property
    def most(self) -> int:
        """How far a peer has what this replica writes now."""
        replica = self._parts.scope.replica
        return max((vector.get(replica, 0) for vector in self._syncing.vectors()), default=0)

    def _written(self) -> list[Dot]:
        vector = self._parts.scope.vector
        return [(id_, vector[id_]) for id_ in self._ids if vector.get(id_, 0)]
