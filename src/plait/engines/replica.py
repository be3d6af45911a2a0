"""The replica: a loglet, a state machine and a checkpoint, driven together.

::

    flushed <= applied <= loglet.committed

It follows the log, applies each entry synchronously and whole, answers reads from what is
applied, and orders groups of commands through a `Proposer`. A `Flusher` moves what was applied
into the state file. Sees ports only; owns no thread.

When committed entries are cut (`retracted`, by loglets whose promotions may do so), the replica
stops applying at once and rebuilds: from the state file if that is old enough, else by replaying
the whole log, else (`needs_snapshot`) from a snapshot that the node fetches and hands to `install`.

A machine that raises leaves half an entry behind. The replica then halts: nothing is flushed or
answered any more, until the process starts again from the last checkpoint; or, if the line was
stopped for a reason that can pass (a class is missing, the state diverged), until that was set
right and `reload` is called.

Deliberately absent: who leads, lag, and where snapshots come from; the node knows.
"""

import asyncio
import logging
from collections.abc import Sequence

from plait.base.errors import (
    Closed,
    HistoryTrimmed,
    LineStopped,
    MachineStopped,
    PlaitError,
    SessionLost,
    StorageError,
    TooStale,
    Unavailable,
)
from plait.base.ports import Clock, IncomingSnapshot, StateStorage
from plait.engines.answers import Answered as Answered
from plait.engines.apply import apply_entry, check_follows, groups_of, outcomes_of
from plait.engines.audit import Ledger
from plait.engines.checkpoint import Checkpoint, collect, continues, load_checkpoint, load_sessions
from plait.engines.flusher import Flusher
from plait.engines.overlay import Overlay
from plait.engines.pace import Pace
from plait.engines.proposer import Proposer
from plait.engines.reading import Mark as Mark
from plait.engines.reading import Reading
from plait.engines.waiters import Waiters
from plait.line.entry import Entry, Epoch
from plait.line.epochs import EpochHistory
from plait.line.loglet import Loglet
from plait.line.outcome import Outcome
from plait.line.sessions import Sessions
from plait.types.keys import row_space
from plait.types.machine import Machine
from plait.types.queries import Count, Query

logger = logging.getLogger("plait.replica")

_TURN_COMMANDS = 2048  # applied before other tasks get a turn
_ENTRY_COST = 16  # of an entry, in commands
_RETRY_S = 0.1
_COUNT_HELD_MAX = 256  # changes that a count looks up one by one; with more, it flushes first


