"""The driver of a primary core: carries out its effects on ports, and wakes it in time.

The core decides everything; this file moves bytes. It runs on one event loop. A write that the
disk refuses halts the member: it promises, appends and acknowledges nothing more until it is
opened anew, for what is in memory is no longer what is on disk.
"""

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from plait.base.errors import HistoryTrimmed, PlaitError, ReadOnly, StorageError
from plait.base.ports import Clock, CutSuffix, LogStorage, LogWrite
from plait.line.entry import Epoch
from plait.line.primary.core import PrimaryCore
from plait.line.primary.member import RescueNote
from plait.line.primary.messages import Fetched, Message
from plait.line.primary.vocabulary import (
    Committed,
    Deposed,
    Event,
    Loaded,
    LoadForCandidate,
    Persist,
    Persisted,
    Promotion,
    Retracted,
    Send,
    Timer,
    Trimmed,
)
from plait.line.replication.progress import APPEND_BYTES
from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend

_HALTED = "the disk refused a write"


class Driver:
    """Runs one core. The owner sets the `on_…` hooks before the first step."""

    def __init__(
        self,
        core: PrimaryCore,
        storage: LogStorage,
        send: Callable[[str, Message], None],
        clock: Clock,
    ) -> None:
        self.core = core
        self.halted: PlaitError | None = None
        self._storage = storage
        self._send = send
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self.on_committed: Callable[[int], None] = lambda position: None
        self.on_retracted: Callable[[Epoch, int], None] = lambda epoch, position: None
        self.on_trimmed: Callable[[int], None] = lambda position: None
        self.on_deposed: Callable[[], None] = lambda: None
        self.on_promotion: Callable[[Promotion], None] = lambda promotion: None
        self.on_snapshot: Callable[[str], None] = lambda peer: None
        self.on_halted: Callable[[PlaitError], None] = lambda error: None

    # ------------------------------------------------------------------ stepping

    def step(self, event: Event) -> None:
        """Tell the core, do what it asks for, and set the timer."""
        if self.halted is not None:
            return
        for effect in self.core.step(event, self._clock.monotonic()):
            match effect:
                case Send(peer, message):
                    self._send(peer, message)
                case SendAppend(peer, append):
                    self._send(peer, append)
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
                case LoadForCandidate():
                    self._load_for_candidate(effect)
                case BeginSnapshot(peer):
                    self.on_snapshot(peer)
        self._arm()

    def _persist(self, token: int, writes: tuple[LogWrite, ...]) -> None:
        if any(isinstance(write, CutSuffix) for write in writes):
            writes = tuple(self._dated(write) for write in writes)
        self._storage.submit(writes, partial(self._persisted, token))

    def _dated(self, write: LogWrite) -> LogWrite:
        """A rescue note with the time on it."""
        if not isinstance(write, CutSuffix) or write.rescue is None:
            return write
        note = msgspec.msgpack.decode(write.rescue, type=RescueNote)
        note = msgspec.structs.replace(note, time_ms=self._clock.wall_ms())
        return CutSuffix(write.line, write.start, msgspec.msgpack.encode(note))

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

    def _rows(self, start: int) -> tuple[bytes, ...]:
        line, durable = self.core.member.line, self.core.member.log.durable
        try:
            return tuple(self._storage.read(line, start, durable, APPEND_BYTES))
        except HistoryTrimmed:
            return ()
        except StorageError as error:
            self.halt(error)
            return ()

    def _load(self, peer: str, start: int) -> None:
        self.step(Loaded(peer, start, self._rows(start)))

    def _load_for_candidate(self, effect: LoadForCandidate) -> None:
        log = self.core.member.log
        rows = self._rows(effect.start)
        message = Fetched(
            self.core.member.line, effect.epoch, bool(rows), effect.start, effect.previous, rows,
            log.tail, log.head,
        )  # fmt: skip
        self._send(effect.peer, message)

    # ------------------------------------------------------------------ time

    def _arm(self) -> None:
        deadline = self.core.deadline
        if self._timer is not None and self._timer_at <= deadline:
            return  # it will look again when it fires
        self._disarm()
        if deadline != float("inf"):
            self._timer_at = deadline
            delay = max(0.0, deadline - self._clock.monotonic())
            self._timer = self._loop.call_later(delay, self._fire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, float("inf")

    def _fire(self) -> None:
        self._timer, self._timer_at = None, float("inf")
        if self._clock.monotonic() >= self.core.deadline:
            self.step(Timer())
        elif self.halted is None:
            self._arm()

    def close(self) -> None:
        """Stop without a word."""
        self._disarm()
        if self.halted is None:
            self.halted = ReadOnly(f"{self.core.member.line} is closed")
