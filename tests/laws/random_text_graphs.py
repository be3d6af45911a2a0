"""Random event graphs of texts, the orders in which they can arrive, and smaller ones that fail.

One seed draws the whole graph: how many write, how they write (forward, backward, over each
other), what (plain letters, combining marks, beyond the basic plane), how long somebody goes on
alone, how often heads are merged, and whether one goes back to an old version. Positions fit the
parents' version by construction: the reference is asked.

Invariant: an event's parents are heads, and their indexes are smaller than its own. Unless the
graph is drawn with `beside_itself`, an author has seen everything that it wrote before.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from tests.laws.reference_text import Edits, Event, ReferenceText, fitting, size

ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "ab \n",
    "aé\u0301\u200d\0\ufeffß",
    "x😀👩‍👩‍👧🇪🇺𝔘\U0010ffff",
)
NAMES = (
    ("ann", "bob", "cyd", "dan", "eve", "fay", "gil", "hal"),
    ("10", "9", "é", "😀", "", "z", "Z", "zz"),
    (1, 2, 3, 4, 5, 6, 7, 8),
    (2**63 - 1, 2**40 + 1, 10, 9, 256, 255, 65536, 1),
)


@dataclass(frozen=True)
class Habits:
    """How the authors of one graph behave; chances are between 0 and 1."""

    names: tuple[int | str, ...]
    alphabet: str
    steps: int
    stay: float  # the same author goes on
    meet: float  # an author merges some others' versions first
    together: float  # everybody merges everything, and writes at one place
    back: float  # an author forks from an old version
    deleting: float
    crowding: float  # edits go to where everybody's go
    longest_run: int
    beside_itself: bool  # an author may be concurrent with itself
    whole: bool  # an operation has one number; else each of its units has
    gaps: bool  # numbers are left out
    shared: bool  # numbers go on from one author to the next

    @classmethod
    def draw(cls, random: Random) -> "Habits":
        """Habits of some kind, of a size that a reference can bear."""
        count = random.choice((1, 2, 2, 2, 3, 3, 4, 5, 8))
        names: list[int | str] = [*random.choice(NAMES)]
        random.shuffle(names)
        beside_itself = random.random() < 0.25
        return cls(
            names=tuple(names[:count]),
            alphabet=random.choice(ALPHABETS),
            steps=random.choice((4, 8, 15, 30, 30, 60)),
            stay=random.choice((0.0, 0.5, 0.9, 0.97)),
            meet=random.choice((0.05, 0.3, 0.6)),
            together=random.choice((0.0, 0.02, 0.15)),
            back=0.4 if beside_itself else random.choice((0.0, 0.0, 0.05, 0.3)),
            deleting=random.choice((0.0, 0.3, 0.5, 0.7)),
            crowding=random.choice((0.0, 0.4, 0.9)),
            longest_run=random.choice((1, 2, 4, 4, 12)),
            beside_itself=beside_itself,
            whole=random.random() < 0.4,
            gaps=random.random() < 0.3,
            shared=random.random() < 0.3,
        )

    @classmethod
    def of(cls, seed: int) -> "Habits":
        """Those of a seed's graph."""
        habits = cls.draw(Random(seed))
        if seed % 4 == 0:  # two who hardly ever meet
            return replace(habits, names=habits.names[:2], stay=0.9, meet=0.05, together=0.02)
        return habits


@dataclass
class Author:
    """Somebody who writes: what they have seen, and where they were."""

    name: int | str
    version: int = 0
    wrote: int = 0  # what they wrote, with all that came before
    seq: int = 1
    cursor: int = 0


