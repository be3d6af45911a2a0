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
from collections.abc import Sequence
from typing import NamedTuple

from plait.types.text.mark_spans import Span, Spans
from plait.types.text.marks import Ids, Mark, Marks, inherited
from plait.types.walker.graph import EventGraph, Range, Version
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK, OpLog, Run
from plait.types.walker.records import BASE, ENDLESS, Records
from plait.types.walker.walker import Walker


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


def _marked(at: int, spans: Spans, marks: Marks) -> Marked:
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
    graph: EventGraph, log: OpLog, spans: Spans, marks: dict[int, Mark], start: int, stop: int
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


class _Stretch:
    """A concurrent stretch from a critical boundary on.

    Of items it is known what covers them, and which marks reach over them: those whose first and
    last character (rule 3) stand left and right of them, or are they. What is inserted between two
    items is strictly inside just the marks that reach over both. `_starts` has the items where
    that changes, `_ids` and `_over` what is so from there on.
    """

    def __init__(
        self, graph: EventGraph, log: OpLog, start: Marked, marks: dict[int, Mark]
    ) -> None:
        """marks: those before; the new ones are added."""
        self._graph = graph
        self._log = log
        self._start = start.at
        self._marks = marks
        self._new: list[int] = []  # the marks of the stretch
        self._seen: set[int] = set()  # those of the prepare version
        self._walker = Walker(graph, log, graph.end, ENDLESS)  # which has met nothing
        self._walker.start = self._walker.fed = start.at
        self._starts: list[int] = []
        self._ids: list[Ids] = []
        self._over: list[Ids] = []
        item = BASE
        for size, ids in (*start.spans, (ENDLESS, ())):
            self._starts.append(item)
            self._ids.append(ids)
            self._over.append(())
            item += size

    def walk(self, stop: int) -> list[Span]:
        """The spans when all events before `stop` have happened."""
        graph, walker = self._graph, self._walker
        at = self._start
        while at < stop:
            end = min(graph.end_of(graph.span_at(at)), stop)
            self._move(graph.parents_of(at))
            for run in self._log.runs(at, end):
                if run.kind == INSERT:
                    self._insert(run)
                elif run.kind == MARK:
                    self._mark(run)
                else:
                    walker.walk(run, [])
            at = end
        return self._spans()

    def _move(self, version: Version) -> None:
        """Look from another version."""
        walker = self._walker
        version = tuple([lv for lv in version if lv >= self._start])
        if self._new and version != walker.version:
            gone, come = self._graph.difference(walker.version, version)
            for low, high in gone:
                self._seen.difference_update(self._new_in(low, high))
            for low, high in come:
                self._seen.update(self._new_in(low, high))
        walker.move(version)

    def _new_in(self, low: int, high: int) -> list[int]:
        return self._new[bisect_left(self._new, low) : bisect_left(self._new, high)]

    # ------------------------------------------------------------------ the rules

    def _insert(self, run: Run) -> None:
        records = self._walker.records
        left = self._seen_at(visible(records, run.pos - 1, 1)[0][0]) if run.pos else ()
        right = self._seen_at(visible(records, run.pos, 1)[0][0])
        ids = inherited(left, right, self._marks)
        self._walker.walk(run, [])
        before, behind = neighbours(records, run.lv, run.size)
        over = self._over[self._index(behind)]
        if over and before is not None:
            also = self._over[self._index(before)]
            over = tuple([lv for lv in over if lv in also])
            inside = [lv for lv in over if lv not in self._seen]
            ids = tuple(sorted((*ids, *inside))) if inside else ids
        else:
            over = ()
        self._starts.append(run.lv)
        self._ids.append(ids)
        self._over.append(over)

    def _mark(self, run: Run) -> None:
        walker = self._walker
        covered = visible(walker.records, run.pos, run.content[0])
        past = self._graph.since(walker.version, self._start)[::-1]
        walker.walk(run, [])
        mark = _mark(self._graph, run, ())
        unseen = [lv for lv in self._new if lv not in self._seen]
        rivals = tuple([lv for lv in unseen if self._marks[lv].name == mark.name])
        self._marks[run.lv] = mark._replace(rivals=rivals)
        self._new.append(run.lv)
        self._seen.add(run.lv)
        for item, size in covered:
            _add(self._ids, self._range(item, item + size), run.lv)
        last = covered[-1][0] + covered[-1][1] - 1
        for low, high in between(walker.records, covered[0][0], last):
            _add(self._over, self._range(low, high), run.lv)
            for first, stop in without(past, low, high) if low >= 0 else ():
                _add(self._ids, self._range(first, stop), run.lv)

    # ------------------------------------------------------------------ what covers which item

    def _index(self, item: int) -> int:
        return bisect_right(self._starts, item) - 1

    def _seen_at(self, item: int) -> Ids:
        """The marks that cover an item, as far as the prepare version has seen them."""
        ids = self._ids[self._index(item)]
        if not self._new or not ids or ids[-1] < self._start:
            return ids
        return tuple([lv for lv in ids if lv < self._start or lv in self._seen])

    def _range(self, low: int, high: int) -> range:
        """The indexes of items, which begin and end with them."""
        return range(self._cut(low), self._cut(high))

    def _cut(self, item: int) -> int:
        index = bisect_left(self._starts, item)
        if index == len(self._starts) or self._starts[index] != item:
            self._starts.insert(index, item)
            self._ids.insert(index, self._ids[index - 1])
            self._over.insert(index, self._over[index - 1])
        return index

    def _spans(self) -> list[Span]:
        """What covers the items that are left, in order; up to the last one that is marked."""
        found: list[Span] = []
        starts = self._starts
        for item, size in self._walker.present():
            index = self._index(item)
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


def _add(column: list[Ids], indexes: range, lv: int) -> None:
    """The latest mark, there."""
    for index in indexes:
        column[index] = (*column[index], lv)


# ------------------------------------------------------------------ items


def without(ranges: Sequence[Range], low: int, high: int) -> list[Range]:
    """What is left of a range without others, which are in order."""
    found: list[Range] = []
    for index in range(max(bisect_right(ranges, (low, low)) - 1, 0), len(ranges)):
        first, stop = ranges[index]
        if first >= high:
            break
        if low < first:
            found.append((low, first))
        low = max(low, stop)
    if low < high:
        found.append((low, high))
    return found


def neighbours(records: Records, item: int, size: int) -> tuple[int | None, int]:
    """The items that stand before and behind a run, whether they show or not. There is always one
    behind, for what was there before the walker began has no end."""
    record = records.find(item)
    leaf = record.leaf
    index = leaf.records.index(record)
    before: int | None = None
    if record.id < item:
        before = item - 1
    elif index:
        before = leaf.records[index - 1].id + leaf.records[index - 1].size - 1
    elif leaf.index:
        other = records.leaves[leaf.index - 1].records[-1]
        before = other.id + other.size - 1
    if record.id + record.size > item + size:
        return before, item + size
    if index + 1 < len(leaf.records):
        return before, leaf.records[index + 1].id
    return before, records.leaves[leaf.index + 1].records[0].id


def between(records: Records, first: int, last: int) -> list[Range]:
    """The items from one to another in their order, both among them."""
    found: list[Range] = []
    record = records.find(first)
    leaf = record.leaf
    index = leaf.records.index(record)
    while True:
        record = leaf.records[index]
        low = max(first, record.id) if not found else record.id
        if record.id <= last < record.id + record.size:
            return [*found, (low, last + 1)]
        found.append((low, record.id + record.size))
        index += 1
        if index == len(leaf.records):
            leaf, index = records.leaves[leaf.index + 1], 0


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
