"""The driver of a core: carries out its effects on ports, and wakes it in time.

The core decides everything; this file moves bytes. It runs on one event loop. A write that the
disk refuses halts the member: it promises, appends and acknowledges nothing more until it is
opened anew, for what is in memory is no longer what is on disk.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from plait.base.errors import Corrupt, HistoryTrimmed, PlaitError, ReadOnly, StorageError
from plait.base.ports import Clock, LogStorage, LogWrite
from plait.engines.replicated.cores import Core
from plait.line.entry import Epoch
from plait.line.replication.progress import APPEND_BYTES
from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend
from plait.line.replication.vocabulary import (
    Committed,
    Deposed,
    Loaded,
    MembersChanged,
    Persist,
    Persisted,
    Promotion,
    Retracted,
    Send,
    Timer,
    Trimmed,
)

_HALTED = "the disk refused a write"


LATE_S = 0.0005  # loops count whole milliseconds: a timer that fires early is set again for nothing


class Driver:
    """Runs one core. The owner sets the `on_…` hooks before the first step."""

    def __init__(
        self,
        core: Core,
        storage: LogStorage,
        send: Callable[[str, Any], None],
        clock: Clock,
    ) -> None:
        self.core = core
        self.halted: PlaitError | None = None
        self.storage = storage
        self.send = send
        self.clock = clock
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self.pace: Callable[[str, int], float] = lambda peer, size: 0.0  # seconds to wait
        self.on_committed: Callable[[int], None] = lambda position: None
        self.on_retracted: Callable[[Epoch, int], None] = lambda epoch, position: None
        self.on_trimmed: Callable[[int], None] = lambda position: None
        self.on_deposed: Callable[[], None] = lambda: None
        self.on_promotion: Callable[[Promotion], None] = lambda promotion: None
        self.on_snapshot: Callable[[str], None] = lambda peer: None
        self.on_members: Callable[[], None] = lambda: None
        self.on_halted: Callable[[PlaitError], None] = lambda error: None

    # ------------------------------------------------------------------ stepping

    def step(self, event: Any) -> None:
        """Tell the core, do what it asks for, and set the timer."""
        if self.halted is not None:
            return
        try:
            effects = self.core.step(event, self.clock.monotonic())
        except Corrupt as error:
            self.halt(error)
            return
        for effect in effects:
            match effect:
                case Send(peer, message):
                    self.send(peer, message)
                case SendAppend(peer, append):
                    self.send(peer, append)
                case Persist(token, writes):
                    self._persist(token, writes)
                case Committed(position):
                    self.on_committed(position)
                case Retracted(epoch, position):
                    self.on_retracted(epoch, position)
                case Trimmed(position):
                    self.on_trimmed(position)
                case Deposed():
                    self.on_deposed()
                case Promotion():
                    self.on_promotion(effect)
                case LoadEntries(peer, start):
                    self._loop.call_soon(self._load, peer, start)
                case MembersChanged():
                    self.on_members()
                case BeginSnapshot(peer):
                    self.on_snapshot(peer)
                case _:
                    self.carry_out(effect)
        self._arm()

    def wake(self) -> None:
        """Set the timer for the first time."""
        self._arm()

    def carry_out(self, effect: Any) -> None:
        """An effect of the core's own kind."""
        raise AssertionError(f"nobody carries out {effect!r}")

    def prepared(self, writes: tuple[LogWrite, ...]) -> tuple[LogWrite, ...]:
        """Writes as they go to the disk."""
        return writes

    def _persist(self, token: int, writes: tuple[LogWrite, ...]) -> None:
        try:
            self.storage.submit(self.prepared(writes), partial(self._persisted, token))
        except PlaitError as error:  # what is in memory is not what is on disk
            self.halt(error)

    def _persisted(self, token: int, error: PlaitError | None) -> None:
        if error is None:
            self.step(Persisted(token))
        else:
            self.halt(error)

    def halt(self, error: PlaitError) -> None:
        """Stop: nothing more is promised, appended or acknowledged."""
        if self.halted is None:
            self.halted = ReadOnly(f"{self.core.member.line}: {_HALTED}: {error.message}")
            self._disarm()
            self.on_deposed()
            self.on_halted(self.halted)

    # ------------------------------------------------------------------ reading the disk

    def rows(self, start: int) -> tuple[bytes, ...]:
        """Durable rows from `start`; none if they are gone."""
        line, durable = self.core.member.line, self.core.member.log.durable
        try:
            return tuple(self.storage.read(line, start, durable, APPEND_BYTES))
        except HistoryTrimmed:
            return ()
        except StorageError as error:
            self.halt(error)
            return ()

    def _load(self, peer: str, start: int) -> None:
        rows = self.rows(start)
        wait_s = self.pace(peer, sum(map(len, rows)))
        if wait_s > 0:
            self._loop.call_later(wait_s, self.step, Loaded(peer, start, rows))
        else:
            self.step(Loaded(peer, start, rows))

    # ------------------------------------------------------------------ time

    def _arm(self) -> None:
        deadline = self.core.deadline
        if self._timer is not None and self._timer_at <= deadline:
            return  # it will look again when it fires
        self._disarm()
        if deadline != float("inf"):
            self._timer_at = deadline
            delay = max(0.0, deadline - self.clock.monotonic())
            self._timer = self._loop.call_later(delay + LATE_S, self._fire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, float("inf")

    def _fire(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        if self.clock.monotonic() >= self.core.deadline:
            self.step(Timer())
        elif self.halted is None:
            self._arm()

    def close(self) -> None:
        """Stop without a word."""
        self._disarm()
        if self.halted is None:
            self.halted = ReadOnly(f"{self.core.member.line} is closed")
