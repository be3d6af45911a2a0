"""Which collections a node follows, where that is not all of them.

A node without a vote may follow chosen collections only: the lines that they live on, beside the
control line, and the collections of documents among them. The other lines it neither opens nor
keeps; whoever asks it for them is sent elsewhere by `NotLeader`, and it is asked for nothing of
them: whoever leads such a line *parks* it, and sends it nothing.

It stays a learner of the lines that had it, for a name that left a line cannot come back. A line
that is let go leaves what this disk promised on it, and is followed anew as by a new disk.

Absent: parts of a line. Who follows one collection of a line stores all of that line.
"""

from collections.abc import Iterable
from typing import Protocol

from plait.base.errors import NotLeader, PlaitError
from plait.line.membership import Membership
from plait.node.line_host import LineHost
from plait.node.segments import line_of
from plait.types.control import ControlMachine
from plait.types.control_choices import choices
from plait.types.control_graphs import graph_records

LOOK_S = 0.1


class Owner(Protocol):
    """The node, as far as choosing needs it."""

    name: str
    control: LineHost
    control_machine: ControlMachine
    down: set[str]

    @property
    def membership(self) -> Membership: ...

    @property
    def member_names(self) -> tuple[str, ...]: ...

    def hosts(self) -> list[LineHost]: ...

    def located(self, line: str, error: PlaitError) -> PlaitError: ...


def elsewhere(node: Owner, leader: str | None = None) -> str | None:
    """Whom to ask for what this node does not keep: who leads, or another that has everything."""
    witnesses = node.membership.witnesses
    others = [name for name in node.member_names if name not in (node.name, *witnesses)]
    if leader in others:
        return leader
    up = [name for name in others if name not in node.down] or others
    return up[0] if up else None


class Choices:
    """Who follows what, as the control line has it."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._read = -1  # how far the control line was read
        self._records: dict[str, tuple[str, ...]] = {}
        self._lines: dict[str, frozenset[str]] = {}  # by node, those that its choice lives on

    def _look(self) -> None:
        replica = self._node.control.replica
        if self._read == replica.applied:
            return
        self._read = replica.applied
        self._records = choices(replica.view)
        lines = self.line_of_each() if self._records else {}
        self._lines = {
            name: frozenset(lines[one] for one in chosen if one in lines)
            for name, chosen in self._records.items()
        }

    def line_of_each(self) -> dict[str, str]:
        """The line of every table and machine there is."""
        machine, view = self._node.control_machine, self._node.control.replica.view
        found = {record.name: record.line for record in machine.tables(view)}
        return found | {record.name: record.line for record in machine.machines(view)}

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Those that are the names of no collection."""
        documents = {record.name for record in graph_records(self._node.control.replica.view)}
        known = {*self.line_of_each(), *documents}
        return [name for name in names if name not in known]

    @property
    def records(self) -> dict[str, tuple[str, ...]]:
        """By node, what it follows, as it was set."""
        self._look()
        return self._records

    def of(self, name: str) -> tuple[str, ...] | None:
        """What a node follows; None: everything, as all do that vote."""
        chosen = self.records.get(name)
        return chosen if name in self._node.membership.learners else None

    @property
    def mine(self) -> tuple[str, ...] | None:
        """What this node follows; None: everything."""
        return self.of(self._node.name)

    def follows(self, line: str, name: str | None = None) -> bool:
        """Whether a node (this one) follows a line."""
        name = name or self._node.name
        everything = self.of(name) is None or line == self._node.control.line
        return everything or line in self._lines[name]

    def follows_documents(self, collection: str) -> bool:
        """Whether this node follows a collection of documents."""
        return self.mine is None or collection in self.mine

    def refusal(self, what: str) -> PlaitError:
        """What whoever asks for something else is told: it names somebody who has it."""
        node = self._node
        why = f"{node.name} follows chosen collections only: it does not have {what}"
        return node.located("", NotLeader(why, leader=elsewhere(node)))

    def watch(self) -> None:
        """Send nothing of the lines that are led here to those who do not follow them."""
        if not self.records and not self._parked():
            return
        for host in self._node.hosts():
            sender = None if host.group is None else host.group.loglet.sender
            if sender is not None:
                line = line_of(sender.line)
                sender.park([name for name in self._records if not self.follows(line, name)])

    def _parked(self) -> bool:
        groups = [host.group for host in self._node.hosts() if host.group is not None]
        senders = [group.loglet.sender for group in groups]
        return any(p.parked for one in senders if one is not None for p in one.progress.values())
