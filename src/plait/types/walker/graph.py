"""The event graph of one sequence: who did what after what, in runs.

*Local versions* (LVs) number unit events (one inserted or deleted item) in the order in which they
came to this replica. A *version* is a set of events with all that came before them, named by its
heads: sorted LVs, none of which comes before another; `()` is the root, where everything that was
folded lies. Events are kept in *spans*: the same author, consecutive operations of the same width
(units), each after the one before.

A *critical boundary* is an LV c such that every event from c on came after all those before it:
what lies before needs no looking at, whatever comes after.

Invariants: the parents of an event have smaller LVs; `heads` is the version of everything;
`criticals` holds exactly the boundaries below `end` that are critical, as disjoint intervals in
order (`end` itself is critical too, as long as nothing comes).

Source: Gentle, Kleppmann, "Collaborative Text Editing with Eg-walker" (EuroSys 2025), sections
3.2 to 3.5; the priority queue of `difference` is that of section 3.2.
"""

from bisect import bisect_right
from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any, TypeAlias

from plait.graph.event import SEQ_MAX

Name: TypeAlias = int | str  # an author: a replica id here, a word in traces; ties go by it
Version: TypeAlias = tuple[int, ...]
Range: TypeAlias = tuple[int, int]  # from LV, to LV (without)

ROOT: Version = ()

_A, _B, _BOTH = 1, 2, 3


