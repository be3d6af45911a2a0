"""The lease of this node's leader–follower lines: it leads only while a majority may know of it.

The lease is renewed by the control line: by its leader's word, or, at that leader, by a majority's
answers. When it lapses the node refuses writes and leader's reads of its leader–follower lines, so
that a leader that was cut off (and may have been replaced) does not go on for long.

This only shortens an overlap. What keeps acknowledged writes is that promotions seal, and needs
no clock; only lines with ``acks="leader"`` can acknowledge anything while cut off at all.

Each node measures with its own monotonic clock; clocks may drift by a percent or so.
"""

from typing import Protocol

from plait.base.errors import NotLeader
from plait.base.ports import Clock
from plait.line.raft.follower import RaftFollower
from plait.line.raft.leader import Leader
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost


class Owner(Protocol):
    """The node, as far as its lease needs it."""

    name: str
    clock: Clock
    config: NodeConfig
    control: LineHost
    lines: dict[str, LineHost]


LOOK_S = 0.1


class Lease:
    """Whether this node may act as the leader of leader–follower lines."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._began = node.clock.monotonic()

    def age_s(self) -> float:
        """Seconds since a majority of the nodes may have confirmed this one; 0 for a lone node."""
        raft = self._node.control.raft
        if raft is None or raft.membership.members == (self._node.name,):
            return 0.0
        now, role = self._node.clock.monotonic(), raft.core.role
        confirmed = self._began
        if isinstance(role, Leader):
            confirmed = max(confirmed, role.confirmed_at(now))
        elif isinstance(role, RaftFollower):
            confirmed = max(confirmed, role.last_heard)
        self._began = max(self._began, confirmed)
        return now - self._began

    def watch(self) -> None:
        """Look: nobody may wait for a leader that was cut off, or take its commits for all."""
        for host in list(self._node.lines.values()):
            if host.primary is not None and host.leads:
                lapsed = ""
                try:
                    self.check(host)
                except NotLeader as error:
                    lapsed = error.message
                    host.primary.give_up(lapsed)
                host.primary.doubt(bool(lapsed))

    def check(self, host: LineHost) -> None:
        """Raise `NotLeader` if the lease has lapsed and the line depends on it."""
        limit = self._node.config.limits.lease_s
        if host.primary is None or not limit:
            return
        age_s = self.age_s()
        if age_s > limit:
            raise NotLeader(
                f"{self._node.name} has not heard from a majority of the nodes for {age_s:.1f} s "
                f"and may have been replaced on {host.line}"
            )
