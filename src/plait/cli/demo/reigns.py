"""The epoch of the newest acknowledged write, and waiting for a newer one.

What was committed before a leader was lost may still be answered a moment after; only a write of
a later epoch shows that somebody leads again.
"""

import asyncio
import time

from plait.line.entry import NO_EPOCH, Epoch


class Reigns:
    """Sees every acknowledgement go by."""

    def __init__(self) -> None:
        self.newest = NO_EPOCH
        self._changed = asyncio.Event()

    def note(self, epoch: Epoch) -> None:
        """A write of `epoch` was acknowledged."""
        if epoch > self.newest:
            self.newest = epoch
            self._changed.set()

    async def after(self, epoch: Epoch, timeout_s: float) -> float:
        """Wait for a write of a later epoch; when it came, on the monotonic clock."""
        async with asyncio.timeout(timeout_s):
            while self.newest <= epoch:
                self._changed.clear()
                await self._changed.wait()
        return time.monotonic()
