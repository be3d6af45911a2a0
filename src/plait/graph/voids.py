"""Refusals: events that keep their place and have no effect.

A void always wins, whatever is concurrent with it, and a void of an operation on the scope itself
has no effect. A void that is known before its event comes spares applying it, so whoever hears of
one believes it at once, and says it as well if it does not turn out that somebody who counts has
(`foretell`). One that comes after makes the document fold again from the retained events; where
those do not reach back to the beginning the document is *unclean*, and is taken from a peer where
it is clean (whoever refused the event never applied it).

Invariants: whoever refuses an event says so before it takes the event, or in its next batch, so no
cut covers the event at a replica that has not delivered the void as well. No event is passed on
without what says that it is refused (`links.with_refusals`).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from plait.base.causality import Context, Dot
from plait.graph.event import VOID, Batch, Event, Op
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
        self._owed: dict[Dot, None] = {}
        self._authors: dict[int, dict[Dot, None]] = {}
        self.unclean: dict[str, None] = {}  # documents that still show what was voided
        self._late: dict[str, None] = {}  # documents that applied what was voided afterwards

    def refuse(self, dot: Dot, reason: str, key: str) -> None:
        """This replica refuses an event and does not apply it."""
        if dot not in self.known:
            self.learn(dot, Refusal(reason, key, None))

    def learn(self, dot: Dot, refusal: Refusal) -> None:
        """Know of a refusal."""
        self.known[dot] = refusal
        self._authors.setdefault(dot[0], {})[dot] = None
        if refusal.by is None:
            self._owed[dot] = None
        else:
            self._owed.pop(dot, None)

    def foretell(self, batches: Iterable[Batch], vector: Context) -> None:
        """What these void is not to be applied, even if it is delivered before them."""
        for batch in batches:
            for op in batch.ops:
                dot = None if op.key else voided_by(op)
                if dot is not None and dot[1] > vector.get(dot[0], 0) and op.body[3]:
                    self.refuse(dot, op.body[2], op.body[3])

    def void(self, dot: Dot, refusal: Refusal, applied: bool) -> bool:
        """A void was delivered; whether it is the first of its event. `applied`: too late."""
        known = self.known.get(dot)
        if known is None or known.by is None or (refusal.by or known.by) < known.by:
            self.learn(dot, refusal)
        if known is None and applied:
            self._late[refusal.key] = None
        return known is None

    def owed(self) -> list[Op]:
        """The operations that say what was refused here and not said yet."""
        known = self.known
        return [void_op(dot, known[dot].reason, known[dot].key) for dot in self._owed]

    @property
    def owes(self) -> bool:
        """Whether something was refused here and not said yet."""
        return bool(self._owed)

    def unheard(self, author: int, seen: Context) -> set[str]:
        """Documents of which an author that has seen this much has not heard that something that
        it did there was refused."""
        refusals = [self.known[dot] for dot in self._authors.get(author, ())]
        return {one.key for one in refusals if one.by is None or one.by[1] > seen.get(one.by[0], 0)}

    def sayings(self, batch: Batch) -> list[Dot] | None:
        """Which events say what is refused of a batch; None if something of it was not said yet."""
        refused = self._authors.get(batch.replica)
        if not refused:
            return []
        found: dict[Dot, None] = {}
        for seq in range(batch.first, batch.last + 1):
            if (batch.replica, seq) in refused:
                by = self.known[batch.replica, seq].by
                if by is None:
                    return None
                found[by] = None
        return list(found)

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
        """Forget the voids that everybody has seen, of events that everybody has seen."""
        for dot, known in list(self.known.items()):
            by = known.by
            if by is not None and by[1] <= cut.get(by[0], 0) and dot[1] <= cut.get(dot[0], 0):
                del self.known[dot]
                authors = self._authors[dot[0]]
                del authors[dot]
                if not authors:
                    del self._authors[dot[0]]
