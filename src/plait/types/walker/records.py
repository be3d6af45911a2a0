"""The records of a walker: runs of items in the order of the sequence, with what is known of each
in two versions at once.

The *prepare* version is the one that the walker looks at the sequence from: there an item is not
inserted yet (0), inserted (1), or deleted (n - 1 times). In the *present* it is there, or gone.
Records are runs of items that are alike: inserted one behind the other, and in the same state.

They stand in leaves of a few dozen, each with its number of items that are visible in the prepare
version and in the present. A search begins at the leaf where the last one ended, for edits happen
near each other; or where the one before that did, for two people edit at two places.

Items are named by the LV of the event that inserted them; those that were there before the walker
began, by `BASE` plus their position then.

Invariants: `leaf.prep` and `leaf.now` are the sums over its records; `before_prep` and
`before_now` the sums over the leaves before the one at `at`, and likewise those of `other_at`;
`ids` is sorted, and `records[i]` begins with item `ids[i]`.
"""

from bisect import bisect_right
from typing import Final

BASE: Final = -(1 << 59)
START: Final = BASE - 1  # the left origin of what stands first
NONE: Final = 1 << 60  # no right parent
ENDLESS: Final = 1 << 50

LEAF_MAX = 48  # not final, though compiled: tests make it small


class Leaf:
    """Neighbouring records."""

    __slots__ = ("index", "now", "prep", "records")

    def __init__(self, index: int) -> None:
        self.index = index
        self.records: list[Record] = []
        self.prep = 0
        self.now = 0


class Record:
    """Items [id, id + size) of one insertion."""

    __slots__ = ("gone", "id", "leaf", "left", "right", "size", "state")

    def __init__(
        self, id_: int, size: int, left: int, right: int, state: int, gone: bool, leaf: Leaf
    ) -> None:
        self.id = id_
        self.size = size
        self.left = left  # the item that stood left of the first one when it was inserted
        self.right = right  # its right parent
        self.state = state  # in the prepare version
        self.gone = gone  # in the present
        self.leaf = leaf


