"""Lost: stands in a chain for a loglet that cannot be opened any more.

Nothing is read from it, appended to it or sealed; it can be trimmed away. A chain takes it only
for a segment whose tail an operator has forced, or is about to.
"""

from collections.abc import Callable

from plait.base.errors import PlaitError, Unavailable
from plait.line.entry import Entry, Epoch
from plait.line.loglet import READ_BYTES, Tail


class LostLoglet:
    """A loglet of which only the beginning is known. `why` is what its engine said."""

    def __init__(self, head: int, why: PlaitError) -> None:
        self._head = head
        self._why = why

    @property
    def head(self) -> int:
        """Where it began, or was trimmed to."""
        return self._head

    @property
    def committed(self) -> int:
        """Nothing is known to be."""
        return self._head

    async def append(self, entry: Entry) -> int:
        """Not possible."""
        raise self._refusal()

    async def check_tail(self) -> Tail:
        """Not possible."""
        raise self._refusal()

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Not possible."""
        raise self._refusal()

    async def wait(self, position: int) -> Tail:
        """Not possible."""
        raise self._refusal()

    async def trim(self, before: int) -> None:
        """Do without what cannot be read anyway."""
        self._head = max(self._head, before)

    async def seal(self) -> int:
        """Not possible."""
        raise self._refusal()

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called."""

    async def close(self) -> None:
        """Nothing is open."""

    def _refusal(self) -> Unavailable:
        refusal = Unavailable(f"the loglet cannot be opened: {self._why.message}")
        refusal.__cause__ = self._why
        return refusal
