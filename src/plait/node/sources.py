"""Who feeds whom, as the control line has it, and what comes of it at this node.

A follower without a vote may take the entries of every line, and copies of its state, from
another follower instead of from whoever leads, so that they cross a slow link once. Its source
passes them on once they are committed (`line.replication.passing`). It tells its leader as long as
that goes well; else the leader sends them (`line.replication.source`).

A node that votes is fed by leaders, whatever the records say; so is one whose source has left, and
one whose source leads the line, or does not follow it.
"""

from typing import Any, Protocol

from plait.line.membership import Membership
from plait.node.choices import Choices
from plait.node.group import Group
from plait.node.line_host import LineHost
from plait.node.segments import line_of
from plait.types.control_sources import sources

CONTROL = "control"
LOOK_S = 0.1


class Owner(Protocol):
    """The node, as far as feeding needs it."""

    name: str
    control: LineHost
    choices: Choices

    @property
    def membership(self) -> Membership: ...

    def hosts(self) -> list[LineHost]: ...


class Sources:
    """One node's part in it."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._records: dict[str, str] = {}
        self._read = -1  # how far the control line was read for them

    @property
    def records(self) -> dict[str, str]:
        """By node, who feeds it, as it was set."""
        replica = self._node.control.replica
        if self._read != replica.applied:
            self._read = replica.applied
            self._records = sources(replica.view)
        return self._records

    def of(self, name: str, line: str = CONTROL) -> str:
        """Who is to feed a node on a line; "" for whoever leads."""
        membership, source = self._node.membership, self.records.get(name, "")
        fed = name in membership.learners and source in membership.members
        both = fed and all(self._node.choices.follows(line, one) for one in (name, source))
        return source if both else ""

    def attach(self, group: Group) -> None:
        """Let a group of this node take and pass on entries as was set."""
        me, line = self._node.name, line_of(group.line)
        fed = tuple(name for name in self.records if self.of(name, line) == me)
        group.passing.choose(self.of(me, line), fed)

    def watch(self) -> None:
        """Adopt what the control line says."""
        for host in self._node.hosts():
            if host.group is not None:
                self.attach(host.group)

    def status(self) -> dict[str, Any] | None:
        """Who feeds this node, and on which lines it does; None if leaders do."""
        source = self.of(self._node.name)
        if not source:
            return None
        groups = [host.group for host in self._node.hosts() if host.group is not None]
        fed = sorted(group.line for group in groups if group.passing.fed)
        return {"node": source, "lines": fed}
