"""Flushing: when the overlay goes into the state file, and how much it may hold until then.

Invariants: one flush runs at a time; each is one transaction that carries the rows and the
position that they stand for, so the state file is always the fold of a prefix of the log;
`flushed` is that position. A failed flush loses nothing: its changes become active again.

Under load flushes grow (fewer, larger, better sorted), when it is quiet they shrink. Where each
flush carries the whole state of a machine, they are few: when `worth` says so, or in `WHOLE_AGE_S`.
"""

import asyncio
from collections.abc import Callable

from plait.base.errors import PlaitError, Unavailable
from plait.base.ports import StateStorage
from plait.engines.overlay import Overlay

FLUSH_KEYS_MIN = 16 * 1024
FLUSH_KEYS_MAX = 128 * 1024
FLUSH_BYTES = 32 * 1024 * 1024
FLUSH_AGE_MIN_S = 0.1
FLUSH_AGE_MAX_S = 1.0
WHOLE_AGE_S = 10.0
HELD_KEYS_MAX = 2 * FLUSH_KEYS_MAX  # applying waits beyond these
HELD_BYTES_MAX = 4 * FLUSH_BYTES


class Flusher:
    """Flushes one overlay. `collect` puts what else belongs into the transaction (the applied
    position, sessions) into the overlay, and returns that position; None if that failed for good.
    It may raise `PlaitError`: then it is tried again. `worth` tells that enough was applied for a
    flush that carries a whole state."""

    def __init__(
        self,
        overlay: Overlay,
        storage: StateStorage,
        collect: Callable[[], int | None],
        worth: Callable[[], bool] | None = None,
    ) -> None:
        self.flushed = 0  # the state file holds the fold of everything below
        self.error: PlaitError | None = None  # of the last flush
        self._overlay = overlay
        self._storage = storage
        self._collect = collect
        self._keys = FLUSH_KEYS_MIN
        self._worth = worth
        self._age_s = FLUSH_AGE_MIN_S if worth is None else WHOLE_AGE_S
        self._running: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._dirty = False  # something was applied since the last freeze
        self._stopped = True

    def start(self, flushed: int) -> None:
        """Begin with an empty overlay over a state file that stands at `flushed`."""
        self.flushed = flushed
        self.error = None
        self._dirty = False
        self._stopped = False

    async def stop(self) -> None:
        """Start no more flushes, and wait for the running one."""
        self.halt()
        await self._finished()

    def halt(self) -> None:
        """Start no more flushes."""
        self._stopped = True
        self._disarm()

    def changed(self) -> None:
        """Something was applied: flush at once if much is held back, else in a while."""
        self._dirty = True
        if self._stopped or self._running is not None:
            return
        if self.error is None and self._due():
            self._flush()
        elif self._timer is None:
            delay = self._age_s if self.error is None else FLUSH_AGE_MAX_S
            self._timer = asyncio.get_running_loop().call_later(delay, self._flush)

    async def flush(self, applied: int) -> None:
        """Return when everything below `applied` is in the state file; raise why it cannot be."""
        while self.flushed < applied and not self._stopped:
            fresh = self._running is None
            if fresh:
                self._flush()
            await self._finished()
            if fresh and self.error is not None:
                raise self.error
        if self.flushed < applied:
            raise Unavailable("the flush was interrupted")

    async def room(self) -> None:
        """Wait until the overlay holds little enough to apply more."""
        while self._full() and not self._stopped:
            if self._running is None:
                self.changed()
            if self._running is not None:
                await self._finished()
            else:
                await asyncio.sleep(FLUSH_AGE_MIN_S)

    def _due(self) -> bool:
        overlay = self._overlay
        if overlay.changed >= self._keys or overlay.unfrozen_bytes >= FLUSH_BYTES:
            return True
        return self._worth is not None and self._worth()

    def _full(self) -> bool:
        overlay = self._overlay
        return overlay.changed >= HELD_KEYS_MAX or overlay.unfrozen_bytes >= HELD_BYTES_MAX

    async def _finished(self) -> None:
        if self._running is not None:
            await asyncio.shield(self._running)

    def _flush(self) -> None:
        self._disarm()
        if self._running is not None or self._stopped:
            return
        self._dirty = False
        try:
            position = self._collect()
        except PlaitError as error:  # the state could not be read
            self.error = error
            self.changed()
            return
        if position is None:
            return
        self._running = asyncio.get_running_loop().create_future()
        changes = self._overlay.freeze()
        try:
            self._storage.submit(changes, lambda error: self._done(position, error))
        except PlaitError as error:
            self._done(position, error)

    def _done(self, position: int, error: PlaitError | None) -> None:
        self._overlay.thaw(error is None)
        self.error = error
        if error is None:
            self.flushed = position
            self._adapt()
        running, self._running = self._running, None
        if running is not None:
            running.set_result(None)
        if self._dirty or error is not None:
            self.changed()

    def _adapt(self) -> None:
        if self._worth is not None:
            return
        if self._due():
            self._keys = min(self._keys * 2, FLUSH_KEYS_MAX)
            self._age_s = min(self._age_s * 2, FLUSH_AGE_MAX_S)
        elif self._overlay.changed < self._keys // 4:
            self._keys = max(self._keys // 2, FLUSH_KEYS_MIN)
            self._age_s = max(self._age_s / 2, FLUSH_AGE_MIN_S)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
