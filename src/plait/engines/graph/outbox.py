"""The outbox: what may leave this process only when the events it tells of are on disk.

A dot that somebody else has seen must never name another event. So every message, answer and
acknowledgement that is made at a position of the write-ahead log waits here until that position
is durable; what nobody was told of may be forgotten by a crash and its dots used again.

Invariant: things leave in the order in which they came, so a peer sees one ordered stream.
"""

from collections import deque
from collections.abc import Callable

from plait.base.errors import Busy

HELD_MAX = 65_536  # messages; a disk that takes nothing must not fill the memory


class Outbox:
    """Actions by the position that they wait for."""

    def __init__(self) -> None:
        self._held: deque[tuple[int, Callable[[], None]]] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def put(self, position: int, durable: int, leave: Callable[[], None]) -> None:
        """`leave()` when `position` is durable: at once if it is, and nothing is before it."""
        if position <= durable and not self._held:
            leave()
            return
        if len(self._held) >= HELD_MAX:
            raise Busy("too many messages wait for the disk")
        self._held.append((position, leave))

    def release(self, durable: int) -> None:
        """Let go of everything that waited for nothing more."""
        held = self._held
        while held and held[0][0] <= durable:
            held.popleft()[1]()

    def clear(self) -> None:
        """Whoever was to be told is not there any more, or must not be told."""
        self._held.clear()
