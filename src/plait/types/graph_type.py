"""The contract of a graph type: a value that every replica may change at once, and that converges.

An object's life::

    mutation --prepare--> body --(event)--> apply --> state --value--> what people read
                                              ^
    another replica's state --delta--> data --join

`prepare` runs once, at the replica where somebody called a method; it checks the arguments, reads
the state and says what to tell the others (the *body*). `apply` runs at every replica, in causal
order, exactly once. `join` takes what another replica's `delta` gave: the slots that were touched
lately, or everything.

Laws (`plait laws` checks them on any type):

* concurrent events commute: in any causal order they give the same state;
* three roads, one state: events, deltas and whole states, mixed in any legal order, give equal
  `canonical` bytes at equal vectors;
* `join` is idempotent, commutative and associative, and commutes with `fold`;
* folding twice is folding to the later cut;
* `decode(encode(state))` is the state; `value` is what `specification` says.

A *slot* is a part of the state that stands for itself (one element of a set, one replica's part of
a counter). Types without slots leave `touched` alone: their deltas are their whole states.

Bodies, data and slots are what MessagePack carries. Equality is that of encoded bytes, never
Python's (`1 == 1.0 == True`).
"""

import abc
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

from plait.base.causality import Context, Dot
from plait.base.codec import decode, encode
from plait.base.ports import Random
from plait.graph.event import Event

S = TypeVar("S")

Slot: TypeAlias = bytes | int  # an int is a replica id (and interned as one)
Mutation: TypeAlias = tuple[Any, ...]  # ("add", 5): a method's name and its arguments


class Here(NamedTuple):
    """Who prepares an operation."""

    replica: int
    context: Context  # what this replica has seen


class Happened(NamedTuple):
    """One event of a history, as specifications see it."""

    dot: Dot
    hlc: int
    past: frozenset[Dot]  # every event that comes causally before it
    body: Any
    cleared: bool = False  # it is a `clear` and has no body

    @property
    def order(self) -> tuple[int, int, int]:
        """Ties between concurrent events: the greater one wins."""
        return (self.hlc, *self.dot)


