"""The control line's fold: which tables and machines exist, on which lines, and the rules in force.

Invariants: a table id is handed out once and never again, even if its table is dropped; a rule is
only replaced by one of the same or a later epoch; a machine's version never falls. A machine has
a line to itself, `machine/NAME`. Graphs, chains, nodes, followers and what was dropped have files
of their own.
"""

from collections.abc import Sequence

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import collection_name
from plait.line.entry import Epoch
from plait.line.quorum import CONSENSUS, AckRule
from plait.types.commands import (
    FOLLOWERS_SINCE,
    Appoint,
    Command,
    CreateGraph,
    CreateMachine,
    CreateTable,
    DropGraph,
    DropNode,
    DropTable,
    Enable,
    NameSpace,
    PreferZones,
    PutNode,
    SetChain,
    SetChoice,
    SetFollower,
    SetRule,
    SetSource,
)
from plait.types.control_chains import chain, set_chain
from plait.types.control_choices import set_choice
from plait.types.control_dropped import DroppedRecord, remember_dropped
from plait.types.control_followers import set_follower
from plait.types.control_graphs import create_graph, drop_graph
from plait.types.control_nodes import drop_node, name_space, put_node
from plait.types.control_rights import RIGHTS_COMMANDS, change_rights
from plait.types.control_sources import set_source
from plait.types.control_zones import prefer_zones, put_founding_zones
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import CONTROL, TABLE_MAX
from plait.types.machine import RowMachine, stamp_after

CONTROL_LINE = "control"
_TABLE = b"table/"
_MACHINE = b"machine/"
LINE = b"line/"
_RULE = b"rule/"
APPOINTED = b"appointed/"
_VERSION = b"version"
_LAST_ID = b"last table id"
TABLES_MAX = 10_000
MACHINES_MAX = 1000


class TableRecord(msgspec.Struct, frozen=True, array_like=True):
    """A table as the control line knows it."""

    name: str
    table: int
    acks: str
    degrade: bool
    line: str
    leader: str  # the line's first leader


class MachineRecord(msgspec.Struct, frozen=True, array_like=True):
    """A machine as the control line knows it."""

    name: str
    class_name: str
    origin: str  # where the class was defined, for people
    version: int  # the highest that the class was opened with
    acks: str
    degrade: bool

    @property
    def line(self) -> str:
        """The line that it has to itself."""
        return machine_line(self.name)


class LineRecord(msgspec.Struct, frozen=True, array_like=True):
    """A line: its commit rule, its first leader, and where the control line brought it about."""

    line: str
    acks: str
    degrade: bool
    leader: str
    created_at: int  # position in the control line
    members: tuple[str, ...] = ()  # who founded it; its own log says who the members are by now
    engine: str = ""  # the URL of the shared engine that it began on


class RuleRecord(msgspec.Struct, frozen=True, array_like=True):
    """The ack rule in force on a line, and the epoch that set it."""

    line: str
    epoch: Epoch
    acks: str


class Appointment(msgspec.Struct, frozen=True, array_like=True):
    """Who was last told to lead a line, in whose place, and how often that was done."""

    line: str
    candidate: str
    since: Epoch
    count: int
    time_ms: int
    why: str


