"""Replicas of one graph in memory, for testing what stands on `GraphReplica`.

Every write outside a draft is a batch of its own, delivered at once here; `sync` carries batches
from one replica to another, in an order that is causal since it is the order here. Nothing is
stable, nothing is forgotten, and reading the past replays the batches.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, NamedTuple

from plait.base.causality import Context, Dot, VersionVector, descends
from plait.base.errors import ChangeOpen, Closed
from plait.base.hlc import HybridClock, hlc_ms
from plait.engines.graph_port import Changed, GraphView, Past, Refusal
from plait.graph.event import APPLY, CLEAR, DELETE, Event, Op
from plait.types.catalogue import type_of
from plait.types.graph_type import Here, Mutation
from plait.types.paths import Path, tag_of
from plait.types.shelf import Note

_drafting: ContextVar[object] = ContextVar("drafting", default=None)


class Sent(NamedTuple):
    """A batch: operations with their events."""

    events: tuple[tuple[Op, Event], ...]

    @property
    def replica(self) -> int:
        return self.events[0][1].replica

    @property
    def last(self) -> int:
        return self.events[-1][1].seq


class FakeView:
    """Documents as states by key and path."""

    def __init__(self) -> None:
        self.states: dict[str, dict[Path, Any]] = {}
        self.edits: dict[str, list[Event]] = {}  # by document, those not cleared
        self.markers: dict[str, list[Event]] = {}  # deletions, those not cleared

    # ------------------------------------------------------------------ reading

    def object(self, key: str, path: Path) -> Any | None:
        return None if self._hidden(key) else self.states.get(key, {}).get(path)

    def children(self, key: str, path: Path) -> list[str]:
        depth = len(path)
        return sorted(
            {
                other[depth]
                for other, state in self.states.get(key, {}).items()
                if len(other) > depth
                and other[:depth] == path
                and not self._hidden(key)
                and type_of(tag_of(other[-1])).alive(state)
            }
        )

    def exists(self, key: str) -> bool:
        return bool(self.children(key, ()))

    def keys(self, start: str | None = None, stop: str | None = None) -> Iterator[str]:
        for key in sorted(self.states):
            if self.exists(key) and (start or "") <= key and (stop is None or key < stop):
                yield key

    def count(self) -> int:
        return len(list(self.keys()))

    def contended(self, tags: Sequence[str], key: str | None = None) -> list[tuple[str, Path]]:
        return sorted(
            (one, path)
            for one in (self.keys() if key is None else [key])
            for path, state in self.states.get(one, {}).items()
            if tag_of(path[-1]) in tags and len(state.heads) > 1 and not self._hidden(one)
        )

    def _hidden(self, key: str) -> bool:
        markers = self.markers.get(key)
        return bool(markers) and all(
            any(marker.sees(edit.dot) for marker in markers) for edit in self.edits.get(key, ())
        )

    # ------------------------------------------------------------------ applying

    def apply(self, op: Op, event: Event) -> tuple[Any, Any]:
        """Apply an operation; the values before and after."""
        before = self._value(op)
        if op.kind == DELETE:
            self.markers.setdefault(op.key, []).append(event)
        elif op.kind == CLEAR:
            self._clear(op, event)
        else:
            states = self.states.setdefault(op.key, {})
            type_ = type_of(tag_of(op.path[-1]))
            if op.path not in states:
                states[op.path] = type_.zero()
            type_.apply(states[op.path], op.body, event)
            self.edits.setdefault(op.key, []).append(event)
        return before, self._value(op)

    def _clear(self, op: Op, event: Event) -> None:
        for path, state in self.states.get(op.key, {}).items():
            if path[: len(op.path)] == op.path:
                with suppress(NotImplementedError):  # a bounded counter stays
                    type_of(tag_of(path[-1])).clear(state, event)
        if not op.path:
            for kept in (self.edits, self.markers):
                kept[op.key] = [one for one in kept.get(op.key, ()) if not event.sees(one.dot)]

    def _value(self, op: Op) -> Any:
        state = self.states.get(op.key, {}).get(op.path)
        return None if state is None else type_of(tag_of(op.path[-1])).value(state)


class FakeReplica(FakeView):
    """One replica; `GraphReplica` in memory."""

    def __init__(self, replica: int, author: str | None = None, name: str = "notes") -> None:
        super().__init__()
        self.name = name
        self.replica = replica
        self.author = author
        self.names = {replica: f"replica-{replica}"}
        self.vector = VersionVector()
        self.clock = HybridClock()
        self.now_ms = 1_000_000
        self.log: list[Sent] = []
        self.merges: list[tuple[str, Path, tuple[Dot, ...], bytes]] = []  # told to be compared
        self.refusals: list[Refusal] = []
        self.done_again: list[int] = []
        self.told_of_refusals: list[Callable[[Refusal], None]] = []
        self.forgets: list[Callable[[str], None]] = []
        self.closed = False
        self._draft: tuple[str | None, dict[str, Any]] | None = None
        self._open: list[tuple[Op, Event]] = []
        self._told: list[Changed] = []
        self._listeners: list[Callable[[Sequence[Changed]], None]] = []

    def check(self) -> None:
        if self.closed:
            raise Closed("the store was closed")

    # ------------------------------------------------------------------ writing

    def mutate(
        self, key: str, path: Path, mutation: Mutation, note: Note | None = None
    ) -> tuple[int, int] | None:
        self._check_draft()
        type_ = type_of(tag_of(path[-1]))
        state = self.object(key, path)
        body = type_.prepare(
            type_.zero() if state is None else state, mutation, Here(self.replica, self.vector)
        )
        if body is None:
            return None
        if self._hidden(key):
            self._write(Op(key, (), None, CLEAR))
        dot = (self.replica, self.vector.get(self.replica, 0) + 1)
        before = type_.before(type_.zero() if state is None else state, mutation, dot)
        self._write(Op(key, path, body, APPLY))
        if note is not None and before is not None:
            note((key, path, type_, mutation, before, dot))
        self._seal()
        return dot

    def clear(self, key: str, path: Path) -> None:
        self._check_draft()
        for other, state in sorted(self.states.get(key, {}).items()):
            type_ = type_of(tag_of(other[-1]))
            if other[: len(path)] == path and type_.clearing is not None:
                body = type_.prepare(state, type_.clearing, Here(self.replica, self.vector))
                if body is not None:
                    self._write(Op(key, other, body, APPLY))
        self._write(Op(key, path, None, CLEAR))
        self._seal()

    def delete(self, key: str) -> None:
        self._check_draft()
        self._write(Op(key, (), None, DELETE))
        self._seal()

    def _check_draft(self) -> None:
        if self._draft is not None and _drafting.get() is not self._draft:
            raise ChangeOpen(f"another task has a change of {self.name!r} open")

    def _write(self, op: Op) -> None:
        message = self._draft[0] if self._draft else None
        if not self._open:
            self._stamp = self.clock.stamp(self.now_ms)
        seq = self.vector.get(self.replica, 0) + 1
        context = VersionVector(self.vector)
        event = Event(self.replica, seq, self._stamp, context, self.author, message)
        self._apply(op, event)
        self._open.append((op, event))

    def _apply(self, op: Op, event: Event) -> None:
        before, after = self.apply(op, event)
        self.vector.saw(event.replica, event.seq)
        self._told.append(Changed(op.key, op.path, op, event, before, after, False))

    def _seal(self) -> None:
        if self._draft is not None or not self._open:
            return
        self.log.append(Sent(tuple(self._open)))
        self._open = []
        self._tell()

    def _tell(self) -> None:
        told, self._told = self._told, []
        told[-1] = told[-1]._replace(last=True)
        for tell in list(self._listeners):
            tell(told)

    # ------------------------------------------------------------------ drafts

    def begin(self, message: str | None) -> None:
        if self._draft is not None:
            raise ChangeOpen(f"a change of {self.name!r} is open")
        kept = copy.deepcopy((self.states, self.edits, self.markers, self.vector))
        self._draft = (message, {"kept": kept})
        _drafting.set(self._draft)

    def commit(self) -> None:
        self._draft = None
        self._seal()

    def discard(self) -> None:
        assert self._draft is not None
        self.states, self.edits, self.markers, self.vector = self._draft[1]["kept"]
        self._draft, self._open, self._told = None, [], []

    # ------------------------------------------------------------------ others

    def sync(self, other: "FakeReplica") -> None:
        """Give `other` what it lacks."""
        other.names.update(self.names)
        for sent in self.log:
            if sent.last > other.vector.get(sent.replica, 0):
                for op, event in sent.events:
                    other._apply(op, event)
                    other.clock.observe(event.hlc)
                other.log.append(sent)
                other._tell()

    def listen(self, tell: Callable[[Sequence[Changed]], None]) -> Callable[[], None]:
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell)

    def heed(self, tell: Callable[[str, bool], None]) -> Callable[[], None]:
        def told(changes: Sequence[Changed]) -> None:
            for change in changes:
                tell(change.key, change.event.replica == self.replica)

        return self.listen(told)

    def assign(self, path: Path, values: Mapping[str, Any]) -> bool:
        return False

    def who(self, replica: int, seq: int = 0) -> str:
        return self.names.get(replica, f"{replica:x}")

    def when(self, replica: int, seq: int) -> int | None:
        for sent in self.log:
            for _, event in sent.events:
                if event.dot == (replica, seq):
                    return hlc_ms(event.hlc)
        return None

    def merged(self, key: str, path: Path, heads: Sequence[Dot], digest: bytes) -> None:
        self.merges.append((key, path, tuple(sorted(heads)), digest))

    def refused(self) -> list[Refusal]:
        return list(self.refusals)

    def dismiss(self, number: int) -> None:
        self.refusals = [one for one in self.refusals if one.number != number]

    def again(self, number: int) -> None:
        self.done_again.append(number)

    def on_refused(self, tell: Callable[[Refusal], None]) -> Callable[[], None]:
        self.told_of_refusals.append(tell)
        return lambda: self.told_of_refusals.remove(tell)

    def heed_rollback(self, forget: Callable[[str], None]) -> None:
        self.forgets.append(forget)

    def refuse(self, refusal: Refusal) -> None:
        """Somebody refused it."""
        self.refusals.append(refusal)
        for forget in self.forgets:
            forget(refusal.key)
        for tell in list(self.told_of_refusals):
            tell(refusal)

    async def flush(self) -> None:
        return

    async def kept(self) -> None:
        return

    async def load(self, keys: Sequence[str]) -> None:
        return

    # ------------------------------------------------------------------ the past

    def past(self, version: Context | None, time_ms: int | None) -> GraphView:
        view = FakeView()
        for sent in self.log:
            for op, event in sent.events:
                seen = (
                    event.seq <= version.get(event.replica, 0)
                    if version is not None
                    else hlc_ms(event.hlc) <= (time_ms or 0)
                )
                if seen:
                    view.apply(op, event)
        return view

    def history(self, key: str) -> Iterator[Past]:
        vector = VersionVector()
        for sent in self.log:
            vector.saw(sent.replica, sent.last)
            if any(op.key == key for op, _ in sent.events):
                ops = tuple(op for op, _ in sent.events)
                yield Past(vector.copy(), sent.events[0][1], ops)


def pair() -> tuple[FakeReplica, FakeReplica]:
    """Two replicas of one graph, of two people."""
    return FakeReplica(1, "ann"), FakeReplica(2, "bob")


def meet(one: FakeReplica, other: FakeReplica) -> None:
    """Both see what either has seen."""
    one.sync(other)
    other.sync(one)
    assert descends(one.vector, other.vector)
    assert descends(other.vector, one.vector)
