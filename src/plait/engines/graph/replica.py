"""This process's replica of one collection: the cores, the log, the state file and the peers.

::

    writer ---sealed---> journal ---durable---> outbox ---> peers
       ^                   ^                       ^
    documents           syncing (exchange) --------+
                           |
                        flusher: shelf, scope, archive -> state file

Reading and writing are plain calls; once a tick the open batch is sealed, put into the log as one
row, and told to the peers when that is durable.

Invariant: nothing derived from an event leaves before the event is on disk. Absent: which
collections there are and how peers are reached (the node), and what documents look like (the api).
"""

import asyncio
import logging
from asyncio import get_running_loop
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from plait.base.causality import Context
from plait.base.errors import (
    Closed,
    PlaitError,
    ReadOnly,
    StorageError,
    Unavailable,
    WrongThread,
)
from plait.base.ports import Clock, Random, Storage
from plait.engines.graph import poison, wal
from plait.engines.graph.authors import Authors
from plait.engines.graph.company import Company
from plait.engines.graph.conditions import Conditions
from plait.engines.graph.entrusting import Entrusted
from plait.engines.graph.flusher import Flusher
from plait.engines.graph.gauges import gauges
from plait.engines.graph.journal import Journal
from plait.engines.graph.parts import Parts
from plait.engines.graph.past import history_of, past_view
from plait.engines.graph.recovery import Recovery
from plait.engines.graph.refused import RefusedEdits
from plait.engines.graph.renewal import Renewal
from plait.engines.graph.silence import Silence
from plait.engines.graph.syncing import Say, Syncing
from plait.engines.graph.telling import Listener, Telling
from plait.engines.graph.writer import Writer
from plait.engines.graph_port import GraphView, Past
from plait.graph.event import Batch, Op
from plait.graph.warrants import Warrant

logger = logging.getLogger("plait.graph")

FOLD_S = 1.0


