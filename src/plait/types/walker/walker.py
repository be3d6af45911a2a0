"""The walker: finds where an event's edit lands in the present (Eg-walker).

An event's positions are as of its parents, but the present has seen more. The walker keeps the
items of a concurrent stretch as records that know both versions, moves its *prepare version* to
the event's parents (retreating what they have not seen, advancing what they have), finds the place
there, and reads off where that is in the present. What somebody did who had seen all that is here
has its place in the present already: the prepare version stays where it is and does not see it.

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

from bisect import bisect_right, insort
from typing import Any, TypeAlias

from plait.types.walker.deletions import Deletions
from plait.types.walker.graph import EventGraph, Range, Version
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK, OpLog, Run
from plait.types.walker.records import BASE, ENDLESS, NONE, START, Leaf, Record, Records
from plait.types.walker.spans import FEW, union, without

Patch: TypeAlias = tuple[int, int, Any]  # position, items deleted there, then what is inserted


class Walker:
    """A warm walker over the events from `start` on. `length`: of the present, which has seen
    everything in the graph."""

    __slots__ = (
        "_deletions", "_graph", "_heads", "_log", "_slack", "_unseen", "fed", "records", "start",
        "version",
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
        self._deletions = Deletions()
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
            parents = graph.parents_of(start)
            if parents == self._heads != self.version:
                for run in log.runs(start, end):
                    self._apply_unseen(run)
                self._heads = (end - 1,)
                self.fed = end
                self._unseen = union([(start, end)], self._unseen)
                continue
            self.move(parents)
            for run in log.runs(start, end):
                self._apply(run, None)
            self._happened(end)

    def length(self) -> int:
        """Of the sequence as of the prepare version."""
        return self.records.prep - self._slack

    def first_unseen(self) -> int:
        """The first event that the prepare version has not seen; the next one if there is none."""
        return self._unseen[-1][0] if self._unseen else self.fed

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
            seen = version if len(version) < FEW else frozenset(version)
            heads = [head for head in self._heads if head not in seen]
            heads.append(end - 1)
            self._heads = tuple(heads)
        self.version = (end - 1,)

    def move(self, version: Version) -> None:
        """Look at the sequence from another version, which has seen all before `start`."""
        if version == self.version:
            return
        start = self.start
        if version and version[0] < start:
            version = tuple([lv for lv in version if lv >= start])
        gone: list[Range] = []
        come: list[Range] = []
        if version == self._heads:
            come = self._unseen
        elif all(head in version for head in self.version):
            come = self._graph.seen_of(version, self._unseen)
        elif version:
            gone, come = self._graph.difference(self.version, version)
        else:
            gone = without([(start, self.fed)], self._unseen)
        deletions, records = self._deletions, self.records
        for low, high in gone:
            deletions.shift(records, low, high, -1)
        for low, high in reversed(come):
            deletions.shift(records, low, high, 1)
        self._unseen = union(gone, without(self._unseen, come))
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

    # ------------------------------------------------------------------ applying

    def _apply(self, run: Run, patches: list[Patch] | None) -> None:
        if run.kind == INSERT:
            self._insert(run, patches)
        elif run.kind == MARK:
            self._deletions.add_mark(run.lv)
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
            record = self._cut(record, past, left, backwards)
            size = record.size
            records.set_state(record, 2)
            if not record.gone:
                if patches is not None:
                    patches.append((records.now_before(record), size, None))
                record.gone = True
                records.count(record.leaf, 0, -size)
            self._deletions.add(lv, record, backwards)
            if backwards:
                pos -= size
            lv += size
            left -= size

    def _cut(self, record: Record, past: int, count: int, backwards: bool) -> Record:
        """Up to `count` items of a record as a record of their own: from its `past`-th on, or
        down."""
        first = max(past - count, 0) if backwards else past - 1
        stop = past if backwards else first + count
        if stop < record.size:
            self.records.split(record, stop)
        return self.records.split(record, first) if first else record

    def _insert(self, run: Run, patches: list[Patch] | None) -> None:
        records = self.records
        pos = run.pos
        leaf = records.seek(pos)
        index, past, now = 0, pos - records.before_prep, records.before_now
        left = START
        if past:
            for record in leaf.records:
                index += 1
                if record.state == 1:
                    if past <= record.size:
                        break
                    past -= record.size
                if not record.gone:
                    now += record.size
            left = record.id + past - 1
            if not record.gone:
                now += past
            if past < record.size:
                records.split(record, past)
                leaf = record.leaf
                index = leaf.records.index(record) + 1
        before, right = self._place(leaf, index, left, run.lv)
        if before is not None:
            leaf = before.leaf
            index = leaf.records.index(before) + 1
            now = records.now_before(before) + (0 if before.gone else before.size)
        if patches is not None:
            patches.append((now, 0, run.content))
        self._put(run, leaf, index, left, right, 1)

    def _put(self, run: Run, leaf: Leaf, index: int, left: int, right: int, state: int) -> None:
        """Inserted items; they go on with the record that stands before them, or are a new one."""
        prep = run.size if state else 0
        if index and right == NONE:
            before = leaf.records[index - 1]
            if (
                before.id + before.size == run.lv == left + 1
                and before.state == state
                and not before.gone
            ):
                before.size += run.size
                self.records.count(leaf, prep, run.size)
                return
        new = Record(run.lv, run.size, left, right, state, False, leaf)
        self.records.insert(new, leaf, index)

    def _apply_unseen(self, run: Run) -> None:
        """Somebody who had seen all that is here did this; the prepare version does not see it."""
        if run.kind == INSERT:
            self._insert_unseen(run)
        elif run.kind == MARK:
            self._deletions.add_mark(run.lv)
        else:
            self._delete_unseen(run)

    def _insert_unseen(self, run: Run) -> None:
        records = self.records
        leaf = records.seek_now(run.pos)
        index, past = 0, run.pos - records.before_now
        left = START
        if past:
            for record in leaf.records:
                index += 1
                if not record.gone:
                    if past <= record.size:
                        break
                    past -= record.size
            left = record.id + past - 1
            if past < record.size:
                records.split(record, past)
                leaf = record.leaf
                index = leaf.records.index(record) + 1
        behind = records.following(leaf, index)
        right = behind.id if behind is not None and behind.left == left else NONE
        self._put(run, leaf, index, left, right, 0)

    def _delete_unseen(self, run: Run) -> None:
        records = self.records
        lv, pos, left = run.lv, run.pos, run.size
        backwards = run.kind == BACKSPACE
        while left:
            leaf = records.seek_now(pos + 1)
            past = pos + 1 - records.before_now
            for record in leaf.records:
                if not record.gone:
                    if past <= record.size:
                        break
                    past -= record.size
            record = self._cut(record, past, left, backwards)
            size = record.size
            record.gone = True
            records.count(record.leaf, 0, -size)
            self._deletions.add(lv, record, backwards)
            if backwards:
                pos -= size
            lv += size
            left -= size

    def _place(self, leaf: Leaf, index: int, left: int, lv: int) -> tuple[Record | None, int]:
        """Which of the items that stand there at `index`, right of `left`, the new one comes after
        (None: it comes first), and its right parent."""
        leaves = self.records.leaves
        between: list[Record] = []  # records that are not inserted yet in the prepare version
        right = NONE
        while True:
            if index == len(leaf.records):
                if leaf.index + 1 == len(leaves):
                    break
                leaf, index = leaves[leaf.index + 1], 0
                continue
            record = leaf.records[index]
            if record.state:
                if record.left == left:
                    right = record.id
                break
            between.append(record)
            index += 1
        if not between:
            return None, right
        return self._integrate(between, left, right, lv), right

    def _integrate(self, between: list[Record], left: int, right: int, lv: int) -> Record | None:
        """The record among the concurrent ones that the new item comes after, if any."""
        scanning = False
        found: Record | None = None
        passed: list[int] = []  # first items of records that were passed, in order of their ids
        ends: dict[int, int] = {}  # of those
        for other in between:
            if other.left == left:
                if other.right == right:
                    if self._comes_first(lv, other.id):
                        break
                    scanning = False
                else:
                    scanning = self._is_left_of(other.right, right)
            else:
                at = bisect_right(passed, other.left) - 1
                if at < 0 or other.left >= ends[passed[at]]:
                    break  # it hangs on something further left
            insort(passed, other.id)
            ends[other.id] = other.id + other.size
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
