"""Ack rules: how many copies make an entry committed, and how many members must report so that a
promotion cannot miss one.

With m members, a rule asks for the leader and k others. A committed entry therefore is on k + 1
members, and m - k members are enough to meet every such set: whoever promotes needs the promises
of m - k members, itself included. (The design counts n = m - 1 followers: n - k + 1 = m - k.)
A `leader` rule (k = 0) would need every member, the lost leader too; it promotes with the quorum
of `majority` instead, and its unreplicated suffix is kept as rescued.
"""

import re

import msgspec

from plait.base.errors import BadSettings, RuleUnmet

CONSENSUS = "consensus"  # in place of a rule: a line that a majority orders

_ANY = re.compile(r"any:([1-9][0-9]{0,2})\Z")


class AckRule(msgspec.Struct, frozen=True):
    """`leader`, `any:k`, `majority` or `all`."""

    text: str

    @staticmethod
    def parse(text: str) -> "AckRule":
        """The rule that `text` names, or `BadSettings`."""
        if not isinstance(text, str) or not (
            text in ("leader", "majority", "all") or _ANY.match(text)
        ):
            raise BadSettings(
                f"acks={text!r} is not a rule; use 'leader', 'any:K', 'majority' or 'all'"
            )
        return AckRule(text)

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
        k = int(self.text[4:])
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
