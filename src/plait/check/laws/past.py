"""What was written in a run: the events, in the batches in which they travel, and what is stable.

Invariant: an event's stamp is greater than those of all that it has seen, except of its own batch,
so the order of (stamp, replica, sequence) is causal.
"""

from typing import Any, NamedTuple

from plait.base.causality import Context, Dot, VersionVector, descends, meet_all
from plait.base.codec import decode
from plait.check.laws.contract import Happened

APPLY = "apply"
CLEAR = "clear"
ELSEWHERE = "elsewhere"


class Moment(NamedTuple):
    """One event."""

    site: int
    dot: Dot
    hlc: int
    context: VersionVector  # what its author had seen, its own earlier events too
    kind: str
    body: bytes  # encoded
    label: str  # for the diagram

    @property
    def order(self) -> tuple[int, int, int]:
        """A causal order."""
        return (self.hlc, *self.dot)


class Batch(NamedTuple):
    """Events that one replica wrote in one go."""

    context: VersionVector  # what its author had seen before
    moments: tuple[Moment, ...]

    @property
    def last(self) -> int:
        """The sequence number of the last event."""
        return self.moments[-1].dot[1]


class Past:
    """Everything written so far, whoever has seen it."""

    def __init__(self, ids: tuple[int, ...], newcomer: bool) -> None:
        self.ids = ids
        self.moments: dict[Dot, Moment] = {}
        self.batches: list[list[Batch]] = [[] for _ in ids]
        self.garbage = False  # some body makes no sense: specifications need not know what to say
        # the newcomer counts for stability only where its admission was seen
        self._founders = len(ids) - newcomer
        self.admitted: Dot | None = None
        self._pasts: dict[Dot, frozenset[Dot]] = {}

    def add(self, batch: Batch) -> None:
        """A batch was written."""
        for moment in batch.moments:
            self.moments[moment.dot] = moment
        self.batches[batch.moments[0].site].append(batch)

    def next_batch(self, author: int, vector: Context) -> Batch | None:
        """The first batch of `author` that `vector` lacks, if it could be delivered there."""
        seen = vector.get(self.ids[author], 0)
        for batch in self.batches[author]:
            if batch.last > seen:
                return batch if descends(vector, batch.context) else None
        return None

    def between(self, since: Context, until: Context) -> list[Moment]:
        """What `until` covers and `since` does not, in one causal order."""
        found = [
            moment
            for (replica, seq), moment in self.moments.items()
            if since.get(replica, 0) < seq <= until.get(replica, 0)
        ]
        return sorted(found, key=lambda moment: moment.order)

    def stable(self, vector: Context) -> VersionVector:
        """The cut: all that every event which `vector` lacks will have seen."""
        known = []
        for site, replica in enumerate(self.ids):
            seq = vector.get(replica, 0)
            dot: Dot | None = (replica, seq)
            if not seq:
                dot = self.admitted if site >= self._founders else None
                if site >= self._founders and not self._admission_seen(vector):
                    continue
            if dot is None:
                return VersionVector()
            context = self.moments[dot].context.copy()
            context.saw(*dot)
            known.append(context)
        return meet_all(known)

    def _admission_seen(self, vector: Context) -> bool:
        dot = self.admitted
        return dot is not None and vector.get(dot[0], 0) >= dot[1]

    def happened(self, vector: Context) -> list[Happened]:
        """The history of the object at a vector, as specifications see it."""
        return [
            Happened(
                moment.dot, moment.hlc, self._past(moment), _body(moment), moment.kind == CLEAR
            )
            for moment in self.between({}, vector)
            if moment.kind != ELSEWHERE
        ]

    def _past(self, moment: Moment) -> frozenset[Dot]:
        found = self._pasts.get(moment.dot)
        if found is None:
            seen = self.between({}, moment.context)
            found = frozenset([earlier.dot for earlier in seen if earlier.kind != ELSEWHERE])
            self._pasts[moment.dot] = found
        return found


def _body(moment: Moment) -> Any:
    return decode(moment.body) if moment.kind == APPLY else None
