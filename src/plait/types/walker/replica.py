"""A sequence as one replica of it holds it: its operations by dot, folding, drafts, places.

What was folded has no events any more: it is the root of the graph, and `base` says which dots
lead it. History that was read from disk may be *cold*: then too the graph begins behind it, but it
can be thawed.

Invariants: an operation is in the graph, or was folded, or its author's number is beyond all that
was seen; `clears` holds the dots of operations that stand for a clear.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeVar

from plait.base.codec import decode, encode
from plait.base.errors import BadValue, Corrupt, HistoryTrimmed
from plait.graph.event import Event
from plait.types.walker.becoming import steps_from
from plait.types.walker.cold import Cold
from plait.types.walker.graph import ROOT, Name, Version
from plait.types.walker.items import Edits, Items
from plait.types.walker.operations import SentOp
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK
from plait.types.walker.sequence import CLOSED, EditableSequence
from plait.types.walker.trail import Trail
from plait.types.walker.walker import Patch, Walker

S = TypeVar("S", bound=Items)


class DraftMark(NamedTuple):
    """Where a draft began."""

    undo: int
    end: int
    heads: Version
    critical: tuple[list[int], list[int]]
    clears: dict[Any, None]
    cold: Cold | None
    step: int  # of the trail; -1: there was none


# what `become` exchanges; the others are of those who look at the sequence
_OWN = (
    "graph", "log", "walker", "base", "clears", "cold", "marks",
    "_items", "_length", "_quiet", "_kind", "_size", "_pile",
)  # fmt: skip


class ReplicatedSequence(EditableSequence[S]):
    """See the module."""

    def __init__(self, items: S, agent: Name = 0) -> None:
        super().__init__(items, agent)
        self.base: dict[Any, int] = {}  # the dots that lead what was folded
        self.clears: dict[Any, None] = {}
        self.cold: Cold | None = None
        self.marks: Any = None  # of a text that has some: see `plait.types.text.marked`
        self.stored: Any = None  # what storage has of it: see `plait.types.text.storage`

    # ------------------------------------------------------------------ operations

    def happen(self, event: Event, edits: Edits) -> int:
        """An operation of a replica; how many units it has. `BadFrame`, and nothing happened."""
        name, seq, _, context = event[:4]
        before = self.end
        self.add(name, seq, edits, self.version_at(name, context), whole=True)
        return self.end - before

    def version_at(self, name: Name, context: Mapping[Any, int]) -> Version | None:
        """What an author who has seen this had seen of the sequence; None is everything."""
        self._close_aside()
        if self._kind != CLOSED:
            last = self.graph.names[self._author]
            if last == name or self._seq + self._count - 1 <= context.get(last, 0):
                return None
            self.close_run()
        cold = self.cold
        if cold is not None and any(s > context.get(n, 0) for n, s in cold.heads if n != name):
            self.thaw()
        return self.graph.version_of(context, name)

    def length_at(self, version: Version | None) -> int:
        """How many items a version has."""
        if version is None or version == self.heads:
            return len(self)
        self.close_run()
        return self._walker_at(version).length()

    def clear(self, event: Event) -> None:
        """Delete everything that the event has seen, under its dot."""
        version = self.version_at(event.replica, event.context)
        length = self.length_at(version)
        if length:
            self.add(event.replica, event.seq, [0, length], version, whole=True)
            self.clears[event.dot] = None

    def has(self, dot: tuple[Name, int]) -> bool:
        """Whether the operation is in the graph."""
        self.close_run()
        lv = self.graph.last_seen(*dot)
        return lv >= 0 and self.graph.seq_of(lv) == dot

    def ops(self, start: int | None = None) -> Iterator[SentOp]:
        """The operations from an LV on, in local order."""
        self.close_run()
        graph = self.graph
        start = graph.first if start is None else start
        for span in range(max(graph.span_at(start), 0), len(graph.starts)):
            width = graph.widths[span]
            for lv in range(graph.starts[span], graph.end_of(span), width):
                if lv >= start:
                    yield self._op_at(lv, width)

    def op(self, dot: tuple[Name, int]) -> SentOp | None:
        """One operation; None if it is not in the graph."""
        self.close_run()
        lv = self.graph.last_seen(*dot)
        if lv < 0 or self.graph.seq_of(lv) != dot:
            return None
        width = self.graph.widths[self.graph.span_at(lv)]
        return self._op_at(lv + 1 - width, width)

    def _op_at(self, lv: int, width: int) -> SentOp:
        graph = self.graph
        name, seq = graph.seq_of(lv)
        parents = tuple(graph.seq_of(p) for p in graph.parents_of(lv) if p >= graph.first)
        return SentOp(name, seq, parents, self.edits(lv, lv + width), (name, seq) in self.clears)

    def edits(self, start: int, stop: int) -> list[Any]:
        """What the events of one operation did, the same list at every replica."""
        edits: list[Any] = []
        last = INSERT
        for run in self.log.runs(start, stop):
            before, last = last, run.kind
            if run.kind == MARK:
                edits += [run.pos, run.content]
            elif run.kind == INSERT:
                joins = edits and before == INSERT and run.pos == edits[-2] + len(edits[-1])
                if joins:
                    edits[-1] = edits[-1] + run.content
                else:
                    edits += [run.pos, run.content]
            elif run.kind == BACKSPACE and run.size > 1:
                for past in range(run.size):
                    edits += [run.pos - past, 1]
            elif edits and type(edits[-1]) is int and run.pos == edits[-2]:
                edits[-1] += run.size
            else:
                edits += [run.pos, run.size]
        return edits

    def restore(self, op: SentOp) -> None:
        """An operation that the items contain already. `BadFrame`."""
        units = self._units(op.edits, 1 << 50)
        graph = self.graph
        parents = self.version_of_dots(op.parents)
        joins = parents == (graph.end - 1,)
        graph.add(graph.agent(op.name), op.seq, 1, units, parents)
        self._log_edits(op.edits, joins)
        if op.clears:
            self.clears[op.name, op.seq] = None

    def version_of_dots(self, dots: tuple[tuple[Name, int], ...]) -> Version:
        """The version with these heads; those that are not here were folded."""
        self.close_run()
        found = []
        for dot in dots:
            lv = self.graph.last_seen(*dot)
            if lv >= 0 and self.graph.seq_of(lv) == dot:
                found.append(lv)
        return self.graph.dominators(found)

    def is_blank(self) -> bool:
        """Whether nothing ever happened here, or a deletion was carried out."""
        return not (self._length or self.base or self.cold or self.end > self.graph.first)

    def leading(self) -> list[tuple[Name, int]]:
        """The dots of the heads: whoever has seen these has seen everything here."""
        self.close_run()
        heads = [self.graph.seq_of(head) for head in self.graph.heads]
        if heads:
            return heads
        return sorted(self.base.items()) if self.cold is None else list(self.cold.heads)

    # ------------------------------------------------------------------ folding

    def thaw(self) -> None:
        """Decode the cold history."""
        self.close_run()
        cold, self.cold = self.cold, None
        if cold is None:
            return
        try:
            graph, log = cold.thaw()
        except Corrupt:
            self.base = dict(cold.heads)  # as if it were folded: the text is all right
            raise
        self.graph.prepend(graph)
        self.log.prepend(log)
        self.cool()

    def fold(self, cut: Mapping[Any, int]) -> bool:
        """Forget the events before the last critical boundary that is covered; if there are any."""
        self.close_run()
        graph = self.graph
        if self.cold is not None:
            covered = all(seq <= cut.get(name, 0) for name, seq in self.cold.heads)
            if covered and self.marks is None:
                self.base = dict(self.cold.heads)
                self.cold = None
            else:
                self.thaw()
        boundary = graph.critical(graph.uncovered(cut))
        if boundary <= graph.first:
            return False
        if boundary < graph.end:
            span = graph.span_at(boundary)  # no operation is cut
            past = boundary - graph.starts[span]
            boundary -= past % graph.widths[span]
            if boundary <= graph.first:
                return False
        self.base = dict(graph.seq_of(head) for head in graph.heads_at(boundary))
        self.about_to_fold(boundary)
        graph.drop(boundary)
        self.log.drop(boundary)
        if self.walker is not None and self.walker.start < boundary:
            self.cool()
        for dot in [dot for dot in self.clears if dot[1] <= cut.get(dot[0], 0)]:
            if not self.has(dot):
                del self.clears[dot]
        return True

    def about_to_fold(self, boundary: int) -> None:
        """The events before a critical boundary are here for the last time."""

    # ------------------------------------------------------------------ places

    def follow(self) -> Trail:
        """The trail, for somebody who is going to hold a position."""
        if self.trail is None:
            self.trail = Trail()
        self.trail.held = True
        return self.trail

    def anchor(self, pos: int, left: bool) -> bytes:
        """A place that means the same at every replica and any time: behind the item left of it,
        or before the one right of it."""
        if not 0 <= pos <= len(self):
            raise BadValue(f"position {pos} of a sequence of {len(self)}")
        return encode([self.leading(), pos, left])

    def locate(self, anchor: bytes) -> int:
        """Where a place is now. `BadValue`; `HistoryTrimmed` if what it refers to was folded, or
        is not here yet."""
        try:
            heads, pos, left = decode(anchor)
            dots = [(name, seq) for name, seq in heads]
            fits = type(pos) is int and type(left) is bool
        except (ValueError, TypeError):
            raise BadValue("this is no anchor") from None
        if not fits:
            raise BadValue("this is no anchor")
        version = self._led_by(dots)
        if version is None:
            raise HistoryTrimmed("the anchor is older than the history kept here, or not here yet")
        where: int = pos
        if version == self.graph.heads:
            return min(where, len(self))
        graph = self.graph
        walker = Walker(graph, self.log, graph.critical(graph.unseen(version)), len(self))
        walker.move(version)
        if not 0 <= where <= walker.length():
            raise BadValue("this anchor is of no place in the sequence")
        return walker.locate(where, left)

    def _led_by(self, dots: list[tuple[Name, int]]) -> Version | None:
        """The version with exactly these heads; None if it was folded, or is not here yet."""
        self.close_run()
        cold = self.cold
        here = bool(dots) and all(map(self.has, dots))
        if cold is not None and not here and sorted(dots) != sorted(cold.heads):
            self.thaw()
        if sorted(dots) == sorted(self.base.items() if self.cold is None else self.cold.heads):
            return ROOT
        return self.version_of_dots(tuple(dots)) if all(map(self.has, dots)) else None

    def origins(self) -> list[tuple[int, Name | None, int]]:
        """Who inserted what there is, in order: (items, author, operation); None for what was
        folded."""
        self.close_run()
        self.thaw()
        graph = self.graph
        found: list[tuple[int, Name | None, int]] = []
        for item, size in Walker(graph, self.log, graph.first, len(self)).present():
            if item < 0:
                found.append((size, None, 0))
                continue
            while size:
                name, seq = graph.seq_of(item)
                span = graph.span_at(item)
                past = (item - graph.starts[span]) % graph.widths[span]
                part = min(size, graph.widths[span] - past)
                if found and found[-1][1:] == (name, seq):
                    found[-1] = (found[-1][0] + part, name, seq)
                else:
                    found.append((part, name, seq))
                item += part
                size -= part
        return found

    # ------------------------------------------------------------------ drafts

    def begin_draft(self) -> DraftMark:
        """What happens from here on can be taken back."""
        self.close_run()
        if self.undo is None:
            self.undo = []
        graph = self.graph
        critical = (list(graph.crit_from), list(graph.crit_to))
        clears = dict(self.clears)
        step = -1 if self.trail is None else self.trail.end
        return DraftMark(len(self.undo), graph.end, graph.heads, critical, clears, self.cold, step)

    def keep_draft(self, mark: DraftMark) -> None:
        """It will not be taken back."""
        if not mark.undo:
            self.undo = None

    def discard_draft(self, mark: DraftMark) -> None:
        """As it was at the mark."""
        self.close_run()
        undo, self.undo = self.undo, None
        assert undo is not None, "no draft is open"
        for pos, gone, come in reversed(undo[mark.undo :]):
            if pos < 0:  # it became another
                self.__dict__.update(gone)
            elif gone is not None:
                self._items.insert(pos, gone)
            else:
                self._items.delete(pos, come)
        if mark.undo:
            self.undo = undo[: mark.undo]
        self._length = len(self._items)
        heads, critical = mark.heads, mark.critical
        if mark.cold is not None and self.cold is None:  # it was thawed meanwhile
            before, _ = mark.cold.thaw()
            heads = heads or before.heads
            critical = (before.crit_from + critical[0], before.crit_to + critical[1])
        self.graph.cut_back(mark.end, heads, critical)
        self.log.cut_back(mark.end)
        self.clears = mark.clears
        if self.trail is not None:
            self.trail = None if mark.step < 0 else self.trail.cut_back(mark.step)
        self.cool()

    # ------------------------------------------------------------------ another state

    def changes_to(self, items: S) -> Iterable[Patch]:
        """Patches that make these items those."""
        if len(self._items):
            yield 0, len(self._items), None
        if len(items):
            yield 0, 0, items.slice(0, len(items))

    def become(self, other: Self) -> None:
        """Take another's place; whoever looks at this one is told what changed. `other` knows all
        that happened here, or folded it, or carried out a deletion."""
        self.close_run()
        other.close_run()
        trail = self.trail
        if self.observer is not None or (trail is not None and trail.is_followed):
            for pos, gone, content in self._patches_to(other):
                if trail is not None:
                    trail.add(pos, gone, 0 if gone else len(content))
                if self.observer is not None:
                    self.observer(pos, gone, content)
        if self.undo is not None:
            self.undo.append((-1, {name: self.__dict__[name] for name in _OWN}, 0))
        for name in _OWN:
            setattr(self, name, getattr(other, name))

    def _patches_to(self, other: Self) -> Iterable[Patch]:
        """What changes when it becomes another: by which items are the same if that is known, else
        by what they are."""
        if self.is_blank() or not other._length:
            return self.changes_to(other._items)
        try:
            version = other._led_by(self.leading())
        except Corrupt:  # its items are all right, and all that it has now
            version = None
        steps = None if version is None else steps_from(version, self._length, other)
        if steps is None:
            if self.trail is not None and self._length:
                self.trail.guess()
            return self.changes_to(other._items)
        items = other._items
        return [(at, n, None if n else items.slice(at, at + come)) for at, n, come in steps]
