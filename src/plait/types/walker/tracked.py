"""Items by name, wherever they are by now: for who wants to know what became of what was there.

Items that were there in the beginning are named by `BASE` plus their position then, those that come
later by numbers from 0 on, in the order in which they come. A deleted item stays, unseen, where it
was, and can be revived.

They stand in runs, and those in leaves of a few dozen with their visible sizes. A search begins at
the leaf where the last one ended, for edits happen near each other.

Invariants: `leaf.size` is the sum over its runs that are here; `_before` that over the leaves
before the one at `_at`; `_ids` is sorted, and `_runs[i]` begins with item `_ids[i]`. The items of
the beginning have no end, so there is always one behind every position.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from plait.types.walker.records import BASE, ENDLESS

Piece: TypeAlias = tuple[int, int]  # item, and how many that were named after it

LEAF_MAX: Final = 64


class _Leaf:
    __slots__ = ("index", "runs", "size")

    def __init__(self, index: int) -> None:
        self.index = index
        self.runs: list[_Run] = []
        self.size = 0


class _Run:
    __slots__ = ("here", "id", "leaf", "size")

    def __init__(self, id_: int, size: int, here: bool, leaf: _Leaf) -> None:
        self.id = id_
        self.size = size
        self.here = here
        self.leaf = leaf


class TrackedItems:
    """See the module. behind: what is inserted goes behind the deleted items that are at its place;
    else before them."""

    __slots__ = ("_at", "_before", "_behind", "_ids", "_leaves", "_runs", "end")

    def __init__(self, behind: bool) -> None:
        leaf = _Leaf(0)
        leaf.runs.append(_Run(BASE, ENDLESS, True, leaf))
        leaf.size = ENDLESS
        self.end = 0  # the name of the next item
        self._behind = behind
        self._leaves = [leaf]
        self._ids = [BASE]
        self._runs = [leaf.runs[0]]
        self._at = 0
        self._before = 0

    # ------------------------------------------------------------------ what happens

    def insert(self, pos: int, size: int) -> Piece:
        """New items before the visible one at `pos`; their names."""
        id_ = self.end
        self.end += size
        if self._behind:
            run = self._begin_at(pos)
            leaf, index = run.leaf, run.leaf.runs.index(run)
        elif pos:
            run = self._end_at(pos)
            leaf, index = run.leaf, run.leaf.runs.index(run) + 1
        else:
            leaf, index = self._leaves[0], 0
        before = leaf.runs[index - 1] if index else None
        if before is not None and before.here and before.id + before.size == id_:
            before.size += size  # typing
        else:
            self._put(_Run(id_, size, True, leaf), leaf, index)
            self._ids.append(id_)
            self._runs.append(leaf.runs[index])
        self._count(leaf, size)
        self._split_leaf(leaf)
        return id_, size

    def delete(self, pos: int, size: int) -> list[Piece]:
        """Visible items go; their names."""
        gone: list[Piece] = []
        while size:
            run = self._begin_at(pos)
            if run.size > size:
                self._cut(run, size)
            run.here = False
            self._count(run.leaf, -run.size)
            size -= run.size
            if gone and sum(gone[-1]) == run.id:
                gone[-1] = (gone[-1][0], gone[-1][1] + run.size)
            else:
                gone.append((run.id, run.size))
        return gone

    def revive(self, pieces: Sequence[Piece], pos: int) -> bool:
        """Deleted items are there again, in a row from `pos` on; False, and nothing happens, if
        not all of them were deleted."""
        runs = list(self._runs_of(pieces))
        if any(run.here for run in runs):
            return False
        for run in runs:
            run.here = True
            self._count(run.leaf, run.size)
        last = runs[-1]
        size = sum([run.size for run in runs])
        if self._position(runs[0]) == pos and self._position(last) + last.size == pos + size:
            return True
        for run in runs:  # something stands between them
            self._count(run.leaf, -run.size)
            run.leaf.runs.remove(run)
        for run in runs:
            behind = self._begin_at(pos)
            self._put(run, behind.leaf, behind.leaf.runs.index(behind))
            self._count(run.leaf, run.size)
            self._split_leaf(run.leaf)
            pos += run.size
        return True

    # ------------------------------------------------------------------ what there is

    def place(self, item: int) -> int:
        """The position of an item, or where it was."""
        return self._position(self._run_from(item))

    def ranges(self, pieces: Sequence[Piece]) -> list[tuple[int, int]]:
        """Where items are that are here: from, to; ascending."""
        places = [(self._position(run), run.size) for run in self._runs_of(pieces) if run.here]
        found: list[tuple[int, int]] = []
        for pos, size in sorted(places):
            if found and found[-1][1] == pos:
                found[-1] = (found[-1][0], pos + size)
            else:
                found.append((pos, pos + size))
        return found

    def all(self) -> Iterator[tuple[int, int, bool]]:
        """Everything in order, without changing it meanwhile: item, how many, whether they are
        here."""
        for leaf in self._leaves:
            for run in leaf.runs:
                yield run.id, run.size, run.here

    # ------------------------------------------------------------------ inside

    def _begin_at(self, pos: int) -> _Run:
        """The visible run that begins at a position; cut so if need be."""
        run, past = self._find(pos)
        return self._cut(run, past) if past else run

    def _end_at(self, pos: int) -> _Run:
        """The visible run that ends at a position above 0; cut so if need be."""
        run, past = self._find(pos - 1)
        if past + 1 < run.size:
            self._cut(run, past + 1)
        return run

    def _find(self, pos: int) -> tuple[_Run, int]:
        """The visible run that a position is in, and how far."""
        leaves, at, before = self._leaves, self._at, self._before
        while pos < before:
            at -= 1
            before -= leaves[at].size
        while pos >= before + leaves[at].size:
            before += leaves[at].size
            at += 1
        self._at, self._before = at, before
        past = pos - before
        for run in leaves[at].runs:
            if run.here:
                if past < run.size:
                    return run, past
                past -= run.size
        raise AssertionError("a leaf is smaller than it says")

    def _cut(self, run: _Run, at: int) -> _Run:
        """Cut a run behind so many items; the second part."""
        leaf = run.leaf
        part = _Run(run.id + at, run.size - at, run.here, leaf)
        run.size = at
        leaf.runs.insert(leaf.runs.index(run) + 1, part)
        index = bisect_left(self._ids, part.id)
        self._ids.insert(index, part.id)
        self._runs.insert(index, part)
        self._split_leaf(leaf)
        return part

    def _run_from(self, item: int) -> _Run:
        """The run that begins with an item; cut so if need be."""
        run = self._runs[bisect_right(self._ids, item) - 1]
        return run if run.id == item else self._cut(run, item - run.id)

    def _runs_of(self, pieces: Sequence[Piece]) -> Iterator[_Run]:
        for item, size in pieces:
            while size:
                run = self._run_from(item)
                if run.size > size:
                    self._cut(run, size)
                yield run
                item += run.size
                size -= run.size

    def _position(self, run: _Run) -> int:
        leaves, leaf = self._leaves, run.leaf
        while self._at > leaf.index:
            self._at -= 1
            self._before -= leaves[self._at].size
        while self._at < leaf.index:
            self._before += leaves[self._at].size
            self._at += 1
        pos = self._before
        for other in leaf.runs:
            if other is run:
                break
            if other.here:
                pos += other.size
        return pos

    def _put(self, run: _Run, leaf: _Leaf, index: int) -> None:
        run.leaf = leaf
        leaf.runs.insert(index, run)

    def _count(self, leaf: _Leaf, size: int) -> None:
        leaf.size += size
        if leaf.index < self._at:
            self._before += size

    def _split_leaf(self, leaf: _Leaf) -> None:
        if len(leaf.runs) <= LEAF_MAX:
            return
        half = len(leaf.runs) // 2
        new = _Leaf(leaf.index + 1)
        new.runs = leaf.runs[half:]
        del leaf.runs[half:]
        for run in new.runs:
            run.leaf = new
            if run.here:
                new.size += run.size
        leaf.size -= new.size
        leaves = self._leaves
        leaves.insert(new.index, new)
        for index in range(new.index + 1, len(leaves)):
            leaves[index].index = index
        if self._at > leaf.index:
            self._at += 1
