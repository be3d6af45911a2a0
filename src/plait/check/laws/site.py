"""One replica of the object, and the packets that replicas exchange.

Invariants: `cut` is covered by every replica's vector, now and later; `vector` is the very object
that the type sees as the context of local events, so a type that keeps it will see it change.
"""

from typing import Any, NamedTuple

from plait.base.causality import VersionVector
from plait.base.hlc import HybridClock


class Packet(NamedTuple):
    """What one replica took out for another."""

    source: int
    since: VersionVector  # a receiver must have seen this
    until: VersionVector  # what the sender had seen
    cut: VersionVector  # how far the sender had folded
    whole: bool
    data: bytes
    line: int  # of the diagram where it was taken


class Site:
    """A replica."""

    def __init__(self, number: int, replica: int, skew_ms: int, state: Any) -> None:
        self.number = number
        self.name = "ABCDEFGH"[number]
        self.replica = replica
        self.skew_ms = skew_ms
        self.state = state
        self.vector = VersionVector()
        self.cut = VersionVector()  # the state may be folded up to here
        self.cuts: list[VersionVector] = []  # those that were stable here, oldest first
        self.clock = HybridClock()

    def dot_name(self, seq: int) -> str:
        """How the diagram calls an event of this replica."""
        return f"{self.name.lower()}{seq}"
