"""What the log of a node that starts says of rights, beyond what its state does.

A state may lag its log, and a node that starts does not know yet how much of its log is committed.
All that it had applied is among it, though. So what it had known of rights is not forgotten if
nobody is let in before the last change in the log was applied here, or was cut from it.

Absent: a control line that an engine orders has no log here; such a node asks the engine first.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from plait.base.errors import PlaitError
from plait.base.ports import LogStorage
from plait.line.entry import Kind, decode_entry
from plait.node.line_host import LineHost
from plait.node.lines import CONTROL
from plait.types.commands import decode_payload
from plait.types.control_rights import RIGHTS_COMMANDS

READ_BYTES = 1 << 20
AGAIN_S = 0.25


class Unsettled:
    """Whether changes of rights that the log has may be missing from the state."""

    def __init__(self) -> None:
        self._control: LineHost | None = None  # none once it is settled
        self._until = 0

    def __bool__(self) -> bool:
        control = self._control
        if control is not None and control.replica.applied >= self._until:
            self._control = None
        return self._control is not None

    def begin(self, log: LogStorage, control: LineHost, spawn: Callable[[Any], None]) -> None:
        """Look at the log of a control line that was opened just now."""
        self._until = _last_change(log, control.replica.applied)
        self._control = control if self._until else None
        if self:
            spawn(self._settle())

    async def _settle(self) -> None:
        """Ask the other nodes what is committed; what is missing then has been cut."""
        while self and self._control is not None:
            try:
                await self._control.caught_up()
                self._control = None
            except PlaitError:
                await asyncio.sleep(AGAIN_S)


def _last_change(log: LogStorage, applied: int) -> int:
    """The position behind the last change of rights from `applied` on; 0 if there is none."""
    extent = log.lines().get(CONTROL)
    if extent is None:
        return 0
    position, found = max(applied, extent.head), 0
    while position < extent.tail:
        rows = log.read(CONTROL, position, extent.tail, READ_BYTES)
        for row in rows:
            position += 1
            entry = decode_entry(row)
            if entry.kind is Kind.DATA and _changes_rights(entry.payload):
                found = position
    return found


def _changes_rights(payload: bytes) -> bool:
    groups = decode_payload(payload)
    return any(isinstance(one, RIGHTS_COMMANDS) for group in groups for one in group.commands)
