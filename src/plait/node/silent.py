"""Engines that a line has left and that answer no more: what this node does without.

Once all nodes have gone over, people may stop the old servers for good. What stood there and was
not trimmed yet is lost to feeds, and nobody says so: they would wait for ever, and so would the
trimming of the log. So whoever asked is told `HistoryTrimmed` after a while.

Invariant: only what this node's state file has is given up, and only for this process: it is what a
node that starts now would never ask for. Absent: groups of members that ended (`former`), and who
lacks what stands there (`engine_upkeep` has copies).
"""

import logging

from plait.base.errors import Closed, PlaitError, Unavailable
from plait.base.ports import Clock
from plait.engines.chain import Chain
from plait.engines.replica import Replica
from plait.line.chain import Segment
from plait.node.segments import SHARED, place_of

logger = logging.getLogger("plait.line")

SILENT_S = 20.0  # since it was first asked in vain


class SilentEngines:
    """Ended segments of one line whose engines were asked and did not answer."""

    def __init__(self, chain: Chain, replica: Replica, clock: Clock) -> None:
        self._chain = chain
        self._replica = replica
        self._clock = clock
        self._since: dict[Segment, float] = {}

    async def look(self) -> None:
        """Ask again what was not answered; give up what was not for too long."""
        chain = self._chain
        for segment in list(chain.unanswered):
            if segment.engine != SHARED or segment not in chain.configuration.segments:
                self._forget(segment)
                continue
            since = self._since.setdefault(segment, self._clock.monotonic())
            try:
                await chain.unanswered[segment]()
            except Unavailable:
                if self._clock.monotonic() - since > SILENT_S:
                    await self._give_up(segment)
                continue
            except PlaitError:
                pass  # it has said something
            self._forget(segment)

    async def _give_up(self, segment: Segment) -> None:
        configuration = self._chain.configuration
        if segment not in configuration.segments[:-1]:
            return
        stop = configuration.stop(configuration.segments.index(segment))
        if stop is None or self._replica.flushed < stop:
            return  # this node lacks it itself
        try:
            await self._chain.give_up(segment)
        except Closed:
            return  # the line is closing
        logger.warning(
            "line %s: what stood on %s, below %s, cannot be read here any more",
            self._replica.line, place_of(segment.loglet), stop,
        )  # fmt: skip
        self._forget(segment)

    def _forget(self, segment: Segment) -> None:
        self._chain.unanswered.pop(segment, None)
        self._since.pop(segment, None)
