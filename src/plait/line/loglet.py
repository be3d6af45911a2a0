"""The loglet: the port that every engine implements, one segment of a line.

::

    position   origin … head-1 | head … tail-1 | tail
               trimmed         | committed     | the next append

    trim(before) moves head up; append moves tail up; seal stops append for ever.

Promises, which `plait.engines.conformance` tests for every engine:

- `append` returns a position only when the entry is durable by the engine's own rule; every
  position below a returned one is taken. An append that raises a `Refused` did not happen; an
  `Indefinite` one may have.
- `check_tail` is linearizable: it covers every append that had returned when it was called.
- `read` returns committed entries only, consecutive from `start`; what it returned once, it
  returns again (unless trimmed, or `retracted` was announced).
- `seal` is sticky; after it returns T, no append ever succeeds, and the entries below T are
  exactly what can be read.
- `trim` removes a prefix of what is committed, never more.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from plait.line.entry import Entry, Epoch

READ_BYTES = 1 << 20


class Origin(NamedTuple):
    """Where a loglet begins: it counts positions, epochs and records on from what stood before."""

    position: int = 0  # of its first entry
    epoch: int = 0  # numbers up to this one were used before it; its own are above
    records: int = 0  # before its first entry


BEGINNING = Origin()


class Tail(NamedTuple):
    """Where the next append goes, and whether there will be one."""

    position: int
    sealed: bool


class Loglet(Protocol):
    """A totally ordered, append-only log of entries."""

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        ...

    @property
    def committed(self) -> int:
        """The tail as far as this handle knows: everything below can be read now."""
        ...

    async def append(self, entry: Entry) -> int:
        """Order and store `entry`; its position. The engine stamps epoch and record index.

        Raises `Sealed`, `NotLeader`, `Busy`, `ReadOnly` (definite) or `Unavailable`.
        """
        ...

    async def check_tail(self) -> Tail:
        """The linearizable tail."""
        ...

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Committed entries from `start`, before `stop`, up to about `bytes_max` of payload.

        At least one if there is one; an empty list at the tail. `HistoryTrimmed` below the head.
        """
        ...

    async def wait(self, position: int) -> Tail:
        """Return as soon as `committed` exceeds `position`, or the loglet is sealed."""
        ...

    async def trim(self, before: int) -> None:
        """Forget entries below `before` (clamped to what is committed)."""
        ...

    async def seal(self) -> int:
        """Refuse every later append; the final tail. Idempotent."""
        ...

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Call back when entries from a position on were cut although they had been committed.

        Only loglets whose commit rule a promotion may overrule (primary) ever call it; the
        epoch is the new leader's. A reader that went past the position must rebuild.
        """
        ...

    async def close(self) -> None: ...
