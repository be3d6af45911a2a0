"""Streams whose clock is too far ahead: from the first such batch on they wait, and whatever has
seen them waits with them.

What waits here is stored and relayed, and stays outside the vector, until this machine's clock
reaches it or an operator accepts it. So a wrong clock elsewhere never moves this one, and wins no
tie before its time has come.
"""

from collections.abc import Iterable

from plait.base.causality import Context, Dot, VersionVector
from plait.base.hlc import ahead_ms, hlc_ms
from plait.graph.event import Batch

AHEAD_MS_MAX = 60_000
HELD_OPS_MAX = 1 << 20


class Quarantine:
    """Which streams wait for the clock, and what waits because of them."""

    def __init__(self) -> None:
        self.starts: dict[int, tuple[int, int]] = {}  # author: (first number held, milliseconds)
        self.accepted: dict[int, int] = {}  # author: stamps up to here are accepted
        self.held: dict[Dot, Batch] = {}  # by (author, first); all that is stored for this reason
        self.ops = 0
        self._fresh: list[Batch] = []

    def holds(self, batch: Batch, now_ms: int) -> bool:
        """Whether a batch that could be delivered has to wait for the clock."""
        if ahead_ms(batch.hlc, now_ms) <= AHEAD_MS_MAX:
            self.starts.pop(batch.replica, None)
            return False
        if batch.hlc <= self.accepted.get(batch.replica, 0):
            self.starts.pop(batch.replica, None)
            return False
        self.starts[batch.replica] = (batch.first, hlc_ms(batch.hlc) - AHEAD_MS_MAX)
        return True

    def spread(self, waiting: Iterable[Batch]) -> None:
        """Hold everything that waits for a held stream, directly or not."""
        starts = {replica: first for replica, (first, _) in self.starts.items()}
        batches = [batch for batch in waiting if (batch.replica, batch.first) not in self.held]
        found = bool(starts)
        while found:
            found, rest = False, []
            for batch in sorted(batches, key=_order):
                if batch.first >= starts.get(batch.replica, batch.first + 1) or any(
                    seq >= starts.get(replica, seq + 1) for replica, seq in batch.seen
                ):
                    found = True
                    starts[batch.replica] = min(batch.first, starts.get(batch.replica, batch.first))
                    self._hold(batch)
                else:
                    rest.append(batch)
            batches = rest

    def accept(self, replica: int) -> None:
        """An operator accepts what is held of a stream now."""
        stamps = [batch.hlc for batch in self.held.values() if batch.replica == replica]
        self.accepted[replica] = max([self.accepted.get(replica, 0), *stamps])

    def due(self, now_ms: int) -> list[int]:
        """The held streams that the clock has reached."""
        return [replica for replica, (_, due_ms) in self.starts.items() if due_ms <= now_ms]

    def release(self, batch: Batch) -> None:
        """It was delivered, or came another way."""
        if self.held.pop((batch.replica, batch.first), None) is not None:
            self.ops -= len(batch.ops)

    def forget(self, replica: int, last: int) -> None:
        """Drop what begins at or below `last`."""
        for batch in [b for b in self.held.values() if b.replica == replica and b.first <= last]:
            self.release(batch)
        if replica in self.starts and self.starts[replica][0] <= last:
            del self.starts[replica]

    def fresh(self) -> list[Batch]:
        """What was held since this was last asked: the caller stores and relays it."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def known(self, vector: Context) -> tuple[tuple[int, int], ...]:
        """How far held streams reach without a gap beyond the vector, in one order."""
        if not self.held:
            return ()
        reach = VersionVector()
        for batch in sorted(self.held.values(), key=_order):
            replica = batch.replica
            if batch.first == max(reach.get(replica, 0), vector.get(replica, 0)) + 1:
                reach[replica] = batch.last
        return reach.pairs()

    def batches(self) -> list[Batch]:
        """Everything held, in the order of authors and numbers."""
        return sorted(self.held.values(), key=_order)

    def _hold(self, batch: Batch) -> None:
        if self.ops + len(batch.ops) <= HELD_OPS_MAX:
            self.held[batch.replica, batch.first] = batch
            self.ops += len(batch.ops)
            self._fresh.append(batch)


def _order(batch: Batch) -> tuple[int, int]:
    return (batch.replica, batch.first)
