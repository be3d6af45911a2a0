"""What the laws need of a graph type, and the words in which they talk to it.

The judges know no system: a type is whatever offers these methods (`plait.types.graph_type` says
what each promises), and `Event`, `Here` and `Happened` have the fields and answers of the ones that
a store passes, and nothing of a store.

Absent: what only stores and feeds ask of a type (`alive`, `slots`, `partial`, `inverse`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from plait.base.causality import Context, Dot
from plait.base.ports import Random


class Here(NamedTuple):
    """Who prepares an operation."""

    replica: int
    context: Context


class Event(NamedTuple):
    """An operation's place in the history."""

    replica: int
    seq: int
    hlc: int
    context: Context  # what its author had seen before; its own entry may be ahead, never behind
    who: str | None = None
    message: str | None = None

    @property
    def dot(self) -> Dot:
        """The event's name."""
        return (self.replica, self.seq)

    def sees(self, dot: Dot) -> bool:
        """Whether `dot` comes causally before this event."""
        replica, seq = dot
        if replica == self.replica:
            return seq < self.seq
        return seq <= self.context.get(replica, 0)


class Happened(NamedTuple):
    """One event of a history, as specifications see it."""

    dot: Dot
    hlc: int
    past: frozenset[Dot]
    body: Any
    cleared: bool = False

    @property
    def order(self) -> tuple[int, int, int]:
        """Ties between concurrent events: the greater one wins."""
        return (self.hlc, *self.dot)


class Subject(Protocol):
    """A graph type, as far as the laws go."""

    def zero(self) -> Any: ...

    def prepare(self, state: Any, mutation: tuple[Any, ...], here: Any) -> Any: ...

    def apply(self, state: Any, body: Any, event: Any) -> None: ...

    def join(self, state: Any, data: Any, mine: Context, theirs: Context, whole: bool) -> None: ...

    def delta(self, state: Any, slots: Iterable[bytes | int] | None) -> Any: ...

    def value(self, state: Any) -> Any: ...

    def gen_op(self, random: Random, state: Any) -> tuple[Any, ...]: ...

    def clear(self, state: Any, event: Any) -> None: ...

    def fold(self, state: Any, cut: Context) -> None: ...

    def event_slots(self, body: Any, dot: Dot) -> Iterable[bytes | int] | None: ...

    def specification(self, history: Sequence[Any]) -> Any: ...

    def encode(self, state: Any) -> bytes: ...

    def decode(self, data: bytes) -> Any: ...

    def canonical(self, state: Any, cut: Context) -> bytes: ...

    def mark(self, state: Any) -> Any: ...

    def rollback(self, state: Any, mark: Any) -> Any: ...

    def keep(self, state: Any, mark: Any) -> None: ...


REQUIRED = (
    "zero", "prepare", "apply", "join", "delta", "value", "gen_op", "clear", "fold", "event_slots",
    "specification", "encode", "decode", "canonical", "mark", "rollback", "keep",
)  # fmt: skip


def missing(candidate: Any) -> list[str]:
    """The methods that a class or an instance would need to be a graph type, and does not have."""
    abstract: frozenset[str] = getattr(candidate, "__abstractmethods__", frozenset())
    return [
        name
        for name in REQUIRED
        if name in abstract or not callable(getattr(candidate, name, None))
    ]
