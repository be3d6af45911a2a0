"""Who waits for something to be so, and is woken when a look finds that it is.

Invariant: nobody is woken in vain, and nobody waits after `fail`. Absent: when to look; whoever
changes something that could be waited for calls `look`.
"""

import asyncio
from collections.abc import Callable


class Conditions:
    """What is waited for in one replica."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._error: Exception | None = None  # why nothing will be so any more

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as it is so; raises what `fail` was given."""
        if not holds():
            if self._error is not None:
                raise self._error
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((holds, future))
            await future

    def look(self) -> None:
        """Wake whoever waits for what is so now."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for holds, future in waiting:
            if not future.done():
                if holds():
                    future.set_result(None)
                else:
                    self._waiting.append((holds, future))

    def fail(self, error: Exception) -> None:
        """Nothing of it will ever be so."""
        self._error = error
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(error)
