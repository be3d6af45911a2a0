"""The four session guarantees, judged for each process as one session.

After Terry et al., "Session guarantees for weakly consistent replicated data" (1994):

- *read your writes*: no read sees a state that is older than an own write before it
- *monotonic reads*: no read sees a state that is older than what was read before it
- *monotonic writes*: nobody sees a write without those that its session wrote before
- *writes follow reads*: nobody sees a write without what its session had read before

"Older" is what `precedence` can prove: with versions in the history everything, with values that
were written once most things, else nothing. So a violation is a proof, and its absence is not.
Absent: what a session learns at third hand.
"""

from bisect import bisect_left
from collections.abc import Hashable
from typing import Literal, TypeAlias

import msgspec

from plait.check.explain import label
from plait.check.history import History, Operation, Process, freeze
from plait.check.precedence import READS, WRITES, Precedence, Seen, older

Guarantee: TypeAlias = Literal[
    "read your writes", "monotonic reads", "monotonic writes", "writes follow reads"
]
VIOLATIONS_MAX = 1000


class Violation(msgspec.Struct, frozen=True):
    """One broken guarantee: `late` contradicts what `early` promised its session."""

    guarantee: Guarantee
    early: Operation
    late: Operation
    through: Operation | None = None  # the write by which the promise reached another session

    def __str__(self) -> str:
        key = "" if self.late.key is None else f" of key {self.late.key!r}"
        through = f", seen by way of {_place(self.through)}" if self.through is not None else ""
        return f"{self.guarantee}{key}: {_place(self.late)} after {_place(self.early)}{through}"


def check_sessions(history: History) -> list[Violation]:
    """Every violation, in the order of their completion, at most `VIOLATIONS_MAX`."""
    judge = _Sessions(history)
    for operation in sorted(_completed(history), key=lambda operation: operation.returned or 0):
        judge.take(operation)
        if len(judge.violations) >= VIOLATIONS_MAX:
            break
    return judge.violations


def _completed(history: History) -> list[Operation]:
    return [o for o in history.operations if o.definite and not o.refused]


class _Session:
    """What one process has read and written: by key, with the events at which it had."""

    def __init__(self) -> None:
        self.reads: dict[Hashable, list[tuple[int, Seen]]] = {}
        self.writes: dict[Hashable, list[tuple[int, Seen]]] = {}
        self.followed: dict[Process, Operation] = {}  # the latest write read of each other one


class _Sessions:
    def __init__(self, history: History) -> None:
        self._precedence = Precedence(history.operations)
        self._sessions: dict[Process, _Session] = {}
        self._by_version: dict[tuple[Hashable, int], Operation] = {
            (freeze(operation.key), operation.version): operation
            for operation in history.operations
            if operation.version is not None and operation.f in WRITES and not operation.refused
        }
        self.violations: list[Violation] = []

    def take(self, operation: Operation) -> None:
        """Judge the next completed operation."""
        session = self._sessions.setdefault(operation.process, _Session())
        key = freeze(operation.key)
        if operation.f in READS:
            seen = self._precedence.of_read(operation)
            self._judge_read(session, key, seen)
            _keep(session.reads, key, seen)
            self._follow(session, key, seen)
        elif operation.f in WRITES:
            seen = self._precedence.of_write(operation)
            self._judge_write(session, key, seen)
            _keep(session.writes, key, seen)

    def _judge_read(self, session: _Session, key: Hashable, seen: Seen) -> None:
        own = _last(session.writes, key)
        if own is not None and older(seen, own):
            self._report("read your writes", own, seen)
        before = _last(session.reads, key)
        if before is not None and older(seen, before):
            self._report("monotonic reads", before, seen)
            return
        for process, write in session.followed.items():
            other = self._sessions.get(process)
            if other is None:
                continue
            wrote = _last(other.writes, key, write.invoked)
            if wrote is not None and older(seen, wrote):
                self._report("monotonic writes", wrote, seen, write)
            had_read = _last(other.reads, key, write.invoked)
            if had_read is not None and older(seen, had_read):
                self._report("writes follow reads", had_read, seen, write)

    def _judge_write(self, session: _Session, key: Hashable, seen: Seen) -> None:
        """With versions the order of writes is known at once."""
        if seen.version is None:
            return
        own, read = _last(session.writes, key), _last(session.reads, key)
        if own is not None and own.version is not None and seen.version <= own.version:
            self._report("monotonic writes", own, seen)
        if read is not None and read.version is not None and seen.version <= read.version:
            self._report("writes follow reads", read, seen)

    def _follow(self, session: _Session, key: Hashable, seen: Seen) -> None:
        write = seen.write
        if seen.version is not None:
            write = self._by_version.get((key, seen.version), write)
        if write is None or write.process == seen.operation.process:
            return
        known = session.followed.get(write.process)
        if known is None or known.invoked < write.invoked:
            session.followed[write.process] = write

    def _report(
        self, guarantee: Guarantee, early: Seen, late: Seen, through: Operation | None = None
    ) -> None:
        self.violations.append(Violation(guarantee, early.operation, late.operation, through))


def _keep(states: dict[Hashable, list[tuple[int, Seen]]], key: Hashable, seen: Seen) -> None:
    """Remember a state, unless a newer one is remembered."""
    known = states.setdefault(key, [])
    if not known or not older(seen, known[-1][1]):
        known.append((seen.operation.returned or 0, seen))


def _last(
    states: dict[Hashable, list[tuple[int, Seen]]], key: Hashable, before: int | None = None
) -> Seen | None:
    """The newest state known, or known before an event."""
    known = states.get(key)
    if not known:
        return None
    if before is None:
        return known[-1][1]
    index = bisect_left(known, before, key=lambda entry: entry[0])
    return known[index - 1][1] if index else None


def _place(operation: Operation) -> str:
    line = f" (line {operation.line})" if operation.line else ""
    return f"[{operation.process}] {label(operation)}{line}"
