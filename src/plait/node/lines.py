"""Opening lines: which machine folds them, and whether this disk may count on them.

A line whose hard state this folder lacks is either new everywhere, or it was here and the disk
was lost. The control line tells: what it brought about after a leader had admitted this disk
cannot have been lost with an older one.

The control line never moves; every other line is a chain, whose configuration it holds. Every node
folds the control line, witnesses too: it is small, and says what there is.
"""

from functools import partial
from typing import Any, Protocol

from plait.base.ports import Clock, Random, StateStorage, Storage
from plait.engines.chain import Chain
from plait.engines.checkpoint import load_checkpoint
from plait.engines.metastore import MemoryMetastore
from plait.engines.primary import PrimaryLoglet
from plait.engines.raft import RaftLoglet
from plait.engines.raft.opening import open_raft
from plait.engines.replica import Replica
from plait.line.membership import Membership, founding
from plait.line.outcome import Outcome
from plait.line.quorum import CONSENSUS
from plait.node.config import NodeConfig
from plait.node.control_metastore import ControlMetastore
from plait.node.engine_upkeep import EngineUpkeep
from plait.node.engines import Engines
from plait.node.followers import Followers
from plait.node.former import Former
from plait.node.group import Group
from plait.node.lease import Lease
from plait.node.line_host import LineHost
from plait.node.segments import MEMBERS, LineSegments, first_configuration, group_of
from plait.node.sources import Sources
from plait.node.takeover import take_place
from plait.node.witness import LogOnly, NoState, WitnessGroup
from plait.types.commands import Command
from plait.types.control import ControlMachine, LineRecord, machine_of
from plait.types.control_zones import founding_zones
from plait.types.machine import Machine
from plait.types.machines import Machines
from plait.types.table import TableMachine
from plait.types.user_machine import UserMachine

CONTROL = "control"


class Paces(Protocol):
    """Who knows how fast bulk may go to a peer."""

    def pace(self, peer: str, size: int) -> float: ...


