"""Standing: what one handle has seen of its loglet, held against what a server now says.

A standby that is promoted may lack the newest entries, though they were acknowledged. A log is
received as a prefix, so a server that has the last entry that a handle saw has all before it.
Entries bear the number of their batch, drawn at random, so another entry in that place shows.

Invariant: head and committed never move back; once a server was found to lack something, every
later question gets the same `LogForked`. Absent: what other handles saw and this one did not;
each notices its own loss.
"""

from typing import NamedTuple, NoReturn

from plait.base.errors import LogForked
from plait.line.loglet import Tail


class Row(NamedTuple):
    """The loglet's row, and the batch of the entry that the handle asked about."""

    head: int
    tail: int
    sealed: bool
    batch: int  # of the last append
    born: int
    kept: int | None  # batch of the entry before the asked position, if there is one


class Mark(NamedTuple):
    """What a handle had seen when it asked: answers may arrive after newer ones."""

    committed: int
    batch: int | None  # of the entry before it; None if none was seen
    sealed: bool


class Standing:
    """Head, tail and seal of one loglet, as far as one handle knows."""

    def __init__(self, name: str, born: int, origin: int) -> None:
        self.name = name
        self.born = born
        self.head = origin
        self.failure: LogForked | None = None
        self._mark = Mark(origin, None, False)

    @property
    def mark(self) -> Mark:
        """What was seen until now."""
        return self._mark

    @property
    def tail(self) -> Tail:
        """The same, as the port has it."""
        return Tail(self._mark.committed, self._mark.sealed)

    def see(self, mark: Mark, row: Row | None) -> None:
        """Take in a row that was asked for at `mark`; `LogForked` if it lacks what was seen."""
        if row is None:
            self.fail("it is not there any more")
        if lost := self._lost(mark, row):
            self.fail(lost)
        self.head = max(self.head, row.head)
        if row.tail >= self._mark.committed:
            self._mark = Mark(row.tail, row.batch, self._mark.sealed or row.sealed)

    def appended(self, mark: Mark, first: int, count: int, batch: int) -> None:
        """A batch of this handle's, begun at `mark`, stands from `first` on."""
        if first < mark.committed:
            self.fail(f"position {first} was given twice")
        if first + count > self._mark.committed:
            self._mark = Mark(first + count, batch, self._mark.sealed)

    def trimmed(self, head: int) -> None:
        """Nothing below `head` is kept."""
        self.head = max(self.head, head)

    def check(self) -> None:
        """Raise what was found once."""
        if self.failure is not None:
            raise self.failure

    def fail(self, lost: str) -> NoReturn:
        """Stop for good."""
        if self.failure is None:
            self.failure = LogForked(
                f"the server has lost what it acknowledged of loglet {self.name!r}: {lost}",
                loglet=self.name,
                position=self._mark.committed,
            )
        raise self.failure

    def _lost(self, mark: Mark, row: Row) -> str:
        if row.born != self.born:
            return "another one has its place"
        if row.tail < mark.committed:
            return f"it ends at {row.tail}, and {mark.committed} was its tail"
        if mark.sealed and not row.sealed:
            return "it had been sealed"
        if mark.sealed and row.tail != mark.committed:
            return f"it had been sealed at {mark.committed}, and ends at {row.tail}"
        kept = row.batch if row.tail == mark.committed else row.kept
        trimmed = row.tail > mark.committed and row.head >= mark.committed
        if mark.batch is not None and not trimmed and kept != mark.batch:
            return f"another entry stands at {mark.committed - 1}"
        return ""
