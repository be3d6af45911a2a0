"""The walker: finds where an event's edit lands in the present (Eg-walker).

An event's positions are as of its parents, but the present has seen more. The walker keeps the
items of a concurrent stretch as records that know both versions, moves its *prepare version* to
the event's parents (retreating what they have not seen, advancing what they have), finds the place
there, and reads off where that is in the present.

It begins at a critical boundary: nothing before it matters, so what stood there is one record of
unknown items. Steady state has no walker at all; see `plait.types.walker.sequence`.

The order of concurrent insertions at one place is that of Fugue: an item knows the one left of it
when it was inserted, and the one right of it if that has the same left neighbour. Neither forward
nor backward typing of two people is interleaved.

Invariants: every event of [start, fed) was applied once; in the present all of them are; in the
prepare version just those of `version`.

Source: Gentle, Kleppmann, "Collaborative Text Editing with Eg-walker" (EuroSys 2025); Weidner,
Kleppmann, "The Art of the Fugue" (2023).
"""

from bisect import bisect_right
from typing import Any, TypeAlias

from plait.types.walker.graph import EventGraph, Range, Version
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK, OpLog, Run
from plait.types.walker.records import BASE, ENDLESS, NONE, START, Leaf, Record, Records
from plait.types.walker.spans import without

Patch: TypeAlias = tuple[int, int, Any]  # position, items deleted there, then what is inserted