class GraphMaker:
    """A graph that grows by what authors do."""

    def __init__(self, random: Random, habits: Habits) -> None:
        self.random = random
        self.habits = habits
        self.text = ReferenceText()
        self._authors = [Author(name) for name in habits.names]
        self._last = self._authors[0]
        self._crowd = 0

    def step(self) -> None:
        """One author writes one operation; or all of them meet, and then each writes one."""
        random, habits = self.random, self.habits
        if random.random() < habits.together:
            self._crowd = random.randrange(len(self.text.text()) + 1)
            for author in self._authors:
                author.version = self.text.everything()
                author.cursor = self._crowd
            for author in random.sample(self._authors, len(self._authors)):
                self._write(author)
            return
        if random.random() >= habits.stay:
            self._last = random.choice(self._authors)
            self._look_around(self._last)
        self._write(self._last)

    def _look_around(self, author: Author) -> None:
        random, habits = self.random, self.habits
        if random.random() < habits.meet:
            for other in random.sample(self._authors, random.randint(1, len(self._authors))):
                author.version |= other.version
        if self.text.events and random.random() < habits.back:
            author.version = self.text.version([random.randrange(len(self.text.events))])
            if not habits.beside_itself:
                author.version |= author.wrote
        if random.random() < 0.3:
            author.cursor = random.randrange(100)
        if random.random() < 0.1:
            self._crowd = random.randrange(len(self.text.text()) + 1)

    def _write(self, author: Author) -> None:
        habits, random = self.habits, self.random
        length = len(self.text.text(author.version))
        if random.random() < habits.crowding:
            author.cursor = self._crowd
        edits, author.cursor = draw_edits(random, length, author.cursor, habits)
        parents = list(self.text.heads(author.version))
        random.shuffle(parents)
        index = self.text.add(Event(author.name, author.seq, edits, tuple(parents)))
        author.version = self.text.version([index])
        author.wrote |= author.version
        author.seq += 1 if habits.whole else size(self.text.events[index])
        if habits.gaps:
            author.seq += random.choice((0, 0, 1, 1000))
        if habits.shared:
            for other in self._authors:
                other.seq = author.seq


def random_graph(seed: int, habits: Habits | None = None) -> ReferenceText:
    """The graph of a seed, in the reference; `habits` other than the seed's own."""
    maker = GraphMaker(Random(~seed), habits or Habits.of(seed))
    for _ in range(maker.habits.steps):
        maker.step()
    return maker.text


# ----------------------------------------------------------------------------- edits


def draw_edits(random: Random, length: int, cursor: int, habits: Habits) -> tuple[Edits, int]:
    """One operation on a text of some length, near a cursor; and where the cursor is then."""
    edits: list[int | str] = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = min(cursor, length)
        run = random.randint(1, habits.longest_run)
        if random.random() < habits.deleting and length:
            new, cursor = _draw_deletion(random, min(at, length - 1), run, length)
        else:
            new, cursor = _draw_insertion(random, at, run, length, habits)
        length = fitting(tuple(new), length)
        edits += new
    return tuple(edits), cursor


def _draw_insertion(
    random: Random, at: int, run: int, length: int, habits: Habits
) -> tuple[list[int | str], int]:
    word = "".join(random.choices(habits.alphabet, k=run))
    kind = random.randrange(5)
    if kind == 0:  # backward: each before the last
        return [x for char in word for x in (at, char)], at
    if kind == 1:  # a key at a time
        return [x for i, char in enumerate(word) for x in (at + i, char)], at + run
    if kind == 2 and at < length:  # over what is there
        return [at, min(run, length - at), at, word], at + run
    return [at, word], at + run


def _draw_deletion(random: Random, at: int, run: int, length: int) -> tuple[list[int | str], int]:
    ahead = min(run, length - at)
    kind = random.randrange(4)
    if kind == 0:  # the delete key
        return [at, 1] * ahead, at
    if kind == 1:  # the backspace key
        back = min(run, at + 1)
        return [x for i in range(back) for x in (at - i, 1)], at - back + 1
    if kind == 2 and at:  # a range before the cursor
        back = min(run, at)
        return [at - back, back], at - back
    return [at, ahead], at


# ----------------------------------------------------------------------------- schedules


