"""Presence: who is here and what they point at. It is told, never stored.

Each replica has one entry, a value that MessagePack carries. Whoever sets it says it again every
`REFRESH_S`, and everybody forgets it `TTL_S` after it was last heard, so nobody has to leave in an
orderly way. A newer entry of the same replica replaces an older one by its count, which begins at
the wall clock so that a restart goes on above what was said before.

Absent: delivery guarantees of any kind.
"""

from collections.abc import Callable
from typing import Any

import msgspec

REFRESH_S = 10.0
TTL_S = 30.0
ENTRIES_MAX = 4096
VALUE_BYTES_MAX = 16 * 1024


class Present(msgspec.Struct, frozen=True, array_like=True, tag=98):
    """What one replica says of itself; None: it has left."""

    lineage: int
    replica: int
    count: int  # newer ones are greater
    value: Any


class Presence:
    """What is known of everybody, own entry included. Time is an argument, in seconds."""

    def __init__(self, lineage: int, tell: Callable[[int, Any], None]) -> None:
        self._lineage = lineage
        self._tell = tell  # (replica, value or None), whenever it changed
        self._heard: dict[int, tuple[Present, float]] = {}  # with when it ends
        self._mine: Present | None = None
        self._refresh_at = 0.0

    def set(self, replica: int, value: Any, now: float, now_ms: int) -> Present:
        """Say something of oneself, None to leave; the message for every peer."""
        count = now_ms if self._mine is None else max(now_ms, self._mine.count + 1)
        self._mine = mine = Present(self._lineage, replica, count, value)
        self._refresh_at = now + REFRESH_S
        self.hear(mine, now)
        return mine

    def hear(self, message: Present, now: float) -> bool:
        """What a replica says of itself; whether that was news, which others should hear."""
        known = self._heard.get(message.replica)
        if known is not None and known[0].count >= message.count:
            return False
        if known is None and (message.value is None or len(self._heard) >= ENTRIES_MAX):
            return False
        if message.value is None:
            del self._heard[message.replica]
        else:
            self._heard[message.replica] = (message, now + TTL_S)
        if known is None or known[0].value != message.value:
            self._tell(message.replica, message.value)
        return True

    def everybody(self) -> dict[int, Any]:
        """Value by replica."""
        return {replica: message.value for replica, (message, _) in sorted(self._heard.items())}

    def entries(self) -> list[Present]:
        """What a peer that has just come should hear."""
        return [message for _, (message, _) in sorted(self._heard.items())]

    def tick(self, now: float, now_ms: int) -> Present | None:
        """Forget whom was not heard of; the own entry if it is time to say it again."""
        for replica, (_, ends) in list(self._heard.items()):
            if ends <= now:
                del self._heard[replica]
                self._tell(replica, None)
        mine = self._mine
        if mine is None or mine.value is None or now < self._refresh_at:
            return None
        return self.set(mine.replica, mine.value, now, now_ms)

    @property
    def deadline(self) -> float:
        """When `tick` is next of use; infinite if never."""
        ends = [ends for _, ends in self._heard.values()]
        if self._mine is not None and self._mine.value is not None:
            ends.append(self._refresh_at)
        return min(ends, default=float("inf"))
