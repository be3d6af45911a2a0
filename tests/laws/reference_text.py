"""A slow text that is obviously right: what the real one is compared with.

Eg-walker with one record a character in a plain list. An event is an operation: edits made one
after another, with positions as of the event's parents. To add one, the walker goes to the
parents' version: it retreats what they have not seen, advances what they have, finds the place
among what is visible there, and puts the new record into Fugue's order.

Invariant: every record's `touches` are those events of the prepared version that made or deleted
it, so 0 is not yet there, 1 is visible, more is deleted (that many times less one).

Source: Gentle, Kleppmann, "Collaborative Text Editing with Eg-walker" (EuroSys 2025), sections
3.2 and 3.3; Weidner, Kleppmann, "The Art of the Fugue" (2023), for the order.

Absent, on purpose: runs, trees, partial replay, the effect state (nobody asks here where an edit
lands in the present, and what a version reads is counted anew each time).
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

Edits = tuple[int | str, ...]  # position, then a str to insert or how many to delete; and so on

CONFORMANCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "text-conformance"


@dataclass(frozen=True, slots=True)
class Event:
    """One operation; `parents` are the indexes of events, () is the empty text."""

    name: int | str
    seq: int
    edits: Edits
    parents: tuple[int, ...] = ()


@dataclass(eq=False, slots=True)
class Record:
    """A character that was inserted by somebody, whether it still shows or not."""

    char: str
    author: tuple[int | str, int]  # who wrote it, in which operation: ties go by it
    left: "Record | None"  # its left origin: what it was written behind (None: the beginning)
    right: "Record | None"  # its right parent: what it was written before (None: no parent there)
    touches: int = 1


class ReferenceText:
    """The text of an event graph, as of any version of it.

    A version is the set of its events, as the bits of an int: 1 << index.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events: list[Event] = []
        self._pasts: list[int] = []  # of each event: the version it made, itself among it
        self._touched: list[list[Record]] = []  # by each event: a record for each of its units
        self._records: list[Record] = []
        self._prepared = 0  # the version that the records' touches are of
        for event in events:
            self.add(event)

    # ------------------------------------------------------------------ versions

    def version(self, heads: Iterable[int]) -> int:
        """All that came before some events, and they."""
        version = 0
        for head in heads:
            version |= self._pasts[head]
        return version

    def heads(self, version: int) -> tuple[int, ...]:
        """The events of a version that come before no other of it."""
        found = []
        while version:
            last = version.bit_length() - 1
            found.append(last)
            version &= ~self._pasts[last]
        return tuple(reversed(found))

    def everything(self) -> int:
        """The version of all that was added."""
        return (1 << len(self.events)) - 1

    def text(self, version: int | None = None) -> str:
        """What a version reads (None: everything)."""
        wanted = self.everything() if version is None else version
        touches = Counter(record for index in _bits(wanted) for record in self._touched[index])
        return "".join(record.char for record in self._records if touches[record] == 1)

    # ------------------------------------------------------------------ the walker

    def add(self, event: Event) -> int:
        """The index of a new event. ValueError if its edits do not fit its parents' version."""
        version = self.version(event.parents)
        self._go_to(version)
        fitting(event.edits, sum(record.touches == 1 for record in self._records))
        touched = []
        for position, char in units(event.edits):
            if char is None:
                touched.append(self._delete(position))
            else:
                touched.append(self._insert(position, char, event))
        self.events.append(event)
        self._touched.append(touched)
        self._pasts.append(version | 1 << (len(self.events) - 1))
        self._prepared = self._pasts[-1]
        return len(self.events) - 1

    def _go_to(self, version: int) -> None:
        for index in _bits(self._prepared & ~version):  # retreat
            for record in self._touched[index]:
                record.touches -= 1
        for index in _bits(version & ~self._prepared):  # advance
            for record in self._touched[index]:
                record.touches += 1
        self._prepared = version

    def _delete(self, position: int) -> Record:
        record = [record for record in self._records if record.touches == 1][position]
        record.touches += 1
        return record

    def _insert(self, position: int, char: str, event: Event) -> Record:
        records = self._records
        visible = [index for index, record in enumerate(records) if record.touches == 1]
        place = visible[position - 1] + 1 if position else 0
        left = records[place - 1] if place else None
        right = next((record for record in records[place:] if record.touches), None)
        if right is not None and right.left is not left:
            right = None
        new = Record(char, (event.name, event.seq), left, right)
        records.insert(self._in_order(new, place), new)
        return new

    def _in_order(self, new: Record, place: int) -> int:
        """Where a record goes among those that its author had not seen, which start at `place`."""
        records = self._records
        beginning, end = -1, len(records)

        def left_of(record: Record) -> int:
            return beginning if record.left is None else records.index(record.left)

        def right_of(record: Record) -> int:
            return end if record.right is None else records.index(record.right)

        passing = False  # others that stand before us only if one behind them does
        for index in range(place, len(records)):
            other = records[index]
            if other.touches or left_of(other) < left_of(new):
                break
            if left_of(other) == left_of(new):
                if right_of(other) == right_of(new) and new.author < other.author:
                    break
                passing = right_of(other) < right_of(new)
            if not passing:
                place = index + 1
        return place


def fitting(edits: Edits, length: int) -> int:
    """How long a text of some length is after some edits; ValueError if they do not fit it."""
    for position, what in zip(edits[::2], edits[1::2], strict=True):
        assert isinstance(position, int)
        if not 0 <= position <= length - (0 if isinstance(what, str) else what):
            raise ValueError(f"{what!r} at {position} does not fit a text of {length}")
        length += len(what) if isinstance(what, str) else -what
    return length


def units(edits: Edits) -> Iterator[tuple[int, str | None]]:
    """The single characters of some edits: where, and what is inserted (None: one is deleted)."""
    for position, what in zip(edits[::2], edits[1::2], strict=True):
        assert isinstance(position, int)
        if isinstance(what, str):
            for offset, char in enumerate(what):
                yield position + offset, char
        else:
            for _ in range(what):
                yield position, None


def size(event: Event) -> int:
    """How many characters an event inserts and deletes."""
    return sum(1 for _ in units(event.edits))


def conformance_graphs() -> list[tuple[list[Event], str]]:
    """The public event graphs, each with the text that it must give."""
    graphs = []
    with gzip.open(CONFORMANCE / "event-graphs-100.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            graph = json.loads(line)
            index_of = {txn["span"][1] - 1: index for index, txn in enumerate(graph["txns"])}
            events = [
                Event(
                    txn["agent"],
                    txn["seqStart"],
                    _edits_of(txn["ops"]),
                    tuple(index_of[parent] for parent in txn["parents"]),
                )
                for txn in graph["txns"]
            ]
            graphs.append((events, graph["endContent"]))
    return graphs


def _edits_of(patches: list[tuple[int, int, str]]) -> Edits:
    edits: list[int | str] = []
    for position, deleted, inserted in patches:
        edits += [position, deleted] if deleted else []
        edits += [position, inserted] if inserted else []
    return tuple(edits)


def _bits(version: int) -> Iterator[int]:
    while version:
        yield version.bit_length() - 1
        version &= ~(1 << (version.bit_length() - 1))
