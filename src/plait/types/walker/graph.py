"""The event graph of one sequence: who did what after what, in runs; it grows and is folded.

A *critical boundary* is an LV c such that every event from c on came after all those before it:
what lies before needs no looking at, whatever comes after.

Invariants: `heads` is the version of everything; `crit_from` and `crit_to` hold exactly the
boundaries below `end` that are critical, as disjoint intervals in order (`end` itself is critical
too, as long as nothing comes).

Source: Gentle, Kleppmann, "Collaborative Text Editing with Eg-walker" (EuroSys 2025), section 3.5.
"""

from bisect import bisect_left, bisect_right

from plait.base.errors import BadFrame
from plait.types.walker.spans import FEW, ROOT, Name, Range, Spans, Version

__all__ = ["ROOT", "EventGraph", "Name", "Range", "Version"]


class EventGraph(Spans):
    """Spans of events in local order, with their critical boundaries."""

    __slots__ = ("crit_from", "crit_to")

    def __init__(self, first: int = 0) -> None:
        super().__init__(first)
        self.crit_from: list[int] = []
        self.crit_to: list[int] = []  # with

    # ------------------------------------------------------------------ growing

    def add(
        self,
        agent: int,
        seq: int,
        count: int,
        width: int,
        parents: Version | None,
        unseen: int | None = None,
    ) -> None:
        """`count` operations of `width` units each, one after another, from `seq` on.

        parents: of the first one; None is everything that is here. unseen: the first event that
        they have not seen, if that is known.
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
                self._limit(self.unseen(parents) if unseen is None else unseen)
            seen = parents if len(parents) < FEW else frozenset(parents)
            kept = [head for head in heads if head not in seen]
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

    def sees_before(self, boundary: int, version: Version) -> bool:
        """Whether a version has seen everything before a boundary, which all events from there on
        have."""
        if version and version[-1] >= boundary:
            return True
        return version == self.heads_at(boundary)

    def is_behind(self, version: Version, lv: int) -> bool:
        """Whether a version has seen everything before some critical boundary from an LV on."""
        index = bisect_left(self.crit_to, lv)
        if index == len(self.crit_to):
            return False
        return self.sees_before(max(self.crit_from[index], lv), version)

    def version(self, parents: Version) -> Version:
        """Heads from outside as a version; what was folded is its root. `BadFrame`."""
        if len(parents) > 1:
            parents = tuple(sorted(parents))
        for lv in parents:
            if not 0 <= lv < self.end:
                raise BadFrame(f"{parents!r} is no version of this sequence")
        if parents and parents[0] < self.first:
            return tuple([lv for lv in parents if lv >= self.first])
        return parents

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
