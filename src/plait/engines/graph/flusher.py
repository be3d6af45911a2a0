"""Flushing a graph: rows into the state file, off the loop; then the log is trimmed.

::

    freeze what changed -> wait until the log's rows are durable -> one transaction -> (sync, trim)

The state file never holds what the log does not: it would outlive a crash as something that was
never durable, and its dots could be used again.

Invariants: one flush at a time; a failed one loses nothing. The log is trimmed no further than a
state that is synced.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from plait.base.errors import PlaitError, StorageError
from plait.base.ports import Change
from plait.engines.graph.collector import paused
from plait.engines.graph.journal import Journal
from plait.engines.graph.parts import Parts

logger = logging.getLogger("plait.graph")

FLUSH_S = 0.1
FLUSH_EVENTS = 16 * 1024
RETRY_S = 1.0
TRIM_S = 1.0
EVENTS_WAITING_MAX = 8 * FLUSH_EVENTS


class Flusher:
    """Flushes one graph. `settle()` brings everything into the log and the shelf first; False if
    a draft is open, and then it is tried again later. `torn` is told of a document that could not
    be read: what is in memory then may be half of something, and is flushed no more."""

    def __init__(
        self,
        parts: Parts,
        journal: Journal,
        settle: Callable[[], bool],
        torn: Callable[[StorageError], None],
    ) -> None:
        self.flushed = parts.position
        self.error: PlaitError | None = None
        self.flushes = 0
        self._parts = parts
        self._journal = journal
        self._settle = settle
        self._torn = torn
        self._events = 0  # since the last flush
        self._timer: asyncio.TimerHandle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopped = False
        self._synced = parts.position
        self._synced_at = 0.0

    def changed(self, events: int) -> None:
        """Events took effect: flush them in a moment, at once if they are many."""
        self._events += events
        if self._stopped or self._running is not None:
            return
        if self._events >= FLUSH_EVENTS:
            self._start()
        elif self._timer is None:
            delay = FLUSH_S if self.error is None else RETRY_S
            self._timer = asyncio.get_running_loop().call_later(delay, self._start)

    def later(self, delay_s: float) -> None:
        """Flush once more after so long, if nothing else happens: there is something to tidy."""
        if self._later is None and not self._stopped:
            self._later = asyncio.get_running_loop().call_later(delay_s, self._tidy_now)

    def _tidy_now(self) -> None:
        self._later = None
        self.changed(1)

    async def flush(self) -> None:
        """Return when everything so far is in the state file; raises why it cannot be."""
        while self._running is not None:
            await asyncio.wait([self._running])
        self._start()
        if self._running is not None:
            await asyncio.wait([self._running])
        if self.error is not None:
            raise self.error

    async def stop(self, abandon: bool = False) -> None:
        """Start no more flushes; wait for the running one, or abandon it."""
        self._stopped = True
        self._disarm()
        self._forget_later()
        running = self._running
        if running is not None:
            if abandon:
                running.cancel()
            await asyncio.wait([running])
            if self._running is running:  # it was cancelled before it began
                self._parts.view.thaw(False)
                self._running = None

    def resume(self, position: int) -> None:
        """Flush again: the rows stand for this position."""
        self.flushed = self._synced = position
        self._stopped = False
        self.error = None

    def halt(self) -> None:
        """Start nothing any more, wait for nothing."""
        self._stopped = True
        self._disarm()
        self._forget_later()
        if self._running is not None:
            self._running.cancel()

    def _start(self) -> None:
        self._disarm()
        if self._stopped or self._running is not None:
            return
        try:
            if not self._settle():
                self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._start)
                return
            position = self._journal.written
            if position == self.flushed and not self._events:
                return
            self._events = 0
            with paused():
                self._parts.collect(position)
                changes = self._parts.view.freeze()
        except StorageError as error:
            self._torn(error)
            return
        self._running = asyncio.get_running_loop().create_task(self._flush(position, changes))

    async def _flush(self, position: int, changes: Sequence[Change]) -> None:
        view = self._parts.view
        stored = False
        try:
            await self._journal.wait(position)
            loop = asyncio.get_running_loop()
            done: asyncio.Future[PlaitError | None] = loop.create_future()
            self._parts.state.submit(changes, lambda error: _answer(done, error))
            error = await asyncio.shield(done)
            if error is not None:
                raise error
            stored = True
            self.flushed, self.error = position, None
            self.flushes += 1
            with paused():
                self._parts.shelf.evict()
            await self._trim(position)
        except PlaitError as error:
            self.error = error
        finally:
            view.thaw(stored)
            self._running = None
        if self._events or self.error is not None:
            self.changed(0)

    async def _trim(self, position: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._synced_at < TRIM_S:
            return
        self._synced_at = now
        await self._parts.state.sync()
        self._synced = position
        self._journal.trim(position)

    def _forget_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _answer(done: "asyncio.Future[PlaitError | None]", error: PlaitError | None) -> None:
    if not done.done():
        done.set_result(error)