class ControlMachine(RowMachine):
    """The fold of the control line, and what it answers."""

    def apply(self, view: View, stamp: Stamp, command: Command) -> Failed | None:
        """Apply one command."""
        match command:
            case CreateTable():
                return self._create(view, stamp, command)
            case DropTable():
                return self._drop(view, stamp, command)
            case CreateMachine():
                return self._create_machine(view, stamp, command)
            case SetRule():
                return self._set_rule(view, command)
            case Appoint():
                return self._appoint(view, stamp, command)
            case Enable():
                return self._enable(view, command)
            case CreateGraph():
                return create_graph(view, command)
            case DropGraph():
                return drop_graph(view, command)
            case SetChain():
                exists = view.get(CONTROL, LINE + command.line.encode()) is not None
                return set_chain(view, command, exists)
            case NameSpace():
                return name_space(view, command)
            case PutNode():
                return put_node(view, command)
            case DropNode():
                return drop_node(view, command)
            case SetFollower():
                return set_follower(view, stamp, command)
            case SetChoice():
                return set_choice(view, command)
            case SetSource():
                return set_source(view, command)
            case PreferZones():
                own = command.line == CONTROL_LINE
                exists = own or view.get(CONTROL, LINE + command.line.encode()) is not None
                return prefer_zones(view, command, exists)
            case _ if isinstance(command, RIGHTS_COMMANDS):
                return change_rights(view, stamp, command)
            case _:
                return Failed("UsageError", f"{type(command).__name__} is not for the control line")

    def apply_all(
        self, view: View, stamp: Stamp, commands: Sequence[Command]
    ) -> list[tuple[int, Failed]]:
        """Apply commands that stand together."""
        outcomes = (
            (index, self.apply(view, stamp_after(stamp, index), command))
            for index, command in enumerate(commands)
        )
        return [(index, failed) for index, failed in outcomes if failed is not None]

    def table(self, view: View, name: str) -> TableRecord | None:
        """The table called `name`, if there is one."""
        data = view.get(CONTROL, _TABLE + name.encode())
        return None if data is None else decode(data, type=TableRecord)

    def tables(self, view: View) -> list[TableRecord]:
        """Every table, by name."""
        rows = view.scan(CONTROL, _TABLE, _after(_TABLE), TABLES_MAX)
        return [decode(data, type=TableRecord) for _, data in rows]

    def last_table(self, view: View) -> int:
        """The highest table id that was ever handed out; 0 before the first."""
        last = view.get(CONTROL, _LAST_ID)
        return 0 if last is None else decode(last, type=int)

    def machine(self, view: View, name: str) -> MachineRecord | None:
        """The machine called `name`, if there is one."""
        data = view.get(CONTROL, _MACHINE + name.encode())
        return None if data is None else decode(data, type=MachineRecord)

    def machines(self, view: View) -> list[MachineRecord]:
        """Every machine, by name."""
        rows = view.scan(CONTROL, _MACHINE, _after(_MACHINE), MACHINES_MAX)
        return [decode(data, type=MachineRecord) for _, data in rows]

    def lines(self, view: View) -> list[LineRecord]:
        """Every line that ever was, by name; a line outlives its tables."""
        rows = view.scan(CONTROL, LINE, _after(LINE), TABLES_MAX)
        return [decode(data, type=LineRecord) for _, data in rows]

    def rule(self, view: View, line: str) -> RuleRecord | None:
        """The rule in force on `line`, if one was ever set."""
        data = view.get(CONTROL, _RULE + line.encode())
        return None if data is None else decode(data, type=RuleRecord)

    def appointment(self, view: View, line: str) -> Appointment | None:
        """Who was last told to lead `line`, if anybody was."""
        data = view.get(CONTROL, APPOINTED + line.encode())
        return None if data is None else decode(data, type=Appointment)

    def chain(self, view: View, line: str) -> tuple[int, bytes]:
        """Version and configuration of the line's chain; (0, b"") before the first set."""
        return chain(view, line)

    def version(self, view: View) -> int:
        """The newest version of records that may be written."""
        data = view.get(CONTROL, _VERSION)
        return 1 if data is None else decode(data, type=int)

    def _create(self, view: View, stamp: Stamp, command: CreateTable) -> Failed | None:
        failed = _check_new(command)
        if failed is not None:
            return failed
        existing = self.table(view, command.name)
        if existing is not None:
            return _check_same(existing, command)
        if len(view.scan(CONTROL, _TABLE, _after(_TABLE), TABLES_MAX)) == TABLES_MAX:
            return Failed("Busy", f"there are {TABLES_MAX} tables already")
        table = self.last_table(view) + 1
        if table > TABLE_MAX:
            return Failed("Busy", "every table id was used")
        record = TableRecord(
            command.name, table, command.acks, command.degrade, command.line, command.leader
        )
        self._add_line(view, stamp, command.line, command)
        view.put(CONTROL, _LAST_ID, encode(table))
        view.put(CONTROL, _TABLE + command.name.encode(), encode(record))
        return None

    def _create_machine(self, view: View, stamp: Stamp, command: CreateMachine) -> Failed | None:
        failed = _check_new(command)
        if failed is not None:
            return failed
        existing = self.machine(view, command.name)
        if existing is not None:
            failed = _check_same_machine(existing, command)
            if failed is not None or command.version <= existing.version:
                return failed
        elif len(self.machines(view)) == MACHINES_MAX:
            return Failed("Busy", f"there are {MACHINES_MAX} machines already")
        record = MachineRecord(
            command.name, command.class_name, command.origin, command.version,
            command.acks, command.degrade,
        )  # fmt: skip
        self._add_line(view, stamp, record.line, command)
        view.put(CONTROL, _MACHINE + command.name.encode(), encode(record))
        return None

    def _add_line(
        self, view: View, stamp: Stamp, line: str, command: CreateTable | CreateMachine
    ) -> None:
        if view.get(CONTROL, LINE + line.encode()) is None:
            record = LineRecord(
                line, command.acks, command.degrade, command.leader, stamp.position,
                tuple(sorted(set(command.members))), command.engine,
            )  # fmt: skip
            view.put(CONTROL, LINE + line.encode(), encode(record))
            put_founding_zones(view, line, command.zones)

    def _drop(self, view: View, stamp: Stamp, command: DropTable) -> Failed | None:
        record = self.table(view, command.name)
        if record is None:
            return Failed("NoSuchCollection", f"there is no table {command.name!r}")
        view.put(CONTROL, _TABLE + command.name.encode(), None)
        if self.version(view) >= FOLLOWERS_SINCE:
            dropped = DroppedRecord(
                record.name, record.table, record.acks, record.degrade, record.line,
                command.cleared_at, stamp.time_ms,
            )  # fmt: skip
            remember_dropped(view, stamp, dropped)
        return None

    def _appoint(self, view: View, stamp: Stamp, command: Appoint) -> Failed | None:
        key = LINE + command.line.encode()
        if view.get(CONTROL, key) is None:
            return Failed("NoSuchCollection", f"there is no line {command.line!r}")
        since = Epoch(command.since_number, command.since_candidate)
        current = self.appointment(view, command.line)
        if current is not None and since < current.since:
            return Failed("Conflict", f"{current.candidate} was appointed since")
        record = Appointment(
            command.line, command.candidate, since, 1 if current is None else current.count + 1,
            stamp.time_ms, command.why,
        )  # fmt: skip
        view.put(CONTROL, APPOINTED + command.line.encode(), encode(record))
        return None

    def _enable(self, view: View, command: Enable) -> Failed | None:
        if command.version < self.version(view):
            return Failed("Conflict", "a version is never taken back")
        view.put(CONTROL, _VERSION, encode(command.version))
        return None

    def _set_rule(self, view: View, command: SetRule) -> Failed | None:
        try:
            AckRule.parse(command.acks)
        except BadSettings as error:
            return Failed(error.code, error.message)
        epoch = Epoch(command.epoch_number, command.candidate)
        current = self.rule(view, command.line)
        if current is not None and epoch < current.epoch:
            return Failed("Conflict", f"epoch {current.epoch} has set the rule since")
        record = RuleRecord(command.line, epoch, command.acks)
        view.put(CONTROL, _RULE + command.line.encode(), encode(record))
        return None


