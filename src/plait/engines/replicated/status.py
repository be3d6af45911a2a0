"""What people see of any replicated line: positions, and lag three ways."""

from typing import Any

from plait.line.replication.follower import Follower
from plait.line.replication.member import Member
from plait.line.replication.progress import Progress
from plait.line.replication.sender import SILENT_S, Sender


def positions_of(member: Member) -> dict[str, int]:
    """Where a member's log stands."""
    log = member.log
    return {
        "head": log.head,
        "tail": log.tail,
        "durable": log.durable,
        "committed": member.committed_told,
        "applied": member.applied,
    }


def lag_of(member: Member, role: Any, now: float) -> dict[str, float]:
    """How far this member's applied state is behind what it knows of the leader."""
    log = member.log
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


def followers_of(sender: Sender, now: float) -> dict[str, Any]:
    """What a leader knows of everybody who copies its log."""
    return {peer: _follower(sender, peer, now) for peer in sorted(sender.progress)}


def _state_of(progress: Progress, silent: bool) -> str:
    if progress.parked:
        return "parked"
    return "silent" if silent else progress.state.value


def _follower(sender: Sender, peer: str, now: float) -> dict[str, Any]:
    progress, log = sender.progress[peer], sender.log
    silent = now - progress.last_heard > SILENT_S
    return {
        "state": _state_of(progress, silent),
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
