"""The ack rule in force, counted over the voters and, while joint, over both halves of them.

::

    committed      k + 1 members of every half have it on disk; the leader is one where it belongs
    promised       m - k members of every half promised and reported

    by zones:
    committed      the leader has it, and k members of every half outside the leader's zone
    promised       so many of every half that no k + 1 of the rest span zones (`quorum.spans`)

The two meet in any half that the leader's membership and the candidate's have in common, and
memberships that follow each other have one: so no promotion misses a committed entry.

Invariant: what is asked for depends on the half and its zones alone, never on whether its members
come, stay or go. A candidate that knows the old membership only and a leader that is joint must
count the old half alike; so a half carries the zones that it counts by.
"""

from collections.abc import Callable, Collection

from plait.base.errors import RuleUnmet
from plait.line.membership import Membership
from plait.line.quorum import (
    NOWHERE,
    AckRule,
    Zones,
    acknowledged,
    acknowledged_elsewhere,
    spans,
)

Half = tuple[str, ...]


class RuleInForce:
    """A line's rule, and what it was changed to; every role of a member shares one."""

    def __init__(self, rule: AckRule) -> None:
        self.rule = rule
        self._changed: int | None = None

    def change(self, k: int, voters: Half) -> None:
        """From now on `k` followers are asked for; the usual number ends a change."""
        self._changed = None if k == self.usual(voters) else k

    def usual(self, half: Half, zones: Zones = NOWHERE) -> int:
        """What the rule itself asks for: everybody, where a forced recovery left too few."""
        can = self._can_be_met(half, zones)
        return self.rule.followers_needed(len(half)) if can else len(half) - 1

    def text(self, half: Half, zones: Zones = NOWHERE) -> str:
        """The rule in force, for people: the rule's own name only where it is met in full."""
        k = self.k(half, zones)
        whole = not half or (k == self.usual(half, zones) and self._can_be_met(half, zones))
        return self.rule.text if whole else f"any:{k}" if k else "leader"

    def _can_be_met(self, half: Half, zones: Zones) -> bool:
        try:
            self.rule.check(half, zones)
        except RuleUnmet:
            return False
        return True

    def k(self, half: Half, zones: Zones = NOWHERE) -> int:
        """How many followers of `half` must have an entry beside the leader."""
        if not half:
            return 0  # a member that waits to be told who the members are
        if self._changed is None:
            return self.usual(half, zones)
        return min(self._changed, len(half) - 1)

    def spanning(self, half: Half, zones: Zones) -> int:
        """How many followers outside the leader's zone are asked for; 0 where it is not places
        that count: by any other rule, and where `half` could not meet this one."""
        if not self.rule.by_zone or self._changed is not None or not half:
            return 0
        met = self._can_be_met(half, zones)
        return self.rule.followers_needed(len(half)) if met else 0

    # ------------------------------------------------------------------ counting

    def committed(
        self, membership: Membership, leader: str, position_of: Callable[[str], int]
    ) -> int:
        """The position that enough members of every half have on disk, the leader among them."""
        reached = [position_of(leader)]
        if self.rule.by_zone:
            reached += self._committed_by_zone(membership, leader, position_of)
            return min(reached)
        for half in membership.halves:
            reached += self._counted(half, NOWHERE, leader, position_of)
        return min(reached)

    def _committed_by_zone(
        self, membership: Membership, leader: str, position_of: Callable[[str], int]
    ) -> list[int]:
        reached: list[int] = []
        for half, zones in membership.zoned_halves:
            k = self.spanning(half, zones)
            if k:
                reached.append(acknowledged_elsewhere(half, zones, k, leader, position_of))
            else:
                reached += self._counted(half, zones, leader, position_of)
        return reached

    def _counted(
        self, half: Half, zones: Zones, leader: str, position_of: Callable[[str], int]
    ) -> list[int]:
        needed = self.k(half, zones) + (leader not in half)
        others = [position_of(name) for name in half if name != leader]
        return [acknowledged(others, needed)] if needed else []

    def confirmed(self, membership: Membership, names: Collection[str]) -> bool:
        """Whether `names` leave too few others, in every half, for a promotion without them."""
        return all(
            not self._may_promote(half, zones, [name for name in half if name not in names])
            for half, zones in membership.zoned_halves
        )

    def promised(self, membership: Membership, names: Collection[str]) -> bool:
        """Whether the promises of `names` meet every set that can have committed an entry."""
        return all(
            self._may_promote(half, zones, [name for name in half if name in names])
            for half, zones in membership.zoned_halves
        )

    def _may_promote(self, half: Half, zones: Zones, names: Collection[str]) -> bool:
        """Whether whatever `half` may have committed without `names` is nothing."""
        k = self.spanning(half, zones)
        if k:
            return not spans([name for name in half if name not in names], zones, k)
        return len(names) >= self.promises_needed(half, zones)

    def promises_needed(self, half: Half, zones: Zones = NOWHERE) -> int:
        """How many members of `half` must promise, where it does not matter which; as with
        `majority` where k is 0."""
        return len(half) - (self.k(half, zones) or len(half) // 2)

    def shortfall(self, membership: Membership, names: Collection[str]) -> str:
        """Which of the members needed `names` are, for people."""
        counts = [self._shortfall(half, zones, names) for half, zones in membership.zoned_halves]
        if not membership.joint:
            return f"{counts[0]} reported"
        return f"{counts[1]} of before and {counts[0]} from now on reported"

    def _shortfall(self, half: Half, zones: Zones, names: Collection[str]) -> str:
        among = [name for name in half if name in names]
        k = self.spanning(half, zones)
        if not k:
            return f"{len(among)} of the {self.promises_needed(half, zones)} members needed"
        silent = sorted({zones[name] for name in half if name not in names})
        unheard = f"what {' and '.join(silent)} may hold together is not known"
        return f"{len(among)} of {len(half)} members ({unheard})"
