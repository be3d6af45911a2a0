"""Ack rules: how many copies make an entry committed, and how many members must report so that a
promotion cannot miss one.

With m members, a rule asks for the leader and k others. A committed entry therefore is on k + 1
members, and m - k members are enough to meet every such set: whoever promotes needs the promises
of m - k members, itself included. (The design counts n = m - 1 followers: n - k + 1 = m - k.)
A `leader` rule (k = 0) would need every member, the lost leader too; it promotes with the quorum
of `majority` instead, and its unreplicated suffix is kept as rescued.

`any:K@other-zone` asks for K followers outside the leader's zone. A committed entry is on a set
that *spans*: one member of it has K others of it outside its own zone. Whoever promotes needs
promises of so many that the rest do not span (decision 21).
"""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from plait.base.errors import BadSettings, RuleUnmet

CONSENSUS = "consensus"  # in place of a rule: a line that a majority orders

OTHER_ZONE = "other-zone"  # no zone is called so

_ANY = re.compile(r"any:([1-9][0-9]{0,2})(@other-zone)?\Z")

Zones: TypeAlias = Mapping[str, str]  # member to zone; who has none is not there
NOWHERE: Zones = MappingProxyType({})


class AckRule(msgspec.Struct, frozen=True):
    """`leader`, `any:k`, `any:k@other-zone`, `majority` or `all`."""

    text: str

    @staticmethod
    def parse(text: str) -> "AckRule":
        """The rule that `text` names, or `BadSettings`."""
        if not isinstance(text, str) or not (
            text in ("leader", "majority", "all") or _ANY.match(text)
        ):
            raise BadSettings(
                f"acks={text!r} is not a rule; use 'leader', 'any:K', 'majority', 'all' or "
                "'any:K@other-zone'"
            )
        return AckRule(text)

    @property
    def by_zone(self) -> bool:
        """Whether it asks where followers are."""
        return self.text.endswith(OTHER_ZONE)

    def check(self, members: Collection[str], zones: Zones) -> None:
        """Raise `RuleUnmet` unless these members can meet the rule, whoever of them leads."""
        k = self.followers_needed(len(members))
        if not self.by_zone:
            return
        for leader in sorted(members):
            others = len(elsewhere(members, zones, leader))
            if others < k:
                why = f"only {others} of the line's members are known to be outside its zone"
                if leader not in zones:
                    why = "it has no zone"
                raise RuleUnmet(
                    f"acks={self.text!r} could not be met if {leader} led: {why}",
                    members=len(members),
                )

    def followers_needed(self, members: int) -> int:
        """k, the followers that must have an entry on disk beside the leader.

        Raises `RuleUnmet` if so few members can never meet the rule.
        """
        if self.text == "leader":
            return 0
        if self.text == "majority":
            return members // 2
        if self.text == "all":
            return members - 1
        k = int(self.text[4:].partition("@")[0])
        if k > members - 1:
            raise RuleUnmet(
                f"acks={self.text!r} needs {k} followers, the line has {members - 1}",
                members=members,
            )
        return k

    def promises_needed(self, members: int) -> int:
        """How many members, the candidate included, must promise and report to promote safely."""
        k = self.followers_needed(members)
        return members - (k if self.text != "leader" else members // 2)

    def __str__(self) -> str:
        return self.text


def acknowledged(positions: list[int], k: int) -> int:
    """The highest position that at least `k` of the followers' positions have reached."""
    if k == 0:
        raise ValueError("the leader alone decides when k is 0")
    return sorted(positions, reverse=True)[k - 1]


def elsewhere(names: Collection[str], zones: Zones, leader: str) -> list[str]:
    """Who of `names` is known to be in another zone than `leader`."""
    here = zones.get(leader)
    if here is None:
        return []
    return [name for name in sorted(names) if zones.get(name, here) != here]


def spans(names: Collection[str], zones: Zones, k: int) -> bool:
    """Whether one of `names` has `k` others of them outside its own zone."""
    return any(len(elsewhere(names, zones, leader)) >= k for leader in names)


def acknowledged_elsewhere(
    half: Collection[str], zones: Zones, k: int, leader: str, position_of: Callable[[str], int]
) -> int:
    """The highest position that the leader and `k` of `half` outside its zone have reached.

    Where the leader is not of `half`, any of `half` may stand for it: what has reached so far is
    on a set that spans, which is all that a promotion relies on.
    """
    return max(
        min(position_of(one), acknowledged([position_of(name) for name in others], k))
        for one in sorted({leader} & {*half} or {*half})
        if len(others := elsewhere(half, zones, one)) >= k
    )
