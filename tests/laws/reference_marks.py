"""A slow text with marks that is obviously right: the rules, applied to every character and mark.

For each character and each mark it is asked which of the two had seen the other, from the graph
alone; nothing is remembered, folded or skipped.

Absent, on purpose: spans, runs, checkpoints.
"""

from dataclasses import dataclass
from typing import Any

from tests.laws.reference_text import Event, Record, ReferenceText

Unit = tuple[int, int]  # an event's index, and which of its units


@dataclass(eq=False, slots=True)
class Birth:
    """How a character was inserted."""

    unit: Unit
    past: int  # the version that its author had seen, without the units of the event itself
    left: Record | None  # its visible neighbours then
    right: Record | None


@dataclass(eq=False, slots=True)
class ReferenceMark:
    """A mark, and the visible characters that it was put on."""

    unit: Unit
    past: int
    author: tuple[int | str, int]
    name: str
    value: Any
    expand: str
    covered: list[Record]

    def has_seen(self, other: "Birth | ReferenceMark") -> bool:
        return _seen(self, other)


def _seen(a: "Birth | ReferenceMark", b: "Birth | ReferenceMark") -> bool:
    """Whether b came before a."""
    if a.unit[0] == b.unit[0]:
        return b.unit[1] < a.unit[1]
    return bool(a.past >> b.unit[0] & 1)


class ReferenceMarks(ReferenceText):
    """A `ReferenceText` whose edits may be marks, [length, name, value, expand]."""

    def __init__(self, events: Any = ()) -> None:
        self._births: dict[Record, Birth] = {}  # in the order of their insertion
        self._marks: list[ReferenceMark] = []
        super().__init__(events)

    def add(self, event: Event) -> int:
        """The index of a new event, which fits."""
        version = self.version(event.parents)
        self._go_to(version)
        index = len(self.events)
        touched: list[Record] = []
        for number, (position, what) in enumerate(marked_units(event.edits)):
            unit = (index, number)
            visible = [record for record in self._records if record.touches == 1]
            if isinstance(what, list):
                length, name, value, expand = what
                covered = visible[position : position + length]
                assert len(covered) == length > 0
                author = (event.name, event.seq)
                self._marks.append(
                    ReferenceMark(unit, version, author, name, value, expand, covered)
                )
            elif what is None:
                touched.append(self._delete(position))
            else:
                left = visible[position - 1] if position else None
                right = visible[position] if position < len(visible) else None
                new = self._insert(position, what, event)
                self._births[new] = Birth(unit, version, left, right)
                touched.append(new)
        self.events.append(event)
        self._touched.append(touched)
        self._pasts.append(version | 1 << index)
        self._prepared = self._pasts[-1]
        return index

    def _covers(self, mark: ReferenceMark, record: Record, known: dict[Record, bool]) -> bool:
        birth = self._births[record]
        if mark.has_seen(birth):
            return any(record is covered for covered in mark.covered)
        if _seen(birth, mark):
            left = birth.left is not None and known[birth.left]
            right = birth.right is not None and known[birth.right]
            if left and right:
                return True
            if left:
                return mark.expand in ("after", "both")
            return right and mark.expand in ("before", "both")
        place = self._records.index
        return place(mark.covered[0]) < place(record) < place(mark.covered[-1])

    def attributes(self, version: int | None = None) -> list[dict[str, Any]]:
        """Of every visible character of a version (None: everything): the values by name."""
        wanted = self.everything() if version is None else version
        self._go_to(wanted)
        visible = [record for record in self._records if record.touches == 1]
        covering: dict[Record, list[ReferenceMark]] = {record: [] for record in visible}
        for mark in self._marks:
            if wanted >> mark.unit[0] & 1:
                known: dict[Record, bool] = {}
                for record in self._births:
                    known[record] = self._covers(mark, record, known)
                    if known[record] and record in covering:
                        covering[record].append(mark)
        return [_values(covering[record]) for record in visible]

    def spans(self, version: int | None = None) -> list[tuple[int, dict[str, Any]]]:
        """The same in stretches, without the end of the text if that is unmarked."""
        found: list[tuple[int, dict[str, Any]]] = []
        for values in self.attributes(version):
            if found and repr(found[-1][1]) == repr(values):
                found[-1] = (found[-1][0] + 1, values)
            else:
                found.append((1, values))
        if found and not found[-1][1]:
            found.pop()
        return found


def _values(marks: list[ReferenceMark]) -> dict[str, Any]:
    found = {}
    for name in sorted({mark.name for mark in marks}):
        rivals = [mark for mark in marks if mark.name == name]
        latest = [a for a in rivals if not any(b.has_seen(a) for b in rivals)]
        value = max(latest, key=lambda mark: mark.author).value
        if value is not None:
            found[name] = value
    return found


def marked_units(edits: Any) -> list[tuple[int, Any]]:
    """Single characters and marks: a str to insert, None to delete, or a mark."""
    found: list[tuple[int, Any]] = []
    for position, what in zip(edits[::2], edits[1::2], strict=True):
        if isinstance(what, str):
            found += [(position + offset, char) for offset, char in enumerate(what)]
        else:
            found += [(position, what)] if isinstance(what, list) else [(position, None)] * what
    return found
