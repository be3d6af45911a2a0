"""A real text beside its graph in the reference: fed by indexes of events, and looked at closely.

Invariant: `version` are the events that the text was given, `lasts` says where it put them.
"""

from collections.abc import Iterable

import pytest

from plait.types.text.state import TextState
from plait.types.walker import oplog, records, sequence
from tests.laws.reference_text import Event, ReferenceText, size


class Copy:
    """A real text that gets a graph's events by their indexes, and a str that it reports to."""

    def __init__(self, graph: ReferenceText, whole: bool = False, agent: int | str = "me") -> None:
        self.graph = graph
        self.whole = whole
        self.state = TextState(agent)
        self.state.observer = self._follow
        self.lasts: dict[int, int] = {}  # of each event here: the LV of its last unit
        self.version = 0
        self._reported = ""

    def _follow(self, position: int, deleted: int, inserted: str | None) -> None:
        assert 0 <= position <= position + deleted <= len(self._reported)
        before, after = self._reported[:position], self._reported[position + deleted :]
        self._reported = before + (inserted or "") + after

    def parents(self, event: Event) -> tuple[int, ...] | None:
        """The version that an event was made at, in LVs of here; None for everything here."""
        if self.graph.version(event.parents) == self.version and event.seq % 2:
            return None
        return tuple(self.lasts[parent] for parent in event.parents)

    def add(self, index: int) -> None:
        """One event."""
        event = self.graph.events[index]
        parents = self.parents(event)
        self.lasts[index] = self.state.add(event.name, event.seq, event.edits, parents, self.whole)
        self.version |= 1 << index

    def add_all(self, indexes: Iterable[int]) -> None:
        """A portion at once; each author's units have numbers of their own."""
        end = len(self.lvs())
        given: dict[int, int] = {}
        events = []
        for index in indexes:
            event = self.graph.events[index]
            parents = tuple(given.get(p, self.lasts.get(p, -1)) for p in event.parents)
            events.append((event.name, event.seq, event.edits, parents))
            end += size(event)
            given[index] = end - 1
            self.version |= 1 << index
        self.state.add_all(events)
        lvs = self.lvs()
        for index in given:
            event = self.graph.events[index]
            self.lasts[index] = lvs[event.name, event.seq + size(event) - 1]

    def lvs(self) -> dict[tuple[int | str, int], int]:
        """The LV of each unit, by its author and number."""
        assert not self.whole
        self.state.close_run()
        return {self.state.graph.seq_of(lv): lv for lv in range(self.state.end)}

    def check(self) -> None:
        """It reads what its version reads in the reference, whichever way it is asked."""
        expected = self.graph.text(self.version)
        assert len(self.state) == len(expected)
        assert self.state.text() == expected
        assert self._reported == expected, "what the observer was told is another text"
        middle = len(expected) // 2
        assert self.state.slice(middle, len(expected)) == expected[middle:]


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves split, runs are not joined and the walker cools at sizes that small graphs have."""
    monkeypatch.setattr(records, "LEAF_MAX", 3)
    monkeypatch.setattr(oplog, "CONTENT_MAX", 5)
    monkeypatch.setattr(sequence, "KEEP_WARM", 2)
    monkeypatch.setattr(sequence, "KEEP_WARM_FACTOR", 0)
