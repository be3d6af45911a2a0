"""The contract of a line's fold: a deterministic state machine over an ordered map.

The replica owns the machine. It feeds it *groups* of commands in log order through `apply`, lets
it read its state through `View` (an overlay of what was applied and is not yet flushed, over the
state file), and collects what it writes. Equal logs give equal states at every replica: a
machine sees no clock, no chance, no disk and no set order; `Stamp` carries the time and a seed.
"""

from typing import NamedTuple, Protocol

from plait.line.outcome import Failed as Failed
from plait.line.outcome import Result as Result
from plait.line.outcome import Returned as Returned


class Stamp(NamedTuple):
    """Where and when a command stands in its line; the same at every replica."""

    position: int
    offset: int  # of the command in its entry
    version: int  # record index: how many records of the line stand before it
    time_ms: int  # the proposer's wall clock, never running backwards along the line
    seed: int = 0  # the entry's, for machines that ask for chance


class View(Protocol):
    """A machine's window on its state: spaces of byte keys."""

    def get(self, space: int, key: bytes) -> bytes | None: ...

    def put(self, space: int, key: bytes, value: bytes | None) -> None:
        """Set, or remove with None."""
        ...

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, in key order."""
        ...
