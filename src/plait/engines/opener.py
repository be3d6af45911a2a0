"""Opener: what a chain asks of the engines that its segments live on.

Invariant: a loglet is created at its origin, and the origin is known only when the segment before
it is sealed. So nothing has a place in the line before the chain has decided on it; until then an
engine is asked whether it would, and may make ready what does not depend on the origin.
"""

from typing import Protocol

from plait.line.chain import Next, Segment
from plait.line.loglet import Loglet


class Opener(Protocol):
    """Opens the loglets of one chain on one node."""

    async def prepare(self, following: Next) -> None:
        """See that the loglet could be created now, and make ready; where is not known yet.

        Raises `BadSettings` if there is no such engine, if it cannot have the parameters, or if a
        loglet of that name was there before; `Unavailable` if the engine does not answer.
        """
        ...

    async def open(self, segment: Segment, stop: int | None) -> Loglet:
        """The segment's loglet, created at `segment.origin` if need be.

        stop: where it ended, if it did; who has folded all below needs nothing of it.

        Several nodes may do so at once, and again after a crash: all get the same. `BadSettings`
        if a loglet of that name begins elsewhere; `Unavailable`, in bounded time, if the engine
        does not answer.
        """
        ...
