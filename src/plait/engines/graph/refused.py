"""Own edits that were refused elsewhere: what they were, kept until a person is done with them.

The verdict is a void of the event, said by whoever refused it, and came as every event does. By
then the edit is rolled back here, or will be as soon as a peer has sent the document as it is
without it. What was written is kept here, by document.

Invariant: an edit is listed once, however often its verdict is heard. Absent: a disk. The list is
as long-lived as this process; whoever wants more exports it.
"""

import logging
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from plait.base.causality import Dot
from plait.base.errors import NotAllowed
from plait.engines.graph.parts import Parts
from plait.engines.graph_port import Refusal
from plait.graph.event import CLEAR, DELETE, Batch, Event, Op
from plait.graph.notices import Verdict
from plait.types.graph_type import Mutation
from plait.types.paths import Path, tag_of

logger = logging.getLogger("plait.graph")

REFUSED_MAX = 10_000  # the oldest go first
_SHOWN = 3  # in an error

_COUNTERS = ("c", "gc", "b")
_REGISTERS = ("r", "m", "q")
_TEXT = "x"


class Writing(Protocol):
    """A replica, as far as it is needed to do something again."""

    def write_mutation(self, key: str, path: Path, mutation: Mutation) -> Dot | None: ...

    def write_clear(self, key: str, path: Path) -> None: ...

    def write_delete(self, key: str) -> None: ...

    def write_op(self, op: Op) -> None: ...

    def object_state(self, key: str, path: Path) -> Any | None: ...


class RefusedEdits:
    """The refused edits of one replica, oldest first."""

    def __init__(self, parts: Parts, writing: Writing, soon: Callable[[], None]) -> None:
        """soon: have `tell` called in an orderly way."""
        self._parts = parts
        self._writing = writing
        self._soon = soon
        self._listed: dict[int, Refusal] = {}  # by number
        self._by_place: dict[tuple[int, int, str], int] = {}
        self._untold: dict[int, None] = {}  # that no `flush` has raised yet
        self._news: dict[int, None] = {}
        self._heeding: dict[Callable[[Refusal], None], None] = {}
        self._undos: dict[weakref.WeakMethod[Callable[[str], None]], None] = {}
        self._numbers = 0

    def listed(self) -> list[Refusal]:
        """Those that no person is done with, oldest first."""
        return list(self._listed.values())

    def judged(self, verdict: Verdict) -> None:
        """An event was refused; its author keeps what it was."""
        scope = self._parts.scope
        author, seq = verdict.dot
        batch = scope.history.batch_at(verdict.dot)
        if batch is None or author not in (scope.replica, *self._parts.hard.formers):
            return
        op = batch.ops[seq - batch.first]
        place = (author, batch.first, op.key)
        number = self._by_place.get(place)
        if number is None:
            self._numbers += 1
            number = self._by_place[place] = self._numbers
            self._listed[number] = _refusal(number, batch, op.key, verdict)
        known = self._listed[number]
        if verdict.dot not in known.dots:
            self._listed[number] = known._replace(
                dots=(*known.dots, verdict.dot), ops=(*known.ops, op)
            )
            self._untold[number] = self._news[number] = None
            self._soon()
        while len(self._listed) > REFUSED_MAX:
            dropped = self._listed[next(iter(self._listed))]
            logger.warning("the oldest of %d refused edits is dropped: %r", REFUSED_MAX, dropped)
            self.dismiss(dropped.number)

    def dismiss(self, number: int) -> None:
        """A person is done with one."""
        known = self._listed.pop(number, None)
        if known is not None:
            author = known.event.replica
            self._by_place.pop((author, known.event.seq, known.key), None)
            self._untold.pop(number, None)
            self._news.pop(number, None)

    def again(self, number: int) -> None:
        """Write one once more, on what there is now. Raises what writing does."""
        refusal = self._listed.get(number)
        if refusal is not None:
            again(self._writing, refusal)

    def raise_untold(self, name: str) -> None:
        """`NotAllowed` if something was refused since this was last asked."""
        untold = [self._listed[number] for number in self._untold]
        self._untold.clear()
        if not untold:
            return
        shown = "; ".join(f"{one.key!r}: {one.reason}" for one in untold[:_SHOWN])
        more = f"; and {len(untold) - _SHOWN} more" if len(untold) > _SHOWN else ""
        raise NotAllowed(
            f"{len(untold)} edits of documents {name!r} were refused and are rolled back"
            f" ({shown}{more})",
            documents=name,
            refused=[[one.key, one.reason] for one in untold],
        )

    # ------------------------------------------------------------------ who wants to know

    def listen(self, tell: Callable[[Refusal], None]) -> Callable[[], None]:
        """Be told of each once it is rolled back or about to be; returns how to stop."""
        self._heeding[tell] = None
        return lambda: self._heeding.pop(tell, None)

    def heed(self, forget: Callable[[str], None]) -> None:
        """`forget(key)`, a method that keeps nothing alive by this, is called when what was done
        to a document cannot be taken back any more."""
        self._undos[weakref.WeakMethod(forget, lambda gone: self._undos.pop(gone, None))] = None

    def tell(self) -> None:
        """Tell of what is new."""
        news, self._news = self._news, {}
        told = [self._listed[number] for number in news]
        if not told:
            return
        for key in dict.fromkeys(one.key for one in told):
            for undo in list(self._undos):
                forget = undo()
                if forget is not None:
                    forget(key)
        for heard in list(self._heeding):
            for one in told:
                heard(one)


def _refusal(number: int, batch: Batch, key: str, verdict: Verdict) -> Refusal:
    event = Event(batch.replica, batch.first, batch.hlc, {}, batch.who, batch.message)
    return Refusal(number, key, (), (), verdict.reason, verdict.judge, event)


# ----------------------------------------------------------------------------- doing it again


def again(replica: Writing, refusal: Refusal) -> None:
    """Write it once more, on what there is now: counts are added, registers are set, a text gets
    what was typed where it was typed, as far as there is such a place."""
    for op in refusal.ops:
        if op.kind == DELETE:
            replica.write_delete(op.key)
        elif op.kind == CLEAR:
            replica.write_clear(op.key, op.path)
        else:
            _again(replica, op)


def _again(replica: Writing, op: Op) -> None:
    tag, body = tag_of(op.path[-1]) if op.path else "", op.body
    match body:
        case [int(amount)] if tag in _COUNTERS:
            replica.write_mutation(op.key, op.path, ("add", amount))
        case int(amount) if tag in _COUNTERS:
            replica.write_mutation(op.key, op.path, ("add", amount))
        case [value] if tag == "r":
            replica.write_mutation(op.key, op.path, ("set", value))
        case [0, value, *_] if tag in _REGISTERS:
            replica.write_mutation(op.key, op.path, ("set", value))
        case list(edits) if tag == _TEXT and len(edits) % 2 == 0:
            _type(replica, op, edits)
        case _:
            replica.write_op(op)


def _type(replica: Writing, op: Op, edits: Sequence[Any]) -> None:
    for pos, what in zip(edits[::2], edits[1::2], strict=True):
        state = replica.object_state(op.key, op.path)
        size = 0 if state is None else len(state)
        if type(what) is str:
            replica.write_mutation(op.key, op.path, ("insert", min(pos, size), what))
        elif type(what) is int and pos < size:
            replica.write_mutation(op.key, op.path, ("delete", pos, min(what, size - pos)))
