"""The port between a scope and the fold of its documents: what the graph needs of the types.

The scope decides *which* events count and *when* (causal order, exactly once, stability); the fold
decides what they mean. Implemented by `plait.types.shelf`; tests have smaller ones.

A *fragment* is what the state roads carry: live cells of an object, either of the slots that were
touched (a delta) or of all (`whole`). A receiver joins it knowing its own vector and the sender's:
a cell that one side lacks and that side's vector covers was removed there. So a delta needs no
tombstones, and costs what it carries.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import msgspec

from plait.base.causality import NOTHING, Context, Dot
from plait.graph.event import Event, Op


class Fragment(msgspec.Struct, frozen=True, array_like=True):
    """Live cells of one object. An object without any may still be sent, to say that."""

    key: str
    path: tuple[str, ...]
    whole: bool  # all its slots; a whole fragment with an empty path covers the whole document
    data: Any  # the type's own: see `GraphType.delta`


class Fold(Protocol):
    """The documents of a scope, folded."""

    def apply(self, op: Op, event: Event) -> None:
        """Apply one operation. Causal order and exactly once are the caller's promise.

        Never raises for what a remote replica wrote: an operation that makes no sense has no
        effect, the same way at every replica.
        """
        ...

    def delta(self, events: Iterable[tuple[Op, Dot]]) -> Iterator[Fragment]:
        """What the operations touched, as it is now."""
        ...

    def state(self, keys: Iterable[str] | None = None) -> Iterator[Fragment]:
        """Everything, document by document; or these documents."""
        ...

    def join(
        self, fragments: Iterable[Fragment], mine: Context, theirs: Context, whole: bool
    ) -> None:
        """Join what a replica at vector `theirs` sent; `whole`: what it did not send it lacks."""
        ...

    def fold(self, cut: Context) -> None:
        """Drop what no event that is still to come can make a difference to."""
        ...

    def refold(
        self,
        key: str,
        events: Iterable[tuple[Op, Event]],
        fragments: Iterable[Fragment] = (),
        theirs: Context = NOTHING,
    ) -> None:
        """Forget a document and make it anew, for some of it was voided: from these fragments,
        which a replica at `theirs` sent, and from these events on top."""
        ...

    def canonical(self, cut: Context) -> bytes:
        """The state as bytes that depend only on the events seen and the cut."""
        ...
