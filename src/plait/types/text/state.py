"""A text that several people edit at once: `plait.types.walker.sequence` of characters.

Typing goes through `insert` and `delete`, a call for every keystroke: they do next to nothing
while a run goes on.
"""

from collections.abc import Collection, Iterable
from typing import Any

from plait.base.errors import BadCall
from plait.types.text.diff import edits_between
from plait.types.text.marked import UNMARKED, MarkedText
from plait.types.text.marking import Marked
from plait.types.text.marks import Value, checked_body, is_body, merged
from plait.types.text.rope import Rope
from plait.types.walker.graph import Name
from plait.types.walker.oplog import INSERT, MARK
from plait.types.walker.replica import DraftMark, ReplicatedSequence
from plait.types.walker.walker import Patch, Walker


class TextState(ReplicatedSequence[Rope]):
    """The text, and the event graph of what is not folded."""

    def __init__(self, agent: Name = 0, text: str = "") -> None:
        super().__init__(Rope(text), agent)
        self._number = self.graph.agent(agent)
        self._own = 1  # the number of the next own unit

    def joined(self, pile: list[Any]) -> str:
        """One string."""
        return "".join(pile)

    def is_content(self, value: Any) -> bool:
        """Text that is not empty."""
        return type(value) is str and bool(value)

    def is_mark(self, value: Any, room: int) -> bool:
        """See `plait.types.text.marks`."""
        return is_body(value) and bool(value[0] <= room)

    def text(self) -> str:
        """All of it."""
        return self.items.text()

    def slice(self, start: int, stop: int) -> str:
        """The text from `start` to `stop`; 0 <= start <= stop <= length."""
        return self.items.slice(start, stop)

    def without(self, dots: Collection[tuple[Name, int]]) -> str:
        """The text as if these operations, which no other has seen, had not happened; but what
        they deleted of what was folded is not known any more, and stays away."""
        self.close_run()
        self.thaw()
        graph, log, text = self.graph, self.log, self.text()
        last = [graph.end_of(span) - 1 for span in range(len(graph.starts))]
        gone = [lv for dot in dots if (lv := graph.last_seen(*dot)) >= 0]
        heads = [lv for lv in last if lv not in gone]
        for lv in gone:
            heads += [
                parent for parent in graph.parents_of(self._first_unit(lv)) if parent not in gone
            ]
        walker = Walker(graph, log, graph.first, len(self))
        walker.move(graph.dominators([lv for lv in heads if lv >= graph.first]))
        parts: list[str] = []
        for item, size, now in walker.prepared():
            if item >= 0:
                parts += [run.content for run in log.runs(item, item + size)]
            elif now >= 0:
                parts.append(text[now : now + size])
        return "".join(parts)

    def _first_unit(self, lv: int) -> int:
        span = self.graph.span_at(lv)
        return lv - (lv - self.graph.starts[span]) % self.graph.widths[span]

    def insert(self, pos: int, text: str) -> None:
        """Put text before the character at `pos`. `BadCall` for no place in the text."""
        size = len(text)
        goes_on = self._kind == INSERT and pos == self._next and self.trail is None
        if goes_on and self._author == self._number and self._own == self._seq + self._size:
            self._pile.append(text)
            self._next = pos + size
            self._size += size
            self._count += size
            self._length += size
            self._own += size
            return
        if not 0 <= pos <= self._length:
            raise BadCall(f"position {pos} of a text of {self._length} characters")
        if size:
            self.put(self._number, self._own, size, 1, pos, text)
            self._own += size

    def delete(self, pos: int, size: int = 1) -> None:
        """Take text away. `BadCall` for what is not there."""
        if pos < 0 or size < 0 or pos + size > self._length:
            raise BadCall(
                f"characters {pos} to {pos + size} of a text of {self._length} characters"
            )
        if size:
            self.put(self._number, self._own, size, 1, pos, size)
            self._own += size

    def changes_to(self, items: Rope) -> Iterable[Patch]:
        """As few as possible: who holds a place in the text keeps it."""
        for pos, gone, content in edits_between(self._items.text(), items.text()):
            if gone:
                yield pos, gone, None
            if content:
                yield pos, 0, content

    # ------------------------------------------------------------------ marks

    def mark(self, pos: int, size: int, name: str, value: Value, expand: str = "after") -> None:
        """Put a mark on characters; None takes the marks of this name away. `BadCall` for what is
        not there, `BadValue` for what is no mark."""
        body = checked_body(pos, size, name, value, expand, self._length)
        if size:
            self.add(self.agent, self._own, [pos, body])
            self._own += 1

    def marked(self) -> Marked:
        """What covers the text now."""
        self.close_run()
        if self.marks is None:
            if MARK not in self.log.kinds:
                return UNMARKED
            self.marks = MarkedText(UNMARKED)
        self.thaw()
        found: Marked = self.marks.at(self.graph, self.log, self.graph.end)
        return found

    def spans(self) -> list[tuple[int, dict[str, Value]]]:
        """What the marks come to, from the beginning: (characters, values by name), neighbours
        differ; what lies behind the last one is unmarked."""
        marked = self.marked()
        return merged(marked.spans, marked.marks)

    def about_to_fold(self, boundary: int) -> None:
        """Keep the marks of the root."""
        if self.marks is None and MARK in self.log.kinds:
            self.marks = MarkedText(UNMARKED)
        if self.marks is not None:
            self.marks.fold(self.graph, self.log, boundary)

    def discard_draft(self, mark: DraftMark) -> None:
        """As it was at the mark."""
        super().discard_draft(mark)
        if self.marks is not None:
            self.marks.cut_back(mark.end)
