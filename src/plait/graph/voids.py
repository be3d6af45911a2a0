"""Refusals: events that keep their place and have no effect.

A void always wins, whatever is concurrent with it, and a void of an operation on the scope itself
has no effect. A void that is known before its event comes spares applying it. One that comes after
makes the document fold again from the retained events; where those do not reach back to the
beginning the document is *unclean*, and is taken from a peer where it is clean (whoever refused the
event never applied it).

Invariant: whoever refuses an event says so in its next batch, so no cut covers the event at a
replica that has not delivered the void as well.
"""

from collections.abc import Iterator
from typing import NamedTuple

from plait.base.causality import Context, Dot
from plait.graph.event import VOID, Event, Op
from plait.graph.fold import Fold
from plait.graph.history import History


class Refusal(NamedTuple):
    """Why an event is void, and which event says so (None: this replica owes it)."""

    reason: str
    key: str  # of the document
    by: Dot | None


def void_op(dot: Dot, reason: str, key: str) -> Op:
    """The operation that takes away the effect of an event on a document."""
    return Op("", (VOID,), [dot[0], dot[1], reason, key])


def voided_by(op: Op) -> Dot | None:
    """The event that an operation voids, if it is such an operation."""
    match op:
        case Op(key="", path=("void",), body=[int(replica), int(seq), str(), str()]):
            return (replica, seq)
    return None


class Voids:
    """The voided events of a scope."""

    def __init__(self) -> None:
        self.known: dict[Dot, Refusal] = {}
        self.unclean: dict[str, None] = {}  # documents that still show what was voided
        self._late: dict[str, None] = {}  # documents that applied what was voided afterwards

    def refuse(self, dot: Dot, reason: str, key: str) -> None:
        """This replica refuses an event and does not apply it."""
        self.known.setdefault(dot, Refusal(reason, key, None))

    def void(self, dot: Dot, refusal: Refusal, applied: bool) -> bool:
        """A void was delivered; whether it is the first of its event. `applied`: too late."""
        known = self.known.get(dot)
        if known is None or known.by is None or (refusal.by or known.by) < known.by:
            self.known[dot] = refusal
        if known is None and applied:
            self._late[refusal.key] = None
        return known is None

    def owed(self) -> list[Op]:
        """The operations that say what was refused here and not said yet."""
        return [
            void_op(dot, known.reason, known.key)
            for dot, known in self.known.items()
            if known.by is None
        ]

    def said(self, key: str, context: Context) -> bool:
        """Whether a vector covers every void that is known of a document."""
        return all(
            known.by is not None and known.by[1] <= context.get(known.by[0], 0)
            for known in self.known.values()
            if known.key == key
        )

    def settle(self, history: History, fold: Fold) -> None:
        """Fold again the documents where something was voided too late."""
        late, self._late = self._late, {}
        for key in late:
            if history.floor:
                self.unclean[key] = None
            else:
                fold.refold(key, self.effective(key, history))

    def effective(self, key: str, history: History) -> Iterator[tuple[Op, Event]]:
        """The retained events of a document that are not void. Contexts are live."""
        for op, event in history.replay():
            if op.key == key and event.dot not in self.known:
                yield op, event

    def drop(self, cut: Context) -> None:
        """Forget the voids that everybody has seen."""
        self.known = {
            dot: known
            for dot, known in self.known.items()
            if known.by is None or known.by[1] > cut.get(known.by[0], 0)
        }
