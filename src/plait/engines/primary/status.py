"""What a leader–follower member shows to people: role, epoch, rule, positions and lag."""

from typing import Any

from plait.engines.replicated.status import followers_of, lag_of, positions_of
from plait.line.entry import NO_EPOCH
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader


def status_of(core: PrimaryCore, now: float) -> dict[str, Any]:
    """A member's status; every size in bytes, every time in seconds."""
    member, log, role = core.member, core.member.log, core.role
    epoch = role.epoch if isinstance(role, Leader) else log.last_epoch
    membership = member.membership
    status: dict[str, Any] = {
        "role": "fresh" if member.fresh else role.name,
        "leader": role.leader,
        "epoch": str(epoch) if epoch != NO_EPOCH else "none",
        "promised": str(member.promised),
        "rule": str(core.rule),
        "rule_in_force": core.rule_in_force.text(member.members, dict(membership.zones)),
        "members": list(member.members),
        **positions_of(member),
        "lag": lag_of(member, role, now),
    }
    if membership.joint:
        status["outgoing"] = list(membership.outgoing)
    if membership.zones:
        status["zones"] = dict(membership.zones)
    if membership.learners:
        status["learners"] = list(membership.learners)
    if isinstance(role, Leader):
        status["followers"] = followers_of(role.sender, now)
    return status
