"""Forced recovery: one surviving folder goes on alone, after a majority was lost for ever, or
with what can be read of it, after it was damaged and nobody else has the data.

An explicit, offline step of an operator: the folder is in no use. Every line that its control
line knows gets an entry behind all that the folder holds, which says that this node is the only
member from there on and that all others have left. It stands in an epoch far above any that the
lost ones can have begun, and where there were others the folder goes over to a new cluster. So
everything that can be read here is kept, committed or not, and old members that come back after all
are refused: they are of another cluster, and their names are retired.

Invariant: all of it is one write to the log. A crash leaves the folder as it was, or recovered; but
a damaged state that the log can make again may be gone already.

Absent: knowing whether the others are really lost, and what they had. A person says so.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Corrupt, ReadOnly
from plait.base.ids import hex_id
from plait.base.ports import (
    AppendRows,
    LineExtent,
    LogWrite,
    PutHardState,
    Random,
    StateStorage,
    Storage,
)
from plait.engines.apply import apply_entry, groups_of
from plait.engines.checkpoint import Checkpoint, load_checkpoint, load_sessions
from plait.engines.overlay import Overlay
from plait.line.chain import decode_configuration
from plait.line.entry import NO_EPOCH, Entry, Epoch, Kind, decode_entry
from plait.line.membership import Membership, encode_membership
from plait.line.primary import member as primary
from plait.line.quorum import CONSENSUS, AckRule
from plait.line.raft import member as raft
from plait.node.identity import IDENTITY_LINE, Identity
from plait.node.lines import CONTROL
from plait.node.salvage import Kept, folded, keep, unreadable
from plait.node.salvage_graphs import TornGraph, mended_graphs, torn_graphs
from plait.node.segments import MEMBERS, first_configuration, group_of, line_of, log_name
from plait.node.witness import NoState
from plait.node.written import written
from plait.types.control import ControlMachine, LineRecord
from plait.types.control_graphs import graph_records

EPOCHS_AHEAD = 1 << 20  # more than anybody began unseen: each took a write to some disk
_READ_BYTES = 1 << 20
_CLUSTER_MARK = "-recovered-"
_MARK_DIGITS = 8

HardState = raft.HardState | primary.HardState


class Survivor(msgspec.Struct, frozen=True):
    """What a folder holds of one line."""

    line: str  # the name of its log: a line that moved has one for each group that it had
    acks: str
    membership: Membership
    epoch: Epoch  # of the last entry
    head: int
    tail: int
    applied: int  # everything below is known to be committed
    may_lose: str  # what may be missing here, for people; "" if nothing can be
    hard: HardState
    kept: Kept

    @property
    def alone(self) -> bool:
        """Whether this node is the only member already."""
        return len(self.membership.members) == 1


class Survey(msgspec.Struct, frozen=True):
    """What a folder holds."""

    node: str
    cluster: str
    lines: tuple[Survivor, ...]  # the control line first
    damage: str = ""  # what of it cannot be read, or may be missing
    torn: tuple[TornGraph, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether there is anything to recover from."""
        return bool(self.others or self.damage)

    @property
    def others(self) -> tuple[str, ...]:
        """Every other node that is a member of a line."""
        found = {name for line in self.lines for name in line.membership.members}
        return tuple(sorted(found - {self.node}))


def survey(storage: Storage) -> Survey:
    """What the folder holds, without changing it; `BadSettings` if it is no node's."""
    if storage.log.read_only is not None and storage.log.suspect is None:
        raise ReadOnly(f"the folder cannot be recovered: {storage.log.read_only.message}")
    extents = storage.log.lines()
    identity = extents.get(IDENTITY_LINE)
    control = extents.get(CONTROL)
    if identity is None or identity.hard_state is None or control is None:
        raise BadSettings("the folder holds no node that was ever a member of a cluster")
    who = decode(identity.hard_state, type=Identity)
    view, machine = folded_control(storage, control)
    rules = _rules(storage, view, machine)
    lines = [
        _survivor(storage, log, rules[log], extents.get(log), who.name)
        for log in (CONTROL, *sorted(set(rules) - {CONTROL}))
    ]
    if not lines[0].membership.members:
        raise BadSettings(f"{who.name} was never told who the members of its cluster are")
    if who.name in lines[0].membership.witnesses:
        raise BadSettings(f"{who.name} is a witness and keeps no state; recover another folder")
    damage = [storage.log.suspect] if storage.log.suspect is not None else []
    damage += [f"{line.line}: {line.kept.lost}" for line in lines if line.kept.lost]
    torn = torn_graphs(storage, graph_records(view))
    damage += [each.lost for each in torn]
    return Survey(who.name, who.cluster, tuple(lines), "; ".join(damage), tuple(torn))