class Replica(Reading):
    """One copy of a line's state."""

    def __init__(
        self, line: str, loglet: Loglet, machine: Machine, state: StateStorage, clock: Clock
    ) -> None:
        self.line = line
        self.machine = machine
        self.loglet = loglet
        self.view = Overlay(state)
        self.ledger = Ledger(line, self.view, clock)
        self.sessions = Sessions()
        self.epochs = EpochHistory()
        self.applied = 0  # every entry below was applied; <= loglet.committed
        self.record_index = 0  # records in them
        self.applied_bytes = 0  # of log, by this process
        self.time_ms = 0  # the fold's clock
        self.halted: PlaitError | None = None  # why nothing is served any more
        self.pace: Pace | None = None  # where entries are applied later than they could be
        self.needs_snapshot: HistoryTrimmed | None = None  # the log no longer has what is next
        self._state = state
        worth = None if machine.save_bytes() is None else self._worth
        self._flusher = Flusher(self.view, state, self._collect, worth)
        self._proposer = Proposer(loglet, machine, clock, lambda: self.applied)
        self._waiters = Waiters()
        self._ready = asyncio.Event()  # cleared while the state is being rebuilt
        self._lifecycle = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None
        self._rebuilding: dict[asyncio.Task[None], None] = {}
        self._cut = False  # the state file holds entries that were cut
        self._saved_bytes = 0  # of them, when the last flush began
        self._reached = 0  # reads wait for it: a `reload` must not show less than before
        self._closed = False
        loglet.on_retracted(self._retracted)

    @property
    def flushed(self) -> int:
        """Every entry below is folded into the state file."""
        return self._flusher.flushed

    @property
    def flush_error(self) -> PlaitError | None:
        """Why the last flush failed, if it did; it is tried again."""
        return self._flusher.error

    async def start(self) -> None:
        """Load the checkpoint and follow the log from there."""
        async with self._lifecycle:
            self._resume()

    async def close(self) -> None:
        """Stop; flush what was applied if that is possible now (the log has it anyway)."""
        self._closed = True
        async with self._lifecycle:
            await self._stop_following()
            await self._proposer.close()
            if self._ready.is_set() and self.halted is None:
                try:
                    await self._flusher.flush(self.applied)
                except PlaitError as error:
                    logger.warning("line %s is closed unflushed: %s", self.line, error)
            await self._flusher.stop()
            self._waiters.fail(Closed(f"the replica of line {self.line} was closed"))
            self._ready.set()

    def propose(self, group: bytes) -> "asyncio.Future[Outcome]":
        """Order an encoded group; its outcome once it is committed and applied here.

        Raises `BadFrame` or `Busy` at once; what the loglet refuses, or does not know, comes
        through the future. Cancelling the future gives up the answer, not the group.
        """
        self._check_alive()
        return self._proposer.propose(group)

    async def read(
        self, queries: Sequence[Query], after: Mark | None = None, timeout: float | None = None
    ) -> Answered:
        """Answer all queries from one state, which covers `after`.

        Raises `TooStale` if that takes longer than `timeout` s, `SessionLost` if it can never be.
        """
        if not self.covers(after):
            await self.wait_applied(self._needed(after), timeout, after)
        counted = [row_space(query.table) for query in queries if isinstance(query, Count)]
        if any(self.view.unflushed(space) > _COUNT_HELD_MAX for space in counted):
            await self.flush()
            self._check_alive()
        return self.answer(queries)

    async def wait_applied(
        self, position: int, timeout: float | None = None, mark: Mark | None = None
    ) -> None:
        """Return once everything below `position` is applied; `TooStale` if not in time."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self._ready.wait()
                    self._check_alive()
                    if mark is not None and self.epochs.lost(*mark, self.applied):
                        raise SessionLost(f"position {mark[1]} of epoch {mark[0]} was cut")
                    if self.applied >= position:
                        return
                    await self._waiters.sleep(position - 1)
        except TimeoutError:
            raise TooStale(
                f"line {self.line} is at {self.applied}, not at {position} yet",
                applied=self.applied,
            ) from None

    async def flush(self) -> None:
        """Return when everything applied so far is in the state file."""
        await self._ready.wait()
        if isinstance(self.halted, LineStopped):
            return  # the log has it all, and the state file a prefix; other lines go on
        self._check_alive()
        await self._flusher.flush(self.applied)

    def rewind(self, position: int) -> "asyncio.Task[None]":
        """Entries from `position` on were cut: stop applying now, and rebuild without them.

        The replica does so by itself when its loglet announces a retraction. The task raises
        `HistoryTrimmed` if only a snapshot helps.
        """
        self._ready.clear()
        if self._follower is not None:
            self._follower.cancel()
        self._proposer.cut(position)
        task = asyncio.get_running_loop().create_task(self._rebuild(position))
        self._rebuilding[task] = None
        task.add_done_callback(self._rebuilt)
        return task

    async def install(self, incoming: IncomingSnapshot, size: int, checksum: int) -> None:
        """Replace the state by a received snapshot, and go on from there."""
        async with self._lifecycle:
            await self._suspend()
            try:
                await self._state.install(incoming, size, checksum)
                self._cut = False
            finally:
                if not self._cut:
                    self._resume()

    async def reload(self) -> None:
        """Go on from the state file, which was replaced, or with another class of the machine.
        (`install` also keeps the replica from writing to the file meanwhile.)"""
        async with self._lifecycle:
            await self._suspend()
            if isinstance(self.halted, LineStopped):
                self.halted = None
            self._reached = max(self._reached, self.applied)
            self._cut = False
            self._resume()

    # --------------------------------------------------------------------- life cycle

    def _check_alive(self) -> None:
        if self.halted is not None:
            raise self.halted
        if self._closed:
            raise Closed(f"the replica of line {self.line} was closed")

    def _retracted(self, epoch: Epoch, position: int) -> None:
        # Even if nothing of it is applied, entries that were cut may be read already.
        if not self._closed and self.halted is None:
            self.rewind(position)

    async def _rebuild(self, position: int) -> None:
        async with self._lifecycle:
            await self._suspend()
            if self._closed or self.halted is not None:
                return
            self._reached = min(self._reached, position)
            if self.flushed > position:
                self._cut = True
                if self.loglet.head > 0:
                    self.needs_snapshot = HistoryTrimmed(
                        f"line {self.line} was cut at {position} and its log begins later",
                        head=self.loglet.head,
                    )
                    raise self.needs_snapshot
                await self._state.clear()
                self._cut = False
            if not self._cut:
                self._resume()

    def _rebuilt(self, task: "asyncio.Task[None]") -> None:
        self._rebuilding.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.warning("line %s was not rebuilt: %s", self.line, error)
            if error is not self.needs_snapshot:
                self._halt(error)

    async def _suspend(self) -> None:
        """Neither apply nor flush, from here until `_resume`."""
        self._ready.clear()
        await self._stop_following()
        await self._flusher.stop()

    async def _stop_following(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)

    def _resume(self) -> None:
        """Follow the log from the checkpoint on."""
        if self._closed or self.halted is not None:
            return
        self.view.drop()
        checkpoint = load_checkpoint(self._state)
        self.sessions = load_sessions(self._state)
        self.epochs = EpochHistory(checkpoint.spans)
        self.applied = checkpoint.applied
        self.record_index = checkpoint.record_index
        self.time_ms = checkpoint.time_ms
        self.ledger.begin(checkpoint.hash, checkpoint.audits)
        self.needs_snapshot, self._saved_bytes = None, self.applied_bytes
        try:
            self.machine.load(self.view)
        except Exception as error:
            self._halt(error)
            return
        self._flusher.start(checkpoint.applied)
        self._ready.set()
        self._waiters.wake_all()
        self._follower = asyncio.get_running_loop().create_task(self._follow())

    def _halt(self, error: BaseException) -> None:
        self.halted = unknown = Unavailable(f"the replica of line {self.line} halted: {error!r}")
        if isinstance(error, LineStopped):
            self.halted = error
            level = logging.INFO if isinstance(error, MachineStopped) else logging.CRITICAL
            logger.log(level, "line %s stops here: %s", self.line, error)
        else:
            logger.critical("the replica of line %s halts", self.line, exc_info=error)
        self._flusher.halt()
        self._proposer.fail(unknown)  # what is logged already is applied later, or elsewhere
        self._waiters.fail(self.halted)
        self._ready.set()

    def _worth(self) -> bool:
        return self.applied_bytes - self._saved_bytes >= (self.machine.save_bytes() or 0)

    def _collect(self) -> int | None:
        try:
            self.machine.save(self.view)
        except Exception as error:
            self._halt(error)
            return None
        self._saved_bytes = self.applied_bytes
        checkpoint = Checkpoint(
            self.applied, self.record_index, self.time_ms, self.epochs.spans,
            self.ledger.hash, self.ledger.points,
        )  # fmt: skip
        collect(self.view, checkpoint, self.sessions, self.loglet.head)
        return self.applied

    # ---------------------------------------------------------------------- following

    async def _follow(self) -> None:
        while True:
            try:
                if await continues(self.loglet, self.applied, self.epochs.current):
                    await self._apply_all()
                else:
                    self.rewind(0)
                return
            except HistoryTrimmed as error:
                self.needs_snapshot = error
                logger.warning("line %s needs a snapshot: %s", self.line, error)
                return
            except Closed:
                return
            except StorageError as error:
                self._halt(error)
                return
            except PlaitError as error:
                logger.info("line %s cannot be read now: %s", self.line, error)
                await asyncio.sleep(_RETRY_S)
            except Exception as error:
                self._halt(error)
                return

    async def _apply_all(self) -> None:
        """Apply what is committed, and what will be, until the loglet is sealed and read."""
        turn = 0
        while True:
            await self._flusher.room()
            if self.applied >= self.loglet.committed:
                tail = await self.loglet.wait(self.applied)
                if tail.sealed and tail.position <= self.applied:
                    return
                turn = 0
            for entry in await self.loglet.read(self.applied, self.loglet.committed):
                if self.pace is not None and self.pace.on:
                    await self.pace.due(self.applied, entry)
                try:
                    self._apply(entry)
                except Exception as error:
                    self._halt(error)
                    return
                turn += entry.records + _ENTRY_COST
                if turn >= _TURN_COMMANDS:
                    turn = 0
                    await asyncio.sleep(0)

    def _apply(self, entry: Entry) -> None:
        position = self.applied
        check_follows(self.line, position, entry, self.record_index)
        groups = groups_of(entry, self._proposer.decoded(entry.payload))
        self.time_ms = max(self.time_ms, entry.time_ms)
        decided = apply_entry(
            self.machine, self.sessions, self.ledger.view, position, entry, groups, self.time_ms
        )
        self.ledger.applied(entry.epoch, position, groups, self.machine)
        new_epoch = self.epochs.observe(entry.epoch, position)
        self.record_index = entry.records_end
        self.applied = position + 1
        self.applied_bytes += len(entry.payload)
        if groups:
            self._proposer.applied(
                position, entry.payload, lambda: outcomes_of(decided, self.epochs)
            )
        self._waiters.passed(self.applied)
        if new_epoch:
            self._waiters.wake_all()  # some may wait for a position that is lost now
        self._flusher.changed()
