"""What is known of each author: how far its stream was delivered, and what it had seen by then.

Invariants: `digest` is the rolling hash of every batch up to `last`; `context` covers what the
author had seen before its latest delivered batch, and its own entry is `last` (while a batch is
being applied too: an event's own entry may be ahead, never behind).

Contexts are live: whoever keeps one copies it.
"""

from collections.abc import Iterable, Mapping

from plait.base.causality import Dot, VersionVector
from plait.graph.event import GENESIS, Batch, digest_of
from plait.graph.openings import NONE, Openings, opens


class Stream:
    """One author's stream, as far as it was delivered here."""

    __slots__ = ("context", "digest", "hlc", "last", "openings", "replica", "spoke")

    def __init__(
        self,
        replica: int,
        last: int = 0,
        digest: bytes = GENESIS,
        hlc: int = 0,
        spoke: int = 0,
        context: Iterable[tuple[int, int]] = (),
        openings: Openings = NONE,
    ) -> None:
        self.replica = replica
        self.last = last
        self.digest = digest
        self.hlc = hlc  # of the latest batch
        self.spoke = spoke  # sequence number of its latest event that was no beat
        self.context = VersionVector(context)
        self.openings = openings

    def advance(self, batch: Batch) -> None:
        """The stream's next batch was delivered."""
        assert batch.first == self.last + 1, "a stream has no gaps"
        self.digest = digest_of(self.digest, batch)
        if opens(batch.ops[-1]):
            self.openings = self.openings.more(batch.first, self.digest)
        self.last = batch.last
        self.hlc = batch.hlc
        context = self.context
        for replica, seq in batch.seen:
            context.saw(replica, seq)
        context[self.replica] = batch.last

    def copy(self) -> "Stream":
        """Another with the same content, and a context of its own."""
        return Stream(
            self.replica,
            self.last,
            self.digest,
            self.hlc,
            self.spoke,
            self.context.items(),
            self.openings,
        )

    def __repr__(self) -> str:
        return f"<Stream {self.replica:x} to {self.last}>"


def frontier(streams: Mapping[int, Stream]) -> tuple[Dot, ...]:
    """The events that no other author has seen: the heads of the history, in one order.

    If there is one only, everything comes before it: a critical version, from which later events
    can be replayed without what lies before.
    """
    heads = [(replica, stream.last) for replica, stream in streams.items() if stream.last]
    return tuple(
        sorted(
            dot
            for dot in heads
            if not any(
                stream.context.contains(dot)
                for replica, stream in streams.items()
                if replica != dot[0]
            )
        )
    )