class Owner(Protocol):
    """The node, as far as opening a line needs it."""

    name: str
    config: NodeConfig
    storage: Storage
    clock: Clock
    control_machine: ControlMachine
    control: LineHost
    machines: Machines
    random: Random
    lease: Lease
    engines: Engines
    followers: Followers
    sources: Sources

    @property
    def zones(self) -> Paces: ...

    def send(self, peer: str, message: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...

    def adopt_rules(self) -> None: ...

    def hosts(self) -> list[LineHost]: ...

    def host(self, line: str) -> LineHost: ...

    def spawn(self, work: Any) -> None: ...


async def open_control(node: Owner) -> LineHost:
    """The control line: on the engine that orders everything, or a consensus group, of one node
    to begin with or of all that were named."""
    if node.config.engine:
        record = LineRecord(CONTROL, CONSENSUS, False, "", 0, (), node.config.engine)
        return await _open_on_engine(node, record, node.control_machine)
    config, storage, clock = node.config, node.storage, node.clock
    members = {config.name: config.listen} if config.alone else dict(config.members)
    first = Membership() if config.joins else founding(config.member_names, members)
    state = storage.state(CONTROL)
    core = open_raft(
        storage.log, CONTROL, node.name, first, fresh=not config.alone or config.joins,
        committed=load_checkpoint(state).applied, random=node.random, now=clock.monotonic(),
        election_s=config.limits.election_s,
    )  # fmt: skip
    loglet = RaftLoglet(core, storage.log, node.send, clock, node.random)
    loglet.driver.pace = node.zones.pace
    replica = Replica(CONTROL, loglet, node.control_machine, state, clock)
    group = Group(loglet, replica, state, clock, node.send, config.limits)
    return LineHost(CONTROL, loglet, replica, clock, config.limits, group)


async def _open_on_engine(node: Owner, record: LineRecord, machine: Machine) -> LineHost:
    """A line that stays on its engine for good."""
    state, limits = node.storage.state(record.line), node.config.limits
    segments = LineSegments(node, record, (), partial(_stands, state), 0)
    first = first_configuration(record).last
    chain = await Chain.create(MemoryMetastore(), segments, first.engine, first.params)
    replica = Replica(record.line, chain, machine, state, node.clock)
    upkeep = EngineUpkeep(node, record.line, chain, replica, state)
    return LineHost(record.line, chain, replica, node.clock, limits, None, upkeep)


async def open_line(node: Owner, record: LineRecord) -> LineHost:
    """A line that the control line knows; of its log only, if this node is a witness."""
    witnesses = node.control.membership.witnesses
    witness = node.name in witnesses
    state: StateStorage = NoState() if witness else node.storage.state(record.line)
    zones = founding_zones(node.control.replica.view, record.line)
    stands = partial(_stands, state)
    segments = LineSegments(node, record, witnesses, stands, admitted_at(node), zones)
    chain = await Chain.open(ControlMetastore(node, record), segments)
    machine, limits = _machine(node, record), node.config.limits
    replica = (LogOnly if witness else Replica)(record.line, chain, machine, state, node.clock)

    chain.on_folded(lambda: replica.flushed)

    def join() -> Group | None:
        loglet = chain.last
        if not isinstance(loglet, PrimaryLoglet | RaftLoglet):
            return None
        loglet.driver.pace = node.zones.pace
        group = (WitnessGroup if witness else Group)(
            loglet, replica, state, node.clock, node.send, limits,
            lambda: loglet.membership.witnesses,
        )  # fmt: skip
        group.held = lambda: node.followers.held
        node.sources.attach(group)
        return group

    upkeep = EngineUpkeep(node, record.line, chain, replica, state)
    former = Former(chain, replica, state, node.clock, limits, folds=not witness)
    host = LineHost(record.line, chain, replica, node.clock, limits, join(), upkeep, former)
    host.folds = not witness
    host.groups = segments.groups
    host.check_lease = partial(_check_leads, node)
    node.followers.attach(host)

    def moved() -> None:
        host.moved(join())
        last = chain.configuration.last
        if last.engine == MEMBERS:
            take_place(node, host, group_of(last.params).leader)

    chain.on_moved(moved)
    return host


def _check_leads(node: Owner, host: LineHost) -> None:
    """Raise `NotLeader` if this node must not act as the line's leader."""
    node.lease.check(host)
    node.followers.check(host)


async def open_lost(node: Owner, record: LineRecord) -> Chain:
    """The chain of a line whose engine is dead: good for nothing but to be forced. The line may
    be open here meanwhile, as it was before it went to that engine."""
    witnesses = node.control.membership.witnesses
    stands = partial(_stands, node.storage.state(record.line))
    zones = founding_zones(node.control.replica.view, record.line)
    segments = LineSegments(node, record, witnesses, stands, admitted_at(node), zones, dead=True)
    return await Chain.open(ControlMetastore(node, record), segments, accept_lost=True)


def first_leader(host: LineHost, record: LineRecord) -> str:
    """Who leads the group first that orders the line now; nobody if an engine does."""
    assert isinstance(host.loglet, Chain)
    last = host.loglet.configuration.last
    if last.engine != MEMBERS:
        return ""
    return group_of(last.params).leader or record.leader


def admitted_at(node: Owner) -> int:
    """Where in the control line this disk was admitted; lines from before may have been on it."""
    group = node.control.group
    return 0 if group is None else group.loglet.member.admitted_at


def _stands(state: StateStorage) -> tuple[int, int]:
    """How many entries and records the state on disk has."""
    checkpoint = load_checkpoint(state)
    return checkpoint.applied, checkpoint.record_index


def _machine(node: Owner, record: LineRecord) -> Machine:
    """The fold of a line: of tables, or of the one machine that has it to itself."""
    name = machine_of(record.line)
    found = None if name is None else node.control_machine.machine(node.control.replica.view, name)
    return (
        TableMachine()
        if found is None
        else UserMachine(found.name, found.class_name, node.machines)
    )
