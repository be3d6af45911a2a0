"""A text that several people edit at once: `plait.types.walker.sequence` of characters.

Typing goes through `insert` and `delete`, a call for every keystroke: they do next to nothing
while a run goes on.
"""

from typing import Any

from plait.base.errors import BadCall
from plait.types.text.rope import Rope
from plait.types.walker.graph import Name
from plait.types.walker.oplog import INSERT
from plait.types.walker.replica import ReplicatedSequence


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
