"""The leader's half of replication: push entries, keep within bounds, learn what is where.

A follower starts in *probe*; when it confirms that the logs match it gets entries pipelined. A
follower whose next entry is no longer kept gets a snapshot. Lost messages are noticed by silence:
what was sent and not confirmed within `RESEND_S` is probed again. One that is fed by another
follower (`passing`) gets signs of life only.

Source: Ongaro's thesis 3.5 and 10.2; the follower states follow common practice in Raft systems.
"""

from collections.abc import Callable, Iterable

import msgspec

from plait.base.errors import BadFrame
from plait.line.entry import Epoch
from plait.line.replication.log_view import LogView
from plait.line.replication.messages import Append, AppendReply
from plait.line.replication.progress import APPEND_BYTES, Progress, ProgressState

HEARTBEAT_S = 0.1
RESEND_S = 1.0
PROBE_S = 0.2  # nothing else is sent while a probe is out, so that silence must not grow long
SILENT_S = 1.0
COMMIT_DELAY_S = 0.002  # how long a commit may wait for an entry to travel with


class SendAppend(msgspec.Struct, frozen=True):
    """Effect: send this to `peer`."""

    peer: str
    message: Append


class LoadEntries(msgspec.Struct, frozen=True):
    """Effect: read entries from disk from `start` and answer with `Sender.loaded`."""

    peer: str
    start: int


class BeginSnapshot(msgspec.Struct, frozen=True):
    """Effect: stream a copy of the state to `peer` and answer with `Sender.snapshot_done`."""

    peer: str


SendEffect = SendAppend | LoadEntries | BeginSnapshot


