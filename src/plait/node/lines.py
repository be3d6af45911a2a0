"""Opening lines: which engine, which machine, and whether this disk may count on them.

A line whose hard state this folder lacks is either new everywhere, or it was here and the disk
was lost. The control line tells: what it brought about after a leader had admitted this disk
cannot have been lost with an older one.

Every node folds the control line, witnesses too: it is small, and says what there is.
"""

from typing import Any, Protocol

from msgspec.structs import replace

from plait.base.ports import Clock, Random, Storage
from plait.engines.checkpoint import load_checkpoint
from plait.engines.primary import PrimaryLoglet
from plait.engines.primary.opening import open_core
from plait.engines.raft import RaftLoglet
from plait.engines.raft.opening import open_raft
from plait.engines.replica import Replica
from plait.line.membership import Membership, founding
from plait.line.quorum import CONSENSUS, AckRule
from plait.node.config import NodeConfig
from plait.node.group import Group
from plait.node.lease import Lease
from plait.node.line_host import LineHost
from plait.node.witness import LogOnly, NoState, WitnessGroup
from plait.types.control import ControlMachine, LineRecord, machine_of
from plait.types.machine import Machine
from plait.types.machines import Machines
from plait.types.table import TableMachine
from plait.types.user_machine import UserMachine

CONTROL = "control"


class Owner(Protocol):
    """The node, as far as opening a line needs it."""

    config: NodeConfig
    storage: Storage
    clock: Clock
    control_machine: ControlMachine
    control: LineHost
    machines: Machines
    random: Random
    lease: Lease

    def send(self, peer: str, message: Any) -> None: ...


def open_control(node: Owner) -> LineHost:
    """The control line: a consensus group, of one node to begin with or of all that were named."""
    config = node.config
    members = {config.name: config.listen} if config.alone else dict(config.members)
    first = Membership() if config.joins else founding(config.member_names, members)
    state = node.storage.state(CONTROL)
    fresh = not config.alone or config.joins
    loglet = _raft(node, CONTROL, first, fresh, load_checkpoint(state).applied)
    replica = Replica(CONTROL, loglet, node.control_machine, state, node.clock)
    group = Group(loglet, replica, state, node.clock, node.send, config.limits)
    return LineHost(CONTROL, loglet, replica, node.clock, config.limits, group)


def open_line(node: Owner, record: LineRecord) -> LineHost:
    """A line that the control line knows; of its log only, if this node is a witness."""
    clock, send, limits = node.clock, node.send, node.config.limits
    witness = node.config.name in _witnesses(node)
    state = NoState() if witness else node.storage.state(record.line)
    loglet = _loglet(node, record, 0 if witness else load_checkpoint(state).applied)
    machine = _machine(node, record)
    replica = (LogOnly if witness else Replica)(record.line, loglet, machine, state, clock)
    group = (WitnessGroup if witness else Group)(
        loglet, replica, state, clock, send, limits, lambda: loglet.membership.witnesses
    )
    host = LineHost(record.line, loglet, replica, clock, limits, group)
    host.check_lease = node.lease.check
    return host


def _loglet(node: Owner, record: LineRecord, committed: int) -> RaftLoglet | PrimaryLoglet:
    fresh = record.created_at < admitted_at(node)
    witnesses = tuple(name for name in sorted(record.members) if name in _witnesses(node))
    founders = replace(founding(record.members), witnesses=witnesses)
    if record.acks != CONSENSUS:
        return _primary(node, record, founders, fresh, committed)
    first = founders if node.config.name in record.members else Membership()
    return _raft(node, record.line, first, fresh, committed)


def admitted_at(node: Owner) -> int:
    """Where in the control line this disk was admitted; lines from before may have been on it."""
    group = node.control.group
    return 0 if group is None else group.loglet.member.admitted_at


def _witnesses(node: Owner) -> tuple[str, ...]:
    """The nodes that are witnesses: they joined as such, and stay such until they leave."""
    return node.control.membership.witnesses


def _machine(node: Owner, record: LineRecord) -> Machine:
    """The fold of a line: of tables, or of the one machine that has it to itself."""
    name = machine_of(record.line)
    found = None if name is None else node.control_machine.machine(node.control.replica.view, name)
    return (
        TableMachine()
        if found is None
        else UserMachine(found.name, found.class_name, node.machines)
    )


def _raft(node: Owner, line: str, first: Membership, fresh: bool, committed: int) -> RaftLoglet:
    log, clock = node.storage.log, node.clock
    core = open_raft(
        log, line, node.config.name, first, fresh=fresh, committed=committed,
        random=node.random, now=clock.monotonic(), election_s=node.config.limits.election_s,
    )  # fmt: skip
    return RaftLoglet(core, log, node.send, clock, node.random)


def _primary(
    node: Owner, record: LineRecord, first: Membership, fresh: bool, committed: int
) -> PrimaryLoglet:
    log, line = node.storage.log, record.line
    core = open_core(
        log, line, node.config.name, first, AckRule.parse(record.acks),
        fresh=fresh, committed=committed,
    )  # fmt: skip
    return PrimaryLoglet(core, log, node.send, node.clock)