async def recover(storage: Storage, found: Survey, random: Random, now_ms: int) -> str:
    """Make the folder's node the only member of everything; the cluster's name from now on."""
    cluster = found.cluster
    if found.others:
        mark = hex_id(random)[:_MARK_DIGITS]
        cluster = f"{found.cluster.partition(_CLUSTER_MARK)[0]}{_CLUSTER_MARK}{mark}"
    hard_state = storage.log.lines()[IDENTITY_LINE].hard_state
    assert hard_state is not None
    who = msgspec.structs.replace(decode(hard_state, type=Identity), joins=False, cluster=cluster)
    writes: list[LogWrite] = [PutHardState(IDENTITY_LINE, encode(who))]
    for line in found.lines:
        if line.kept.forget_state:
            await storage.state(line_of(line.line)).clear()
        writes += _taken_over(storage, line, found, now_ms)
    if found.damage:
        writes += mended_graphs(storage, list(found.torn), random)
    if storage.log.suspect is not None:
        await storage.log.trust(writes)
    else:
        await written(storage.log, writes)
    return cluster


# --------------------------------------------------------------------------------- looking


def folded_control(storage: Storage, control: LineExtent) -> tuple[Overlay, ControlMachine]:
    """The control line's fold. All that can be read of it counts, committed or not: it is going
    to be."""
    # a damaged one is made again from the log, if that is all there (see `keep`)
    state: StateStorage = NoState() if folded(storage, CONTROL) is None else storage.state(CONTROL)
    view, machine = Overlay(state), ControlMachine()
    checkpoint, sessions = load_checkpoint(state), load_sessions(state)
    position = max(checkpoint.applied, control.head)
    bad = unreadable(storage.log, CONTROL, position, control.tail)
    tail = bad[0] if bad else control.tail
    while position < tail:
        for row in storage.log.read(CONTROL, position, tail, _READ_BYTES):
            entry = decode_entry(row)
            groups = groups_of(entry, None)
            apply_entry(machine, sessions, view, position, entry, groups, entry.time_ms)
            position += 1
    return view, machine


def _rules(storage: Storage, view: Overlay, machine: ControlMachine) -> dict[str, tuple[str, str]]:
    """By log, the rule of every line that the control line knows, and the one in force.

    What is on a shared engine is not lost with nodes.
    """
    found = {CONTROL: (CONSENSUS, CONSENSUS)}
    for record in machine.lines(view):
        rule = machine.rule(view, record.line)
        # a rule that may be lowered may have been, by who is lost
        in_force = "leader" if record.degrade else record.acks if rule is None else rule.acks
        applied = (folded(storage, record.line) or Checkpoint()).applied
        for log in _logs(machine.chain(view, record.line)[1], record, applied):
            found[log] = (record.acks, in_force)
    return found


def _logs(chain: bytes, record: LineRecord, applied: int) -> list[str]:
    """The logs on nodes' disks that a line goes on in, or that its state here still lacks."""
    configuration = decode_configuration(chain) if chain else first_configuration(record)
    logs = []
    for index, segment in enumerate(configuration.segments):
        stop = configuration.stop(index)
        if segment.engine == MEMBERS and (stop is None or stop > applied):
            logs.append(log_name(record.line, group_of(segment.params).number))
    return logs


