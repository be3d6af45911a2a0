"""The events of a recorded history, numbered as a text numbers them when it is given them in order.

A *local version* is the number of a unit event: one inserted or deleted character. The start
content, if there is any, has the first ones, and everything else comes after it.

Invariants: events come after their parents; a parent is the last unit of an event; no sequence
number of an author is used twice. They begin at 1, for 0 means that nothing was seen.

Absent on purpose: the text. Nothing here knows what is at a position.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from plait.base.errors import BadValue
from plait.types.walker.graph import Name, Version

Edit: TypeAlias = tuple[int, int | str]  # position, then how many go there, or what comes


class Event(NamedTuple):
    """Edits made one after another, as `TextState.add` takes them. `seq`: of the first unit."""

    name: Name
    seq: int
    edits: list[int | str]  # [position, what, position, what, …]
    parents: Version


class TraceEvents:
    """Collects the events of one history."""

    def __init__(self, start: str, agents: Sequence[Name]) -> None:
        """start: the start content. agents: of every transaction."""
        for index, name in enumerate(agents):
            if type(name) is not type(agents[0]):  # ties go by the agent
                raise BadValue(f"transaction {index}, agent: numbers and words do not mix")
        self.events: list[Event] = []
        self.transactions: list[int] = []  # of each event, where it came from; -1: start content
        self.base = len(start)  # the LV of the first unit that is not start content
        self._end = 0
        self._shift = 1  # from the trace's sequence numbers, which begin at 0, to ours
        self._used: dict[Name, tuple[list[int], list[int]]] = {}  # from seq, to seq, in order
        self._root: Version = ()
        if start:
            name = agents[0] if agents else 0
            self._root = self.add(-1, name, 0, [(0, start)], ())
            self._shift += len(start)
            self._used.clear()

    def version(self, events: Iterable[int]) -> Version:
        """The version of some LVs and all that came before; of none, the start content's."""
        return tuple(sorted(set(events))) or self._root

    def add(
        self, transaction: int, name: Name, seq: int, edits: Sequence[Edit], parents: Version
    ) -> Version:
        """Add edits; the version that they make. `BadValue` if `seq` was used already."""
        size = units(edits)
        self._use(transaction, name, seq, size)
        flat = [part for edit in edits for part in edit]
        self.events.append(Event(name, seq + self._shift, flat, parents))
        self.transactions.append(transaction)
        self._end += size
        return (self._end - 1,)

    def _use(self, transaction: int, name: Name, seq: int, size: int) -> None:
        starts, stops = self._used.setdefault(name, ([], []))
        at = bisect_right(starts, seq)
        if at and stops[at - 1] == seq:
            at -= 1
            stops[at] += size
        else:
            starts.insert(at, seq)
            stops.insert(at, seq + size)
        if (at and stops[at - 1] > seq) or (at + 1 < len(starts) and starts[at + 1] < stops[at]):
            raise BadValue(
                f"transaction {transaction}: the sequence numbers from {seq} on "
                f"of agent {name!r} are used already"
            )


def units(edits: Iterable[Edit]) -> int:
    """How many characters edits insert and delete."""
    return sum(what if isinstance(what, int) else len(what) for _, what in edits)
