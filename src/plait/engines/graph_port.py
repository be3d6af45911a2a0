"""The port between document handles and the replica of a graph that serves them.

Everything but `flush`, `kept` and `load` is a plain call: it reads and writes this process's own
replica and waits for nobody. Implemented by `plait.engines.graph`, in a node and in a client alike.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from plait.base.causality import Context, Dot, VersionVector
from plait.graph.event import Event, Op
from plait.types.graph_type import Mutation
from plait.types.paths import Path
from plait.types.shelf import Note


class Changed(NamedTuple):
    """One operation that took effect here, own or another's."""

    key: str
    path: Path  # of the object; () is the document (deleted, revived)
    op: Op
    event: Event  # who, when, and what its author had seen
    before: Any  # the value as far as the operation touched it
    after: Any
    last: bool  # of its batch: a watcher that wants atomic groups waits for it


class Past(NamedTuple):
    """One batch of a history."""

    version: VersionVector  # what was seen up to and with this batch, in this replica's order
    event: Event  # of its first operation
    ops: tuple[Op, ...]


class Refusal(NamedTuple):
    """What an own batch did to one document, and was refused."""

    number: int
    key: str
    ops: tuple[Op, ...]
    dots: tuple[Dot, ...]  # of the operations
    reason: str
    by: int  # the replica that refused it
    event: Event  # the first of its batch: who, when, with what message


class GraphView(Protocol):
    """What can be read: of the present, or of a version of the past."""

    def object(self, key: str, path: Path) -> Any | None:
        """The state of an object, for its type to read; None if nothing was ever written there."""
        ...

    def children(self, key: str, path: Path) -> list[str]:
        """Components of the children that are alive, sorted."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the document is there and not deleted."""
        ...

    def keys(self, start: str | None = None, stop: str | None = None) -> Iterator[str]:
        """The keys of the documents that are there, in order; start <= key < stop."""
        ...

    def count(self) -> int:
        """How many documents are there."""
        ...

    def contended(self, tags: Sequence[str], key: str | None = None) -> list[tuple[str, Path]]:
        """Keys and paths of the registers with these tags that may hold concurrent writes, in
        order; of one document or of all that are there, without loading them."""
        ...


class GraphReplica(GraphView, Protocol):
    """This process's replica of one collection."""

    name: str
    author: str | None  # the person, for what is written from now on

    @property
    def replica(self) -> int:
        """This replica's id now; it may be exchanged for a fresh one when its state was lost."""
        ...

    @property
    def vector(self) -> Context:
        """What was delivered here."""
        ...

    def check(self) -> None:
        """Raise `Closed`, `WrongThread`, `NotLoaded`."""
        ...

    def mutate(
        self, key: str, path: Path, mutation: Mutation, note: Note | None = None
    ) -> tuple[int, int] | None:
        """Prepare and apply; visible here at once. The event's dot, or None if nothing changed.
        note: told what it takes to take it back, if that is possible.

        Raises what `GraphType.prepare` does, `ReadOnly`, `ChangeOpen` or `ClockWrong`.
        """
        ...

    def assign(self, path: Path, values: Mapping[str, Any]) -> bool:
        """Assign a register of the last writer in many documents by key, all of it or nothing.
        False, and nothing happened: it has to be done one by one. Raises what `mutate` does."""
        ...

    def clear(self, key: str, path: Path) -> None:
        """Reset everything at and below the path."""
        ...

    def delete(self, key: str) -> None:
        """Hide the document; an edit elsewhere that has not seen this revives it."""
        ...

    def begin(self, message: str | None) -> None:
        """Open a draft: what is written until `commit` becomes one batch. `ChangeOpen`."""
        ...

    def commit(self) -> None:
        """The draft becomes an ordinary batch."""
        ...

    def discard(self) -> None:
        """The draft never happened."""
        ...

    def listen(self, tell: Callable[[Sequence[Changed]], None]) -> Callable[[], None]:
        """Be told of every batch that takes effect here, after it has; returns how to stop."""
        ...

    def heed(self, tell: Callable[[str, bool], None]) -> Callable[[], None]:
        """Be told (key, own) of every document that changes, after it has; returns how to stop.
        It costs next to nothing, unlike `listen`."""
        ...

    def past(self, version: Context | None, time_ms: int | None) -> GraphView:
        """The documents as of a version (or a wall-clock time). `HistoryTrimmed`."""
        ...

    def history(self, key: str) -> Iterator[Past]:
        """The batches that touched a document, oldest first. `HistoryTrimmed` says from when on."""
        ...

    def who(self, replica: int, seq: int = 0) -> str:
        """The name that a replica was admitted under, or its id in hex; of an event the author
        that it names, as long as its batch is kept."""
        ...

    def when(self, replica: int, seq: int) -> int | None:
        """When an event was stamped, in milliseconds since 1970; None if its batch is not kept."""
        ...

    def merged(self, key: str, path: Path, heads: Sequence[Dot], digest: bytes) -> None:
        """A value was merged here from these heads; other replicas compare its hash. A mismatch
        makes the heads contested, at every replica."""
        ...

    def present(self, value: Any, ttl_s: float) -> None:
        """Tell everybody something of this replica that is never stored, None to leave; who did
        not hear of it for so long forgets it."""
        ...

    def everybody(self) -> dict[int, Any]:
        """What each replica says of itself now, this one included."""
        ...

    def on_presence(self, tell: Callable[[int, Any], None]) -> Callable[[], None]:
        """Be told (replica, value) of every change, None as value: it left; how to stop."""
        ...

    def refused(self) -> list[Refusal]:
        """Own edits that were refused elsewhere and rolled back here, oldest first."""
        ...

    def dismiss(self, number: int) -> None:
        """A person is done with a refused edit."""
        ...

    def again(self, number: int) -> None:
        """Write a refused edit once more, on what there is now. Raises what `mutate` does."""
        ...

    def on_refused(self, tell: Callable[[Refusal], None]) -> Callable[[], None]:
        """Be told of every edit that is refused from now on; returns how to stop."""
        ...

    def heed_rollback(self, forget: Callable[[str], None]) -> None:
        """Have a method called with the key of every document that is rolled back, as long as its
        object is there: what was done to it before cannot be undone any more."""
        ...

    async def flush(self) -> None:
        """Return when everything written so far is on disk here (a guest: at the node).

        `NotAllowed` if something that was written has been refused since this was last called.
        """
        ...

    async def kept(self) -> None:
        """Return when all that has taken effect so far is on this replica's own disk."""
        ...

    async def load(self, keys: Sequence[str]) -> None:
        """Hold these documents in this process."""
        ...