class EventGraph:
    """Spans of events in local order. Columns of one length: starts, agents, seqs, widths,
    parents (None: the LV before)."""

    __slots__ = (
        "agents", "crit_from", "crit_to", "end", "first", "heads", "names", "numbers", "of_agent",
        "parents", "seqs", "starts", "widths",
    )  # fmt: skip

    def __init__(self, first: int = 0) -> None:
        self.first = first  # LVs before it are folded
        self.end = first
        self.heads: Version = ROOT
        self.names: list[Name] = []
        self.numbers: dict[Name, int] = {}
        self.of_agent: list[list[int]] = []  # the first LV of each of an agent's spans
        self.starts: list[int] = []
        self.agents: list[int] = []
        self.seqs: list[int] = []
        self.widths: list[int] = []
        self.parents: list[Version | None] = []
        self.crit_from: list[int] = []
        self.crit_to: list[int] = []  # with

    # ------------------------------------------------------------------ growing

    def agent(self, name: Name) -> int:
        """The number of an author."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.names)
            self.names.append(name)
            self.of_agent.append([])
        return number

    def add(self, agent: int, seq: int, count: int, width: int, parents: Version | None) -> None:
        """`count` operations of `width` units each, one after another, from `seq` on.

        parents: of the first one; None is everything that is here.
        """
        start = self.end
        end = self.end = start + count * width
        sees_all = parents is None or parents == self.heads
        heads = self.heads
        if sees_all:
            if self.crit_to and self.crit_to[-1] == start - 1:
                self.crit_to[-1] = end - 1
            else:
                self.crit_from.append(start)
                self.crit_to.append(end - 1)
            self.heads = (end - 1,)
            if len(heads) == 1 and heads[0] == start - 1:
                if self._continues(agent, seq, width, start):
                    return
                parents = None
            elif not heads and start == self.first:
                parents = ROOT
            else:
                parents = heads
        else:
            assert parents is not None
            if parents != (start - 1,):  # else the event before has seen no more than this one
                self._limit(self.unseen(parents))
            kept = [head for head in heads if head not in parents]
            kept.append(end - 1)
            self.heads = tuple(kept)
            if len(parents) == 1 and parents[0] == start - 1:
                if self._continues(agent, seq, width, start):
                    return
                parents = None
        self.starts.append(start)
        self.agents.append(agent)
        self.seqs.append(seq)
        self.widths.append(width)
        self.parents.append(parents)
        self.of_agent[agent].append(start)

    def _continues(self, agent: int, seq: int, width: int, start: int) -> bool:
        """Whether the last span goes on with these operations."""
        if not self.starts or self.agents[-1] != agent or self.widths[-1] != width:
            return False
        return seq == self.seqs[-1] + (start - self.starts[-1]) // width

    def _limit(self, boundary: int) -> None:
        """No boundary beyond this one is critical."""
        while self.crit_from and self.crit_from[-1] > boundary:
            self.crit_from.pop()
            self.crit_to.pop()
        if self.crit_to and self.crit_to[-1] > boundary:
            self.crit_to[-1] = boundary

    # ------------------------------------------------------------------ asking

    def critical(self, at_most: int) -> int:
        """The last critical boundary up to one."""
        if at_most >= self.end:
            return self.end
        index = bisect_right(self.crit_from, at_most) - 1
        if index < 0:
            return self.first
        return min(self.crit_to[index], at_most)

    def last_critical(self) -> int:
        """The last critical boundary before the latest event."""
        return self.crit_to[-1] if self.crit_to else self.first

    def span_at(self, lv: int) -> int:
        """The index of the span that an event is in."""
        return bisect_right(self.starts, lv) - 1

    def parents_of(self, lv: int) -> Version:
        """The version that an event was made at."""
        span = bisect_right(self.starts, lv) - 1
        if self.starts[span] == lv:
            parents = self.parents[span]
            if parents is not None:
                return parents
        return (lv - 1,)

    def order_of(self, lv: int) -> tuple[Name, int]:
        """By which ties between concurrent events go."""
        span = bisect_right(self.starts, lv) - 1
        past = lv - self.starts[span]
        return self.names[self.agents[span]], (self.seqs[span] << 32) + past

    def seq_of(self, lv: int) -> tuple[Name, int]:
        """The author of an event, and the number of its operation."""
        span = bisect_right(self.starts, lv) - 1
        past = lv - self.starts[span]
        return self.names[self.agents[span]], self.seqs[span] + past // self.widths[span]

    def last_seen(self, name: Name, seq: int) -> int:
        """The LV of the last unit that an author did up to operation `seq`; -1 if none is here."""
        number = self.numbers.get(name)
        if number is None:
            return -1
        spans = self.of_agent[number]
        low, high = 0, len(spans)  # the first of the author's spans that begins beyond `seq`
        while low < high:
            middle = (low + high) // 2
            if self.seqs[self.span_at(spans[middle])] <= seq:
                low = middle + 1
            else:
                high = middle
        if not low:
            return -1
        span = self.span_at(spans[low - 1])
        past = (seq - self.seqs[span] + 1) * self.widths[span]
        return min(self.starts[span] + past, self.end_of(span)) - 1

    def end_of(self, span: int) -> int:
        """The LV behind a span."""
        return self.starts[span + 1] if span + 1 < len(self.starts) else self.end

    def version_of(self, context: Mapping[Any, int], author: Name | None = None) -> Version:
        """The version of all that a context covers, and of everything that `author` did."""
        for head in self.heads:
            name, seq = self.seq_of(head)
            if seq > context.get(name, 0) and name != author:
                break
        else:
            return self.heads
        found = []
        for name in self.names:
            lv = self.last_seen(name, SEQ_MAX if name == author else context.get(name, 0))
            if lv >= 0:
                found.append(lv)
        return self.dominators(found)

    def uncovered(self, cut: Mapping[Any, int]) -> int:
        """The first event that is not covered; where its operation begins."""
        for span, start in enumerate(self.starts):
            name = self.names[self.agents[span]]
            known = cut.get(name, 0) - self.seqs[span] + 1
            if start + max(known, 0) * self.widths[span] < self.end_of(span):
                return start + max(known, 0) * self.widths[span]
        return self.end

    def heads_at(self, boundary: int) -> Version:
        """The heads of everything before a critical boundary."""
        return self.heads if boundary >= self.end else self.parents_of(boundary)

    # ------------------------------------------------------------------ versions

    def dominators(self, events: list[int]) -> Version:
        """The heads of a set of events: those that come before none of the others."""
        if len(events) < 2:
            return tuple(events)
        found: list[int] = []
        heap = [(-lv, 1) for lv in sorted(set(events), reverse=True)]  # 0: before one of them
        left = len(heap)
        while True:
            negative, flag = heappop(heap)
            left -= flag
            is_head = bool(flag)
            while heap and heap[0][0] == negative:
                flag = heappop(heap)[1]
                left -= flag
                is_head = is_head and bool(flag)
            if is_head:
                found.append(-negative)
            if not left:
                return tuple(found[::-1])
            self._descend(heap, -negative, 0)

    def _descend(self, heap: list[tuple[int, int]], lv: int, flag: int) -> tuple[int, int]:
        """Go from an event to what comes before it, or to the next of the heap that lies between;
        the first LV that was passed, and how many were pushed."""
        span = bisect_right(self.starts, lv) - 1
        start = self.starts[span]
        if heap and -heap[0][0] >= start:
            heappush(heap, (heap[0][0], flag))
            return 1 - heap[0][0], 1
        parents = self.parents[span]
        if parents is None:
            heappush(heap, (1 - start, flag))
            return start, 1
        for parent in parents:
            heappush(heap, (-parent, flag))
        return start, len(parents)

    def unseen(self, version: Version) -> int:
        """The first event that a version has not seen; `end` if it has seen all."""
        only, _ = self.difference(self.heads, version)
        return only[-1][0] if only else self.end

    def difference(self, a: Version, b: Version) -> tuple[list[Range], list[Range]]:
        """The events that only one of two versions has seen: of a, of b; latest first."""
        only_a: list[Range] = []
        only_b: list[Range] = []
        if a == b:
            return only_a, only_b
        heap: list[tuple[int, int]] = []
        for lv in a:
            heappush(heap, (-lv, _A))
        for lv in b:
            heappush(heap, (-lv, _B))
        open_ = len(heap)  # entries that are not of both
        while open_:
            negative, flag = heappop(heap)
            lv = -negative
            if flag != _BOTH:
                open_ -= 1
            while heap and heap[0][0] == negative:
                other = heappop(heap)[1]
                if other != _BOTH:
                    open_ -= 1
                flag |= other
            if flag == _BOTH and not open_:
                break
            low, pushed = self._descend(heap, lv, flag)
            if flag != _BOTH:
                open_ += pushed
            if flag == _A:
                _extend(only_a, low, lv + 1)
            elif flag == _B:
                _extend(only_b, low, lv + 1)
        return only_a, only_b

    def since(self, version: Version, boundary: int) -> list[Range]:
        """The events from an LV on that a version has seen; latest first."""
        found: list[Range] = []
        heap = [-lv for lv in reversed(version) if lv >= boundary]
        while heap:
            lv = -heappop(heap)
            while heap and -heap[0] == lv:
                heappop(heap)
            span = bisect_right(self.starts, lv) - 1
            start = self.starts[span]
            if heap and -heap[0] >= start:
                low = 1 - heap[0]
            else:
                low = max(start, boundary)
                parents = self.parents[span] if low == start else ROOT
                for parent in (start - 1,) if parents is None else parents:
                    if parent >= boundary:
                        heappush(heap, -parent)
            _extend(found, low, lv + 1)
        return found

    # ------------------------------------------------------------------ folding

    def cut_back(self, end: int, heads: Version, critical: tuple[list[int], list[int]]) -> None:
        """Forget the events from `end` on; the others had these heads and critical boundaries."""
        while self.starts and self.starts[-1] >= end:
            self.of_agent[self.agents.pop()].pop()
            for column in (self.starts, self.seqs, self.widths):
                column.pop()
            self.parents.pop()
        self.end, self.heads = end, heads
        self.crit_from, self.crit_to = list(critical[0]), list(critical[1])

    def prepend(self, before: "EventGraph") -> None:
        """The events that this graph takes for its root are these."""
        agents = [before.agent(name) for name in self.names]
        heads = before.heads
        linear = len(heads) == 1 and heads[0] == self.first - 1
        for span, start in enumerate(self.starts):
            parents = self.parents[span]
            if parents == ROOT:
                parents = None if linear and start == self.first else heads
            agent = agents[self.agents[span]]
            before.starts.append(start)
            before.agents.append(agent)
            before.seqs.append(self.seqs[span])
            before.widths.append(self.widths[span])
            before.parents.append(parents)
            before.of_agent[agent].append(start)
        if self.starts:
            before.heads = self.heads
        self.crit_from = before.crit_from + self.crit_from
        self.crit_to = before.crit_to + self.crit_to
        self.first, self.heads = before.first, before.heads
        self.names, self.numbers, self.of_agent = before.names, before.numbers, before.of_agent
        self.starts, self.agents, self.seqs = before.starts, before.agents, before.seqs
        self.widths, self.parents = before.widths, before.parents

    def drop(self, boundary: int) -> None:
        """Forget the events before a critical boundary: they are the root now."""
        if boundary >= self.end:
            boundary = self.end
            self.heads = ROOT
            for column in (self.starts, self.agents, self.seqs, self.widths):
                column.clear()
            self.parents.clear()
            self.crit_from.clear()
            self.crit_to.clear()
            for spans in self.of_agent:
                spans.clear()
            self.first = boundary
            return
        span = self.span_at(boundary)
        for index in range(span):
            self.of_agent[self.agents[index]].pop(0)
        del self.starts[:span], self.agents[:span], self.seqs[:span], self.widths[:span]
        del self.parents[:span]
        if self.starts[0] < boundary:
            past = boundary - self.starts[0]
            self.of_agent[self.agents[0]][0] = boundary
            self.seqs[0] += past // self.widths[0]
            self.starts[0] = boundary
            self.parents[0] = ROOT
        for index, parents in enumerate(self.parents):
            if parents is None:
                if self.starts[index] == boundary:
                    self.parents[index] = ROOT
            elif any(lv < boundary for lv in parents):
                self.parents[index] = tuple([lv for lv in parents if lv >= boundary])
        index = bisect_right(self.crit_to, boundary - 1)
        del self.crit_from[:index], self.crit_to[:index]
        if self.crit_from and self.crit_from[0] < boundary:
            self.crit_from[0] = boundary
        self.first = boundary


def _extend(ranges: list[Range], low: int, high: int) -> None:
    """Add a range that ends where the last one begins, or before."""
    if ranges and ranges[-1][0] == high:
        ranges[-1] = (low, ranges[-1][1])
    else:
        ranges.append((low, high))
