"""Pace: when a replica applies what is committed, where that is not at once.

A delayed follower has every entry on its disk as early as any other, and acknowledges it; its
state comes later. Absent: who decides; `plait.node.pace` does.
"""

from typing import Protocol

from plait.line.entry import Entry


class Pace(Protocol):
    """Of one line at one node."""

    @property
    def on(self) -> bool:
        """Whether entries may have to wait."""
        ...

    @property
    def waits(self) -> bool:
        """Whether one does now."""
        ...

    @property
    def held(self) -> bool:
        """Whether the state is to stay as somebody wants to read it: no copy may replace it."""
        ...

    def took_in(self, position: int) -> None:
        """The line's leader was told that everything below is here, applied or not."""
        ...

    async def due(self, position: int, entry: Entry) -> None:
        """Return when the entry, the next one, is to be applied."""
        ...
