"""What a replica can answer without waiting.

Absent: waiting until it can; that is the replica's `read`.
"""

import asyncio
from collections.abc import Sequence

from plait.base.errors import PlaitError
from plait.engines.answers import Answered, answer
from plait.engines.overlay import Overlay
from plait.line.entry import Epoch
from plait.line.epochs import EpochHistory
from plait.types.machine import Machine
from plait.types.queries import Query

Mark = tuple[Epoch, int]  # a session token's entry for one line: applied up to position


class Reading:
    """The part of `plait.engines.replica.Replica` that looks at its state."""

    applied: int
    epochs: EpochHistory
    halted: PlaitError | None
    machine: Machine
    time_ms: int
    view: Overlay
    _closed: bool
    _reached: int
    _ready: asyncio.Event

    def covers(self, after: Mark | None) -> bool:
        """Whether a read that is to see `after` has nothing to wait for."""
        settled = self._ready.is_set() and self.halted is None and not self._closed
        if not settled or self.applied < self._needed(after):
            return False
        return after is None or not self.epochs.lost(*after, self.applied)

    def _needed(self, after: Mark | None) -> int:
        return self._reached if after is None else max(after[1], self._reached)

    def answer(self, queries: Sequence[Query]) -> Answered:
        """Answer from what is applied now."""
        answers = tuple(answer(query, self.view, self.machine, self.time_ms) for query in queries)
        return Answered(self.epochs.current, self.applied, answers)
