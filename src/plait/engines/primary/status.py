"""What a member's core shows to people: role, epoch, positions, and lag three ways."""

from typing import Any

from plait.line.entry import NO_EPOCH
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader
from plait.line.replication.follower import Follower
from plait.line.replication.sender import SILENT_S


def status_of(core: PrimaryCore, now: float) -> dict[str, Any]:
    """A member's status; every size in bytes, every time in seconds."""
    member, log, role = core.member, core.member.log, core.role
    epoch = role.epoch if isinstance(role, Leader) else log.last_epoch
    status: dict[str, Any] = {
        "role": "fresh" if member.fresh else role.name,
        "leader": role.leader,
        "epoch": str(epoch) if epoch != NO_EPOCH else "none",
        "promised": str(member.promised),
        "rule": str(core.rule),
        "rule_in_force": _rule_in_force(core),
        "members": list(member.members),
        "head": log.head,
        "tail": log.tail,
        "durable": log.durable,
        "committed": member.committed_told,
        "applied": member.applied,
        "lag": lag_of(core, now),
    }
    if isinstance(role, Leader):
        status["followers"] = {
            peer: _follower(role, peer, now) for peer in sorted(role.sender.progress)
        }
    return status


def _rule_in_force(core: PrimaryCore) -> str:
    usual = core.rule.followers_needed(len(core.member.members))
    if core.k == usual:
        return str(core.rule)
    return f"any:{core.k}" if core.k else "leader"


def lag_of(core: PrimaryCore, now: float) -> dict[str, float]:
    """How far this member's applied state is behind what it knows of the leader."""
    member, log, role = core.member, core.member.log, core.role
    if not isinstance(role, Follower):
        return {"records": log.records - member.applied_records, "bytes": 0, "seconds": 0.0}
    records = max(0, role.leader_records - member.applied_records)
    size = max(0, log.bytes_end - log.bytes_before(member.applied))
    missing = role.leader_records - log.records
    if missing > 0 and log.records:
        average = log.bytes_end / max(1, log.records) or 128.0
        size += int(missing * average)
    seconds = role.lag_s(now)
    return {
        "records": records,
        "bytes": size,
        "seconds": round(seconds, 4) if seconds != float("inf") else -1.0,
    }


def _follower(role: Leader, peer: str, now: float) -> dict[str, Any]:
    progress, log = role.sender.progress[peer], role.member.log
    silent = now - progress.last_heard > SILENT_S
    return {
        "state": "silent" if silent else progress.state.value,
        "fresh": progress.fresh,
        "received": progress.received,
        "durable": progress.match,
        "applied": progress.applied,
        "lag": {
            "records": max(0, log.records - progress.applied_records),
            "bytes": max(0, log.bytes_end - log.bytes_before(progress.applied)),
            "seconds": round(progress.lag_s, 4) if progress.lag_s != float("inf") else -1.0,
        },
    }
