"""A text that several people edit at once: `plait.types.walker.sequence` of characters.

Typing goes through `insert` and `delete`, a call for every keystroke: they do next to nothing
while a run goes on.
"""

from collections.abc import Collection
from typing import Any

from plait.base.errors import BadCall
from plait.types.text.rope import Rope
from plait.types.walker.graph import Name
from plait.types.walker.oplog import INSERT
from plait.types.walker.replica import ReplicatedSequence
from plait.types.walker.walker import Walker


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
