"""The control line's fold: which tables exist, on which lines, and the rules in force.

Invariant: a table id is handed out once and never again, even if its table is dropped; a rule is
only replaced by one of the same or a later epoch.
"""

from collections.abc import Sequence

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import collection_name
from plait.line.entry import Epoch
from plait.line.quorum import CONSENSUS, AckRule
from plait.types.commands import Command, CreateTable, DropTable, SetRule
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import CONTROL, TABLE_MAX
from plait.types.machine import stamp_after

_TABLE = b"table/"
_LINE = b"line/"
_RULE = b"rule/"
_LAST_ID = b"last table id"
TABLES_MAX = 10_000


class TableRecord(msgspec.Struct, frozen=True, array_like=True):
    """A table as the control line knows it."""

    name: str
    table: int
    acks: str
    degrade: bool
    line: str
    leader: str  # the line's first leader


class LineRecord(msgspec.Struct, frozen=True, array_like=True):
    """A line: its commit rule, its first leader, and where the control line brought it about."""

    line: str
    acks: str
    degrade: bool
    leader: str
    created_at: int  # position in the control line


class RuleRecord(msgspec.Struct, frozen=True, array_like=True):
    """The ack rule in force on a line, and the epoch that set it."""

    line: str
    epoch: Epoch
    acks: str


class ControlMachine:
    """The fold of the control line: CreateTable, DropTable and SetRule; and what it answers."""

    def apply(self, view: View, stamp: Stamp, command: Command) -> Failed | None:
        """Apply one command."""
        match command:
            case CreateTable():
                return self._create(view, stamp, command)
            case DropTable():
                return self._drop(view, command)
            case SetRule():
                return self._set_rule(view, command)
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

    def lines(self, view: View) -> list[LineRecord]:
        """Every line that ever was, by name; a line outlives its tables."""
        rows = view.scan(CONTROL, _LINE, _after(_LINE), TABLES_MAX)
        return [decode(data, type=LineRecord) for _, data in rows]

    def rule(self, view: View, line: str) -> RuleRecord | None:
        """The rule in force on `line`, if one was ever set."""
        data = view.get(CONTROL, _RULE + line.encode())
        return None if data is None else decode(data, type=RuleRecord)

    def _create(self, view: View, stamp: Stamp, command: CreateTable) -> Failed | None:
        try:
            collection_name(command.name)
            if command.acks != CONSENSUS:
                AckRule.parse(command.acks)
        except BadSettings as error:
            return Failed(error.code, error.message)
        existing = self.table(view, command.name)
        if existing is not None:
            return _check_same(existing, command)
        if len(view.scan(CONTROL, _TABLE, _after(_TABLE), TABLES_MAX)) == TABLES_MAX:
            return Failed("Busy", f"there are {TABLES_MAX} tables already")
        last = view.get(CONTROL, _LAST_ID)
        table = 1 if last is None else decode(last, type=int) + 1
        if table > TABLE_MAX:
            return Failed("Busy", "every table id was used")
        record = TableRecord(
            command.name, table, command.acks, command.degrade, command.line, command.leader
        )
        if view.get(CONTROL, _LINE + command.line.encode()) is None:
            line = LineRecord(
                command.line, command.acks, command.degrade, command.leader, stamp.position
            )
            view.put(CONTROL, _LINE + command.line.encode(), encode(line))
        view.put(CONTROL, _LAST_ID, encode(table))
        view.put(CONTROL, _TABLE + command.name.encode(), encode(record))
        return None

    def _drop(self, view: View, command: DropTable) -> Failed | None:
        if self.table(view, command.name) is None:
            return Failed("NoSuchCollection", f"there is no table {command.name!r}")
        view.put(CONTROL, _TABLE + command.name.encode(), None)
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


def _check_same(existing: TableRecord, command: CreateTable) -> Failed | None:
    wanted = (command.acks, command.degrade, command.line)
    if wanted == (existing.acks, existing.degrade, existing.line):
        return None
    return Failed(
        "BadSettings",
        f"table {command.name!r} exists with other settings",
        {"acks": existing.acks, "degrade": existing.degrade, "line": existing.line},
    )


def _after(prefix: bytes) -> bytes:
    return prefix[:-1] + bytes([prefix[-1] + 1])