def topological_order(random: Random, events: Sequence[Event]) -> list[int]:
    """All events, each behind its parents: mixed, one branch after another, or one author late."""
    children: list[list[int]] = [[] for _ in events]
    missing = [len(event.parents) for event in events]
    for index, event in enumerate(events):
        for parent in event.parents:
            children[parent].append(index)
    ready = [index for index, count in enumerate(missing) if not count]
    style = random.choice(("mixed", "deep", "wide", "late"))
    late = random.choice(events).name if events else None
    order = []
    while ready:
        if style == "mixed" or random.random() < 0.05:
            place = random.randrange(len(ready))
        elif style == "late":
            place = min(range(len(ready)), key=lambda i: events[ready[i]].name == late)
        else:
            place = -1 if style == "deep" else 0
        index = ready.pop(place)
        order.append(index)
        for child in children[index]:
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return order


def portions(random: Random, order: Sequence[int]) -> list[list[int]]:
    """An order in pieces: few or many, some of them a single event."""
    cuts = sorted(random.sample(range(len(order) + 1), min(random.randint(0, 6), len(order))))
    edges = [0, *cuts, len(order)]
    return [list(order[a:b]) for a, b in pairwise(edges)]


def arranged(events: Sequence[Event], order: Sequence[int]) -> list[Event]:
    """The same events with indexes by another order."""
    new = {index: place for place, index in enumerate(order)}
    return [
        replace(events[index], parents=tuple(new[parent] for parent in events[index].parents))
        for index in order
    ]


# ----------------------------------------------------------------------------- smaller graphs


def shrink(
    events: Sequence[Event], whole: bool, fails: Callable[[list[Event]], bool]
) -> list[Event]:
    """A graph that still fails, of which nothing can be left out any more; `events` fails."""
    smallest = list(events)
    chunk = max(1, len(smallest) // 2)
    while True:
        before = smallest
        for start in range(len(smallest) - 1, -1, -chunk):
            fewer = mended(smallest, whole, range(start - chunk + 1, start + 1))
            if len(fewer) < len(smallest) and fails(fewer):
                smallest = fewer
        if chunk == 1:
            smallest = _with_smaller_edits(smallest, whole, fails)
            if smallest == before:
                return smallest
        chunk = max(1, chunk // 2)


def _with_smaller_edits(
    events: list[Event], whole: bool, fails: Callable[[list[Event]], bool]
) -> list[Event]:
    for index in range(len(events) - 1, -1, -1):
        if index >= len(events):
            continue
        for edits in _smaller(events[index].edits):
            changed = [*events[:index], replace(events[index], edits=edits), *events[index + 1 :]]
            mend = mended(changed, whole)
            if sum(map(size, mend)) < sum(map(size, events)) and fails(mend):
                events = mend
                break
    return events


def _smaller(edits: Edits) -> Iterable[Edits]:
    for i in range(0, len(edits), 2):
        yield edits[:i] + edits[i + 2 :]
        what = edits[i + 1]
        half: int | str = what[: len(what) // 2] if isinstance(what, str) else what // 2
        for less in (half, what[:-1] if isinstance(what, str) else what - 1):
            yield (*edits[: i + 1], less, *edits[i + 2 :])


def mended(events: Sequence[Event], whole: bool, dropped: Collection[int] = ()) -> list[Event]:
    """A graph without some of its events, every edit made to fit and every operation numbered."""
    text = ReferenceText()
    stands_for: list[tuple[int, ...]] = []  # what is now where each event was
    seqs: dict[int | str, int] = {}
    for index, event in enumerate(events):
        version = text.version(new for old in event.parents for new in stands_for[old])
        parents = text.heads(version)
        edits = _made_to_fit(event.edits, len(text.text(version)))
        if index in dropped or not edits:
            stands_for.append(parents)
            continue
        new = Event(event.name, seqs.get(event.name, 1), edits, parents)
        seqs[event.name] = new.seq + (1 if whole else size(new))
        stands_for.append((text.add(new),))
    return text.events


def _made_to_fit(edits: Edits, length: int) -> Edits:
    fit: list[int | str] = []
    for position, what in zip(edits[::2], edits[1::2], strict=True):
        assert isinstance(position, int)
        at = min(position, length)
        if isinstance(what, int):
            at = min(at, max(0, length - 1))
            what = min(what, length - at)
        if what:
            fit += [at, what]
            length += len(what) if isinstance(what, str) else -what
    return tuple(fit)
