"""What a Raft member shows to people: role, term, vote, members, positions and lag."""

from typing import Any

from plait.engines.replicated.status import followers_of, lag_of, positions_of
from plait.line.entry import NO_EPOCH
from plait.line.quorum import CONSENSUS
from plait.line.raft.core import RaftCore
from plait.line.raft.leader import Leader


def status_of(core: RaftCore, now: float) -> dict[str, Any]:
    """A member's status; every size in bytes, every time in seconds."""
    member, log, role = core.member, core.member.log, core.role
    membership = member.membership
    epoch = role.epoch if isinstance(role, Leader) else log.last_epoch
    status: dict[str, Any] = {
        "role": "fresh" if member.fresh else _role(core),
        "leader": role.leader,
        "epoch": str(epoch) if epoch != NO_EPOCH else "none",
        "term": member.term,
        "vote": member.vote or None,
        "rule": CONSENSUS,
        "rule_in_force": CONSENSUS,
        "members": list(membership.voters),
        **positions_of(member),
        "lag": lag_of(member, role, now),
    }
    if membership.joint:
        status["outgoing"] = list(membership.outgoing)
    if membership.learners:
        status["learners"] = list(membership.learners)
    if membership.witnesses:
        status["witnesses"] = list(membership.witnesses)
    if isinstance(role, Leader):
        status["followers"] = followers_of(role.sender, now)
    return status


def _role(core: RaftCore) -> str:
    member, role = core.member, core.role
    if role.name == "follower" and not member.votes:
        return "learner"
    return role.name