class Replica:
    """Implements `plait.engines.graph_port.GraphReplica`; made by `open_replica`."""

    def __init__(
        self, parts: Parts, position: int, storage: Storage, clock: Clock, random: Random
    ) -> None:
        self.name = parts.options.name
        self.parts = parts
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._error: PlaitError | None = None  # why nothing can even be read
        self.broken = False  # memory may hold half of something; what is on disk is whole
        line = parts.options.line
        self.journal = Journal(storage.log, line, position, self._durable, self._failed)
        self.telling = Telling()
        self.writer = Writer(parts, clock, self.soon, self._sealed, self.telling.forget)
        authors = Authors(parts, self.writer)
        self.who, self.when = authors.who, authors.when
        self.syncing = Syncing(parts, self.journal, self, clock, random)
        self.company = Company(parts, self.syncing, self.writer, clock)
        self.flusher = Flusher(parts, self.journal, self._tidy, self.torn)
        self._silence = Silence(parts.options.retire_silent_s)
        self.renewal = Renewal(
            self, parts, self.writer, self.journal, self.flusher, self.syncing, random
        )
        self._ticking = False
        self._events = 0  # since the last tick
        self._fold_at = 0.0
        self._conditions = Conditions()
        self._recovery = Recovery(
            self.name, storage.log, self.journal, self.writer, lambda: self._error is not None,
            self.restart,
        )  # fmt: skip
        refused = self._refused = RefusedEdits(parts, self.renewal, self.soon)
        self.judged, self.heed_rollback = refused.judged, refused.heed
        self.on_refused = refused.listen
        self.refused, self.dismiss, self.again = refused.listed, refused.dismiss, refused.again
        self.mutate, self.assign = self.writer.mutate, self.writer.assign
        self.heed = self.telling.heed
        self.clear, self.delete = self.writer.clear, self.writer.delete
        self.begin = self.writer.begin
        self.merged, self.present = self.company.merged, self.company.present
        self.everybody, self.on_presence = self.company.everybody, self.company.on_presence
        self.bind()
        poison.guard(self)

    def bind(self) -> None:
        """The shelf was exchanged: read from it."""
        shelf = self.parts.shelf
        self.object, self.children = shelf.object, shelf.children
        self.exists = shelf.exists
        self.keys = shelf.keys
        self.count = shelf.count
        self.contended = shelf.contended
        self.telling.watch(shelf, self.parts.scope.clock)

    # ------------------------------------------------------------------ reading

    @property
    def author(self) -> str | None:
        """The person who is named for what is written from now on."""
        return self.writer.who

    @author.setter
    def author(self, who: str | None) -> None:
        """From the next batch on."""
        self.settle()
        self.writer.who = who

    @property
    def replica(self) -> int:
        """This replica's id now."""
        return self.parts.scope.replica

    @property
    def vector(self) -> Context:
        """What was delivered here, own writes included. Live: whoever keeps it copies it."""
        return self.parts.scope.vector

    def check(self) -> None:
        """Raise `Closed`, `WrongThread`, `NotLoaded` or, in a forked child, `StorageError`."""
        if self._error is not None:
            raise self._error
        try:
            if get_running_loop() is self._loop:
                return
        except RuntimeError:
            pass  # no loop runs in this thread
        raise WrongThread(f"documents {self.name!r} were used outside their event loop")

    def listen(self, tell: Listener) -> Callable[[], None]:
        """Be told of every batch that takes effect here, after it has; returns how to stop."""
        return self.telling.listen(tell)

    def past(self, version: Context | None, time_ms: int | None) -> GraphView:
        """The documents as of a version, or of a wall-clock time. `HistoryTrimmed`."""
        self.settle()
        return past_view(self.parts.scope, self.parts.archive, version, time_ms)

    def history(self, key: str) -> Iterator[Past]:
        """The retained batches that touched a document, oldest first. `HistoryTrimmed`."""
        self.settle()
        return history_of(self.parts.scope, self.parts.archive, key)

    # ------------------------------------------------------------------ writing

    def commit(self) -> None:
        """The draft becomes an ordinary batch."""
        self.writer.commit()
        self.syncing.resume()

    def discard(self) -> None:
        """The draft never happened."""
        self.writer.discard()
        self.syncing.resume()

    async def flush(self) -> None:
        """Return when everything written so far is on disk here (a guest: at a peer). `NotAllowed`
        if something was refused since this was last called."""
        await self._flush()
        self._refused.raise_untold(self.name)

    async def _flush(self) -> None:
        self.settle()
        self._end_of_tick()
        entrusted = self.entrusted()
        await self.journal.wait(self.journal.written)
        if self.parts.options.guest:
            await self._conditions.until(entrusted.answered)

    async def kept(self) -> None:
        """Return when all that has taken effect so far is in this replica's log."""
        self.settle()
        self._end_of_tick()
        await self.journal.wait(self.journal.written)

    def entrusted(self) -> Entrusted:
        """What was written until now, as something that a peer has to have."""
        return Entrusted(self.parts, self.syncing)

    async def load(self, keys: Sequence[str]) -> None:
        """Hold these documents in this process: a replica always does."""
        self.check()

    # ------------------------------------------------------------------ life

    async def ready(self, timeout: float) -> None:
        """Return once this replica may write, and has what a peer had; or in time, with what it
        holds. `Unavailable` if that is nothing.
        """
        if self.parts.scope.writable:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._conditions.until(
                    lambda: self.parts.scope.writable and self.syncing.caught_up()
                )
        except TimeoutError:
            if not self.parts.scope.vector:
                raise Unavailable(f"no peer gave the documents {self.name!r} yet") from None

    async def leave(self) -> None:
        """Let a peer have everything, and stop being a member."""
        self.company.depart()
        await self._flush()
        scope = self.parts.scope
        if scope.writable and len(scope.members.remaining()) > 1:
            self.say((scope.retire(scope.replica, scope.next_seq),))
            await self._flush()

    async def close(self) -> None:
        """Stop; what was written is in the log, and in the state file if that is possible now."""
        if isinstance(self._error, Closed):
            return
        closed = Closed(f"documents {self.name!r} were closed")
        await self.renewal.close()
        if self.writer.draft is not None:
            self.discard()
        self.company.depart()
        self._end_of_tick()
        if self.journal.error is None:
            try:
                if self.broken:
                    await self.journal.wait(self.journal.written)
                else:
                    await self.flusher.flush()
            except PlaitError as error:
                logger.warning("graph %s is closed unflushed: %s", self.name, error)
        self._error = self.writer.error = closed
        self.writer.watch()
        self._recovery.close()
        self.company.close()
        self.syncing.close()
        self.journal.close()
        await self.flusher.stop(abandon=True)
        self._conditions.fail(closed)
        poison.release(self)

    def forked(self) -> None:
        """This is a child process: it may not use its parent's replica."""
        self._error = StorageError("a forked child may not use its parent's documents")
        self.writer.error = self._error
        self.writer.watch()

    # ------------------------------------------------------------------ peers

    def linked(self, peer: str, say: Say, warrant: Warrant | None = None) -> None:
        """A connection to a peer is open; `say` sends it bytes, in order. `warrant`: what it may
        write, if it is not trusted with everything."""
        self.syncing.linked(peer, say, warrant)
        self.company.arrived()

    def unlinked(self, peer: str) -> None:
        """The connection broke."""
        self.syncing.unlinked(peer)

    def received(self, peer: str, data: bytes) -> None:
        """A message arrived. Raises `BadFrame` or `WrongLineage`: close the connection then."""
        if self._error is None:
            self.syncing.received(peer, data)
            self._conditions.look()

    def heard(self, peer: str, message: Any) -> None:
        """Something that only rides along."""
        self.company.heard(message)

    def say(self, ops: tuple[Op, ...]) -> None:
        """Write a batch that concerns the scope itself. `ReadOnly`, `ClockWrong`."""
        if self.journal.error is not None:
            raise self.writer.error or ReadOnly(str(self.journal.error))
        self.writer.say(ops)

    # ------------------------------------------------------------------ ticks

    def settle(self) -> bool:
        """Seal the open batch; False if a draft is open."""
        if self.writer.draft is not None:
            return False
        self.writer.seal()
        return True

    def took(self, events: int, batches: Sequence[Batch] = ()) -> None:
        """Something of others took effect and is in the log; `batches`, if it came as such."""
        self._events += events
        self.telling.others(batches)
        self.writer.watch()
        self.soon()
        self.telling.tell()

    def soon(self) -> None:
        """Have the tick end in an orderly way."""
        if not self._ticking:
            self._ticking = True
            self._loop.call_soon(self._end_of_tick, True)

    def _sealed(self, batch: Batch) -> None:
        self.journal.add(wal.wrote(batch))
        self.parts.delivered(batch)
        self._events += len(batch.ops)
        self.soon()
        self.syncing.wrote(batch)
        self.telling.tell(batch)

    def _end_of_tick(self, in_turn: bool = False) -> None:
        self._ticking = False
        if self._error is not None:
            return
        self.settle()
        (self.journal.close_row_in_turn if in_turn else self.journal.close_row)()
        self._refused.tell()
        events, self._events = self._events, 0
        if events:
            self.flusher.changed(events)
        self.renewal.reissue()

    def _tidy(self) -> bool:
        """Before a flush: fold what is stable, and have everything in the log."""
        if not self.settle():
            return False
        now = self._clock.monotonic()
        if now < self._fold_at:
            self.flusher.later(self._fold_at - now)
        else:
            self._fold_at = now + FOLD_S
            self._retire_silent(now)
            if self.parts.fold():
                self.journal.add(wal.Folded())
        self.journal.close_row()
        return True

    def _retire_silent(self, now: float) -> None:
        scope = self.parts.scope
        if scope.writable and self.writer.error is None:
            for replica in self._silence.due(scope, now):
                self.syncing.note(f"{self.who(replica)} was silent for too long and is retired")
                self.say((scope.retire(replica),))

    def _durable(self, durable: int) -> None:
        self.syncing.outbox.release(durable)

    def _failed(self, error: PlaitError) -> None:
        self._recovery.failed(error)

    def restart(self, reason: str, trusted: bool = False, retire: int = 0) -> None:
        """Go on under a fresh id; `trusted`: the old stream is whole, and may admit it."""
        self.renewal.restart(reason, trusted, retire)

    def adopt(self, reason: str, lost: tuple[Batch, ...], peer: str, forked: bool) -> None:
        """Begin again empty under a fresh id, and write anew what the others lack."""
        self.renewal.adopt(reason, lost, peer, forked)

    def torn(self, error: StorageError) -> None:
        """A document could not be read while something took effect on it: memory may hold half of
        that, which must neither be flushed nor told. The log and the state file are whole, so
        opening them again is all it takes."""
        if self._error is not None or self.broken:
            return
        logger.critical("graph %s stops at a failed read: %s", self.name, error)
        self.broken = True
        stopped = StorageError(f"documents {self.name!r} are to be opened again: {error.message}")
        self._error = self.writer.error = self.flusher.error = stopped
        self.writer.watch()
        self.flusher.halt()
        self.journal.close_row()
        self.syncing.close()
        self._conditions.fail(stopped)

    def bar(self, error: PlaitError | None) -> None:
        """Why nothing can be read now, or None."""
        if not isinstance(self._error, Closed) and not self.broken:
            self._error = error

    def status(self) -> dict[str, Any]:
        """What people want to know."""
        self.settle()
        return gauges(
            self.parts, self.writer, self.journal, self.flusher, self.syncing, self.renewal
        )
