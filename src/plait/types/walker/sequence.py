"""A sequence that several people edit at once: the items as they are now, and the event graph.

Whoever has seen everything edits it where they say; that is told to the log and done, and while an
edit goes on with the one before (typing, deleting) it is only put on the pile of the *open run*.
An event that has not seen everything goes through a `Walker`; typing that goes on is piled up here
too, as a run *aside*. The walker is kept warm: as long as concurrency lasts, what both sides do
costs what they do. It is dropped once more happened without concurrency than it would cost to make
it anew.

Invariants: `items` with the open run are what the events of the graph give; the log and the graph
end at the same LV; a walker that is kept has met a prefix of the events.
"""

import abc
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from plait.types.walker.edits import logged, units_of
from plait.types.walker.graph import EventGraph, Name, Version
from plait.types.walker.items import Edits, Event, Items
from plait.types.walker.oplog import BACKSPACE, DELETE, INSERT, MARK, OpLog, Run
from plait.types.walker.ordering import OFTEN, chained, ordered
from plait.types.walker.trail import Trail
from plait.types.walker.walker import Patch, Walker

KEEP_WARM = 1_000  # units without concurrency, and a few for every record of the walker
KEEP_WARM_FACTOR = 4

CLOSED = -1  # no run is open
ASIDE = 4  # insertions of somebody who has not seen everything; the other kinds are those of runs

I = TypeVar("I", bound=Items)  # noqa: E741 - of items