class Walker:
    """A warm walker over the events from `start` on. `length`: of the present, which has seen
    everything in the graph."""

    __slots__ = (
        "_graph", "_heads", "_log", "_slack", "_target_sizes", "_target_starts", "_targets",
        "_unseen", "fed", "records", "start", "version",
    )  # fmt: skip

    def __init__(self, graph: EventGraph, log: OpLog, start: int, length: int) -> None:
        self._graph = graph
        self._log = log
        self.start = start
        self.fed = start
        self.records = Records()
        self.version: Version = ()
        self._heads: Version = ()  # of all events met
        self._unseen: list[Range] = []  # by the prepare version, latest first
        self._target_starts: list[int] = []  # LVs of deletions, in order
        self._target_sizes: list[int] = []  # negative: the items go down
        self._targets: list[int] = []  # the items that they deleted
        self.feed(graph.end)
        self._slack = self.records.now - length  # items of the base that never were

    # ------------------------------------------------------------------ walking

    def feed(self, stop: int) -> None:
        """Take in events that are in the present already."""
        graph, log = self._graph, self._log
        while self.fed < stop:
            start = self.fed
            span = graph.span_at(start)
            end = min(graph.end_of(span), stop)
            self.move(graph.parents_of(start))
            for run in log.runs(start, end):
                self._apply(run, None)
            self._happened(end)

    def length(self) -> int:
        """Of the sequence as of the prepare version."""
        return self.records.prep - self._slack

    def walk(self, run: Run, patches: list[Patch]) -> None:
        """The next event (or run) happens, at the prepare version; adds what it does to the
        present."""
        self._apply(run, patches)
        self._happened(run.lv + run.size)

    def _happened(self, end: int) -> None:
        version = self.version
        self.fed = end
        if self._heads == version:
            self._heads = (end - 1,)
        else:
            heads = [head for head in self._heads if head not in version]
            heads.append(end - 1)
            self._heads = tuple(heads)
        self.version = (end - 1,)

    def move(self, version: Version, unseen: list[Range] | None = None) -> None:
        """Look at the sequence from another version.

        unseen: the events met that it has not seen, latest first, if that is known.
        """
        if version == self.version:
            return
        start = self.start
        if version and version[0] < start:
            version = tuple([lv for lv in version if lv >= start])
        if version == self._heads:
            unseen = []
        elif not version:
            unseen = [(start, self.fed)] if self.fed > start else []
        elif unseen is None:
            unseen, _ = self._graph.difference(self._heads, version)
        before = self._unseen
        if before != unseen:
            for low, high in without(unseen, before):
                self._shift(low, high, -1)
            come = without(before, unseen)
            come.reverse()
            for low, high in come:
                self._shift(low, high, 1)
            self._unseen = unseen
        self.version = version

    # ------------------------------------------------------------------ asking

    def locate(self, pos: int, left: bool) -> int:
        """Where in the present a place of the prepare version is: behind the item left of it, or
        before the one right of it."""
        if not (pos if left else self.length() - pos):
            return 0 if left else self.records.now - self._slack
        leaf = self.records.seek(pos if left else pos + 1)
        past = (pos if left else pos + 1) - self.records.before_prep
        for record in leaf.records:
            if record.state == 1:
                if past <= record.size:
                    break
                past -= record.size
        now = self.records.now_before(record)
        if record.gone:
            return now
        return now + past if left else now + past - 1

    def prepared(self) -> list[tuple[int, int, int]]:
        """The items of the prepare version in order, as runs: (item, size, where in the present;
        -1 for what is gone). Items that were there before the walker began are negative."""
        found = []
        now = 0
        for leaf in self.records.leaves:
            for record in leaf.records:
                size = record.size
                if record.id < 0 and record.id + size >= BASE + ENDLESS:
                    size -= self._slack
                if record.state == 1 and size > 0:
                    found.append((record.id, size, -1 if record.gone else now))
                if not record.gone:
                    now += size
        return found

    def present(self) -> list[tuple[int, int]]:
        """The items of the present in order, as runs: (item, size); those that were there before
        the walker began are negative."""
        found = []
        for leaf in self.records.leaves:
            for record in leaf.records:
                size = record.size
                if record.id < 0 and record.id + size >= BASE + ENDLESS:
                    size -= self._slack
                if not record.gone and size > 0:
                    found.append((record.id, size))
        return found

    def _shift(self, low: int, high: int, by: int) -> None:
        """Retreat or advance the events of a range."""
        starts = self._target_starts
        index = bisect_right(starts, high - 1) - 1
        if index < 0 or starts[index] + abs(self._target_sizes[index]) <= low:
            self.records.shift(low, high - low, by)  # nothing is deleted in the range
            return
        if by > 0:
            self._shift_insertions(low, high, by)
            self._shift_deletions(low, high, by)
        else:
            self._shift_deletions(low, high, by)
            self._shift_insertions(low, high, by)

    def _shift_insertions(self, low: int, high: int, by: int) -> None:
        starts, sizes = self._target_starts, self._target_sizes
        index = bisect_right(starts, low) - 1
        if index >= 0:
            low = max(low, starts[index] + abs(sizes[index]))
        index += 1
        while low < high:
            stop = min(starts[index], high) if index < len(starts) else high
            if stop > low:
                self.records.shift(low, stop - low, by)
            if index >= len(starts):
                return
            low = starts[index] + abs(sizes[index])
            index += 1

    def _shift_deletions(self, low: int, high: int, by: int) -> None:
        starts, sizes = self._target_starts, self._target_sizes
        index = max(bisect_right(starts, low) - 1, 0)
        while index < len(starts) and starts[index] < high:
            start, size, item = starts[index], sizes[index], self._targets[index]
            first, last = max(start, low), min(start + abs(size), high)
            index += 1
            if first >= last or item == NONE:
                continue
            if size > 0:
                item += first - start
            else:
                item -= last - 1 - start
            self.records.shift(item, last - first, by)

    # ------------------------------------------------------------------ applying

    def _apply(self, run: Run, patches: list[Patch] | None) -> None:
        if run.kind == INSERT:
            self._insert(run, patches)
        elif run.kind == MARK:
            self._deletes(run.lv, NONE, 1)
        else:
            self._delete(run, patches)

    def _delete(self, run: Run, patches: list[Patch] | None) -> None:
        records = self.records
        lv, pos, left = run.lv, run.pos, run.size
        backwards = run.kind == BACKSPACE
        while left:
            leaf = records.seek(pos + 1)
            past = pos + 1 - records.before_prep  # the item is so many-th in the leaf
            for record in leaf.records:
                if record.state == 1:
                    if past <= record.size:
                        break
                    past -= record.size
            if backwards:
                size = min(past, left)
                if past < record.size:
                    records.split(record, past)
                if size < record.size:
                    record = records.split(record, record.size - size)
                target = record.id + size - 1
                pos -= size
            else:
                size = min(record.size - past + 1, left)
                if past > 1:
                    record = records.split(record, past - 1)
                if size < record.size:
                    records.split(record, size)
                target = record.id
            records.set_state(record, 2)
            if not record.gone:
                if patches is not None:
                    patches.append((records.now_before(record), size, None))
                record.gone = True
                records.count(record.leaf, 0, -size)
            self._deletes(lv, target, -size if backwards and size > 1 else size)
            lv += size
            left -= size

    def _deletes(self, lv: int, target: int, size: int) -> None:
        """Note what a deletion (or a mark: nothing) deleted. A single item goes either way."""
        starts = self._target_starts
        if not starts or lv > starts[-1]:
            starts.append(lv)
            self._target_sizes.append(size)
            self._targets.append(target)
            return
        index = bisect_right(starts, lv)
        starts.insert(index, lv)
        self._target_sizes.insert(index, size)
        self._targets.insert(index, target)

    def _insert(self, run: Run, patches: list[Patch] | None) -> None:
        records = self.records
        pos = run.pos
        leaf = records.seek(pos)
        index, past = 0, pos - records.before_prep
        left = START
        if past:
            for record in leaf.records:
                index += 1
                if record.state == 1:
                    if past <= record.size:
                        break
                    past -= record.size
            left = record.id + past - 1
            if past < record.size:
                records.split(record, past)
                leaf = record.leaf
                index = leaf.records.index(record) + 1
        leaf, index, right = self._place(leaf, index, left, run.lv)
        if index and right == NONE:
            before = leaf.records[index - 1]
            goes_on = before.id + before.size == run.lv == left + 1
            if goes_on and before.state == 1 and not before.gone:
                before.size += run.size
                records.count(leaf, run.size, run.size)
                if patches is not None:
                    now = records.now_before(before) + before.size - run.size
                    patches.append((now, 0, run.content))
                return
        new = Record(run.lv, run.size, left, right, 1, False, leaf)
        records.insert(new, leaf, index)
        if patches is not None:
            patches.append((records.now_before(new), 0, run.content))

    def _place(self, leaf: Leaf, index: int, left: int, lv: int) -> tuple[Leaf, int, int]:
        """Where among its neighbours an item goes that was inserted right of `left`, which stands
        just before `index`; and its right parent."""
        leaves = self.records.leaves
        at_leaf, at = leaf, index
        between: list[Record] = []  # records that are not inserted yet in the prepare version
        right = NONE
        while True:
            if at == len(at_leaf.records):
                if at_leaf.index + 1 == len(leaves):
                    break
                at_leaf, at = leaves[at_leaf.index + 1], 0
                continue
            record = at_leaf.records[at]
            if record.state:
                if record.left == left:
                    right = record.id
                break
            between.append(record)
            at += 1
        if not between:
            return leaf, index, right
        before = self._integrate(between, left, right, lv)
        if before is not None:
            leaf = before.leaf
            index = leaf.records.index(before) + 1
        return leaf, index, right

    def _integrate(self, between: list[Record], left: int, right: int, lv: int) -> Record | None:
        """The record among the concurrent ones that the new item comes after, if any."""
        scanning = False
        found: Record | None = None
        inside: list[tuple[int, int]] = []  # items that were passed
        for other in between:
            if other.left == left:
                if other.right == right:
                    if self._comes_first(lv, other.id):
                        break
                    scanning = False
                else:
                    scanning = self._is_left_of(other.right, right)
            elif not any(low <= other.left < high for low, high in inside):
                break  # it hangs on something further left
            inside.append((other.id, other.id + other.size))
            if not scanning:
                found = other
        return found

    def _comes_first(self, a: int, b: int) -> bool:
        order = self._graph.order_of
        name_a, seq_a = order(a)
        name_b, seq_b = order(b)
        if name_a == name_b:
            return seq_a < seq_b
        return name_a < name_b  # type: ignore[operator]

    def _is_left_of(self, a: int, b: int) -> bool:
        """Whether a right parent stands left of another; none is the end."""
        if a == NONE:
            return False
        if b == NONE:
            return True
        records = self.records
        record_a, record_b = records.find(a), records.find(b)
        if record_a is record_b:
            return a < b
        return records.is_before(record_a, record_b)
