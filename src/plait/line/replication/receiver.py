"""The follower's half of replication: accept what matches, cut what does not.

An append matches if our entry before its start has the epoch that it names. A matching append
cuts only where an entry of its own contradicts ours: an empty or old append never erases
anything. What is verified (equal to the leader's log) is remembered for one epoch only.

Invariant: verified <= tail, and what is reported as durable never exceeds it.
"""

import msgspec

from plait.base.errors import BadFrame, Corrupt
from plait.line.entry import NO_EPOCH, Entry, Epoch, decode_entry
from plait.line.replication.log_view import LogView
from plait.line.replication.messages import Append


class Accepted(msgspec.Struct, frozen=True):
    """What to do with an append: cut at `cut` if it is not None, then add `rows` at `start`."""

    start: int
    rows: tuple[bytes, ...]
    entries: tuple[Entry, ...]
    cut: int | None


class Mismatch(msgspec.Struct, frozen=True):
    """The logs differ before the append's start; try `hint`."""

    hint: int


NEVER = Mismatch(-1)  # they differ below our head: only a copy of the state can help


class Receiver:
    """Judges appends against a log. It changes nothing itself."""

    def __init__(self, log: LogView) -> None:
        self.log = log
        self.epoch = NO_EPOCH
        self.verified = 0

    def enter(self, epoch: Epoch) -> None:
        """A new leader: nothing is verified yet."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.verified = 0

    def judge(self, message: Append) -> Accepted | Mismatch:
        """What to do with an append of the current epoch. Raises `BadFrame` for nonsense."""
        log = self.log
        if message.start > log.tail:
            return Mismatch(log.tail)
        start, previous, entries = message.start, message.previous, _decode(message.entries)
        below = log.head - start
        if below > len(entries):  # what we trimmed was committed: no need to compare it,
            if message.tail < log.head > self.verified and not message.passed_on:
                return NEVER  # unless loss was accepted and the leader's whole log ends there
            return Accepted(log.head, (), (), None)
        if below > 0:
            start, previous = log.head, entries[below - 1].epoch
        if log.epoch_at(start - 1) != previous:
            return NEVER if start == log.head else Mismatch(log.epoch_start(start - 1))
        skip = max(below, 0)
        return self._compare(start, message.entries[skip:], entries[skip:])

    def _compare(self, start: int, rows: tuple[bytes, ...], entries: tuple[Entry, ...]) -> Accepted:
        log = self.log
        known = 0
        for entry in entries:
            if log.epoch_at(start + known) != entry.epoch:
                break
            known += 1
        first = start + known
        fresh = entries[known:]
        _check_order(fresh, log, first)
        cut = first if fresh and first < log.tail else None
        return Accepted(first, rows[known:], fresh, cut)

    def verify(self, end: int) -> None:
        """Everything below `end` equals the leader's log."""
        self.verified = max(self.verified, end)

    def forget_above(self, position: int) -> None:
        """Entries from `position` on were cut."""
        self.verified = min(self.verified, position)


def _decode(rows: tuple[bytes, ...]) -> tuple[Entry, ...]:
    try:
        return tuple(decode_entry(row) for row in rows)
    except Corrupt as error:
        raise BadFrame(f"a peer sent a bad entry: {error.message}") from None


def _check_order(entries: tuple[Entry, ...], log: LogView, start: int) -> None:
    previous = log.epoch_at(start - 1)
    for entry in entries:
        if previous is not None and entry.epoch < previous:
            raise BadFrame(f"epoch {entry.epoch} after {previous} in a pushed log")
        previous = entry.epoch
