"""The lines that the control line names, read again only when it has said something new."""

from typing import Protocol

from plait.engines.replica import Replica
from plait.node.line_host import LineHost
from plait.types.control import ControlMachine, LineRecord


class Owner(Protocol):
    """The node, as far as knowing its lines needs it."""

    control: LineHost
    control_machine: ControlMachine


class KnownLines:
    """What this node's fold of the control line has, as of its last applied entry."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._read: tuple[Replica, int] | None = None  # where `_records` were read, and how far
        self._records: list[LineRecord] = []

    def records(self) -> list[LineRecord]:
        """Every line that ever was, by name."""
        replica = self._node.control.replica
        if self._read is None or self._read[0] is not replica or self._read[1] != replica.applied:
            self._records = self._node.control_machine.lines(replica.view)
            self._read = (replica, replica.applied)
        return self._records
