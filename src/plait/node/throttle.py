"""How fast bulk may go: so many bytes a second, and at most a second's worth at once.

Invariant: over any time t, no more than ``(t + BURST_S) * rate`` bytes and one piece are let go.
Time is an argument.
"""

BURST_S = 1.0


class Throttle:
    """One way's budget."""

    def __init__(self, bytes_per_s: float, now: float) -> None:
        self._rate = bytes_per_s
        self._budget = bytes_per_s * BURST_S
        self._at = now

    def take(self, size: int, now: float) -> float:
        """Take `size` bytes' worth; how many seconds to wait before they are sent."""
        earned = (now - self._at) * self._rate
        self._budget = min(self._budget + earned, self._rate * BURST_S) - size
        self._at = now
        return max(0.0, -self._budget / self._rate)
