"""Company: among whom the states of a line are compared, and who does what about it.

A group has members and a leader: they report to the leader, who logs audits and verdicts. Where a
shared engine orders a line every node may log, and nobody leads. There the company is all nodes
that the control line names; they tell each other, the first by name logs an audit when it is time,
the others later, in turn, and the first of those who agree pronounces the verdict.

Invariant: whoever pronounces a verdict has the state that a majority of the company has. Two who
see the company differently may both log: what is said twice is said once. Source: decision 6.
Absent: what is compared, and when (`node.audit`).
"""

from typing import Protocol

from plait.line.membership import Membership
from plait.node.line_host import LineHost


class Owner(Protocol):
    """The node, as far as its company matters."""

    name: str
    down: set[str]

    @property
    def membership(self) -> Membership: ...


class Company:
    """Of each line at one node."""

    def __init__(self, node: Owner) -> None:
        self._node = node

    def membership(self, host: LineHost) -> Membership:
        """Whose majority counts."""
        return self._node.membership if host.group is None else host.membership

    def with_states(self, host: LineHost) -> set[str]:
        """Everybody but the witnesses."""
        membership = self.membership(host)
        return set(membership.members) - set(membership.witnesses)

    def told(self, host: LineHost) -> tuple[str, ...]:
        """To whom this node reports; nobody where no leader is known."""
        if host.group is None:
            return tuple(sorted(self.with_states(host)))
        leader = self._node.name if host.leads else host.leader
        return () if leader is None else (leader,)

    def turn(self, host: LineHost) -> int:
        """How many have to have let an audit pass before this node logs one."""
        if host.group is not None:
            return 0
        before = [name for name in self.told(host) if name < self._node.name]
        return sum(name not in self._node.down for name in before)

    def pronounces(self, host: LineHost, agreeing: list[str]) -> bool:
        """Whether it is for this node to log what a majority has."""
        return host.group is not None or self._node.name == min(agreeing)
