"""A scope: one replica's part in one partially ordered history. It decides which events count, and
when; the fold decides what they mean.

::

    write --------------------------------+
                                          v
    receive -> waiting -> quarantine -> deliver -> fold, history, members, voids
                 |                        ^
                 +-- something before it --+

Delivery is causal, exactly once and batch by batch: a batch is delivered after its author's
previous one and everything that it has seen. The scope's version vector is the causal context of
everything in it.

Invariants: `vector[r]` is `streams[r].last` for every author, and no batch is delivered whose
author does not count. Own sequence numbers have no gaps. An own batch says everything that this
replica owes (retirements amended, refusals) before anybody can learn that it has seen the reason.

Absent: disk, peers, permissions. A batch leaves the process only when it is durable; that is the
engine's part. Whether an event is allowed is decided before it is received (`refusing`).
"""

from collections.abc import Iterable, Mapping, Sequence

from plait.base.causality import Dot, VersionVector
from plait.base.codec import encode
from plait.base.errors import ClockWrong, HistoryTrimmed, ReadOnly
from plait.base.hlc import HybridClock, ahead_ms
from plait.graph.event import (
    ADMIT,
    BEAT,
    GENESIS,
    RETIRE,
    Batch,
    Op,
    check_batch,
    events_of,
)
from plait.graph.fold import Fold
from plait.graph.governing import govern, speaks
from plait.graph.history import History
from plait.graph.members import Members
from plait.graph.notices import Behind, Forked, Notice, Refused
from plait.graph.openings import opened_ops
from plait.graph.quarantine import AHEAD_MS_MAX, Quarantine
from plait.graph.stability import stable_cut
from plait.graph.streams import Stream
from plait.graph.voids import Voids, void_op
from plait.graph.waiting import Waiting

NO_MARKS: Mapping[Dot, bytes] = {}


