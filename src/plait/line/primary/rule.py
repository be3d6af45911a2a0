"""The ack rule in force, counted over the voters and, while joint, over both halves of them.

::

    committed      k + 1 members of every half have it on disk; the leader is one where it belongs
    promised       m - k members of every half promised and reported

The two meet in any half that the leader's membership and the candidate's have in common, and
memberships that follow each other have one: so no promotion misses a committed entry.

Invariant: k depends on the half alone, never on whether its members come, stay or go. A candidate
that knows the old membership only and a leader that is joint must count the old half alike.
"""

from collections.abc import Callable, Collection

from plait.base.errors import RuleUnmet
from plait.line.membership import Membership
from plait.line.quorum import AckRule, acknowledged

Half = tuple[str, ...]


class RuleInForce:
    """A line's rule, and what it was changed to; every role of a member shares one."""

    def __init__(self, rule: AckRule) -> None:
        self.rule = rule
        self._changed: int | None = None

    def change(self, k: int, voters: Half) -> None:
        """From now on `k` followers are asked for; the usual number ends a change."""
        self._changed = None if k == self.usual(voters) else k

    def usual(self, half: Half) -> int:
        """What the rule itself asks for: everybody, where a forced recovery left too few."""
        can = self._can_be_met(half)
        return self.rule.followers_needed(len(half)) if can else len(half) - 1

    def text(self, half: Half) -> str:
        """The rule in force, for people: the rule's own name only where it is met in full."""
        k = self.k(half)
        whole = not half or (k == self.usual(half) and self._can_be_met(half))
        return self.rule.text if whole else f"any:{k}" if k else "leader"

    def _can_be_met(self, half: Half) -> bool:
        try:
            self.rule.followers_needed(len(half))
        except RuleUnmet:
            return False
        return True

    def k(self, half: Half) -> int:
        """How many followers of `half` must have an entry beside the leader."""
        if not half:
            return 0  # a member that waits to be told who the members are
        if self._changed is None:
            return self.usual(half)
        return min(self._changed, len(half) - 1)

    def promises_needed(self, half: Half) -> int:
        """How many members of `half` must promise; as with `majority` where k is 0."""
        return len(half) - (self.k(half) or len(half) // 2)

    # ------------------------------------------------------------------ counting

    def committed(
        self, membership: Membership, leader: str, position_of: Callable[[str], int]
    ) -> int:
        """The position that enough members of every half have on disk, the leader among them."""
        reached = [position_of(leader)]
        for half in membership.halves:
            others = [position_of(name) for name in half if name != leader]
            needed = self.k(half) + (leader not in half)
            if needed:
                reached.append(acknowledged(others, needed))
        return min(reached)

    def confirmed(self, membership: Membership, names: Collection[str]) -> bool:
        """Whether `names` leave too few others, in every half, for a promotion without them."""
        return all(
            _among(half, names) > len(half) - self.promises_needed(half)
            for half in membership.halves
        )

    def promised(self, membership: Membership, names: Collection[str]) -> bool:
        """Whether the promises of `names` meet every set that can have committed an entry."""
        return all(_among(half, names) >= self.promises_needed(half) for half in membership.halves)

    def shortfall(self, membership: Membership, names: Collection[str]) -> str:
        """How many of the members needed `names` are, for people."""
        counts = [
            f"{_among(half, names)} of the {self.promises_needed(half)} members needed"
            for half in membership.halves
        ]
        if not membership.joint:
            return f"{counts[0]} reported"
        return f"{counts[1]} of before and {counts[0]} from now on reported"


def _among(half: Half, names: Collection[str]) -> int:
    return sum(name in names for name in half)
