"""The marks of one text: those of its root, and what is known of the present.

What covers the text is found when somebody asks, from the last boundary at which it is known. A
boundary at which it was found may turn out not to be critical, when events come that had not seen
it; then an earlier one is taken, the root at last.

Invariants: `base` is of the LV before which everything is folded, or of one before it, where
nothing was marked yet; what is known later is true, and counts while its boundary is critical.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from plait.types.text.mark_spans import Span
from plait.types.text.marking import Marked, replay
from plait.types.text.marks import Ids, Mark, Marks
from plait.types.walker.graph import EventGraph, Name
from plait.types.walker.oplog import OpLog

KNOWN_MAX: Final = 8  # boundaries at which the marks are known
RESTORED_MAX: Final = 10_000  # operations

Operation: TypeAlias = tuple[Name, int]  # author, number

UNMARKED: Final = Marked(0, (), {})  # right wherever marks have not begun


class Restored:
    """Which marks were put on by undoing, to stand for marks that were hidden meanwhile."""

    __slots__ = ("_stands_for",)

    def __init__(self) -> None:
        self._stands_for: dict[Operation, tuple[Operation | None, ...]] = {}  # unit by unit

    def note(self, operation: Operation, stands_for: Sequence[Operation | None]) -> None:
        """The marks of an operation stand for those of others."""
        self._stands_for.pop(operation, None)  # it was of a draft that was discarded
        if any(stands_for):
            self._stands_for[operation] = tuple(stands_for)
            if len(self._stands_for) > RESTORED_MAX:
                del self._stands_for[next(iter(self._stands_for))]

    def origin(self, mark: Mark) -> Operation:
        """The operation whose mark this is."""
        operation = (mark.author, mark.seq)
        known = self._stands_for.get(operation, ())
        found = known[mark.nth] if mark.nth < len(known) else None
        return operation if found is None else found


class MarkedText:
    """What is known of the marks of a text; its graph and its log are those of its state."""

    __slots__ = ("_known", "base", "restored")

    def __init__(self, base: Marked) -> None:
        self.base = base
        self.restored = Restored()
        self._known: list[Marked] = []  # later ones, ascending

    def at(self, graph: EventGraph, log: OpLog, boundary: int) -> Marked:
        """What covers the text at a critical boundary."""
        start = self.base
        for marked in reversed(self._known):
            if marked.at <= boundary and graph.critical(marked.at) == marked.at:
                start = marked
                break
        if start.at == boundary:
            return start
        found = replay(graph, log, start, boundary)
        known = [marked for marked in self._known if marked.at <= start.at]
        known += [marked for marked in found if marked.at > start.at]
        self._known = known[-KNOWN_MAX:]
        return found[-1]

    def fold(self, graph: EventGraph, log: OpLog, boundary: int) -> None:
        """What comes before a critical boundary is going to be the root."""
        later = [marked for marked in self._known if marked.at > boundary]
        self.base = pruned(self.at(graph, log, boundary))
        self._known = later

    def cut_back(self, end: int) -> None:
        """The events from `end` on are going to be others."""
        self._known = [marked for marked in self._known if marked.at <= end]


def pruned(marked: Marked) -> Marked:
    """Without marks that can never count again.

    A mark is idle if a later one of its name covers all that it covers, and expands wherever it
    does: whatever they come to cover, the later one counts. And where only marks without a value
    are left of a name, there is nothing that they keep away.
    """
    marks = marked.marks
    cover: dict[int, list[int]] = {}
    for index, (_, ids) in enumerate(marked.spans):
        for lv in ids:
            cover.setdefault(lv, []).append(index)
    named: dict[str, list[Mark]] = {}
    for lv in sorted(marks):
        named.setdefault(marks[lv].name, []).append(marks[lv])
    kept: dict[int, Mark] = {}
    for family in named.values():
        left = [
            mark
            for mark in family
            if not any(other.beats(mark) and _hides(other, mark, cover) for other in family)
        ]
        if any(mark.value is not None for mark in left):
            kept.update((mark.lv, mark) for mark in left)
    if len(kept) == len(marks):
        return marked
    return Marked(marked.at, _without(marked.spans, kept), dict(sorted(kept.items())))


def _hides(later: Mark, mark: Mark, cover: dict[int, list[int]]) -> bool:
    expands = later.expand in ("both", mark.expand) or mark.expand == "none"
    return expands and frozenset(cover[mark.lv]) <= frozenset(cover[later.lv])


def _without(spans: Sequence[Span], kept: Marks) -> tuple[Span, ...]:
    """The spans with those marks only."""
    found: list[Span] = []
    for size, ids in spans:
        ids = tuple([lv for lv in ids if lv in kept])
        if found and found[-1][1] == ids:
            size += found.pop()[0]
        found.append((size, ids))
    while found and not found[-1][1]:
        found.pop()
    return tuple(found)


def ranges_of(marked: Marked, lv: int) -> list[tuple[int, int, Ids]]:
    """Where a mark covers the text: from, to, and all marks there."""
    found: list[tuple[int, int, Ids]] = []
    at = 0
    for size, ids in marked.spans:
        if lv in ids:
            found.append((at, at + size, ids))
        at += size
    return found


def covered_by(marked: Marked, lv: int) -> list[tuple[int, int]]:
    """Where a mark covers the text: from, to; in one where it can be."""
    found: list[tuple[int, int]] = []
    for start, stop, _ in ranges_of(marked, lv):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((start, stop))
    return found
