"""Random event graphs of texts with marks, and real texts that get them.

Marks come as operations of their own, and behind edits of the same operation; few names, so that
they meet, with all ways to expand, and values that Python takes for equal.
"""

from dataclasses import replace
from random import Random
from typing import Any

from plait.types.text.state import TextState
from tests.laws.random_text_graphs import Author, GraphMaker, Habits, draw_edits, fitting
from tests.laws.reference_marks import ReferenceMarks, marked_units
from tests.laws.reference_text import Event, ReferenceText

NAMES = ("bold", "link", "comment:1")
VALUES = (True, 1, 1.0, "x", None, None)
EXPANDS = ("none", "before", "after", "both")


class MarkedGraphMaker(GraphMaker):
    """A graph that grows by what authors write and mark."""

    text: ReferenceMarks

    def __init__(self, random: Random, habits: Habits, marking: float) -> None:
        super().__init__(random, habits)
        self.text = ReferenceMarks()
        self._marking = marking

    def _write(self, author: Author) -> None:
        habits, random = self.habits, self.random
        length = len(self.text.text(author.version))
        if random.random() < habits.crowding:
            author.cursor = self._crowd
        edits: list[Any] = []
        if not length or random.random() >= self._marking:
            drawn, author.cursor = draw_edits(random, length, author.cursor, habits)
            edits += drawn
            length = fitting(drawn, length)
        while length and random.random() < (self._marking if edits else 1.0):
            edits += draw_mark(random, length)
        index = self.text.add(
            Event(author.name, author.seq, tuple(edits), self.text.heads(author.version))
        )
        author.version = self.text.version([index])
        author.wrote |= author.version
        author.seq += 1 if habits.whole else len(marked_units(edits))


def draw_mark(random: Random, length: int) -> list[Any]:
    """A mark on a text of some length."""
    start = random.randrange(length)
    size = random.randint(1, min(length - start, random.choice((1, 4, 100))))
    name, value = random.choice(NAMES), random.choice(VALUES)
    return [start, [size, name, value, random.choice(EXPANDS)]]


def random_marked_graph(seed: int, **wanted: Any) -> tuple[ReferenceMarks, Habits]:
    """The graph of a seed; `wanted`: other habits than the seed's own."""
    random = Random(f"marked {seed}")
    habits = Habits.draw(random)
    habits = replace(habits, alphabet="abcdefgh", gaps=False, shared=False, **wanted)
    habits = replace(habits, steps=min(habits.steps, 30), longest_run=min(habits.longest_run, 4))
    maker = MarkedGraphMaker(random, habits, random.choice((0.2, 0.5)))
    for _ in range(habits.steps):
        maker.step()
    return maker.text, habits


class MarkedCopy:
    """A real text that gets a graph's events by their indexes."""

    def __init__(self, graph: ReferenceMarks, whole: bool) -> None:
        self.graph = graph
        self.whole = whole
        self.state = TextState("me")
        self.lasts: dict[int, int] = {}
        self.version = 0

    def add(self, index: int) -> None:
        """One event."""
        event = self.graph.events[index]
        if self.graph.version(event.parents) != self.version:
            self.state.thaw()  # LVs say nothing of what is cold
        first = self.state.graph.first
        parents = [self.lasts[parent] for parent in event.parents]
        known = tuple(sorted(lv for lv in parents if lv >= first))
        self.lasts[index] = self.state.add(event.name, event.seq, event.edits, known, self.whole)
        self.version |= 1 << index

    def add_all(self, indexes: list[int]) -> None:
        """All events at once."""
        end = self.state.end
        given: dict[int, int] = {}
        events = []
        for index in indexes:
            event = self.graph.events[index]
            parents = tuple(sorted(given[parent] for parent in event.parents))
            events.append((event.name, event.seq, event.edits, parents))
            end += len(marked_units(event.edits))
            given[index] = end - 1
            self.version |= 1 << index
        self.state.add_all(events)

    def fold(self, waiting: list[int]) -> bool:
        """Forget what every event that is still to come has seen."""
        seen = self.version
        for index in waiting:
            seen &= self.graph.version(self.graph.events[index].parents)
        cut: dict[Any, int] = {}
        beyond: set[int | str] = set()
        for index, event in enumerate(self.graph.events):  # an author's numbers ascend
            if not seen >> index & 1:
                beyond.add(event.name)
            elif event.name not in beyond:
                units = 1 if self.whole else len(marked_units(event.edits))
                cut[event.name] = event.seq + units - 1
        return self.state.fold(cut)

    def check(self) -> None:
        """It reads and is marked as its version is in the reference."""
        assert self.state.text() == self.graph.text(self.version)
        expected = self.graph.spans(self.version)
        found = self.state.spans()
        assert repr(found) == repr(expected), f"{found} is not {expected}"


def plain(graph: ReferenceMarks) -> ReferenceText:
    """What the graph writes, without its marks: to see that marks change no text."""
    text = ReferenceText()
    kept: dict[int, tuple[int, ...]] = {}
    for index, event in enumerate(graph.events):
        parents = text.heads(text.version(p for old in event.parents for p in kept[old]))
        edits = [
            part
            for pos, what in zip(event.edits[::2], event.edits[1::2], strict=True)
            if not isinstance(what, list)
            for part in (pos, what)
        ]
        kept[index] = parents
        if edits:
            kept[index] = (text.add(replace(event, edits=tuple(edits), parents=parents)),)
    return text
