"""The contract of a line's state machine, as the replica drives it.

A machine keeps its state either in the view, row by row, as tables do (`RowMachine`), or in
memory, as users' classes do: then `save` puts the whole of it into the view before a flush, and
`load` takes it from there when the replica begins or begins again.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from plait.base.errors import UsageError
from plait.types.commands import Command
from plait.types.fold import Result, Stamp, View
from plait.types.queries import Ask


class Machine(Protocol):
    """Turns commands into changes of its state; deterministic, and never leaves half a command.

    An exception other than a returned `Failed` is a bug or a broken host: it halts the replica
    and never becomes an outcome.
    """

    def apply(self, view: View, stamp: Stamp, command: Command) -> Result | None:
        """Apply one command. It writes rows at version `stamp.version + 1`."""
        ...

    def apply_all(
        self, view: View, stamp: Stamp, commands: Sequence[Command]
    ) -> Sequence[tuple[int, Result]]:
        """Apply commands that stand together, the first at `stamp`; what failed or said
        something, by index."""
        ...

    def check(self, commands: Sequence[Command]) -> None:
        """Raise what must not be ordered here, before it is logged."""
        ...

    def ask(self, ask: Ask, time_ms: int) -> msgspec.Raw:
        """Run a query on the state as it is."""
        ...

    def seed(self) -> int | None:
        """64 fresh bits to stamp on the next entry; None if no command asks for chance."""
        ...

    def load(self, view: View) -> None:
        """Begin with what the view holds, or anew if it holds nothing."""
        ...

    def save(self, view: View) -> None:
        """Put into the view what it does not hold yet."""
        ...

    def save_bytes(self) -> int | None:
        """After how many bytes of log a `save` is worth its cost; None: it costs nothing."""
        ...

    @property
    def fold(self) -> int:
        """The version of the fold; states that different ones made need not be equal."""
        ...

    def digest(self) -> bytes:
        """A hash of the state that is not in the view; equal states give equal ones."""
        ...


class RowMachine:
    """The part of the contract that is the same for machines whose whole state is in the view."""

    def check(self, commands: Sequence[Command]) -> None:
        """Anything can be ordered; the fold refuses what is wrong."""

    def ask(self, ask: Ask, time_ms: int) -> msgspec.Raw:
        """There are no queries beside those of tables."""
        raise UsageError(f"this line is no machine's: it has no query {ask.method!r}")

    def seed(self) -> int | None:
        """No chance is asked for."""
        return None

    def load(self, view: View) -> None:
        """Everything is there."""

    def save(self, view: View) -> None:
        """Everything is there."""

    def save_bytes(self) -> int | None:
        """Saving costs nothing."""
        return None

    @property
    def fold(self) -> int:
        """There is one version; who changes it breaks every replica's replay."""
        return 0

    def digest(self) -> bytes:
        """There is nothing else."""
        return b""


def stamp_after(stamp: Stamp, count: int) -> Stamp:
    """The stamp of the command that stands `count` behind the one at `stamp`."""
    position, offset, version, time_ms, seed = stamp
    return Stamp(position, offset + count, version + count, time_ms, seed)
