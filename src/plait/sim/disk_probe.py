"""What a member's disk holds fits together: a crash at any moment leaves a line that can be opened.

- the log begins where its hard state says that it begins;
- memberships and epochs that the hard state names are of entries that the log has.

Source: etcd #10219 and #14370, crashes between entry, hard state and snapshot. Absent: what was
lost with a disk; there the log is opened as suspect, and nothing of it counts.
"""

from typing import Any, Protocol

import msgspec

from plait.base.ports import LineExtent
from plait.line.primary import member as primary
from plait.line.raft import member as raft
from plait.sim.line_truth import LineTruth


class Hard(Protocol):
    """What the hard states of all cores have in common."""

    base: Any
    epochs: Any
    memberships: Any


class DiskProbe:
    """One line on the disk of one machine."""

    def __init__(self, line: LineTruth, name: str, by_votes: bool) -> None:
        self._line = line
        self._name = name
        self._kind: Any = raft.HardState if by_votes else primary.HardState
        self._seen: LineExtent | None = None

    def look(self) -> None:
        """Look at what is on the disk now, if that changed."""
        ground = self._line.ground
        extent = ground.extent(self._name, self._line.line)
        if extent is None or extent.hard_state is None or self._name in ground.lost:
            return
        seen, self._seen = self._seen, extent
        if seen is not None and seen.head == extent.head and seen.hard_state is extent.hard_state:
            return
        hard: Hard = msgspec.msgpack.decode(extent.hard_state, type=self._kind)
        for what in self._faults(extent, hard):
            ground.report(self._line.line, (self._name,), what)

    def _faults(self, extent: LineExtent, hard: Hard) -> list[str]:
        found = []
        if hard.base.position != extent.head:
            found.append(
                f"its disk has entries from {extent.head} on, and a hard state that begins at "
                f"{hard.base.position}"
            )
        beyond = [at for at, _ in hard.memberships if at >= extent.tail]
        if beyond:
            found.append(f"its disk says who the members are since {beyond}, entries it has not")
        starts = [start for _, start in hard.epochs if start >= extent.tail]
        if starts:
            found.append(f"its disk names epochs that begin at {starts}, entries it has not")
        return found
