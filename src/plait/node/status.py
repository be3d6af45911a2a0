"""What people want to know of a node, as one JSON-like value."""

from importlib.metadata import version
from typing import Any

from msgspec.structs import asdict

from plait.node.node import Node
from plait.types.control_zones import preferred_zones

VERSION = version("plait")


def status_of(node: Node) -> dict[str, Any]:
    """Identity, health, lines with roles, positions and lag, tables; sizes in bytes, times in s."""
    reason = node.storage.log.read_only or node.space.refusal
    rescued: dict[str, int] = {}
    for suffix in node.storage.log.rescued():
        rescued[suffix.line] = rescued.get(suffix.line, 0) + 1
    lines = {}
    for host in node.hosts():
        status = host.status()
        status["leader"] = node.name if host.leads else status["leader"]
        failover = node.failover.status(host.line)
        if failover is not None:
            status["failover"] = failover
        status["audit"] = node.audits.status(host)
        if wanted := preferred_zones(node.control.replica.view, host.line):
            status["leader_wanted_in"] = list(wanted)
        status["rescued"] = rescued.get(host.line, 0)
        lines[host.line] = status
    lines |= node.line_opening.status()
    tables = node.control_machine.tables(node.control.replica.view)
    return {
        "node": node.name,
        "cluster": node.cluster,
        "address": node.address,
        "doors": dict(node.doors),
        "zone": dict(node.membership.zones).get(node.name),
        "members": dict(node.addresses()),
        "links": {peer: link.refused or link.up for peer, link in node.links.items()},
        "traffic": {
            peer: {"said_bytes": link.said_bytes, "sent_bytes": link.sent_bytes}
            for peer, link in node.links.items()
        },
        "uptime_s": round(node.clock.monotonic() - node.started, 3),
        "read_only": None if reason is None else str(reason),
        "suspect": node.storage.log.suspect,
        "diverged": node.audits.findings() or None,
        "versions": node.versions.status(),
        "clock_ms": node.clock.wall_ms(),
        "version": VERSION,
        "limits": asdict(node.config.limits),
        "disk": node.space.status(),
        "log_commits": getattr(node.storage.log, "commits", None),  # of a disk: no other log has it
        "memory_bytes": node.memory_bytes(),
        "follower": node.followers.status(),
        "history": node.history.status(),
        "source": node.sources.status(),
        "only": None if node.choices.mine is None else list(node.choices.mine),
        "lines": lines,
        "documents": node.graphs.status(),
        "relays": node.relays.status(),
        "tables": [
            {"name": table.name, "line": table.line, "acks": table.acks, "degrade": table.degrade}
            for table in tables
        ],
    }
