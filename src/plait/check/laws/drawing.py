"""Schedules from seeds: one seed draws everything.

Few replicas, few steps, clocks that tie, partitions that last a while, packets that arrive late,
and now and then a round after which everybody has seen everything, so that something is stable.
"""

from random import Random

from plait.check.laws.guard import JUNK
from plait.check.laws.law import COMMUTES, FOLDS
from plait.check.laws.probes import PROBES
from plait.check.laws.steps import (
    DISCARD,
    KEEP,
    Admit,
    Arrive,
    Clear,
    Deliver,
    Elsewhere,
    Fold,
    Garbage,
    Mutate,
    Probe,
    Restart,
    Schedule,
    Step,
    Take,
    Wish,
    Write,
)

STEPS_MIN, STEPS_MAX = 5, 18


def draw(seed: int, replicas: int | None = None, steps: int | None = None) -> Schedule:
    """The schedule of a seed; `replicas` and `steps` pin what is otherwise drawn."""
    return _Drawing(Random(f"laws {seed}"), replicas, steps).schedule()


class _Drawing:
    def __init__(self, random: Random, replicas: int | None, steps: int | None) -> None:
        self._random = random
        self._count = replicas or random.choice((2, 2, 2, 3, 3, 4))
        self._steps = steps or random.randint(STEPS_MIN, STEPS_MAX)
        self._newcomer = self._count > 2 and random.random() < 0.25
        self._garbage = random.random() < 0.12
        self._folding = random.random() < 0.5
        self._packets = 0
        self._groups = [0] * self._count
        self._made: list[Step] = []

    def schedule(self) -> Schedule:
        random = self._random
        ids = list(range(1, self._count + 1))
        if random.random() < 0.5:
            ids = sorted(random.getrandbits(63) | 1 << 62 for _ in ids)
        random.shuffle(ids)
        skews = tuple(random.choice((0, 0, 0, 1, -2, 40)) for _ in ids)
        for _ in range(self._steps):
            self._step()
        self._settle()
        return Schedule(tuple(ids), skews, self._newcomer, tuple(self._made))

    # ------------------------------------------------------------------ steps

    def _step(self) -> None:
        random = self._random
        if random.random() < 0.15:  # a partition begins, changes or ends
            self._groups = [random.choice((0, 0, 1)) for _ in self._groups]
        if self._newcomer and random.random() < 0.1:
            self._made.append(Admit(self._count - 1, random.randrange(self._count - 1)))
        site = random.randrange(self._count)
        choice = random.random()
        if choice < 0.40:
            self._made.append(self._write(site))
        elif choice < 0.52:
            self._deliver(site)
        elif choice < 0.70:
            self._exchange(site)
        elif choice < 0.74:
            self._made.append(Restart(site))
        elif choice < 0.82:
            if self._folding:
                self._round()
            self._made.append(Fold(site, random.choice((0, 0, 0, 1, 2))))
        else:
            self._made.append(self._probe())

    def _write(self, site: int) -> Write:
        random = self._random
        count = random.choice((1, 1, 1, 2, 3))
        draft = random.choice((KEEP, DISCARD)) if random.random() < 0.12 else ""
        ms = random.choice((0, 0, 1, 1, 5))
        return Write(site, tuple(self._wish() for _ in range(count)), ms, draft)

    def _wish(self) -> Wish:
        random = self._random
        choice = random.random()
        if choice < 0.08:
            return Clear()
        if choice < 0.12:
            return Elsewhere()
        if choice < 0.24 and self._garbage:
            return Garbage(random.choice(JUNK))
        return Mutate(random.getrandbits(32))

    def _peer(self, site: int) -> int | None:
        """Another replica on this side of the partition."""
        group = self._groups[site]
        peers = [p for p in range(self._count) if p != site and self._groups[p] == group]
        return self._random.choice(peers) if peers else None

    def _deliver(self, site: int) -> None:
        peer = self._peer(site)
        if peer is not None:
            self._made.append(Deliver(site, peer, self._random.choice((1, 1, 2))))

    def _exchange(self, site: int) -> None:
        """Send and arrive; or only send, or only arrive (again) with something sent earlier."""
        random = self._random
        choice = random.random()
        if choice < 0.25 and self._packets:
            self._made.append(Arrive(site, random.randrange(self._packets)))
            return
        peer = self._peer(site)
        if peer is None:
            return
        self._send(site, peer)
        if choice < 0.85:
            self._made.append(Arrive(site, self._packets - 1))

    def _send(self, site: int, source: int) -> None:
        peer = site if self._random.random() < 0.6 else None
        self._made.append(Take(source, self._packets, peer))
        self._packets += 1

    def _probe(self) -> Probe:
        random = self._random
        law = random.choice((*PROBES, COMMUTES, COMMUTES, FOLDS))
        site, other, third = (random.randrange(self._count) for _ in range(3))
        if other == site:
            other = (site + 1) % self._count
        if self._newcomer and self._count - 1 in (other, third):
            other = third = 0
        return Probe(site, law, other, third, random.getrandbits(16))

    def _round(self) -> None:
        """Everybody sees everything and says so: what was written is stable afterwards."""
        everyone = range(self._count)
        self._made += [Deliver(site, None) for site in everyone]
        self._made += [Write(site, (Elsewhere(),)) for site in everyone]
        who = self._random.randrange(self._count)
        self._made += [Deliver(site, None) for site in everyone if site == who or site % 2]

    def _settle(self) -> None:
        """Everybody comes to see everything, each by a road of its own."""
        random = self._random
        self._groups = [0] * self._count
        for site in random.sample(range(self._count), self._count):
            if random.random() < 0.6:
                self._send(site, (site + random.randrange(1, self._count)) % self._count)
                self._made.append(Arrive(site, self._packets - 1))
        self._made += [self._probe() for _ in range(2)]
        self._made += [Deliver(site, None) for site in range(self._count)]
        if self._folding:
            self._round()
            self._made.append(Fold(random.randrange(self._count)))
        self._made += [self._probe() for _ in range(2)]
