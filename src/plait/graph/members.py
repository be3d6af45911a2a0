"""Who writes in a scope: the founder, the admitted, and until where the retired.

A retirement names the last sequence number that counts. Whoever had delivered more of the retired
stream says so with a retirement of its own in its very next batch; the greatest number counts. A
batch of a member that has *seen* more is such a statement as well, so that what it depends on can
be delivered before it.

The copy of a store that had no other member has nobody to admit it, and may not write in the stream
that its original goes on with. It admits itself, under its own id: a *claim*, by which it is a
member for itself and for those whom it admits, its *flock*. To all others it never becomes one: as
soon as the flock meets them it gives way, and what it wrote is written anew.

Invariant: once every remaining member has said something that covers a retirement, no later number
can come to count, and the retired one need not be waited for any more.
"""

from collections.abc import Mapping

from plait.base.causality import Context, Dot
from plait.graph.event import ADMIT, Batch, Op
from plait.graph.streams import Stream

ROOTS_MAX = 256


class Retirement:
    """Until where a retired replica counts."""

    __slots__ = ("dots", "last", "said")

    def __init__(self, last: int, said: int, dots: tuple[Dot, ...]) -> None:
        self.last = last  # the greatest sequence number that counts
        self.said = said  # the greatest that a retirement named
        self.dots = dots  # the retirements


class Members:
    """The founder, the admitted and the retired."""

    def __init__(self, founder: int) -> None:
        self.founder = founder
        self.names: dict[int, str] = {founder: ""}  # everybody who was ever admitted
        self.sponsors: dict[int, tuple[Dot, ...]] = {}  # admissions, of all but the founder
        self.retired: dict[int, Retirement] = {}
        self._certain: frozenset[int] | None = None  # of `_rooted`; None when it may have changed

    def is_member(self, replica: int) -> bool:
        """Whether it may write now, as far as is known here."""
        if replica not in self.names or replica in self.retired:
            return False
        if not self.retired:
            return True
        if self._certain is None:
            self._certain = self._rooted()
        return replica in self._certain

    def claim(self, replica: int, name: str) -> None:
        """Be a member by one's own word, from the first own event on, which says so."""
        self.admit(replica, name, (replica, 1))

    def believes(self, replica: int, batch: Batch) -> bool:
        """Whether a newcomer takes an author at its word: its stream begins with a claim."""
        match batch.first, batch.ops[0]:
            case 1, Op(key="", path=(name,), body=[int(admitted), *_]) if name == ADMIT:
                return admitted == batch.replica and replica not in self.names
        return False

    def flock(self) -> int:
        """The least replica that is a member here by its own word only, or 0."""
        return min((one for one in self.sponsors if self._claims(one)), default=0)

    def _rooted(self) -> frozenset[int]:
        """Of whom it is certain that an admission counts, and one of that sponsor, and so on: a
        retired sponsor may have written it beyond what counts of it."""
        rooted, fresh = {self.founder}, True
        rooted.update(one for one in self.sponsors if self._claims(one))
        while fresh:
            fresh = False
            for admitted, dots in self.sponsors.items():
                if admitted not in rooted and any(
                    sponsor in rooted and self._said(sponsor, seq) for sponsor, seq in dots
                ):
                    rooted.add(admitted)
                    fresh = True
        return frozenset(rooted)

    def _claims(self, replica: int) -> bool:
        return any(sponsor == replica for sponsor, _ in self.sponsors[replica])

    def _said(self, replica: int, seq: int) -> bool:
        known = self.retired.get(replica)
        return known is None or seq <= known.said

    def admit(self, replica: int, name: str, dot: Dot) -> None:
        """An admission was delivered. The first name stays; a retired id does not come back."""
        self.names.setdefault(replica, name)
        dots = self.sponsors.get(replica, ())
        if replica != self.founder and dot not in dots:
            self.sponsors[replica] = tuple(sorted((*dots, dot)))
            self._certain = None

    def roots(self, replica: int) -> tuple[tuple[int, int, int], ...]:
        """Why it is a member: (admitted, sponsor, number) of it, of its sponsors, and so on. What
        it claims is no reason."""
        roots: list[tuple[int, int, int]] = []
        queue, known = [replica], {replica}
        while queue and len(roots) < ROOTS_MAX:
            admitted = queue.pop(0)
            for sponsor, seq in self.sponsors.get(admitted, ()):
                if sponsor == admitted:
                    continue
                roots.append((admitted, sponsor, seq))
                if sponsor not in known:
                    known.add(sponsor)
                    queue.append(sponsor)
        return tuple(roots)

    def retire(self, replica: int, last: int, had: int, dot: Dot) -> None:
        """A retirement was delivered; `had`: what was delivered here of the retired stream."""
        known = self.retired.setdefault(replica, Retirement(0, 0, ()))
        if dot not in known.dots:
            known.last = max(known.last, last, had)
            known.said = max(known.said, last)
            known.dots = tuple(sorted((*known.dots, dot)))
            self._certain = None

    def learn(self, replica: int, last: int, said: int, dots: tuple[Dot, ...]) -> None:
        """Somebody else knows this of a retirement."""
        known = self.retired.setdefault(replica, Retirement(0, 0, ()))
        known.last = max(known.last, last)
        known.said = max(known.said, said)
        known.dots = tuple(sorted({*known.dots, *dots}))
        self._certain = None

    def unsaid(self, vector: Context) -> list[Dot]:
        """The retired of whom more was delivered than any retirement named: how far."""
        had = [(replica, vector.get(replica, 0)) for replica in sorted(self.retired)]
        return [(replica, last) for replica, last in had if last > self.retired[replica].said]

    def counts(self, replica: int, seq: int) -> bool:
        """Whether an event of `replica` is one of this scope's."""
        retirement = self.retired.get(replica)
        if retirement is not None and seq > retirement.last:
            return False
        return replica in self.names

    def seen(self, replica: int, seq: int) -> bool:
        """A batch that counts has seen this; whether a retired replica counts further for it."""
        retirement = self.retired.get(replica)
        if retirement is None or seq <= retirement.last:
            return False
        retirement.last = seq
        return True

    def remaining(self) -> list[int]:
        """The members, in one order."""
        return sorted(replica for replica in self.names if self.is_member(replica))

    def final(self, replica: int, streams: Mapping[int, Stream]) -> bool:
        """Whether every remaining member has heard of a retirement: its number stands."""
        retirement = self.retired.get(replica)
        if retirement is None:
            return False
        remaining = self.remaining()
        contexts = [streams[r].context for r in remaining if r in streams]
        return len(contexts) == len(remaining) and any(
            all(context.contains(dot) for context in contexts) for dot in retirement.dots
        )

    def awaited(self, streams: Mapping[int, Stream]) -> list[int]:
        """Whose word stability needs, in one order: the remaining, and those whose retirement
        some remaining member may not have heard of."""
        return self.remaining() + [
            replica
            for replica in sorted(self.retired)
            if replica in self.names and not self.final(replica, streams)
        ]
