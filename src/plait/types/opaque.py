"""A type that this process does not know: its operations are kept until it does.

What arrives for an object of an unknown type is written down in the order of arrival: operations,
clears, and *images* (data of the type's own, that a replica which knows the type sent or saved).
Once the type is known, `realise` replays them.

Invariant: the order of the log is causal, and an operation is in it once.

Absent: reading and writing. To show such an object as anything would be a guess.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from plait.base.causality import Context, Dot, VersionVector, descends, vector_of
from plait.base.codec import decode, encode
from plait.base.errors import BadDocument, BadFrame
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.graph_type import GraphType, Here, Mutation
from plait.types.hiding import wiping

APPLIES, CLEARS, WIPES = 0, 1, 2  # what an event did; `plait.types.hiding.wiping`

Pairs: TypeAlias = tuple[tuple[int, int], ...]


class Heard(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """An operation."""

    replica: int
    seq: int
    hlc: int
    context: Pairs
    body: Any
    clears: int  # APPLIES, CLEARS or WIPES
    who: str | None
    message: str | None

    def event(self) -> Event:
        """Its place in the history."""
        context = vector_of(self.context)
        return Event(self.replica, self.seq, self.hlc, context, self.who, self.message)


class Image(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """What `GraphType.delta` gave at a replica that knows the type."""

    data: Any
    theirs: Pairs
    whole: bool


class Saved(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """What `GraphType.encode` gave in this store, when the type was known."""

    data: bytes


class SavedPages(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """What `GraphType.pages` gave in this store, when the type was known."""

    data: tuple[bytes, ...]


class Gone(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A replica at this vector did not have the object."""

    theirs: Pairs


Entry: TypeAlias = Heard | Image | Saved | SavedPages | Gone
_entries = msgspec.msgpack.Decoder(list[Entry])


class Log:
    """What was heard of one object, in order of arrival."""

    __slots__ = ("entries",)

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: list[Entry] = list(entries)


class Opaque(GraphType[Log]):
    """The type of every tag that nobody registered."""

    tag = "?"

    def __init__(self, unknown: str) -> None:
        self.unknown = unknown

    def zero(self) -> Log:
        """Nothing heard."""
        return Log()

    def prepare(self, state: Log, mutation: Mutation, here: Here) -> Any:
        """Refused: raises `BadDocument`."""
        raise BadDocument(
            f"objects of the type {self.unknown!r} cannot be changed here: register the type first"
        )

    def apply(self, state: Log, body: Any, event: Event) -> None:
        """Keep the operation."""
        self.hear(state, body, event, APPLIES)

    def clear(self, state: Log, event: Event) -> None:
        """Keep that it was cleared."""
        self.hear(state, None, event, CLEARS)

    def alive(self, state: Log) -> bool:
        """Whether there is anything that no clear has seen."""
        clears = [e.event() for e in state.entries if isinstance(e, Heard) and e.clears]
        gone = [vector_of(e.theirs) for e in state.entries if isinstance(e, Gone)]
        for entry in state.entries:
            if isinstance(entry, Heard) and not entry.clears:
                dot = (entry.replica, entry.seq)
                cleared = any(event.sees(dot) for event in clears)
                if not cleared and not any(vector.contains(dot) for vector in gone):
                    return True
            elif isinstance(entry, Image):
                theirs = vector_of(entry.theirs)
                seen = [*gone, *[event.context for event in clears]]
                if not any(descends(vector, theirs) for vector in seen):
                    return True
            elif isinstance(entry, Saved | SavedPages):
                return True
        return False

    def value(self, state: Log) -> Any:
        """Nothing that can be read."""
        return None

    def delta(self, state: Log, slots: Iterable[Any] | None) -> Any:
        """The whole log."""
        return state.entries

    def join(self, state: Log, data: Any, mine: Context, theirs: Context, whole: bool) -> None:
        """Take what the other heard and this replica has not."""
        dots = {(e.replica, e.seq) for e in state.entries if isinstance(e, Heard)}
        for entry in read_log(data).entries:
            if isinstance(entry, Heard):
                dot = (entry.replica, entry.seq)
                if dot not in dots and entry.seq > mine.get(entry.replica, 0):
                    state.entries.append(entry)
            elif isinstance(entry, Saved | SavedPages):
                if not mine:  # read back from a row; elsewhere it is sent as an image
                    state.entries.append(entry)
            elif not mine or not descends(mine, dict(entry.theirs)):
                state.entries.append(entry)

    def take(self, state: Log, data: Any, theirs: Context, whole: bool) -> None:
        """Keep data of the type's own, from a replica that knows it."""
        state.entries.append(Image(data, tuple(sorted(theirs.items())), whole))

    def gone(self, state: Log, theirs: Context) -> None:
        """Keep that a replica at this vector did not have the object."""
        if state.entries:
            state.entries.append(Gone(tuple(sorted(theirs.items()))))

    def canonical(self, state: Log, cut: Context) -> bytes:
        """The operations, by dot. Images have no canonical form but to the type itself."""
        heard = [e for e in state.entries if isinstance(e, Heard)]
        return encode([[e.replica, e.seq, e.clears, e.body] for e in sorted(heard, key=_dot)])

    def gen_op(self, random: Random, state: Log) -> Mutation:
        """There is none."""
        raise NotImplementedError

    def hear(self, state: Log, body: Any, event: Event, clears: int) -> None:
        """Keep what an event did."""
        context = tuple(sorted(event.context.items()))
        entry = Heard(
            event.replica, event.seq, event.hlc, context, body, clears, event.who, event.message
        )
        state.entries.append(entry)


def read_log(data: Any) -> Log:
    """A log from data that came from outside, or that `delta` gave; raises `BadFrame`."""
    try:
        return Log(_entries.decode(encode(data)))
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError) as error:
        raise BadFrame(f"no log of unknown operations: {error}") from None


def realise(type_: GraphType[Any], log: Log) -> Any:
    """The state of the object, now that its type is known; raises `BadFrame`."""
    state = type_.zero()
    seen = VersionVector()
    nothing = decode(encode(type_.delta(type_.zero(), None)))
    for entry in log.entries:
        match entry:
            case Heard():
                if not seen.contains((entry.replica, entry.seq)):
                    if entry.clears:
                        event = entry.event()
                        wipes = entry.clears == WIPES and not type_.of_events
                        clear(type_, state, wiping(event) if wipes else event)
                    else:
                        type_.apply(state, entry.body, entry.event())
                    seen.saw(entry.replica, entry.seq)
            case Image():
                theirs = vector_of(entry.theirs)
                type_.join(state, entry.data, seen, theirs, entry.whole)
                seen.merge(theirs)
            case Gone():
                theirs = vector_of(entry.theirs)
                type_.join(state, nothing, seen, theirs, True)
                seen.merge(theirs)
            case Saved():
                state = type_.decode(entry.data)
            case SavedPages():
                state = type_.from_pages(list(enumerate(entry.data)))
    return state


def clear(type_: GraphType[Any], state: Any, event: Event) -> None:
    """Clear if the type can; one that cannot keeps its state, the same way everywhere."""
    if clearable(type_):
        type_.clear(state, event)


def clearable(type_: GraphType[Any]) -> bool:
    """Whether the type can be cleared."""
    return type(type_).clear is not GraphType.clear


def _dot(entry: Heard) -> Dot:
    return (entry.replica, entry.seq)
