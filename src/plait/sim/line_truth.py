"""What is known of one replicated line over its whole life, from all of its members' steps.

Invariant: what was told to be committed at a position is that for ever, unless the line is
`lossy`: its rule, or an operator, accepted that commits may be retracted.
"""

from typing import Any, Protocol

from plait.base.ports import LineExtent
from plait.line.entry import Epoch, decode_entry
from plait.sim.moments import Kind


class Ground(Protocol):
    """What the probes of a line know of the world."""

    lost: set[str]  # machines whose disks lost something; only asked for members

    def holders(self, line: str, position: int, row: bytes) -> list[str]:
        """The machines whose disks have this row, or must be believed that they had it."""
        ...

    def tail_on_disk(self, name: str, line: str) -> int:
        """Where a line ends on a machine's disk."""
        ...

    def extent(self, name: str, line: str) -> LineExtent | None:
        """What a machine's disk says of a line."""
        ...

    def hard_state(self, name: str, line: str) -> bytes | None:
        """What a machine's disk says must never be forgotten."""
        ...

    def row(self, name: str, line: str, position: int) -> bytes | None:
        """A row of a machine's disk."""
        ...

    def tell(self, kind: Kind, name: str, line: str) -> None:
        """Something happens that faults may wait for."""
        ...

    def report(self, line: str, who: tuple[str, ...], what: str) -> None:
        """Something is not as it must be."""
        ...


class LineTruth:
    """One line."""

    def __init__(self, line: str, ground: Ground) -> None:
        self.line = line
        self.ground = ground
        self.lossy = False
        self.ledger: dict[int, bytes] = {}  # what anybody was told to be committed
        self.end = 0  # behind the last of it
        self.ends: dict[int, int] = {}  # by Raft term: what its leader had committed
        self.said: dict[str, tuple[Any, str]] = {}  # each member's newest term or promise; its vote
        self._leaders: dict[Epoch | int, str] = {}

    def committed(self, who: str, position: int, row: bytes) -> None:
        """A member was told that this is committed."""
        known = self.ledger.get(position)
        if known is None:
            self.ledger[position] = row
            self.end = max(self.end, position + 1)
        elif known != row and not self.lossy:
            old, new = decode_entry(known).epoch, decode_entry(row).epoch
            what = f"entry {position} was committed as one of {old}, and here it is one of {new}"
            self.ground.report(self.line, (who,), what)

    def leads(self, who: str, epoch: Epoch | int) -> None:
        """A member leads in an epoch, as nobody else does."""
        first = self._leaders.setdefault(epoch, who)
        if first != who:
            self.ground.report(self.line, (first, who), f"both lead in {epoch}")

    def committed_before(self, term: int) -> int:
        """What leaders of older terms had committed."""
        return max((end for by, end in self.ends.items() if by < term), default=0)
