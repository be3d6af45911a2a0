"""What a member is, whatever its role: its log, its promises, and what waits for the disk.

Invariants: `promised` never decreases and is durable before anybody hears of it; the effects of
a write that failed never happen (the driver halts the member); `commit` decreases only by a
`Retracted`; commit <= tail.
"""

from collections.abc import Callable, Sequence

import msgspec

from plait.base.ports import AppendRows, CutSuffix, LogWrite, PutHardState, ResetLine
from plait.line.entry import NO_EPOCH, Entry, Epoch
from plait.line.primary.messages import Message, Seal
from plait.line.primary.vocabulary import Committed, Effect, Persist, Retracted, Send
from plait.line.replication.log_view import Base, LogView

Then = Callable[[float], None]


class HardState(msgspec.Struct, frozen=True, array_like=True):
    """What a member must never forget; written with the log, in its order."""

    promised: Epoch = NO_EPOCH
    fresh: bool = True  # the disk is new: it cannot vouch for what it once acknowledged
    base: Base = Base()
    epochs: tuple[tuple[Epoch, int], ...] = ()
    admitted_at: int = 0  # what stands below may have been known to a lost disk


class RescueNote(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a rescued suffix."""

    member: str
    cut_by: Epoch
    committed_here: bool  # some of it had been committed by the old leader's own rule
    time_ms: int = 0  # the driver's to fill in


class _Waiting(msgspec.Struct):
    end: int | None  # durable moves here, unless a cut lowers it
    then: Then | None


class Member:
    """The part of a core that every role shares."""

    def __init__(
        self, line: str, me: str, members: tuple[str, ...], hard: HardState, log: LogView
    ) -> None:
        assert me in members
        self.line, self.me, self.members = line, me, members
        self.others = tuple(name for name in members if name != me)
        self.promised = hard.promised
        self.heard_number = 0  # of the newest epoch that a member told it promised
        self.fresh = hard.fresh
        self.admitted_at = hard.admitted_at
        self.log = log
        self.commit = log.head
        self.committed_told = log.head
        self.applied = 0
        self.applied_records = 0
        self.effects: list[Effect] = []
        self._token = 0
        self._waiting: dict[int, _Waiting] = {}

    # ------------------------------------------------------------------ effects

    def send(self, peer: str, message: Message) -> None:
        """Ask for a message to be sent."""
        self.effects.append(Send(peer, message))

    def persist(
        self, writes: Sequence[LogWrite], then: Then | None, end: int | None = None
    ) -> None:
        """Ask for writes; `then(now)` runs when they are durable."""
        self._token += 1
        self._waiting[self._token] = _Waiting(end, then)
        self.effects.append(Persist(self._token, tuple(writes)))

    def persisted(self, token: int, now: float) -> None:
        """The disk confirmed a token; what waited for it happens."""
        waiting = self._waiting.pop(token)
        if waiting.end is not None:
            self.log.durable = max(self.log.durable, waiting.end)
        if waiting.then is not None:
            waiting.then(now)

    def hard_state(self) -> PutHardState:
        """The write that records what must never be forgotten."""
        log = self.log
        state = HardState(self.promised, self.fresh, log.base, log.epochs, self.admitted_at)
        return PutHardState(self.line, msgspec.msgpack.encode(state))

    # ------------------------------------------------------------------ the log

    def append(
        self, start: int, entries: tuple[Entry, ...], rows: tuple[bytes, ...]
    ) -> list[LogWrite]:
        """Add entries at the tail; the writes that make them durable."""
        assert start == self.log.tail
        before = self.log.last_epoch
        for entry, row in zip(entries, rows, strict=True):
            self.log.append(entry, row)
        writes: list[LogWrite] = [AppendRows(self.line, start, rows)]
        if self.log.last_epoch != before:
            writes.append(self.hard_state())
        self.log.shrink(min(self.commit, self.log.durable))
        return writes

    def cut(self, start: int, records: int, by: Epoch) -> list[LogWrite]:
        """Cut the suffix at `start`, kept as rescued; retract what was committed of it."""
        committed_here = start < self.commit
        note = RescueNote(self.me, by, committed_here)
        self.log.cut(start, records)
        for waiting in self._waiting.values():
            if waiting.end is not None:
                waiting.end = min(waiting.end, start)
        if committed_here:
            self.commit = start
            self.committed_told = min(self.committed_told, start)
            self.effects.append(Retracted(by, start))
        return [CutSuffix(self.line, start, msgspec.msgpack.encode(note)), self.hard_state()]

    def reset(self, base: Base) -> list[LogWrite]:
        """Begin anew behind a copy of the state; what it may lack of our log is kept as rescued."""
        log = self.log
        writes: list[LogWrite] = []
        start = self._doubtful_from()
        if start < log.tail and log.last_epoch != base.epoch:
            note = RescueNote(self.me, self.promised, start < self.commit)
            writes.append(CutSuffix(self.line, start, msgspec.msgpack.encode(note)))
        if self.commit > base.position:
            self.effects.append(Retracted(self.promised, base.position))
        log.reset(base)
        for waiting in self._waiting.values():
            waiting.end = None
        self.commit = self.committed_told = base.position
        self.promised = max(self.promised, base.epoch)
        return [*writes, ResetLine(self.line, base.position), self.hard_state()]

    def _doubtful_from(self) -> int:
        """Where entries begin that another leader's log may lack: not committed, or only by us."""
        log = self.log
        if log.last_epoch.candidate == self.me:
            return min(self.commit, log.epoch_start(log.tail - 1))
        return self.commit

    def commit_to(self, position: int) -> None:
        """Everything below `position` is committed; tell what is also durable here."""
        self.commit = max(self.commit, position)
        known = min(self.commit, self.log.durable)
        if known > self.committed_told:
            self.committed_told = known
            self.effects.append(Committed(known))

    # ------------------------------------------------------------------ promises

    def would_promise(self, seal: Seal) -> bool:
        """Whether `seal` may be granted: newer than every promise; a resume also undisputed."""
        again = seal.epoch == self.promised
        if seal.epoch < self.promised:
            return False
        if seal.resume:
            mine = self.promised.candidate == seal.epoch.candidate
            led_since = seal.last.candidate == seal.epoch.candidate and self.promised <= seal.last
            return again or mine or led_since or self.promised == NO_EPOCH
        return True

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        self.log.check()
        assert self.log.last_epoch <= self.promised or self.promised == NO_EPOCH
        assert self.log.head <= self.commit <= self.log.tail
        assert self.committed_told <= max(self.log.head, min(self.commit, self.log.durable))