def machine_line(name: str) -> str:
    """The line of the machine called `name`; no table's line is called like that."""
    return f"machine/{name}"


def machine_of(line: str) -> str | None:
    """The name of the machine that the line belongs to, if it is a machine's."""
    return line.removeprefix("machine/") if line.startswith("machine/") else None


def _check_new(command: CreateTable | CreateMachine) -> Failed | None:
    try:
        collection_name(command.name)
        if command.acks != CONSENSUS:
            AckRule.parse(command.acks)
    except BadSettings as error:
        return Failed(error.code, error.message)
    return None


def _check_same_machine(existing: MachineRecord, command: CreateMachine) -> Failed | None:
    if command.class_name != existing.class_name:
        return Failed(
            "BadSettings",
            f"machine {command.name!r} is a {existing.class_name}, not a {command.class_name}",
        )
    if (command.acks, command.degrade) == (existing.acks, existing.degrade):
        return None
    return Failed(
        "BadSettings",
        f"machine {command.name!r} exists with other settings",
        {"acks": existing.acks, "degrade": existing.degrade},
    )


def _check_same(existing: TableRecord, command: CreateTable) -> Failed | None:
    alike = (command.acks, command.degrade) == (existing.acks, existing.degrade)
    if alike and _kind(command.line) == _kind(existing.line):
        return None
    return Failed(
        "BadSettings",
        f"table {command.name!r} exists with other settings",
        {"acks": existing.acks, "degrade": existing.degrade, "line": existing.line},
    )


def _kind(line: str) -> str:
    """A line's name but for the engine that it began on: where it is says nothing of what it is."""
    kind, _, rest = line.partition("/")
    return kind if "://" in rest else line


def _after(prefix: bytes) -> bytes:
    return prefix[:-1] + bytes([prefix[-1] + 1])
