"""The port of whatever takes the changes of a table, and the place of what it has."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from plait.api.watch import Batch


class Mark(NamedTuple):
    """Which transaction a sink took last. Its cursor alone could be another's after a cut."""

    cursor: str  # behind it
    version: int
    time_ms: int


class Sink(Protocol):
    """Takes transactions in order. Used by one task at a time."""

    most: int  # transactions that `write` is given at once, and that may come again after a crash

    async def open(self, cursor: str) -> Mark | None:
        """Make ready; everything up to `cursor` is said to be here.

        The last transaction that is here whole, if that can be known; what is here of a later one
        is removed, for it comes again. None: begin behind `cursor`.
        """
        ...

    async def write(self, batches: Sequence[Batch]) -> None:
        """Take transactions; return when they will not be lost. May be given again what came
        before a crash, if `open` did not know of it."""
        ...

    async def close(self) -> None:
        """Let go of everything; also after an error."""
        ...


def mark_of(batch: Batch) -> Mark:
    """The mark of a sink that took `batch` last."""
    return Mark(batch.cursor, batch.version, batch.time_ms)