class Scope:
    """One replica of one scope."""

    def __init__(
        self, lineage: int, replica: int, founder: int, fold: Fold, history: str = "stable"
    ) -> None:
        self.lineage = lineage  # 128 bits: graphs with others are never joined
        self.replica = replica
        self.fold = fold
        self.forever = history == "forever"
        self.vector = VersionVector()  # this object, for good: events' contexts refer to it
        self.clock = HybridClock()
        self.clock_wrong = ""  # why this machine's clock is known to be out of bounds
        self.streams: dict[int, Stream] = {}
        self.members = Members(founder)
        self.history = History()
        self.waiting = Waiting()
        self.quarantine = Quarantine()
        self.voids = Voids()
        self.stable = VersionVector()  # what was folded
        self.former: Dot | None = None  # the id given up, to be retired when so much is here
        self.opening = 0  # this process's random number, until a batch has said that it writes
        self.disputed = False  # others know own dots as something else: nothing is stable
        self.unsaid = False  # something was delivered since the own latest batch that is no beat
        self.says_voids = True  # and not only believes those that it hears of
        self.news: dict[int, None] = {}  # authors that advanced since the own latest batch
        self._notices: list[Notice] = []

    # ------------------------------------------------------------------ writing

    @property
    def next_seq(self) -> int:
        """Of the next own event."""
        return self.vector.get(self.replica, 0) + 1

    @property
    def floor(self) -> VersionVector:
        """Every batch that this vector does not cover is retained."""
        return self.history.floor

    @property
    def writable(self) -> bool:
        """Whether this replica is a member."""
        return self.members.is_member(self.replica)

    def stamp(self, now_ms: int) -> int:
        """A stamp for a new batch. Raises `ClockWrong`, or `ReadOnly` if this is no member."""
        if not self.writable:
            raise ReadOnly("this replica is not a member now; it will ask a peer to be admitted")
        if self.clock_wrong:
            raise ClockWrong(self.clock_wrong)
        if ahead_ms(self.clock.last, now_ms) > AHEAD_MS_MAX:
            ahead = ahead_ms(self.clock.last, now_ms)
            raise ClockWrong(f"the clock went back: the latest stamp is {ahead} ms ahead of it")
        return self.clock.stamp(now_ms)

    def write(
        self, ops: Sequence[Op], hlc: int, who: str | None = None, message: str | None = None
    ) -> Batch:
        """The own batch of operations that the caller has applied to the fold already, at the
        events from `next_seq` on. What this replica owes is added; without anything it is a beat.

        Operations on the scope itself (with the empty key) are carried out here.
        """
        said = (*ops, *self.owed(), *opened_ops(self.opening)) or (self.beat(),)
        vector, replica = self.vector, self.replica
        seen = tuple([(r, vector[r]) for r in sorted(self.news) if r != replica])
        batch = Batch(replica, self.next_seq, hlc, seen, said, who, message)
        self.clock.observe(hlc)
        self._deliver(batch, applied=True)
        self.news.clear()
        self.opening, self.unsaid = 0, False
        return batch

    def owed(self) -> list[Op]:
        """What the next own batch must say: who retired amended, what was refused."""
        owed = self.voids.owed() if self.says_voids else []
        former = self.former
        waits = former is None or not self.writable or not self.vector.contains(former)
        if former is not None and not waits and self.members.is_member(former[0]):
            owed.append(self.retire(former[0]))
        if self.members.retired and self.writable:
            owed += [self.retire(*dot) for dot in self.members.unsaid(self.vector)]
        return owed

    def admit(self, replica: int, name: str) -> Op:
        """The operation that makes a replica a member."""
        return Op("", (ADMIT,), [replica, name])

    def retire(self, replica: int, last: int | None = None) -> Op:
        """The operation that ends a membership; `last`: what was delivered of it here."""
        had = self.vector.get(replica, 0)
        return Op("", (RETIRE,), [replica, had if last is None else last])

    def void(self, dot: Dot, reason: str) -> Op:
        """The operation that takes an event's effect away.

        Raises `HistoryTrimmed` if this replica cannot fold the document without it any more:
        then nobody may be able to. (What `refusing` refuses was never applied here.)
        """
        batch = self.history.batch_at(dot)
        if batch is None or self.history.floor:
            raise HistoryTrimmed(f"what event {dot[1]} of {dot[0]:x} did cannot be taken back")
        return void_op(dot, reason, batch.ops[dot[1] - batch.first].key)

    def beat(self) -> Op:
        """The operation that only tells what was seen."""
        return Op("", (BEAT,), None)

    # ------------------------------------------------------------------ receiving

    def receive(
        self, batches: Sequence[Batch], now_ms: int, marks: Mapping[Dot, bytes] = NO_MARKS
    ) -> list[Batch]:
        """What could be delivered, in the order of delivery; the rest waits, or is ignored.

        marks: by a batch's first dot, how the rolling hash of its stream before it begins.

        Raises `BadFrame` for what no replica can have written, and then nothing happened. What
        else was found is in `notices`, and what has to be stored for the clock in
        `quarantine.fresh`.
        """
        for batch in batches:
            check_batch(batch)
        self.voids.foretell(batches, self.vector)
        return self._take(batches, now_ms, marks)

    def replay(self, batches: Iterable[Batch]) -> list[Batch]:
        """Deliver again, from disk, what was delivered before: own batches too, at any stamp."""
        batches = list(batches)
        self.voids.foretell(batches, self.vector)
        return self._take(batches, None)

    def restore(self, batches: Iterable[Batch]) -> list[Batch]:
        """Retained batches from disk, in any order: those that `encode` knew become history; the
        later ones are replayed and returned."""
        known: list[Batch] = []
        later: list[Batch] = []
        for batch in batches:
            (known if self.vector.contains((batch.replica, batch.last)) else later).append(batch)
        self.history.restore(known)
        return self.replay(later)

    def release(self, now_ms: int) -> list[Batch]:
        """Deliver what the clock has reached."""
        due = self.quarantine.due(now_ms)
        return self._drain(due, now_ms) if due else []

    def accept(self, replica: int, now_ms: int) -> list[Batch]:
        """An operator accepts what is held of a replica: deliver it."""
        self.quarantine.accept(replica)
        return self._drain([replica], now_ms)

    def known(self) -> VersionVector:
        """The vector, and what is held for the clock: what need not be asked for."""
        held = self.quarantine.known(self.vector)
        return self.vector.merged(dict(held)) if held else self.vector

    def lacks(self, theirs: Iterable[tuple[int, int]]) -> bool:
        """Whether a replica that has seen this has seen anything that counts and is not here."""
        get = self.known().get
        names, retired = self.members.names, self.members.retired
        for replica, seq in theirs:
            if replica not in names:
                continue  # whoever has seen its events has seen its admission as well
            if replica in retired:
                seq = min(seq, retired[replica].last)
            if seq > get(replica, 0):
                return True
        return False

    def notices(self) -> list[Notice]:
        """What was found since this was last asked."""
        notices, self._notices = self._notices, []
        return notices

    def notice(self, notice: Notice) -> None:
        """Something was found."""
        self._notices.append(notice)

    def _take(
        self, batches: Iterable[Batch], now_ms: int | None, marks: Mapping[Dot, bytes] = NO_MARKS
    ) -> list[Batch]:
        authors = [batch.replica for batch in batches if self._keep(batch, now_ms is None, marks)]
        return self._drain(authors, now_ms)

    def _keep(self, batch: Batch, replay: bool, marks: Mapping[Dot, bytes]) -> bool:
        """Put a batch where it can wait; whether it is new."""
        replica = batch.replica
        last, mark = self.vector.get(replica, 0), marks.get((replica, batch.first), b"")
        if batch.first <= last:
            known = self.history.batch_at((replica, batch.first))
            if batch.last > last or (known is not None and encode(known) != encode(batch)):
                self.notice(Forked(replica, batch.first))
            return False
        if replica == self.replica and not replay:
            same = not mark or (batch.first == last + 1 and self._digest(replica).startswith(mark))
            self.notice(Behind(batch.last) if same else Forked(replica, batch.first))
            return False
        waits = self.waiting.get(replica, batch.first)
        if waits is not None:
            if encode(waits) != encode(batch):
                self.notice(Forked(replica, batch.first))
            return False
        return self.waiting.put(batch, batch.first == last + 1, mark)

    def _drain(self, authors: Iterable[int], now_ms: int | None) -> list[Batch]:
        """Deliver what can be, beginning with these authors."""
        delivered: list[Batch] = []
        queue = list(dict.fromkeys(authors))
        while queue:
            author = queue.pop()
            while (batch := self._next(author, now_ms, queue)) is not None:
                self.waiting.pop(batch)
                self.quarantine.release(batch)
                self._deliver(batch, applied=False)
                delivered.append(batch)
                queue.extend(self.waiting.unblock(author))
            if self.waiting.forget(author, self.vector.get(author, 0)):
                self.notice(Forked(author, self.vector.get(author, 0)))
        if self.quarantine.starts:
            self.quarantine.spread(self.waiting)
        return delivered

    def _next(self, author: int, now_ms: int | None, queue: list[int]) -> Batch | None:
        """The author's next batch if it can be delivered now."""
        batch = self.waiting.get(author, self.vector.get(author, 0) + 1)
        if batch is None:
            return None
        members, get = self.members, self.vector.get
        missing = [(r, seq) for r, seq in batch.seen if seq > get(r, 0)]
        if now_ms is None:
            members.seen(author, batch.last)  # it was delivered before, for whatever reason
        counts = members.counts(author, batch.last) or members.believes(self.replica, batch)
        if not counts and (author in members.retired or not missing):
            self._refuse(batch, Refused(author, batch.first))
            return None
        for replica, seq in missing:
            self.waiting.block(author, replica)
            if counts and members.seen(replica, seq):
                queue.append(replica)
        if missing:
            return None
        mark = self.waiting.mark(batch)
        if mark and not self._digest(author).startswith(mark):
            self._refuse(batch, Forked(author, batch.first))
            return None
        if now_ms is not None and self.quarantine.holds(batch, now_ms):
            return None
        return batch

    def _digest(self, author: int) -> bytes:
        stream = self.streams.get(author)
        return stream.digest if stream else GENESIS

    def _refuse(self, batch: Batch, notice: Notice) -> None:
        self.waiting.pop(batch)
        self.quarantine.release(batch)
        self.notice(notice)

    # ------------------------------------------------------------------ delivering

    def _deliver(self, batch: Batch, applied: bool) -> None:
        """A batch takes its place; `applied`: the fold has its operations already."""
        author = batch.replica
        stream = self.streams.get(author)
        if stream is None:
            stream = self.streams[author] = Stream(author)
        stream.advance(batch)
        self.vector[author] = batch.last
        self.clock.observe(batch.hlc)
        self.history.add(batch, stream.digest)
        self.news[author] = None
        if applied and batch.ops[-1].key:  # what is owed comes last, and concerns the scope itself
            stream.spoke = batch.last
            self.voids.settle(self.history, self.fold)
            return
        voided = self.voids.known
        for op, event in events_of(batch, stream.context):
            if speaks(op):
                stream.spoke = event.seq
            if not op.key:
                verdict = govern(op, event, self.replica, self.vector, self.members, self.voids)
                if verdict is not None:
                    self.notice(verdict)
                continue
            if applied:
                continue
            if not voided or event.dot not in voided:
                self.fold.apply(op, event)
        self.unsaid |= author != self.replica and stream.spoke >= batch.first
        self.voids.settle(self.history, self.fold)

    # ------------------------------------------------------------------ garbage

    def cut(self) -> VersionVector:
        """What every member that is waited for has seen: no event to come is concurrent with it."""
        return stable_cut(self.members, self.streams, self.stable)

    def collect(self) -> VersionVector | None:
        """Fold what is stable, and drop its batches unless history is kept for ever; the new
        floor, or None if nothing has become stable."""
        cut = self.stable if self.disputed else self.cut()
        # a state that was joined may have been stable further than what is retained here
        if cut == self.stable and (self.forever or not self.history.holds_below(cut)):
            return None
        self.stable = cut
        self.fold.fold(cut)
        if not self.forever:
            self.history.drop(cut)
            self.voids.drop(cut)
        return self.floor

    # ------------------------------------------------------------------ other roads

    def overtake(self, stream: Stream) -> None:
        """A stream came by a parcel, without its batches."""
        replica = stream.replica
        known = self.streams.get(replica)
        self.unsaid |= stream.spoke > (known.last if known else 0)
        self.streams[replica] = stream
        self.vector[replica] = stream.last
        self.clock.observe(stream.hlc)
        self.history.begin(stream.copy())
        self.waiting.forget(replica, stream.last)
        self.quarantine.forget(replica, stream.last)
        self.news[replica] = None

    def resume(self, authors: Iterable[int], now_ms: int | None) -> list[Batch]:
        """Streams were overtaken: what waited for them may be delivered."""
        waiting = [w for author in authors for w in (author, *self.waiting.unblock(author))]
        return self._drain(waiting, now_ms)

    def renamed(self, replica: int, retire: int = 0) -> None:
        """Go on under a fresh id; what was written under the old one is now another's.

        retire: up to where others know the old id, if nobody uses it: it is retired when this
        one is admitted and has caught up.
        """
        assert not self.vector.get(replica), "a fresh id has written nothing"
        self.former = (self.replica, retire) if retire else None
        self.replica, self.opening, self.disputed = replica, 0, False
        self.news = dict.fromkeys(self.vector)
        self.unsaid = True
