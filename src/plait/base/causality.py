"""What has been seen: dots, version vectors, and what follows from what.

A *dot* names one event: (replica id, sequence number). Sequence numbers of a replica begin at 1
and have no gaps, so a *version vector* {replica: last sequence seen} says exactly which events
were seen. It is the causal context of everything in its scope: an event that is covered and has
left no trace was removed.

Invariant: a version vector holds no zero and no negative number, so equal vectors are equal dicts.

Source: Preguiça et al., "Dotted Version Vectors" (2010); Almeida et al., "Delta State Replicated
Data Types" (2018).
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Replica: TypeAlias = int  # random, 63 bits, never 0; never used again after its state was lost
Dot: TypeAlias = tuple[int, int]  # (replica, sequence number from 1)
Context: TypeAlias = Mapping[int, int]  # a version vector that is only read


class VersionVector(dict[int, int]):
    """{replica: last sequence seen}; a dict, because the hot paths read it as one."""

    __slots__ = ()

    def saw(self, replica: int, seq: int) -> None:
        """Everything of `replica` up to `seq` was seen."""
        if seq > self.get(replica, 0):
            self[replica] = seq

    def merge(self, other: Context) -> None:
        """See everything that `other` saw."""
        for replica, seq in other.items():
            if seq > self.get(replica, 0):
                self[replica] = seq

    def contains(self, dot: Dot) -> bool:
        """Whether the event was seen."""
        return dot[1] <= self.get(dot[0], 0)

    def descends(self, other: Context) -> bool:
        """Whether everything that `other` saw was seen here."""
        return descends(self, other)

    def merged(self, other: Context) -> "VersionVector":
        """The least vector that descends from both."""
        result = VersionVector(self)
        result.merge(other)
        return result

    def met(self, other: Context) -> "VersionVector":
        """The greatest vector that both descend from."""
        pairs = ((replica, min(seq, other.get(replica, 0))) for replica, seq in self.items())
        return VersionVector((replica, seq) for replica, seq in pairs if seq)

    def copy(self) -> "VersionVector":
        """Another with the same entries."""
        return VersionVector(self)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The entries in one order, for encoding."""
        return tuple(sorted(self.items()))

    def count(self) -> int:
        """How many events it covers."""
        return sum(self.values())

    def __repr__(self) -> str:
        entries = " ".join(f"{replica:x}:{seq}" for replica, seq in sorted(self.items()))
        return f"<{entries}>"


NOTHING: Context = VersionVector()


def descends(one: Context, other: Context) -> bool:
    """Whether `one` saw everything that `other` saw."""
    get = one.get
    return all(seq <= get(replica, 0) for replica, seq in other.items())


def concurrent(one: Context, other: Context) -> bool:
    """Whether each saw something that the other did not."""
    return not descends(one, other) and not descends(other, one)


def advances(newer: Context, older: Context) -> tuple[tuple[int, int], ...]:
    """The entries of `newer` that are beyond `older`, in one order."""
    get = older.get
    return tuple(sorted((r, seq) for r, seq in newer.items() if seq > get(r, 0)))


def vector_of(pairs: Iterable[tuple[int, int]]) -> VersionVector:
    """A vector from pairs; the highest of repeated ones counts, zeros are left out."""
    vector = VersionVector()
    for replica, seq in pairs:
        vector.saw(replica, seq)
    return vector


def meet_all(vectors: Iterable[Context]) -> VersionVector:
    """The greatest vector that all descend from; empty for none."""
    result: VersionVector | None = None
    for vector in vectors:
        result = VersionVector(vector) if result is None else result.met(vector)
    return VersionVector() if result is None else result