class Records:
    """All records of one walker."""

    __slots__ = (
        "at", "before_now", "before_prep", "ids", "leaves", "now", "other_at", "other_now",
        "other_prep", "prep", "records",
    )  # fmt: skip

    def __init__(self) -> None:
        leaf = Leaf(0)
        base = Record(BASE, ENDLESS, START, NONE, 1, False, leaf)
        leaf.records.append(base)
        leaf.prep = leaf.now = ENDLESS
        self.leaves = [leaf]
        self.ids = [BASE]
        self.records = [base]
        self.prep = ENDLESS  # items visible in the prepare version
        self.now = ENDLESS  # and in the present
        self.at = 0
        self.before_prep = 0
        self.before_now = 0
        self.other_at = 0
        self.other_prep = 0
        self.other_now = 0

    # ------------------------------------------------------------------ finding

    def find(self, item: int) -> Record:
        """The record that holds an item."""
        return self.records[bisect_right(self.ids, item) - 1]

    def seek(self, pos: int) -> Leaf:
        """The leaf with the item that is visible at `pos` - 1 in the prepare version, counted
        from 0; the sums before it are in `before_prep` and `before_now`."""
        leaf, before = self.leaves[self.at], self.before_prep
        if before < pos <= before + leaf.prep:
            return leaf
        if abs(pos - self.other_prep) < abs(pos - before):
            self._switch()
        return self._walk(pos, False)

    def seek_now(self, pos: int) -> Leaf:
        """Likewise, the leaf with the item that is at `pos` - 1 in the present."""
        leaf, before = self.leaves[self.at], self.before_now
        if before < pos <= before + leaf.now:
            return leaf
        if abs(pos - self.other_now) < abs(pos - before):
            self._switch()
        return self._walk(pos, True)

    def _walk(self, pos: int, present: bool) -> Leaf:
        """From where the last search ended, leaf by leaf, in the one version or the other."""
        leaves = self.leaves
        at, prep, now = self.at, self.before_prep, self.before_now
        while at and pos <= (now if present else prep):
            at -= 1
            leaf = leaves[at]
            prep -= leaf.prep
            now -= leaf.now
        leaf = leaves[at]
        while pos > (now + leaf.now if present else prep + leaf.prep):
            prep += leaf.prep
            now += leaf.now
            at += 1
            leaf = leaves[at]
        self.at, self.before_prep, self.before_now = at, prep, now
        return leaf

    def following(self, leaf: Leaf, index: int) -> Record | None:
        """The record at an index of a leaf, or the first one behind the leaf."""
        if index < len(leaf.records):
            return leaf.records[index]
        if leaf.index + 1 < len(self.leaves):
            return self.leaves[leaf.index + 1].records[0]
        return None

    def now_before(self, record: Record) -> int:
        """How many items of the present stand before a record."""
        leaf = record.leaf
        leaves = self.leaves
        at, prep, now = self.at, self.before_prep, self.before_now
        if abs(leaf.index - self.other_at) < abs(leaf.index - at):
            at, prep, now = self._switch()
        while at > leaf.index:
            at -= 1
            prep -= leaves[at].prep
            now -= leaves[at].now
        while at < leaf.index:
            prep += leaves[at].prep
            now += leaves[at].now
            at += 1
        self.at, self.before_prep, self.before_now = at, prep, now
        for other in leaf.records:
            if other is record:
                break
            if not other.gone:
                now += other.size
        return now

    def _switch(self) -> tuple[int, int, int]:
        """Go where the search before the last one ended."""
        at, prep, now = self.other_at, self.other_prep, self.other_now
        self.other_at, self.other_prep, self.other_now = self.at, self.before_prep, self.before_now
        self.at, self.before_prep, self.before_now = at, prep, now
        return at, prep, now

    def is_before(self, a: Record, b: Record) -> bool:
        """Whether one record stands before another."""
        if a.leaf is not b.leaf:
            return a.leaf.index < b.leaf.index
        records = a.leaf.records
        return records.index(a) < records.index(b)

    # ------------------------------------------------------------------ changing

    def split(self, record: Record, at: int) -> Record:
        """Cut a record behind `at` items; the second part."""
        leaf = record.leaf
        id_ = record.id + at
        part = Record(id_, record.size - at, id_ - 1, NONE, record.state, record.gone, leaf)
        record.size = at
        leaf.records.insert(leaf.records.index(record) + 1, part)
        index = bisect_right(self.ids, id_)
        self.ids.insert(index, id_)
        self.records.insert(index, part)
        if len(leaf.records) > LEAF_MAX:
            self._split_leaf(leaf)
        return part

    def insert(self, record: Record, leaf: Leaf, index: int) -> None:
        """Put a new record, which is in the present, into a leaf."""
        record.leaf = leaf
        leaf.records.insert(index, record)
        if self.ids[-1] < record.id:
            self.ids.append(record.id)
            self.records.append(record)
        else:
            place = bisect_right(self.ids, record.id)
            self.ids.insert(place, record.id)
            self.records.insert(place, record)
        self.count(leaf, record.size if record.state == 1 else 0, record.size)
        if len(leaf.records) > LEAF_MAX:
            self._split_leaf(leaf)

    def count(self, leaf: Leaf, prep: int, now: int) -> None:
        """Items of a leaf appeared (or went, below 0)."""
        leaf.prep += prep
        leaf.now += now
        self.prep += prep
        self.now += now
        if leaf.index < self.at:
            self.before_prep += prep
            self.before_now += now
        if leaf.index < self.other_at:
            self.other_prep += prep
            self.other_now += now

    def set_state(self, record: Record, state: int) -> None:
        """The record's state in the prepare version."""
        if (record.state == 1) != (state == 1):
            self.count(record.leaf, record.size if state == 1 else -record.size, 0)
        record.state = state

    def shift(self, item: int, size: int, by: int) -> None:
        """Add to the state of items: most of what many branches cost, so nothing is called."""
        index = bisect_right(self.ids, item) - 1
        record = self.records[index]
        if record.id != item:
            record = self.split(record, item - record.id)
            index += 1
        while True:
            if record.size > size:
                self.split(record, size)
            before = record.state
            record.state = before + by
            if before == 1 or before + by == 1:
                prep = -record.size if before == 1 else record.size
                leaf = record.leaf
                leaf.prep += prep
                self.prep += prep
                if leaf.index < self.at:
                    self.before_prep += prep
                if leaf.index < self.other_at:
                    self.other_prep += prep
            size -= record.size
            if not size:
                return
            index += 1
            record = self.records[index]

    def _split_leaf(self, leaf: Leaf) -> None:
        half = len(leaf.records) // 2
        new = Leaf(leaf.index + 1)
        new.records = leaf.records[half:]
        del leaf.records[half:]
        for record in new.records:
            record.leaf = new
            if record.state == 1:
                new.prep += record.size
            if not record.gone:
                new.now += record.size
        leaf.prep -= new.prep
        leaf.now -= new.now
        leaves = self.leaves
        leaves.insert(new.index, new)
        for index in range(new.index + 1, len(leaves)):
            leaves[index].index = index
        if self.at > leaf.index:
            self.at += 1
        if self.other_at > leaf.index:
            self.other_at += 1
