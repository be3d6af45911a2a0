"""The contract of a line's state machine, as the replica drives it."""

from collections.abc import Sequence
from typing import Protocol

from plait.types.commands import Command
from plait.types.fold import Failed, Stamp, View


class Machine(Protocol):
    """Turns commands into changes of a view; deterministic, and never leaves half a command.

    An exception other than a returned `Failed` is a bug or a broken host: it halts the replica
    and never becomes an outcome.
    """

    def apply(self, view: View, stamp: Stamp, command: Command) -> Failed | None:
        """Apply one command. It writes rows at version `stamp.version + 1`."""
        ...

    def apply_all(
        self, view: View, stamp: Stamp, commands: Sequence[Command]
    ) -> list[tuple[int, Failed]]:
        """Apply commands that stand together, the first at `stamp`; what failed, by index."""
        ...


def stamp_after(stamp: Stamp, count: int) -> Stamp:
    """The stamp of the command that stands `count` behind the one at `stamp`."""
    return Stamp(stamp.position, stamp.offset + count, stamp.version + count, stamp.time_ms)