class Sender:
    """Pushes one line's log to its followers in one epoch."""

    def __init__(
        self, line: str, epoch: Epoch, log: LogView, followers: Iterable[str], now: float
    ) -> None:
        self.line = line
        self.epoch = epoch
        self.log = log
        self.commit = 0
        self.progress = {peer: Progress(self.end, now) for peer in followers}
        self.round = 1  # so that 0 means: no answer yet
        self._beat_due = now  # no heartbeat is due before
        self.commit_due: float | None = None  # when waiting commits must be told
        # what the leader's core knows better:
        self.confirmed: Callable[[int], bool] = lambda round_: True  # we still led in this round
        self.membership_end = 0  # position behind the entry of the membership in force
        self.doubtful = False  # somebody else may lead by now; set by whoever keeps the lease

    @property
    def end(self) -> int:
        """Entries below may be sent."""
        return self.log.tail

    def rows(self, start: int) -> tuple[bytes, ...]:
        """Entries in memory that may be sent in one message, from `start`."""
        return self.log.rows(start, APPEND_BYTES)

    def set_followers(self, followers: Iterable[str], now: float) -> None:
        """The line's members changed; who stays is known as before."""
        known = self.progress
        self.progress = {peer: known.get(peer) or Progress(self.end, now) for peer in followers}
        self._beat_due = min(self._beat_due, now + HEARTBEAT_S)

    def set_learners(self, learners: Iterable[str]) -> None:
        """Who has no vote."""
        names = set(learners)
        for peer, progress in self.progress.items():
            progress.learner = peer in names

    def park(self, names: Iterable[str]) -> None:
        """Who of those that have no vote does not follow the line for now: all others do."""
        parked = set(names)
        for peer, progress in self.progress.items():
            before, progress.parked = progress.parked, progress.learner and peer in parked
            if before and not progress.parked:
                self.peer_reset(peer)

    def pump(self, now: float) -> list[SendEffect]:
        """Send what there is to send to everyone who has room."""
        effects: list[SendEffect] = []
        for peer, progress in self.progress.items():
            self._pump_one(peer, progress, now, effects)
        return effects

    def _pump_one(
        self, peer: str, progress: Progress, now: float, effects: list[SendEffect]
    ) -> None:
        log = self.log
        while progress.has_room and not progress.parked:
            if progress.next < log.head:
                if progress.fed:
                    return  # by whom, that one knows whether it takes a copy of the state
                progress.snapshot()
                effects.append(BeginSnapshot(peer))
                return
            if progress.state is ProgressState.PROBE:
                progress.waiting, progress.probed_at = True, now
                effects.append(self._append(peer, progress, (), now))
                return
            if progress.fed or progress.next >= self.end:
                return
            if progress.next < log.window_start:
                progress.loading = True
                effects.append(LoadEntries(peer, progress.next))
                return
            rows = self.rows(progress.next)
            effects.append(self._append(peer, progress, rows, now))
            progress.sent(progress.next + len(rows), sum(map(len, rows)))

    def _append(
        self,
        peer: str,
        progress: Progress,
        rows: tuple[bytes, ...],
        now: float,
        round_: int | None = None,
    ) -> SendAppend:
        log = self.log
        start = max(progress.next, log.head)  # a follower that waits for a copy hears from us too
        previous = log.epoch_at(start - 1)
        assert previous is not None, "the entry before what is sent is known"
        progress.last_sent = now
        progress.commit_sent = self.commit
        message = Append(
            self.line, self.epoch, start, previous, rows, self.commit,
            log.tail, log.records, log.bytes_end, self._may_admit(progress),
            self.round if round_ is None else round_, progress.admit_at, self.doubtful,
        )  # fmt: skip
        return SendAppend(peer, message)

    def loaded(
        self, peer: str, start: int, rows: tuple[bytes, ...], now: float
    ) -> list[SendEffect]:
        """Entries asked for by `LoadEntries`; none if they are gone by now."""
        progress = self.progress[peer]
        progress.loading = False
        effects: list[SendEffect] = []
        wanted = progress.state is ProgressState.REPLICATE and progress.next == start
        if rows and wanted and self.log.epoch_at(start - 1) is not None:
            effects.append(self._append(peer, progress, rows, now))
            progress.sent(start + len(rows), sum(map(len, rows)))
        self._pump_one(peer, progress, now, effects)
        return effects

    def snapshot_done(self, peer: str, position: int | None, now: float) -> list[SendEffect]:
        """The follower installed a copy that ends at `position`, or the transfer failed (None)."""
        progress = self.progress[peer]
        if progress.state is ProgressState.SNAPSHOT:
            progress.probe(position if position is not None else progress.match)
            if position is None:  # `timer` tries again, not at once
                progress.waiting, progress.probed_at = True, now + RESEND_S - PROBE_S
        return self.pump(now)

    def replied(self, peer: str, reply: AppendReply, now: float) -> list[SendEffect]:
        """A follower answered an append of this epoch. `BadFrame` for what no follower can hold."""
        if not 0 <= reply.durable <= reply.received <= self.end or reply.round > self.round:
            raise BadFrame(f"{peer} claims {reply.received} entries of {self.end}")
        progress = self.progress[peer]
        progress.last_heard = now
        progress.applied = reply.applied
        progress.applied_records = reply.applied_records
        progress.lag_s = reply.lag_s
        progress.source = reply.source
        progress.round = max(progress.round, reply.round)
        if reply.fresh and not progress.fresh:
            self._meet_new_disk(progress)
        progress.fresh = reply.fresh
        admissible = self._may_admit(progress)
        effects: list[SendEffect] = []
        if reply.matched:
            progress.arrived(reply.received)
            progress.received = max(progress.received, reply.received)
            if reply.durable > progress.match:  # reordered answers never lower it
                progress.match = reply.durable
                progress.next = max(progress.next, progress.match)
            if progress.state is ProgressState.PROBE:
                progress.next = max(progress.match, min(reply.received, self.end))
                progress.replicate()
        elif progress.state is not ProgressState.SNAPSHOT:
            if reply.hint < 0:  # what it had trimmed, and we took for equal, is not
                progress.match = progress.received = 0
                progress.snapshot()
                effects.append(BeginSnapshot(peer))
            else:
                progress.probe(min(reply.hint, self.end))
        if self._may_admit(progress) and not admissible:
            self._heartbeat(peer, progress, now, effects)  # it takes the good news at once
        self._pump_one(peer, progress, now, effects)
        return effects

    def known_fresh(self, peer: str) -> None:
        """The follower promised this epoch with a new disk."""
        self.progress[peer].new_disk(self.log.tail, self.round)

    def _meet_new_disk(self, progress: Progress) -> None:
        self.round += 1  # answers from now on are evidence
        progress.new_disk(self.log.tail, self.round)
        if progress.state is not ProgressState.SNAPSHOT:
            progress.probe(progress.next)

    def _may_admit(self, progress: Progress) -> bool:
        """Whether a follower with a new disk counts from now on.

        It must hold whatever its lost disk may have acknowledged. And whom its lost disk may have
        promised a newer epoch must not get along with that forgotten promise: so every other
        member with an old disk must still follow us, and know who the members are now (it
        refuses candidates that left). A learner neither acknowledged nor promised anything that
        counts, if we still lead: a newer leader may have given it a vote.
        """
        if not progress.fresh or progress.match < progress.admit_at:
            return False
        if progress.learner:
            return self.confirmed(progress.admit_round)
        others = [p for p in self.progress.values() if not p.fresh]
        return all(
            p.round >= progress.admit_round and p.match >= self.membership_end for p in others
        )

    def matches(self) -> list[int]:
        """What followers have on disk; one with a new disk counts for nothing until admitted."""
        return [0 if p.fresh else p.match for p in self.progress.values()]

    def answered(self, round_: int) -> int:
        """How many followers that count answered this round or a later one."""
        return sum(p.round >= round_ and not p.fresh for p in self.progress.values())

    def peer_reset(self, peer: str) -> None:
        """The connection was replaced: whatever was on the way may be lost."""
        progress = self.progress[peer]
        if progress.fresh:
            self._meet_new_disk(progress)  # perhaps yet another one
        if progress.state is not ProgressState.SNAPSHOT:
            progress.probe(progress.match or progress.next)
        progress.loading = False

    def begin_round(self, now: float) -> list[SendEffect]:
        """Ask every follower for a sign of life; an answer carries the new `round`."""
        self.round += 1
        effects: list[SendEffect] = []
        for peer, progress in self.progress.items():
            self._heartbeat(peer, progress, now, effects)
        return effects

    def advance(self, commit: int, now: float) -> None:
        """Entries below `commit` are committed; followers learn with the next append."""
        self.commit = commit
        if self.commit_due is None:
            self.commit_due = now + COMMIT_DELAY_S

    def timer(self, now: float) -> list[SendEffect]:
        """Heartbeats, waiting commits, and what was lost on the way."""
        effects: list[SendEffect] = []
        tell_commit = self.commit_due is not None and now >= self.commit_due
        for peer, progress in self.progress.items():
            unheard = progress.waiting or progress.inflight_bytes
            patience = PROBE_S if progress.state is ProgressState.PROBE else RESEND_S
            silent = now >= max(progress.last_heard, progress.probed_at) + patience
            if unheard and silent and progress.state is not ProgressState.SNAPSHOT:
                progress.probe(progress.match or progress.next)
            self._pump_one(peer, progress, now, effects)
            due = now >= progress.last_sent + HEARTBEAT_S
            news = tell_commit and progress.commit_sent < self.commit and not progress.fed
            if due or news:
                self._heartbeat(peer, progress, now, effects, quiet=not due)
        if tell_commit:
            self.commit_due = None
        last_sent = min((p.last_sent for p in self.progress.values()), default=float("inf"))
        self._beat_due = last_sent + HEARTBEAT_S
        return effects

    def _heartbeat(
        self,
        peer: str,
        progress: Progress,
        now: float,
        effects: list[SendEffect],
        quiet: bool = False,
    ) -> None:
        """An empty append; it never cuts anything. A quiet one asks for no answer."""
        progress.last_sent = now
        if progress.parked or (progress.state is ProgressState.PROBE and progress.waiting):
            return  # a probe is out; silence makes it due again
        effects.append(self._append(peer, progress, (), now, 0 if quiet else self.round))

    @property
    def deadline(self) -> float:
        """When `timer` wants to be called; a heartbeat may turn out not to be due yet."""
        due = self._beat_due
        return due if self.commit_due is None else min(due, self.commit_due)

    def heard_within(self, seconds: float, now: float) -> list[str]:
        """The followers that answered lately."""
        return [peer for peer, p in self.progress.items() if now - p.last_heard <= seconds]
