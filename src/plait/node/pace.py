"""When this node applies the entries of a line: at once, after a delay, or up to where it is held.

::

    entry's stamp ── delay ──► applied        a delay
    state ──► … at once … ──► hold, and stop   a hold, whatever the delay

Times are those that leaders' clocks stamped, against this node's clock. A hold is no way back: a
state that is beyond it stays as it is, and stops.

Clocks may differ, and nobody says by how much. How far behind a state is counts as what the stamps
say, and never as less than the time that an entry was seen to wait here.
"""

import asyncio
from typing import Any

from plait.base.ports import Clock
from plait.engines.replica import Replica
from plait.line.entry import Entry
from plait.types.control_followers import FollowerRecord

LOOK_S = 0.25  # how often an entry that waits is looked at: settings and clocks change


class LinePace:
    """Of one line."""

    def __init__(self, line: str, clock: Clock) -> None:
        self.line = line
        self.record: FollowerRecord | None = None  # None: at once
        self.opened = False  # this node leads the line, for nobody else can: at once meanwhile
        self._clock = clock
        self._waiting: Entry | None = None
        self._waits_since = 0.0  # by the clock that only runs forward
        self._taken_in = 0

    @property
    def on(self) -> bool:
        """Whether entries may have to wait."""
        return self.record is not None and not self.opened

    @property
    def waits(self) -> bool:
        """Whether one does now."""
        return self._waiting is not None

    @property
    def held(self) -> bool:
        """Whether the state stops somewhere, to be read."""
        return self.on and self.record is not None and self.record.hold is not None

    def wait_s(self, position: int, entry: Entry) -> float:
        """How long the entry is not due yet."""
        record = self.record
        if record is None or self.opened:
            return 0.0
        hold = record.hold
        if hold is None:
            return (entry.time_ms + record.delay_ms - self._clock.wall_ms()) / 1000
        applies = entry.time_ms <= hold.time_ms
        if hold.line == self.line:
            applies = position < hold.position
        return 0.0 if applies else float("inf")

    async def due(self, position: int, entry: Entry) -> None:
        """Return when the entry, the next one, is to be applied."""
        try:
            while (wait_s := self.wait_s(position, entry)) > 0:
                if self._waiting is None:
                    self._waits_since = self._clock.monotonic()
                self._waiting = entry
                await asyncio.sleep(min(wait_s, LOOK_S))
        finally:
            self._waiting = None

    def took_in(self, position: int) -> None:
        """The line's leader was told that everything below is here, applied or not."""
        self._taken_in = position

    def behind_s(self, replica: Replica) -> float:
        """How long ago that was ordered which is next, of all that was taken in and not applied;
        0 if nothing is left of it. Where it is not read yet, it is later than the state."""
        committed = replica.loglet.committed
        if replica.applied >= (committed if self.on else min(self._taken_in, committed)):
            return 0.0
        since_ms, waited_s = replica.time_ms, 0.0
        if self._waiting is not None:
            since_ms = self._waiting.time_ms
            waited_s = self._clock.monotonic() - self._waits_since
        return max(waited_s, (self._clock.wall_ms() - since_ms) / 1000)

    def status(self, replica: Replica) -> dict[str, Any]:
        """What people want to know: nothing of a line that is applied at once."""
        record = self.record
        if record is None:
            return {}
        delayed = {
            **settings_of(record),
            "waiting_entries": max(0, replica.loglet.committed - replica.applied),
            "behind_s": round(self.behind_s(replica), 3),
            "state_time_ms": replica.time_ms,
            "leads_anyway": self.opened,
        }
        return {"applied": replica.applied, "delayed": delayed}


def settings_of(record: FollowerRecord) -> dict[str, Any]:
    """``node``, ``votes``, ``delay_s``; ``hold``: None, or ``time_ms``, ``line``, ``position``."""
    hold = record.hold
    return {
        "node": record.node,
        "votes": record.votes,
        "delay_s": record.delay_ms / 1000,
        "hold": None if hold is None else {
            "time_ms": hold.time_ms, "line": hold.line or None, "position": hold.position,
        },
    }  # fmt: skip
