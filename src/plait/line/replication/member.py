"""What a member of a replicated line is, whatever its role: its log, and what waits for the disk.

Invariants: nothing that depends on the disk happens before the disk has confirmed it, and the
effects of a write that failed never happen (the driver halts the member); commit <= tail.

How members come to obey a leader is each core's own: `obey`, `obeys` and `hard_state`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from plait.base.ports import AppendRows, LogWrite, PutHardState, ResetLine, TrimPrefix
from plait.line.entry import Entry, Epoch, Kind
from plait.line.loglet import Origin
from plait.line.membership import Membership, decode_membership
from plait.line.replication.log_view import Base, LogView
from plait.line.replication.source import Source
from plait.line.replication.vocabulary import Committed, Persist, Retracted, Send, Trimmed

Then = Callable[[float], None]


class _Waiting(msgspec.Struct):
    end: int | None  # durable moves here, unless a cut lowers it
    then: Then | None


class Member:
    """The part of a core that every role shares."""

    def __init__(self, line: str, me: str, log: LogView, origin: Origin) -> None:
        self.line, self.me = line, me
        self.origin = origin  # where the line begins: the same at every member
        self.fresh = False  # the disk is new: it cannot vouch for what it once acknowledged
        self.admitting = False  # it was told that it counts, and its disk does not know yet
        self.admitted_at = 0  # what stands below may have been known to a lost disk
        self.log = log
        self.commit = log.head
        self.committed_told = log.head
        self.applied = 0
        self.applied_records = 0
        self.current_at = float("-inf")  # when a leader last said what is committed, and we had it
        self.memberships: list[tuple[int, Membership]] = []  # by position; the first at the head
        self._others_of: Membership | None = None
        self._others: tuple[str, ...] = ()
        self.source = Source()  # who feeds this member, if not its leader
        self.seal_at: int | None = None  # the first seal in the log; nothing behind it counts
        self.effects: list[Any] = []
        self._token = 0
        self._waiting: dict[int, _Waiting] = {}

    # ------------------------------------------------------------------ each core's own

    def obey(self, epoch: Epoch) -> list[LogWrite]:
        """The legal leader of `epoch` spoke: what must be durable before it is answered."""
        raise NotImplementedError

    def obeys(self, epoch: Epoch) -> bool:
        """Whether nothing newer than `epoch` is known here."""
        raise NotImplementedError

    def hard_state(self) -> PutHardState:
        """The write that records what must never be forgotten."""
        raise NotImplementedError

    def admitted(self, at: int, by: Epoch) -> None:
        """The leader of `by` says that our new disk counts: it holds everything below `at`."""
        self.fresh, self.admitted_at = False, at

    # ------------------------------------------------------------------ membership

    @property
    def membership(self) -> Membership:
        """The membership in force."""
        return self.memberships[-1][1] if self.memberships else Membership()

    @property
    def membership_position(self) -> int:
        """Where the membership in force was logged (before the origin: it was founded with)."""
        return self.memberships[-1][0] if self.memberships else -1

    @property
    def as_founded(self) -> bool:
        """Whether the membership in force is the one that the line was founded with."""
        return self.membership_position < self.origin.position

    @property
    def empty(self) -> bool:
        """Whether no entry was ever here."""
        return self.log.tail == self.origin.position

    @property
    def whole(self) -> bool:
        """Whether every entry of the line is here, from the first on."""
        return self.log.head == self.origin.position

    def membership_at(self, position: int) -> Membership:
        """The membership that the entries below `position` leave in force."""
        found = Membership()
        for at, membership in self.memberships:
            if at < position:
                found = membership
        return found

    @property
    def others(self) -> tuple[str, ...]:
        """Every other member, learners too."""
        membership = self.membership
        if membership is not self._others_of:
            self._others_of = membership
            self._others = tuple(name for name in membership.members if name != self.me)
        return self._others

    @property
    def votes(self) -> bool:
        """Whether this member has a vote."""
        return self.membership.votes(self.me)

    # ------------------------------------------------------------------ effects

    def send(self, peer: str, message: Any) -> None:
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

    # ------------------------------------------------------------------ the log

    def append(
        self, start: int, entries: tuple[Entry, ...], rows: tuple[bytes, ...]
    ) -> list[LogWrite]:
        """Add entries at the tail; the writes that make them durable."""
        assert start == self.log.tail
        before = self.log.last_epoch
        for position, (entry, row) in enumerate(zip(entries, rows, strict=True), start):
            self.log.append(entry, row)
            if entry.kind is not Kind.DATA:
                self.note(position, entry)
        writes: list[LogWrite] = [AppendRows(self.line, start, rows)]
        if self.log.last_epoch != before or self.membership_position >= start:
            writes.append(self.hard_state())
        self.log.shrink(min(self.commit, self.log.durable))
        return writes

    def note(self, position: int, entry: Entry) -> None:
        """An entry that is more than records was appended; a membership counts at once."""
        if entry.kind is Kind.SEAL and self.seal_at is None:
            self.seal_at = position
        elif entry.kind is Kind.MEMBERS:
            self.memberships.append((position, decode_membership(entry.payload)))

    def cut(self, start: int, records: int, by: Epoch) -> list[LogWrite]:
        """Cut the suffix at `start`, before which `records` stand, on the word of `by`'s leader."""
        raise NotImplementedError

    def forget_suffix(self, start: int, records: int) -> None:
        """The log ends at `start` from now on."""
        self.log.cut(start, records)
        if self.seal_at is not None and self.seal_at >= start:
            self.seal_at = None
        while self.memberships and self.memberships[-1][0] >= start:
            self.memberships.pop()
        for waiting in self._waiting.values():
            if waiting.end is not None:
                waiting.end = min(waiting.end, start)

    def retract(self, by: Epoch, start: int) -> None:
        """What was committed from `start` on is not any more."""
        self.commit = start
        self.committed_told = min(self.committed_told, start)
        self.effects.append(Retracted(by, start))

    def begin_at(self, base: Base, membership: Membership) -> list[LogWrite]:
        """Begin anew behind a copy of the state, with the membership that it carries.

        The hard state is the caller's to add.
        """
        self.log.reset(base)
        self.memberships = [(base.position - 1, membership)]
        self.seal_at = None
        for waiting in self._waiting.values():
            waiting.end = None
        self.commit = self.committed_told = base.position
        return [ResetLine(self.line, base.position)]

    def continues(self, base: Base) -> bool:
        """Whether our log goes on where a copy of the state ends: then it stays.

        At the line's origin it does whatever it knows of what came before: that was decided
        before any member wrote anything, and who wrote the last of it is not known here.
        """
        log = self.log
        inside = log.head <= base.position <= log.tail
        known = log.epoch_at(base.position - 1) == base.epoch
        return inside and (known or base.position == self.origin.position)

    def trim_to(self, base: Base) -> list[LogWrite]:
        """Forget entries below `base`, but not the membership that they leave in force.

        Everything below it is committed.
        """
        while len(self.memberships) > 1 and self.memberships[1][0] < base.position:
            del self.memberships[0]
        if base.position > self.log.head:
            self.log.trim(base)
        self.commit = max(self.commit, base.position)
        self.committed_told = max(self.committed_told, base.position)
        return [TrimPrefix(self.line, base.position), self.hard_state()]

    def trim(self, position: int, records: int) -> None:
        """Forget entries below `position`, before which `records` stand; tell when it is done."""
        log = self.log
        assert position <= self.committed_told, "only what is committed here may be trimmed"
        writes: list[LogWrite] = []
        if position > log.head:
            last = log.epoch_at(position - 1)
            assert last is not None
            writes = self.trim_to(Base(position, last, records))
        self.persist(writes, lambda _: self.effects.append(Trimmed(position)))

    def commit_to(self, position: int) -> None:
        """Everything below `position` is committed; tell what is also durable here."""
        self.commit = max(self.commit, position)
        known = min(self.commit, self.log.durable)
        if known > self.committed_told:
            self.committed_told = known
            self.effects.append(Committed(known))

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        self.log.check()
        assert self.origin.position <= self.log.head
        assert self.log.head <= self.commit <= self.log.tail
        assert self.committed_told <= max(self.log.head, min(self.commit, self.log.durable))
        positions = [position for position, _ in self.memberships]
        assert positions == sorted(set(positions))
        assert all(position < self.log.tail for position in positions)
        self.membership.check()
