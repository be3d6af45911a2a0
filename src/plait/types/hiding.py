"""Deleting documents: markers that hide, edits that revive, and when a marker is no longer needed.

A DELETE puts a *marker* under its dot: what its author had seen. Every operation on a document
takes away the markers that it has seen. So a marker that is there says: nothing known here was
written by somebody who knew of it. A document is hidden while every live cell in it is covered by
some marker; an edit that did not know of the marker puts an uncovered one and revives it whole.
(An edit that did know begins with CLEAR.) Markers and cells are both dot stores, so all three roads
agree on what is hidden.

Folding. When a marker is stable, everything concurrent with it is known here, and everything to
come has seen it:

* a visible document stays visible whatever comes, so stable markers go, and nothing else;
* a document that stable markers alone hide is cleared, with these markers; but only once all that
  is known of it here is stable too: until then somebody who does not know all of it may see it,
  edit it, and by that revive it;
* a document that needs an unstable marker to be hidden is left alone.

`settled` says which of these holds; images for comparison treat the second as done as soon as the
markers are stable, so they do not depend on when a replica folds.

Invariant: a marker's context does not cover the marker.

Absent: a trace of what was folded. Whoever has folded markers writes CLEAR before an operation on a
document that is not there (`Shelf.forgot`), for those who have not folded yet.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from plait.base.causality import Context, Dot, VersionVector, vector_of
from plait.base.errors import BadFrame
from plait.graph.event import Event

P = TypeVar("P")


class Settled(enum.Enum):
    """What folding up to a cut does to a document with markers."""

    OPEN = enum.auto()  # nothing
    SHOWN = enum.auto()  # stable markers go
    HIDDEN = enum.auto()  # stable markers go, and everything that they cover


class Markers(dict[Dot, VersionVector]):
    """The deletions of a document: what each had seen."""

    __slots__ = ()

    def put(self, event: Event) -> None:
        """The document was deleted."""
        context = vector_of(event.context.items())
        # the author's own entry may be ahead of the event, at some replicas
        context.pop(event.replica, None)
        if event.seq > 1:
            context[event.replica] = event.seq - 1
        self[event.dot] = context

    def take(self, event: Event) -> bool:
        """Something was written by who had seen them; whether any went."""
        seen = [dot for dot in self if event.sees(dot)]
        for dot in seen:
            del self[dot]
        return bool(seen)

    def hide(self, dots: Iterable[Dot]) -> bool:
        """Whether all of these are covered."""
        contexts = list(self.values())
        return all(any(seq <= c.get(replica, 0) for c in contexts) for replica, seq in dots)

    def stable(self, cut: Context) -> "Markers":
        """Those that everybody has seen."""
        return Markers({dot: c for dot, c in self.items() if dot[1] <= cut.get(dot[0], 0)})

    def settled(self, dots: list[Dot], cut: Context) -> Settled:
        """What folding does, if these are the live dots of the document."""
        stable = self.stable(cut)
        if not stable:
            return Settled.OPEN
        if stable.hide(dots):
            return Settled.HIDDEN
        return Settled.OPEN if self.hide(dots) else Settled.SHOWN

    def data(self) -> list[Any]:
        """For fragments: [replica, seq, pairs] of each, in one order."""
        if not self:
            return []
        return [[*dot, context.pairs()] for dot, context in sorted(self.items())]

    def join(self, data: Any, mine: Context, theirs: Context) -> bool:
        """Join what `data` gave elsewhere; whether anything changed. `BadFrame`."""
        joined = dots_joined(self, read_markers(data), mine, theirs)
        changed = joined.keys() != self.keys()
        if changed:
            self.clear()
            self.update(joined)
        return changed


def wiping(event: Event) -> Event:
    """A clear of a whole document leaves nothing of what it has seen, not even as the past of what
    it has not: some had carried out the deletion before it, and have that past no more."""
    context = VersionVector(event.context)
    context.pop(event.replica, None)
    context.saw(event.replica, event.seq - 1)
    return Event(0, 0, event.hlc, context, event.who, event.message)


def read_markers(data: Any) -> dict[Dot, VersionVector]:
    """Markers from data that came from outside; raises `BadFrame`."""
    try:
        return {checked_dot(r, s): _checked_vector(pairs) for r, s, pairs in data}
    except (TypeError, ValueError) as error:
        raise BadFrame(f"no markers: {error}") from None


def read_dots(data: Any) -> dict[Dot, None]:
    """Dots from data that came from outside; raises `BadFrame`."""
    try:
        return {checked_dot(replica, seq): None for replica, seq in data}
    except (TypeError, ValueError) as error:
        raise BadFrame(f"no dots: {error}") from None


def checked_dot(replica: Any, seq: Any) -> Dot:
    """A dot; ValueError if it is none."""
    if type(replica) is not int or type(seq) is not int or replica < 1 or seq < 1:
        raise ValueError(f"({replica!r}, {seq!r}) is no dot")
    return (replica, seq)


def _checked_vector(pairs: Any) -> VersionVector:
    return vector_of(checked_dot(replica, seq) for replica, seq in pairs)


def dots_joined(
    here: Mapping[Dot, P], there: Mapping[Dot, P], mine: Context, theirs: Context
) -> dict[Dot, P]:
    """The join of two dot stores: see the table in `plait.types.cells`."""
    joined = {
        dot: payload
        for dot, payload in here.items()
        if dot in there or dot[1] > theirs.get(dot[0], 0)
    }
    for dot, payload in there.items():
        if dot not in joined and dot[1] > mine.get(dot[0], 0):
            joined[dot] = payload
    return joined