def _survivor(
    storage: Storage, line: str, rules: tuple[str, str], extent: LineExtent | None, me: str
) -> Survivor:
    acks, in_force = rules
    extent = extent or LineExtent(0, 0)
    kind: type[HardState] = raft.HardState if acks == CONSENSUS else primary.HardState
    hard = kind()
    if extent.hard_state is not None:
        try:
            hard = decode(extent.hard_state, type=kind)
        except msgspec.DecodeError as error:
            raise Corrupt(f"the hard state of line {line!r} cannot be read: {error}") from None
    membership = hard.memberships[-1][1] if hard.memberships else Membership()
    kept = keep(storage, line, extent, hard.base, hard.origin.position)
    epochs = _epochs_of(hard, kept)
    epoch = epochs[-1][0] if epochs else kept.base.epoch
    damaged = bool(kept.lost) or storage.log.suspect is not None
    may_lose = _may_lose(in_force, membership, me, kept.tail, hard.fresh, damaged)
    return Survivor(
        line, acks, membership, epoch, max(extent.head, kept.base.position), kept.tail,
        min(kept.applied, kept.tail), may_lose, hard, kept,
    )  # fmt: skip


def _epochs_of(hard: HardState, kept: Kept) -> tuple[tuple[Epoch, int], ...]:
    """The epochs of the entries that are kept."""
    return tuple(pair for pair in hard.epochs if kept.base.position <= pair[1] < kept.tail)


def _may_lose(
    acks: str, membership: Membership, me: str, tail: int, fresh: bool, damaged: bool
) -> str:
    """What was perhaps acknowledged and is not here."""
    if damaged:
        return f"whatever was acknowledged from position {tail} on: it cannot be read here"
    if membership.members == (me,):
        return ""
    if fresh or not membership.votes(me):
        return "anything: this disk was not counted as a copy"
    rule = AckRule("majority") if acks == CONSENSUS else AckRule.parse(acks)
    if _on_every_member(rule, membership):
        return ""
    return f"whatever was acknowledged from position {tail} on, without this node"


def _on_every_member(rule: AckRule, membership: Membership) -> bool:
    """Whether nothing is acknowledged before every member has it."""
    return all(rule.followers_needed(len(half)) == len(half) - 1 for half in membership.halves)


# --------------------------------------------------------------------------------- acting


def _taken_over(storage: Storage, line: Survivor, found: Survey, now_ms: int) -> list[LogWrite]:
    """The writes that make the node the line's only member."""
    hard, kept = line.hard, line.kept
    last = max((epoch.number for epoch in _epochs(line)), default=0)
    epoch = Epoch(last + EPOCHS_AHEAD, found.node)
    records = kept.base.records
    if line.tail > line.head:
        row = storage.log.read(line.line, line.tail - 1, line.tail, 1)[0]
        records = decode_entry(row).records_end
    gone = {*line.membership.members, *line.membership.retired, *found.others} - {found.node}
    addresses = tuple(pair for pair in line.membership.addresses if pair[0] == found.node)
    zones = tuple(pair for pair in line.membership.zones if pair[0] == found.node)
    membership = Membership(
        (found.node,), retired=tuple(sorted(gone)), addresses=addresses, zones=zones
    )
    entry = Entry(encode_membership(membership), 0, Kind.MEMBERS, now_ms).stamped(epoch, records)
    # The memberships before it are dropped: the folder must not remember others to refetch from.
    changed = msgspec.structs.replace(
        hard,
        fresh=False,
        base=kept.base,
        epochs=(*_epochs_of(hard, kept), (epoch, line.tail)),
        memberships=((line.tail, membership),),
    )
    if isinstance(changed, raft.HardState):
        changed = msgspec.structs.replace(changed, term=epoch.number, vote="")
    else:
        changed = msgspec.structs.replace(changed, promised=epoch)
    return [
        *kept.writes,
        AppendRows(line.line, line.tail, (entry.encode(),)),
        PutHardState(line.line, encode(changed)),
    ]


def _epochs(line: Survivor) -> list[Epoch]:
    """Every epoch that the folder knows to have begun, or promised."""
    hard = line.hard
    said = Epoch(hard.term, "") if isinstance(hard, raft.HardState) else hard.promised
    return [line.epoch, said, NO_EPOCH]
