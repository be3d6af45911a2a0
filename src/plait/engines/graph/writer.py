"""Writing: an operation takes effect at once, a tick's operations become one batch.

::

    mutate -> Shelf.write, append             (per operation: the hot path)
           -> prepare, apply                  (where anything is unusual)
    end of the tick -> seal                   (stamp, digest, log, tell: once)

While a batch is open its operations are in the shelf and counted in the vector's own entry (which
may be ahead), and nobody outside has heard of them. It is sealed before anything of another replica
is delivered, unless a draft is open: then deliveries wait.

Invariant: `vector[replica]` is `first - 1` plus the operations of the open batch; outside an open
batch it is what the scope says.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from plait.base.errors import BadValue, Busy, ChangeOpen, PlaitError
from plait.base.ports import Clock
from plait.engines.graph.parts import Parts
from plait.graph.event import TOGETHER, Batch, Event, Op
from plait.types.graph_type import Here, Mutation
from plait.types.paths import Path
from plait.types.shelf import UNUSUAL, Note, Noted

BATCH_OPS = 8_192  # then a batch is sealed in the middle of a tick
ASSIGNED_MAX = BATCH_OPS // 2  # documents at once: each takes two operations at most
DRAFT_OPS_MAX = 60_000
_AS_ONE = (Op("", (TOGETHER,), None),)  # whoever judges a guest's change refuses all of it or none

_new = tuple.__new__  # half the cost of Event(...)

# of this task: one may have changes of several collections open
_drafting: "ContextVar[tuple[Draft, ...]]" = ContextVar("plait_drafts", default=())


class Draft:
    """A change that is being put together; it belongs to the task that opened it."""

    __slots__ = ("message",)

    def __init__(self, message: str | None) -> None:
        self.message = message


class Writer:
    """The open batch of one replica. `dirty()` is called when one begins; `sealed(batch)` when
    one has its place in the scope; `discarded()` when a draft's never got one."""

    def __init__(
        self,
        parts: Parts,
        clock: Clock,
        dirty: Callable[[], None],
        sealed: Callable[[Batch], None],
        discarded: Callable[[], None],
    ) -> None:
        self.error: PlaitError | None = None  # why nothing can be written now
        self.draft: Draft | None = None
        self.who: str | None = None  # the person, for what is written from now on
        self._parts = parts
        self._clock = clock
        self._dirty = dirty
        self._sealed = sealed
        self._discarded = discarded
        self._ops: list[Op] = []
        self._watched = False  # something has to be looked at before an operation
        self.rebind()

    def rebind(self) -> None:
        """The scope or its id was exchanged."""
        scope, shelf = self._parts.scope, self._parts.shelf
        self._replica = scope.replica
        self._vector = scope.vector
        self._here = Here(scope.replica, scope.vector)
        self._shelf_write = shelf.write
        self._prepare = shelf.prepare
        self._apply = shelf.apply
        self._seq = self._first = scope.next_seq
        self._hlc = 0

    # ------------------------------------------------------------------ operations

    def mutate(
        self, key: str, path: Path, mutation: Mutation, note: Note | None = None
    ) -> tuple[int, int] | None:
        """Prepare and apply; the event's dot, or None if nothing changed.

        note: told what it takes to take it back, if that is possible.
        """
        if self._watched:
            self._look(key)
        batch = self._ops
        if not batch:
            return self._mutate(key, path, mutation, note)
        replica, seq, vector = self._here[0], self._seq, self._vector
        event = _new(Event, (replica, seq, self._hlc, vector, None, None))
        op = self._shelf_write(key, path, mutation, self._here, event, note)
        if op is None:
            return None
        if op is UNUSUAL:
            return self._mutate(key, path, mutation, note)
        vector[replica] = seq
        self._seq = seq + 1
        batch.append(op)
        if len(batch) >= BATCH_OPS and self.draft is None:
            self.seal()
        return replica, seq

    def _mutate(
        self, key: str, path: Path, mutation: Mutation, note: Note | None
    ) -> tuple[int, int] | None:
        noted: list[Noted] = []
        ops = self._prepare(key, path, mutation, self._here, noted.append if note else None)
        if not ops:
            return None
        dot = self._write(ops)
        if note is not None and noted:
            note(noted[0])
        return dot

    def assign(self, path: Path, values: Mapping[str, Any]) -> bool:
        """Assign a register of these documents, in one batch. False, and nothing happened: that
        has to be done one by one."""
        shelf, ops = self._parts.shelf, self._ops
        if self._watched or shelf.observer is not None or not 0 < len(values) <= ASSIGNED_MAX:
            return False
        if self._parts.options.guest and len(values) > 1:
            return False  # it may be refused, and then as one
        planned = shelf.plan(path, values, self._here)
        if planned is None:
            return False
        count = sum([len(one.ops) for one in planned])
        if len(ops) + count > BATCH_OPS:
            self.seal()
            ops = self._ops
        if not ops:
            self._hlc = self._parts.scope.stamp(self._clock.wall_ms())
            self._dirty()
        first = Event(self._replica, self._seq, self._hlc, self._vector)
        self._seq += count
        self._vector[self._replica] = self._seq - 1
        ops += shelf.carry_out(planned, first)
        return True

    def clear(self, key: str, path: Path) -> None:
        """Reset everything at and below the path."""
        if self._watched:
            self._look(key)
        ops = self._parts.shelf.prepare_clear(key, path)
        if ops:
            self._write(ops)

    def delete(self, key: str) -> None:
        """Hide the document, if it is there."""
        if self._watched:
            self._look(key)
        ops = self._parts.shelf.prepare_delete(key)
        if ops:
            self._write(ops)

    def write(self, op: Op) -> None:
        """Apply an operation that was prepared elsewhere, as it is."""
        if self._watched:
            self._look(op.key)
        self._write((op,))

    def say(self, ops: Sequence[Op]) -> Batch:
        """Write a batch that concerns the scope itself (or a beat), at once."""
        self.seal()
        scope = self._parts.scope
        batch = scope.write(ops, scope.stamp(self._clock.wall_ms()))
        self._seq = self._first = scope.next_seq
        self._sealed(batch)
        return batch

    def _write(self, ops: Sequence[Op]) -> tuple[int, int]:
        batch, replica, vector, seq = self._ops, self._replica, self._vector, self._seq
        if not batch:
            self._hlc = self._parts.scope.stamp(self._clock.wall_ms())
            self._dirty()
        apply, hlc = self._apply, self._hlc
        for op in ops:
            apply(op, _new(Event, (replica, seq, hlc, vector, None, None)))
            vector[replica] = seq
            seq += 1
            batch.append(op)
        self._seq = seq
        if len(batch) >= BATCH_OPS and self.draft is None:
            self.seal()
        return replica, seq - 1

    def seal(self) -> None:
        """The open batch takes its place, if there is one and no draft holds it open."""
        if self._ops and self.draft is None:
            self._seal(None)

    def _seal(self, message: str | None, more: Sequence[Op] = ()) -> None:
        ops, self._ops = self._ops, []
        scope = self._parts.scope
        self._rewind()
        batch = scope.write([*ops, *more] if more else ops, self._hlc, self.who, message)
        self._seq = self._first = scope.next_seq
        self._sealed(batch)

    def has_open(self, replica: int, seq: int) -> bool:
        """Whether an event is of the open batch."""
        return replica == self._replica and seq >= self._first and bool(self._ops)

    @property
    def hlc(self) -> int:
        """The stamp of the open batch."""
        return self._hlc

    def _rewind(self) -> None:
        """Take the open batch out of the vector."""
        if self._first > 1:
            self._vector[self._replica] = self._first - 1
        else:
            self._vector.pop(self._replica, None)

    # ------------------------------------------------------------------ drafts

    def begin(self, message: str | None) -> None:
        """Open a draft. `ChangeOpen` if there is one."""
        if self._watched:
            self._look()
        if self.draft is not None:
            raise ChangeOpen("a change of this collection is open already")
        self.seal()
        self._parts.shelf.mark()
        self.draft = Draft(message)
        _drafting.set((*_drafting.get(), self.draft))
        self.watch()

    def commit(self) -> None:
        """The draft becomes an ordinary batch."""
        draft = self._end()
        self._parts.shelf.keep()
        if self._ops:
            several = self._parts.options.guest and len({op.key for op in self._ops}) > 1
            self._seal(draft.message, _AS_ONE if several else ())

    def discard(self) -> None:
        """The draft never happened."""
        self._end()
        self._parts.shelf.rollback()
        self._rewind()
        self._ops.clear()
        self._seq = self._first
        self._discarded()

    def _end(self) -> Draft:
        draft = self.draft
        assert draft is not None, "no draft is open"
        self.draft = None
        _drafting.set(tuple([other for other in _drafting.get() if other is not draft]))
        self.watch()
        return draft

    # ------------------------------------------------------------------ hurdles

    def watch(self) -> None:
        """Look before every operation exactly while there is something to look at."""
        unclean = self._parts.scope.voids.unclean
        self._watched = self.error is not None or self.draft is not None or bool(unclean)

    def _look(self, key: str = "") -> None:
        if self.error is not None:
            raise self.error
        if key in self._parts.scope.voids.unclean:
            raise Busy(f"document {key!r} is being rolled back: an edit of it was refused")
        if self.draft is not None:
            if self.draft not in _drafting.get():
                raise ChangeOpen("another task has a change of this collection open")
            if len(self._ops) >= DRAFT_OPS_MAX:
                raise BadValue(f"a change has at most {DRAFT_OPS_MAX} operations")