class EditableSequence(abc.ABC, Generic[I]):
    """See the module. `agent` is the author of `insert` and `delete`."""

    def __init__(self, items: I, agent: Name = 0) -> None:
        self.graph = EventGraph()
        self.log = OpLog()
        self.agent = agent
        self.observer: Callable[[int, int, Any], None] | None = None
        self.walker: Walker | None = None
        self.trail: Trail | None = None  # of changes, for those who hold positions
        self.undo: list[tuple[int, Any, int]] | None = None  # what takes a draft back
        self._items = items
        self._length = len(items)  # with the open run
        self._quiet = 0  # units without concurrency
        self._kind = CLOSED
        self._parents: Version = ()  # of a run aside
        self._author = 0  # its number
        self._seq = 0
        self._count = 0
        self._width = 1
        self._pos = 0  # where the run began
        self._next = 0  # where it goes on
        self._size = 0
        self._pile: list[Any] = []

    def __len__(self) -> int:
        return self._length

    def __getstate__(self) -> dict[str, Any]:
        """For a copy, which makes a walker of its own: a compiled one is not copied."""
        return {**self.__dict__, "walker": None}

    @abc.abstractmethod
    def joined(self, pile: list[Any]) -> Any:
        """The contents of a pile, in one."""

    @abc.abstractmethod
    def is_content(self, value: Any) -> bool:
        """Whether it can be inserted: what `joined` gives, and not empty."""

    def is_mark(self, value: Any, room: int) -> bool:
        """Whether it can be a mark, on some of so many items."""
        return False

    @property
    def items(self) -> I:
        """The items as they are now."""
        if self._kind != CLOSED:
            self.close_run()
        return self._items

    @property
    def end(self) -> int:
        """The LV that the next event will have."""
        return self.graph.end + self._size

    @property
    def heads(self) -> Version:
        """The version of everything."""
        if self._kind == CLOSED:
            return self.graph.heads
        if self._kind == ASIDE:
            others = [head for head in self.graph.heads if head not in self._parents]
            return (*others, self.end - 1)
        return (self.end - 1,)

    @property
    def is_typing(self) -> bool:
        """Whether a run of insertions is open."""
        return self._kind == INSERT

    @property
    def pile_size(self) -> int:
        """How many pieces the open run has."""
        return len(self._pile)

    def pile_from(self, index: int) -> list[Any]:
        """The pieces of the open run from one on."""
        return self._pile[index:]

    def runs_since(self, start: int) -> Iterator[tuple[int, Name, int, Version | None, Run]]:
        """What happened from an LV on, in runs: LV, author, number of its first unit (each has
        one), parents (None: the event before) and the run."""
        self._close_aside()
        graph = self.graph
        while start < graph.end:
            span = graph.span_at(start)
            name, seq = graph.seq_of(start)
            parents: Version | None = graph.parents_of(start)
            end = graph.end_of(span)
            for run in self.log.runs(start, end):
                yield run.lv, name, seq, None if parents == (run.lv - 1,) else parents, run
                seq += run.size
                parents = (run.lv + run.size - 1,)
            start = end
        if self._kind != CLOSED and start < self.end:
            past = start - graph.end
            content = None
            pos = self._pos
            if self._kind == INSERT:
                content = self.joined(self._pile)[past:]
            if self._kind != DELETE:
                pos += past if self._kind == INSERT else -past
            name = graph.names[self._author]
            parents = None if past or graph.heads == (start - 1,) else graph.heads
            run = Run(start, self._kind, pos, self._size - past, content)
            yield start, name, self._seq + past, parents, run

    # ------------------------------------------------------------------ events of anybody

    def add(
        self,
        name: Name,
        seq: int,
        edits: Edits,
        parents: Version | None = None,
        whole: bool = False,
    ) -> int:
        """Edits of `name`, made one after another at the version `parents`; the last unit's LV.

        parents: none of them comes before another. seq: the number of the first unit;
        of all of them together if `whole`. Raises `BadFrame` for edits that do not fit the version,
        and then nothing happened.
        """
        if (self._kind == INSERT or self._kind == ASIDE) and len(edits) == 2:
            what = edits[1]
            if (
                edits[0] == self._next
                and parents == (self.graph.end + self._size - 1,)
                and seq == self._seq + self._count
                and name == self.graph.names[self._author]
                and type(edits[0]) is int
                and self.is_content(what)
                and self._width == (len(what) if whole else 1)
                and self.trail is None
            ):
                size = len(what)
                self._pile.append(what)
                self._next += size
                self._size += size
                self._length += size
                self._count += 1 if whole else size
                return self.graph.end + self._size - 1
        if parents is None or (self._kind != ASIDE and parents == self.heads):
            return self._add_seen(name, seq, edits, whole)
        self.close_run()
        graph = self.graph
        parents = graph.version(parents)
        if parents == graph.heads:
            return self._add_seen(name, seq, edits, whole)
        units = self._units(edits, self._walker_at(parents).length())
        if not units:
            return graph.end - 1
        count, width = (1, units) if whole else (units, 1)
        author = graph.agent(name)
        if len(edits) == 2 and self.trail is None and self.is_content(edits[1]):
            self._parents = parents
            self._kind = ASIDE
            self._author, self._seq, self._count, self._width = author, seq, count, width
            self._pos, self._size = edits[0], units
            self._next = edits[0] + units
            self._length += units
            self._pile.append(edits[1])
        else:
            self._put_aside(author, seq, count, width, parents, edits)
        return self.end - 1

    def _put_aside(
        self, author: int, seq: int, count: int, width: int, parents: Version, edits: Edits
    ) -> None:
        """Edits of somebody who has not seen everything, which fit."""
        graph = self.graph
        walker = self._walker_at(parents)
        joins = parents == (graph.end - 1,)
        graph.add(author, seq, count, width, parents, walker.first_unseen())
        patches: list[Patch] = []
        for run in self._log_edits(edits, joins):
            walker.walk(run, patches)
        self._quiet = 0
        for pos, gone, content in patches:
            self._do(pos, gone, content)
            come = 0 if gone else len(content)
            self._length += come - gone
            if self.trail is not None:
                self.trail.add(pos, gone, come)

    def _do(self, pos: int, gone: int, content: Any) -> None:
        if self.undo is not None:
            was = self._items.slice(pos, pos + gone) if gone else None
            self.undo.append((pos, was, 0 if gone else len(content)))
        if gone:
            self._items.delete(pos, gone)
        else:
            self._items.insert(pos, content)
        if self.observer is not None:
            self.observer(pos, gone, content)

    def add_all(self, events: Iterable[Event]) -> None:
        """Many events, each after its parents; their LVs count in the order in which they are
        given. If that goes to and fro, they are taken in in another, in which less is walked. What
        an author did without a pause is refused as a whole."""
        self.close_run()
        base = self.graph.end
        given = list(events)
        chains, lasts = chained(given, base, self.is_content, self.joined)
        if len(chains) * OFTEN < len(given):
            for chain in chains:
                self.add(*chain)
            return
        moved = [0] * len(lasts)  # how much further each is here
        for event, last, parents in ordered(chains, base, lasts):
            if parents is not None:
                here = [p + moved[bisect_left(lasts, p)] if p >= base else p for p in parents]
                parents = tuple(sorted(here))
            place = self.add(event[0], event[1], event[2], parents)
            moved[bisect_left(lasts, last)] = place - last

    # ------------------------------------------------------------------ inside

    def _walker_at(self, parents: Version) -> Walker:
        """A walker that has met all events, and looks from `parents`."""
        graph, walker = self.graph, self.walker
        if walker is not None:
            if walker.fed == graph.end and walker.version == parents:
                return walker
            worth = not graph.is_behind(parents, walker.fed)  # else a new one has less to do
            if worth and graph.sees_before(walker.start, parents):
                walker.feed(graph.end)
                walker.move(parents)
                return walker
        boundary = graph.critical(graph.unseen(parents))
        walker = self.walker = Walker(graph, self.log, boundary, self._length)
        walker.move(parents)
        return walker

    def _units(self, edits: Edits, length: int) -> int:
        return units_of(edits, length, self.is_content, self.is_mark)

    def _log_edits(self, edits: Edits, joins: bool) -> list[Run]:
        return logged(self.log, edits, joins, self.is_content)

    def _add_seen(self, name: Name, seq: int, edits: Edits, whole: bool) -> int:
        """Edits of somebody who has seen everything."""
        units = self._units(edits, self._length)
        author = self.graph.agent(name)
        if len(edits) == 2 and (type(edits[1]) is int or self.is_content(edits[1])):
            if whole:
                self.put(author, seq, 1, units, edits[0], edits[1])
            else:
                self.put(author, seq, units, 1, edits[0], edits[1])
        elif units and (whole or not self._is_plain(edits)):
            count, width = (1, units) if whole else (units, 1)
            self._put_all(author, seq, count, width, edits)
        else:
            for index in range(0, len(edits), 2):
                what = edits[index + 1]
                size = what if type(what) is int else len(what)
                self.put(author, seq, size, 1, edits[index], what)
                seq += size
        return self.end - 1

    def _is_plain(self, edits: Edits) -> bool:
        return all(type(what) is int or self.is_content(what) for what in edits[1::2])

    def put(self, author: int, seq: int, count: int, width: int, pos: int, what: Any) -> None:
        """An edit of somebody who has seen everything, which fits: `count` operations of `width`
        units."""
        size = count * width
        deletes = type(what) is int
        if (
            self._kind == CLOSED
            or author != self._author
            or width != self._width
            or seq != self._seq + self._count
            or not self._goes_on(pos, size, deletes)
        ):
            self.close_run()
            self._kind = DELETE if deletes else INSERT
            self._author, self._seq, self._count, self._width = author, seq, count, width
            self._pos, self._size = pos, size
            self._next = pos
        else:
            self._count += count
            self._size += size
        if self.trail is not None:
            self.trail.add(pos, size if deletes else 0, 0 if deletes else size)
        if deletes:
            self._length -= size
            self._next = pos
        else:
            self._length += size
            self._next = pos + size
            self._pile.append(what)

    def _goes_on(self, pos: int, size: int, deletes: bool) -> bool:
        """Whether an edit goes on with the open run."""
        if not deletes:
            return self._kind == INSERT and pos == self._next
        if self._kind == DELETE and pos == self._next:
            return True
        if pos == self._next - 1 and size == 1 and (self._kind == BACKSPACE or self._size == 1):
            if self._kind == INSERT or self._kind == ASIDE:
                return False
            self._kind = BACKSPACE
            return True
        return False

    def close_run(self) -> None:
        """Do what is on the pile."""
        kind = self._kind
        if kind == CLOSED:
            return
        self._kind = CLOSED
        size, pos = self._size, self._pos
        self._size = 0
        content = self.joined(self._pile) if self._pile else None
        self._pile = []
        if kind == ASIDE:
            self._length -= size
            author, seq, count, width = self._author, self._seq, self._count, self._width
            self._put_aside(author, seq, count, width, self._parents, [pos, content])
            return
        graph = self.graph
        joins = graph.heads == (graph.end - 1,)
        graph.add(self._author, self._seq, self._count, self._width, None)
        if kind == INSERT:
            self.log.add(INSERT, pos, size, content, joins)
            self._do(pos, 0, content)
        else:
            self.log.add(kind, pos, size, None, joins)
            self._do(pos - size + 1 if kind == BACKSPACE else pos, size, None)
        if self.walker is not None:
            self._passed(size)

    def _close_aside(self) -> None:
        if self._kind == ASIDE:
            self.close_run()

    def _put_all(self, author: int, seq: int, count: int, width: int, edits: Edits) -> None:
        """Several edits: of one operation, or each unit one."""
        self.close_run()
        graph = self.graph
        joins = graph.heads == (graph.end - 1,)
        graph.add(author, seq, count, width, None)
        for run in self._log_edits(edits, joins):
            if run.kind == MARK:
                continue
            gone = 0 if run.kind == INSERT else run.size
            self._do(run.pos, gone, run.content)
            self._length += -gone if gone else run.size
            if self.trail is not None:
                self.trail.add(run.pos, gone, run.size - gone)
        self._passed(count * width)

    def _passed(self, units: int) -> None:
        """So much happened without concurrency."""
        if self.walker is not None:
            self._quiet += units
            if self._quiet > KEEP_WARM + KEEP_WARM_FACTOR * len(self.walker.records.ids):
                self.cool()

    def cool(self) -> None:
        """Let the walker go."""
        self.walker = None
        self._quiet = 0
