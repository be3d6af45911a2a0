"""Whom a follower takes entries from, if not from its leader, and whether that one keeps up.

The source is well as long as it has, `WELL_S` later at most, what the leader said it had
committed. While it is, the follower tells its leader, which then sends signs of life only. One
that is silent, cut off, or too far behind is not, so that the leader steps in; once it has caught
up it is well again. What the leader says meanwhile is measured, so the source needs no clock.

Invariant: `_well_at` is a moment at which the source had everything that the leader had told of,
or at which it was chosen: a new one has `WELL_S` to begin.
"""

WELL_S = 2.0


class Source:
    """One member's source; without a name it is the leader."""

    def __init__(self) -> None:
        self.name = ""
        self._well_at = float("-inf")
        self._told = 0  # what the leader had committed
        self._told_at: float | None = None  # when it said so; None: the source has had it since

    def choose(self, name: str, now: float) -> None:
        """Take entries from `name` from now on; "" for the leader."""
        if name != self.name:
            self.name = name
            self._well_at, self._told_at = now, None

    def led(self, commit: int, now: float) -> None:
        """The leader said what it has committed."""
        if self._told_at is None or commit < self._told:
            self._told, self._told_at = commit, now

    def has(self, commit: int, now: float) -> None:
        """The source passed on what matches our log, and said what it knows to be committed."""
        if commit >= self._told:
            self._well_at = now if self._told_at is None else self._told_at
            self._told_at = None

    def copying(self, now: float) -> None:
        """The source is sending a copy of the state."""
        self._well_at = now

    def well(self, now: float) -> bool:
        """Whether the leader need not send entries."""
        return bool(self.name) and now - self._well_at <= WELL_S
