"""Marking: what covers the text at a boundary, found from what covered it at an earlier one.

At a critical boundary nothing counts but the visible text, so spans of it with the marks that cover
them are all there is to know. Events that have seen everything change the spans where they say; a
concurrent stretch is walked, from the critical boundary where it begins, and each mark and each
insertion in it is compared with those of the other branches.

Invariants: neighbouring spans differ; behind the last one nothing is marked, however long the text
is, so the last one is not unmarked, and unmarked history needs no looking at.

Source: the rules of `plait.types.text.marks`, applied as they stand.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from plait.types.text.marks import Ids, Mark, Marks, inherited
from plait.types.walker.graph import EventGraph, Version
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK, OpLog, Run
from plait.types.walker.records import BASE, ENDLESS, Records
from plait.types.walker.walker import Walker

Span: TypeAlias = tuple[int, Ids]  # characters


class Marked(NamedTuple):
    """What covers the text when the events before a critical boundary have happened."""

    at: int  # LV
    spans: tuple[Span, ...]
    marks: Marks  # those that cover something


def replay(graph: EventGraph, log: OpLog, start: Marked, stop: int) -> list[Marked]:
    """What covers the text at `stop`, a critical boundary, comes last; before it, what did where
    the last concurrent stretch on the way began, if there was one."""
    spans, marks, at = Spans(start.spans), dict(start.marks), start.at
    found: list[Marked] = []
    while at < stop:
        if spans.is_unmarked():
            at = max(at, _before_next_mark(graph, log, at, stop))
        direct, then = _stretch_after(graph, at)
        _go_straight(graph, log, spans, marks, at, min(direct, stop))
        at = min(direct, stop)
        if at < stop:
            found = [_marked(at, spans, marks)]
            at = min(then, stop)
            spans = Spans(_Stretch(graph, log, found[0], marks).walk(at))
    return [*found, _marked(stop, spans, marks)]


def _marked(at: int, spans: "Spans", marks: Marks) -> Marked:
    frozen = spans.frozen()
    covering = {lv: None for _, ids in frozen for lv in ids}
    return Marked(at, frozen, {lv: marks[lv] for lv in sorted(covering)})


def _before_next_mark(graph: EventGraph, log: OpLog, at: int, stop: int) -> int:
    """The last critical boundary before which nothing is marked."""
    index = max(bisect_right(log.starts, at) - 1, 0)
    try:
        index = log.kinds.index(MARK, index)
    except ValueError:
        return stop
    return min(graph.critical(log.starts[index]), stop)


def _stretch_after(graph: EventGraph, at: int) -> tuple[int, int]:
    """From a critical boundary on: until where all boundaries are critical, and the next that is
    critical behind those that are not."""
    index = bisect_right(graph.crit_from, at) - 1
    direct = max(graph.crit_to[index], at) if index >= 0 else at
    behind = index + 1 < len(graph.crit_from)
    return direct, graph.crit_from[index + 1] if behind else graph.end


def _go_straight(
    graph: EventGraph, log: OpLog, spans: "Spans", marks: dict[int, Mark], start: int, stop: int
) -> None:
    """Events each of which has seen all before it."""
    for run in log.runs(start, stop):
        if run.kind == MARK:
            marks[run.lv] = _mark(graph, run, ())
            spans.mark(run.pos, run.content[0], run.lv)
        elif run.kind == INSERT:
            spans.insert(run.pos, run.size, marks)
        else:
            spans.delete(run.pos - run.size + 1 if run.kind == BACKSPACE else run.pos, run.size)


def _mark(graph: EventGraph, run: Run, rivals: Ids) -> Mark:
    _, name, value, expand = run.content
    span = graph.span_at(run.lv)
    nth = (run.lv - graph.starts[span]) % graph.widths[span]
    return Mark(run.lv, *graph.seq_of(run.lv), nth, name, value, expand, rivals)


class Spans:
    """Spans that are edited, near where they were edited last.

    Invariant: the last one is unmarked and endless; `_before` is the size of those before `_at`.
    """

    __slots__ = ("_at", "_before", "_ids", "_sizes")

    def __init__(self, spans: Iterable[Span]) -> None:
        self._sizes = [size for size, _ in spans]
        self._ids = [ids for _, ids in spans]
        self._sizes.append(ENDLESS)
        self._ids.append(())
        self._at = 0
        self._before = 0

    def is_unmarked(self) -> bool:
        """Whether nothing covers anything."""
        return len(self._ids) == 1

    def frozen(self) -> tuple[Span, ...]:
        """As they are, without the last."""
        return tuple(zip(self._sizes[:-1], self._ids[:-1], strict=True))

    def _seek(self, pos: int) -> int:
        """Go to the span with the character before `pos`, or to the first; how far in it."""
        at, before, sizes = self._at, self._before, self._sizes
        while pos <= before and at:
            at -= 1
            before -= sizes[at]
        while pos > before + sizes[at]:
            before += sizes[at]
            at += 1
        self._at, self._before = at, before
        return pos - before

    def insert(self, pos: int, size: int, marks: Marks) -> None:
        """Characters of somebody who has seen all of this."""
        past = self._seek(pos)
        at, all_ids, sizes = self._at, self._ids, self._sizes
        if past and past < sizes[at]:
            sizes[at] += size
            return
        right = at + 1 if past else at
        ids = inherited(all_ids[at] if past else (), all_ids[right], marks)
        if past and ids == all_ids[at]:
            sizes[at] += size
        elif ids == all_ids[right]:
            sizes[right] += size
        else:
            sizes.insert(right, size)
            all_ids.insert(right, ids)

    def delete(self, pos: int, size: int) -> None:
        """Characters go."""
        first = self._cut(pos)
        at, before = self._at, self._before
        last = self._cut(pos + size)
        self._at, self._before = at, before  # that is before all that goes
        del self._sizes[first:last], self._ids[first:last]
        if first and self._ids[first - 1] == self._ids[first]:
            self._sizes[first - 1] += self._sizes.pop(first)
            del self._ids[first]

    def mark(self, pos: int, size: int, lv: int) -> None:
        """A mark covers characters, the latest of all marks."""
        first = self._cut(pos)
        for index in range(first, self._cut(pos + size)):
            self._ids[index] = (*self._ids[index], lv)

    def _cut(self, pos: int) -> int:
        """The span that begins at `pos`, if need be by cutting one in two."""
        past = self._seek(pos)
        at = self._at
        if not past:
            return at
        if past < self._sizes[at]:
            self._sizes.insert(at + 1, self._sizes[at] - past)
            self._ids.insert(at + 1, self._ids[at])
            self._sizes[at] = past
        return at + 1


class _Stretch:
    """A concurrent stretch from a critical boundary on.

    `_starts` and `_ids` say what covers items, by item: in effect from one start to the next.
    """

    def __init__(
        self, graph: EventGraph, log: OpLog, start: Marked, marks: dict[int, Mark]
    ) -> None:
        """marks: those before; the new ones are added."""
        self._graph = graph
        self._log = log
        self._start = start.at
        self._marks = marks
        self._extents: dict[int, tuple[int, int]] = {}  # of each new mark: first and last item
        self._walker = Walker(graph, log, graph.end, ENDLESS)  # which has met nothing
        self._walker.start = self._walker.fed = start.at
        self._starts: list[int] = []
        self._ids: list[Ids] = []
        item = BASE
        for size, ids in (*start.spans, (ENDLESS, ())):
            self._starts.append(item)
            self._ids.append(ids)
            item += size

    def walk(self, stop: int) -> list[Span]:
        """The spans when all events before `stop` have happened."""
        graph, walker = self._graph, self._walker
        at = self._start
        while at < stop:
            end = min(graph.end_of(graph.span_at(at)), stop)
            parents = graph.parents_of(at)
            walker.move(parents)
            seen = self._marks_in(parents)
            for run in self._log.runs(at, end):
                if run.kind == INSERT:
                    self._insert(run, seen)
                elif run.kind == MARK:
                    self._mark(run, seen)
                    seen.append(run.lv)
                else:
                    walker.walk(run, [])
            at = end
        return self._spans()

    def _marks_in(self, version: Version) -> list[int]:
        """The new marks that a version has seen."""
        if not self._extents:
            return []
        past = self._graph.since(version, self._start)
        return [lv for lv in self._extents if any(low <= lv < high for low, high in past)]

    # ------------------------------------------------------------------ the rules

    def _insert(self, run: Run, seen: list[int]) -> None:
        records = self._walker.records
        left = visible(records, run.pos - 1, 1)[0][0] if run.pos else None
        right = visible(records, run.pos, 1)[0][0]
        before = () if left is None else self._seen_at(left, seen)
        ids = inherited(before, self._seen_at(right, seen), self._marks)
        self._walker.walk(run, [])
        for lv in self._extents:
            if lv not in seen and self._is_inside(run.lv, lv):
                ids = (*ids, lv)
        self._starts.append(run.lv)
        self._ids.append(tuple(sorted(ids)))

    def _mark(self, run: Run, seen: list[int]) -> None:
        walker, log = self._walker, self._log
        covered = visible(walker.records, run.pos, run.content[0])
        past = self._graph.since(walker.version, self._start)
        walker.walk(run, [])
        mark = _mark(self._graph, run, ())
        rivals = [
            lv for lv in self._extents if lv not in seen and self._marks[lv].name == mark.name
        ]
        self._marks[run.lv] = mark._replace(rivals=tuple(rivals))
        self._extents[run.lv] = covered[0][0], covered[-1][0] + covered[-1][1] - 1
        for item, size in covered:
            self._cover(item, size, run.lv)
        at = self._start
        for low, high in (*reversed(past), (run.lv, run.lv)):  # what lies between is concurrent
            for other in log.runs(at, low):
                if other.kind == INSERT and self._is_inside(other.lv, run.lv):
                    self._cover(other.lv, other.size, run.lv)
            at = high

    def _is_inside(self, item: int, mark: int) -> bool:
        """Whether an item stands strictly between the first and the last that a mark covered."""
        first, last = self._extents[mark]
        return self._is_before(first, item) and self._is_before(item, last)

    def _is_before(self, a: int, b: int) -> bool:
        records = self._walker.records
        one, other = records.find(a), records.find(b)
        return a < b if one is other else records.is_before(one, other)

    # ------------------------------------------------------------------ what covers which item

    def _seen_at(self, item: int, seen: list[int]) -> Ids:
        """The marks among those seen that cover an item."""
        ids = self._ids[bisect_right(self._starts, item) - 1]
        return tuple([lv for lv in ids if lv < self._start or lv in seen])

    def _cover(self, item: int, size: int, lv: int) -> None:
        """The latest mark covers items."""
        for index in range(self._cut(item), self._cut(item + size)):
            self._ids[index] = (*self._ids[index], lv)

    def _cut(self, item: int) -> int:
        index = bisect_left(self._starts, item)
        if index == len(self._starts) or self._starts[index] != item:
            self._starts.insert(index, item)
            self._ids.insert(index, self._ids[index - 1])
        return index

    def _spans(self) -> list[Span]:
        """What covers the items that are left, in order; up to the last one that is marked."""
        found: list[Span] = []
        starts = self._starts
        for item, size in self._walker.present():
            index = bisect_right(starts, item) - 1
            while size:
                behind = starts[index + 1] if index + 1 < len(starts) else item + size
                part = min(size, behind - item)
                if found and found[-1][1] == self._ids[index]:
                    found[-1] = (found[-1][0] + part, self._ids[index])
                else:
                    found.append((part, self._ids[index]))
                item += part
                size -= part
                index += 1
        while found and not found[-1][1]:
            found.pop()
        return found


def visible(records: Records, pos: int, size: int) -> list[tuple[int, int]]:
    """Items that are visible in the prepare version, from a position on: (item, size)."""
    leaf = records.seek(pos + 1)
    past = pos - records.before_prep
    found = []
    while True:
        for record in leaf.records:
            if record.state != 1:
                continue
            if past >= record.size:
                past -= record.size
                continue
            part = min(record.size - past, size)
            found.append((record.id + past, part))
            past = 0
            size -= part
            if not size:
                return found
        leaf = records.leaves[leaf.index + 1]
