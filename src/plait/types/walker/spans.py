"""Spans of events, and what versions of them have in common.

*Local versions* (LVs) number unit events (one inserted or deleted item) in the order in which they
came to this replica. A *version* is a set of events with all that came before them, named by its
heads: sorted LVs, none of which comes before another; `()` is the root. Events are kept in *spans*:
the same author, consecutive operations of the same width (units), each after the one before.

Invariant: the parents of an event have smaller LVs.

Source: Gentle, Kleppmann, "Collaborative Text Editing with Eg-walker" (EuroSys 2025); the priority
queue of `difference` is that of section 3.2.
"""

from bisect import bisect_right
from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any, TypeAlias

from plait.graph.event import SEQ_MAX

Name: TypeAlias = int | str  # an author: a replica id here, a word in traces; ties go by it
Version: TypeAlias = tuple[int, ...]
Range: TypeAlias = tuple[int, int]  # from LV, to LV (without)

FEW = 8  # of something that is looked up faster in a tuple than in a set
ROOT: Version = ()

_A, _B, _BOTH = 1, 2, 3


class Spans:
    """Columns of one length: starts, agents, seqs, widths, parents (None: the LV before)."""

    __slots__ = (
        "agents", "end", "first", "heads", "names", "numbers", "of_agent", "parents", "seqs",
        "starts", "widths",
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

    def agent(self, name: Name) -> int:
        """The number of an author."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.names)
            self.names.append(name)
            self.of_agent.append([])
        return number

    # ------------------------------------------------------------------ asking

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
        low = high = len(spans)  # the first of the author's spans that begins beyond `seq`
        back = 1  # it is one of the last, as a rule
        while low and self.seqs[self.span_at(spans[low - 1])] > seq:
            high = low - 1
            low, back = max(high - back, 0), 2 * back
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
        starts, parents_of = self.starts, self.parents
        while open_:
            negative, flag = heappop(heap)
            if flag != _BOTH:
                open_ -= 1
            while heap and heap[0][0] == negative:
                other = heappop(heap)[1]
                if other != _BOTH:
                    open_ -= 1
                flag |= other
            is_open = flag != _BOTH
            if not is_open and not open_:
                break
            lv = -negative
            span = bisect_right(starts, lv) - 1
            low = starts[span]
            if heap and -heap[0][0] >= low:  # another one is in the span: go there first
                low = 1 - heap[0][0]
                heappush(heap, (heap[0][0], flag))
                open_ += is_open
            else:
                parents = parents_of[span]
                if parents is None:
                    heappush(heap, (1 - low, flag))
                    open_ += is_open
                else:
                    for parent in parents:
                        heappush(heap, (-parent, flag))
                        open_ += is_open
            if flag == _A:
                extend(only_a, low, lv + 1)
            elif flag == _B:
                extend(only_b, low, lv + 1)
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
            extend(found, low, lv + 1)
        return found

    def seen_of(self, version: Version, ranges: list[Range]) -> list[Range]:
        """What a version has seen of some events; latest first, as they are.

        ranges: with an event, all those that came after it and that the version has seen.
        """
        found: list[Range] = []
        heap = [-lv for lv in reversed(version)]
        index = 0
        while heap:
            lv = -heappop(heap)
            while index < len(ranges) and ranges[index][0] > lv:
                index += 1
            if index == len(ranges):
                break
            if lv >= ranges[index][1] or (found and lv >= found[-1][0]):
                continue  # what came before it is not among them; or it is found already
            span = bisect_right(self.starts, lv) - 1
            low = max(self.starts[span], ranges[index][0])
            if low == self.starts[span]:
                for parent in self.parents_of(low):
                    heappush(heap, -parent)
            extend(found, low, lv + 1)
        return found


def without(ranges: list[Range], others: list[Range]) -> list[Range]:
    """What is in ranges and not in others; both latest first, and so is what is found."""
    if not others or not ranges:
        return list(ranges)
    found: list[Range] = []
    index = 0
    for low, high in ranges:
        while index < len(others) and others[index][0] >= high:
            index += 1
        at = index
        while at < len(others) and others[at][1] > low:
            other_low, other_high = others[at]
            if other_high < high:
                found.append((other_high, high))
            high = other_low
            if high <= low:
                break
            at += 1
        if low < high:
            found.append((low, high))
    return found


def union(ranges: list[Range], others: list[Range]) -> list[Range]:
    """What is in ranges or in others, which have nothing in common; all latest first."""
    if not ranges or not others:
        return ranges or others
    found: list[Range] = []
    for low, high in sorted(ranges + others, reverse=True):
        extend(found, low, high)
    return found


def extend(ranges: list[Range], low: int, high: int) -> None:
    """Add a range that ends where the last one begins, or before."""
    if ranges and ranges[-1][0] == high:
        ranges[-1] = (low, ranges[-1][1])
    else:
        ranges.append((low, high))
