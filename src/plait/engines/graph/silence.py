"""Members that have been silent for too long: they hold garbage back, and may never return.

A member is silent while it has not said that it has seen what is here, and says nothing at all.
Who is only idle has seen everything, and is never retired for it. A copy of a store retires nobody:
it is itself who is away. Time is this process's own: it
begins anew with each restart, so an outage of ours retires nobody.
"""

from plait.graph.scope import Scope


class Silence:
    """Since when each member has been behind and silent."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._since: dict[int, tuple[int, float]] = {}  # last number heard, and when that was

    def due(self, scope: Scope, now: float) -> list[int]:
        """The members to retire."""
        if not self._limit_s or scope.members.flock():
            return []
        due = []
        for replica in scope.members.remaining():
            if replica == scope.replica:
                continue
            stream = scope.streams.get(replica)
            last = 0 if stream is None else stream.last
            behind = stream is None or any(
                seq > stream.context.get(other, 0) for other, seq in scope.vector.items()
            )
            known = self._since.get(replica)
            if not behind:
                self._since.pop(replica, None)
            elif known is None or known[0] != last:
                self._since[replica] = (last, now)
            elif now - known[1] >= self._limit_s:
                due.append(replica)
        return due