class GraphType(abc.ABC, Generic[S]):
    """One type; instances hold its settings (a merge function, a bound) and no state."""

    tag: ClassVar[str]  # what path components call it; letters, digits, `.` and `_`
    of_cells: ClassVar[bool] = False  # a `CellType`; asking an ABC's `isinstance` costs more
    of_events: ClassVar[bool] = False  # its slots are operations; it knows who has seen which

    # What a clear must say beside its event, for a type that cannot tell from the context alone
    # what was seen: its author prepares this mutation, and everybody applies the body just before
    # `clear`, at the same event or an earlier one of the same batch.
    clearing: ClassVar[Mutation | None] = None

    # ------------------------------------------------------------------ must have

    @abc.abstractmethod
    def zero(self) -> S:
        """The state before any event."""

    @abc.abstractmethod
    def prepare(self, state: S, mutation: Mutation, here: Here) -> Any:
        """The body to tell everybody, or None if nothing is to be told.

        Raises a `UsageError` or `Refused` that says what is wrong; nothing happened then. Must
        not change the state.
        """

    @abc.abstractmethod
    def apply(self, state: S, body: Any, event: Event) -> None:
        """Change the state. A body that makes no sense changes nothing, and never raises."""

    @abc.abstractmethod
    def join(self, state: S, data: Any, mine: Context, theirs: Context, whole: bool) -> None:
        """Join what `delta` gave at a replica with the vector `theirs`; this one is at `mine`.

        whole: the data is everything that the other has; else only of the slots that it names.
        Raises `BadFrame` for what no replica can have sent, and then changes nothing.
        """

    @abc.abstractmethod
    def delta(self, state: S, slots: Iterable[Slot] | None) -> Any:
        """What stands in the slots now, those that are empty too; None: everything."""

    @abc.abstractmethod
    def value(self, state: S) -> Any:
        """What people read; a fresh object."""

    @abc.abstractmethod
    def gen_op(self, random: Random, state: S) -> Mutation:
        """A random mutation that makes sense, for the laws; few distinct arguments, so that
        they meet."""

    # ------------------------------------------------------------------ may have

    def clear(self, state: S, event: Event) -> None:
        """Take back everything that the event has seen; what it has not seen stays."""
        raise NotImplementedError(f"{type(self).__name__} cannot be cleared")

    def alive(self, state: S) -> bool:
        """Whether anything is there: a map has the key, a document the field."""
        return True

    def fold(self, state: S, cut: Context) -> None:
        """Drop what no later event can make a difference to: every one has seen `cut`."""
        return

    def touched(self, body: Any, replica: int) -> Iterable[Slot] | None:
        """The slots that an operation of `replica` may have changed; None: any."""
        return None

    def event_slots(self, body: Any, dot: Dot) -> Iterable[Slot] | None:
        """The slots that the operation `dot` may have changed; None: any."""
        return self.touched(body, dot[0])

    def stamp(self, state: S) -> Any:
        """Something that differs if the state does, to see whether folding changed it."""
        return self.encode(state)

    def pages(self, state: S) -> list[tuple[int, bytes | None]] | None:
        """The numbered pages that changed since this was last asked (None in a place: it is
        gone), for a type that saves itself in pieces; None: it does not."""
        return None

    def from_pages(self, pages: Sequence[tuple[int, bytes]]) -> S:
        """The state from all its pages, in order; raises `Corrupt` or `BadFrame`."""
        raise NotImplementedError(f"{type(self).__name__} has no pages")

    def watching(self, state: S, act: Callable[[], None]) -> Any:
        """Do `act`, and say what it changed, where `of_events`: for change feeds."""
        act()
        return None

    def slots(self, state: S) -> Iterable[Slot] | None:
        """The slots that changed since this was last asked; None: save the state in one piece."""
        return None

    def partial(self, state: S, slots: Iterable[Slot] | None) -> Any:
        """The value as far as the slots go, for change feeds."""
        return self.value(state)

    def inverse(self, state: S, mutation: Mutation, dot: Dot) -> Mutation | None:
        """What takes `mutation` back, asked before it is applied as the event `dot`."""
        return None

    def before(self, state: S, mutation: Mutation, dot: Dot) -> Any:
        """What `taking_back` will want to know, asked before `mutation` is applied; None if
        nothing can be taken back. Hardly anything ever is: so types whose inverse costs something
        only note here what it depends on."""
        return self.inverse(state, mutation, dot)

    def taking_back(self, before: Any, mutation: Mutation, dot: Dot) -> Mutation | None:
        """The inverse, from what `before` gave."""
        found: Mutation | None = before
        return found

    def specification(self, history: Sequence[Happened]) -> Any:
        """The value that a history has, said as plainly as possible; `NotImplemented` if unsaid."""
        return NotImplemented

    # ------------------------------------------------------------------ follows from the others

    def encode(self, state: S) -> bytes:
        """The state as bytes."""
        return encode(self.delta(state, None))

    def decode(self, data: bytes) -> S:
        """The state that `encode` gave; raises `BadFrame` or `msgspec.DecodeError`."""
        state = self.zero()
        # no vector: nothing here that could have been removed there
        self.join(state, decode(data), {}, {}, True)
        return state

    def canonical(self, state: S, cut: Context) -> bytes:
        """Bytes that depend only on the events seen and the cut."""
        copy = self.decode(self.encode(state))
        self.fold(copy, cut)
        return self.encode(copy)

    def mark(self, state: S) -> Any:
        """Begin a draft: what `rollback` will want."""
        return self.encode(state)

    def rollback(self, state: S, mark: Any) -> S:
        """The state as it was at `mark`; the draft was discarded."""
        return self.decode(mark)

    def keep(self, state: S, mark: Any) -> None:
        """The draft was kept: the mark is not needed any more."""
        return
