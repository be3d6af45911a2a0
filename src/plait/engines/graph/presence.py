"""Presence: who is here and what they point at. It is told, never stored.

Each replica has one entry, a value that MessagePack carries. Whoever sets it says it again
`REFRESHES` times within the time that it lives, and everybody forgets it when that has passed since
it was last heard, so nobody has to leave in an orderly way. Whoever hears something new passes it
on, so it reaches everybody in any topology; the count, which begins at the wall clock so that a
restart goes on above what was said before, tells what is new.

Absent: delivery guarantees of any kind.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from plait.graph.messages import Presence

TTL_S = 30.0
TTL_MAX_S = 3600.0
REFRESHES = 3
ENTRIES_MAX = 4096


class _Mine(NamedTuple):
    """What this replica says of itself."""

    replica: int
    number: int
    value: Any
    lives_s: float


class Presences:
    """What is known of everybody, own entry included. Time is an argument, in seconds."""

    def __init__(self, lineage: bytes) -> None:
        self.tell: Callable[[int, Any], None] | None = None  # (replica, value; None: it left)
        self._lineage = lineage
        self._heard: dict[int, tuple[int, Any, float]] = {}  # count, value, when it ends
        self._mine: _Mine | None = None
        self._refresh_at = float("inf")

    @property
    def mine(self) -> int | None:
        """The id that this replica has said something under and not left; None: it did not."""
        mine = self._mine
        return None if mine is None or mine.value is None else mine.replica

    def set(
        self, replica: int, value: Any, now: float, now_ms: int, lives_s: float = TTL_S
    ) -> Presence:
        """Say something of oneself, None to leave; the message for every peer."""
        count = now_ms if self._mine is None else max(now_ms, self._mine.number + 1)
        self._mine = _Mine(replica, count, value, lives_s)
        self._refresh_at = float("inf") if value is None else now + lives_s / REFRESHES
        self._hear(replica, count, value, lives_s, now)
        return self._message(replica, count, value, lives_s)

    def renamed(self, replica: int, now: float, now_ms: int) -> list[Presence]:
        """This replica has another id now: it leaves under the old one, and says the same."""
        mine = self._mine
        if mine is None or mine.value is None:
            return []
        left = self.set(mine.replica, None, now, now_ms)
        return [left, self.set(replica, mine.value, now, now_ms, mine.lives_s)]

    def hear(self, message: Presence, now: float) -> bool:
        """What somebody says of itself; whether that was news, which others should hear."""
        news = False
        for _, said, lives_ms in message.entries:
            match said:
                case [int(count), value]:
                    lives_s = min(lives_ms / 1000, TTL_MAX_S)
                    news |= self._hear(message.replica, count, value, lives_s, now)
        return news

    def everybody(self) -> dict[int, Any]:
        """Value by replica."""
        return {replica: value for replica, (_, value, _) in sorted(self._heard.items())}

    def messages(self, now: float) -> list[Presence]:
        """What a peer that has just come should hear."""
        return [
            self._message(replica, count, value, ends - now)
            for replica, (count, value, ends) in sorted(self._heard.items())
        ]

    def tick(self, now: float, now_ms: int) -> Presence | None:
        """Forget who was not heard of; the own entry if it is time to say it again."""
        for replica, (_, _, ends) in list(self._heard.items()):
            if ends <= now:
                del self._heard[replica]
                self._told(replica, None)
        if self._mine is None or now < self._refresh_at:
            return None
        return self.set(self._mine.replica, self._mine.value, now, now_ms, self._mine.lives_s)

    @property
    def deadline(self) -> float:
        """When `tick` is next of use; infinite if never."""
        return min([ends for _, _, ends in self._heard.values()] + [self._refresh_at])

    def _hear(self, replica: int, count: int, value: Any, lives_s: float, now: float) -> bool:
        known = self._heard.get(replica)
        if known is not None and known[0] >= count:
            return False
        if known is None and (value is None or len(self._heard) >= ENTRIES_MAX):
            return False
        if value is None:
            del self._heard[replica]
        else:
            self._heard[replica] = (count, value, now + lives_s)
        if known is None or known[1] != value:
            self._told(replica, value)
        return True

    def _told(self, replica: int, value: Any) -> None:
        if self.tell is not None:
            self.tell(replica, value)

    def _message(self, replica: int, count: int, value: Any, lives_s: float) -> Presence:
        lives_ms = max(0, int(lives_s * 1000))
        return Presence(self._lineage, replica, (("", [count, value], lives_ms),))
