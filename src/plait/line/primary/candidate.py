"""A candidate: seals first, chooses afterwards.

1. *Survey*: would enough members promise? Nobody is disturbed if not.
2. *Seal*: every member durably promises the new epoch, refuses everything older, *then* reports
   the end of its log. Enough promises meet every set of members that can have committed an entry.
3. *Fetch*: the tail of the highest report, eligible or not, becomes the candidate's own.
4. It opens its epoch.

A member whose disk is new (`fresh`) does not count: it may have forgotten what it acknowledged.
Only while the line is being founded do such members count; then *every* member must report.
While it surveys, it goes on following whom it followed.

Invariant: it never becomes leader with fewer promises than `needed`, unless loss was accepted.
"""

from plait.line.entry import Epoch
from plait.line.primary.member import Member
from plait.line.primary.messages import Fetch, Fetched, Promise, Seal
from plait.line.primary.vocabulary import PromoteMe, Promotion
from plait.line.replication.follower import Follower
from plait.line.replication.messages import Append
from plait.line.replication.receiver import Accepted, Receiver

RETRY_S = 0.1
GRACE_S = 0.3  # how long to wait for more reports where loss is possible
SURVEY_S = 0.05  # and elsewhere, before binding, for who knows of a newer promise than ours
FORGOTTEN_MAX = 1024  # epochs of our own that a lost disk may have begun and nobody here knows


class Candidate:
    """The role of a member that is being promoted."""

    name = "candidate"

    def __init__(
        self,
        member: Member,
        following: Follower,
        ask: PromoteMe,
        needed: int,
        patient: bool,
        now: float,
    ) -> None:
        self.member = member
        self.following = following
        self.ask = ask
        self.needed = needed
        self.patient = patient or ask.accept_loss  # reports beyond the needed may save something
        self.began = now
        self.heard_number = max(member.promised.number, member.heard_number)
        self.ready = False  # the core makes us the leader
        self.failed: str | None = None
        self._begin(binding=ask.skip_survey, now=now)

    @property
    def leader(self) -> str | None:
        """Who leads: nobody any more once we asked for binding promises."""
        return None if self.binding else self.following.leader

    # ------------------------------------------------------------------ asking

    def _begin(self, binding: bool, now: float) -> None:
        number = self.heard_number + 1
        if self.member.fresh and self.ask.accept_loss:
            number += FORGOTTEN_MAX
        self.epoch = Epoch(number, self.member.me)
        self.promises: dict[str, Promise] = {}
        self.refusals: dict[str, Promise] = {}
        self.best: Promise | None = None
        self.binding = binding
        self.grace_until: float | None = None  # enough promised, but a little longer we wait
        self._promised_here = False
        self._asked: int | None = None  # where the last fetch started
        self._next_try = now
        if binding:
            self.member.promised = self.epoch
            self.member.persist([self.member.hard_state()], self._sealed_self)
        else:
            self._count(self.member.me, self._own_promise(), now)
            self.timer(now)

    def _sealed_self(self, now: float) -> None:
        if not self.failed and self.member.promised == self.epoch and self.binding:
            self._promised_here = True
            self._next_try = now
            self._count(self.member.me, self._own_promise(), now)
            self.timer(now)

    def _own_promise(self) -> Promise:
        return promise_of(self.member, self._seal(), True)

    def _seal(self) -> Seal:
        member = self.member
        return Seal(member.line, self.epoch, self.binding, self.ask.resume, member.log.last_epoch)

    def promised(self, peer: str, promise: Promise, now: float) -> None:
        """A member answered."""
        self.heard_number = max(self.heard_number, promise.promised.number)
        if promise.epoch != self.epoch or promise.binding != self.binding:
            return
        self._count(peer, promise, now)

    def _count(self, peer: str, promise: Promise, now: float) -> None:
        if promise.granted:
            self.promises[peer] = promise
            self.refusals.pop(peer, None)
        elif peer not in self.promises:
            self.refusals[peer] = promise
        if self.member.fresh and not promise.fresh and not self.ask.accept_loss:
            self.failed = "this node's disk is new and has not caught up"
        elif self.best is None and self._enough(now):
            if not self.binding:
                self._begin(binding=True, now=now)
            elif self._promised_here:
                self._choose()

    def _enough(self, now: float) -> bool:
        everyone = len(self.promises) == len(self.member.members)
        if everyone and self._founding():
            return True
        if self.member.fresh and not self.ask.accept_loss:
            return False
        vouching = sum(not promise.fresh for promise in self.promises.values())
        if vouching < self.needed and not self.ask.accept_loss:
            return False
        surveyed = len(self.promises) + len(self.refusals) == len(self.member.members)
        if everyone or (surveyed and not self.binding):
            return True
        if self.binding and not self.patient:
            return True
        if self.grace_until is None:
            self.grace_until = now + (GRACE_S if self.patient else SURVEY_S)
        return now >= self.grace_until

    def _founding(self) -> bool:
        """Whether nobody but us can ever have led: no other disk counts, ours has only our own.

        A founder that crashed is non-fresh already while all others still are.
        """
        member, log = self.member, self.member.log
        others = [promise for peer, promise in self.promises.items() if peer != member.me]
        if member.fresh:
            return log.tail == 0 and all(promise.fresh and promise.tail == 0 for promise in others)
        ours = log.head == 0 and all(epoch.candidate == member.me for epoch, _ in log.epochs)
        return ours and all(promise.fresh for promise in others)

    # ------------------------------------------------------------------ choosing

    def _choose(self) -> None:
        self.grace_until = None
        self.best = max(self.promises.values(), key=lambda p: (p.last, p.tail))
        self._source = next(peer for peer, p in self.promises.items() if p is self.best)
        member = self.member
        if member.fresh and len(self.promises) == len(member.members) and self._founding():
            # Durable before anybody holds an entry of ours: else a crash that forgets it all here
            # would leave only new disks of which one is not empty, and no founder.
            member.fresh = False
            member.persist([member.hard_state()], self._founded)
        else:
            self._fetch_best()

    def _founded(self, now: float) -> None:
        if not self.failed:
            self._fetch_best()

    def _fetch_best(self) -> None:
        assert self.best is not None
        log = self.member.log
        if (self.best.last, self.best.tail) <= (log.last_epoch, log.tail):
            self.ready = True
            return
        self._fetch(min(log.tail, self.best.tail))

    def _fetch(self, start: int) -> None:
        member = self.member
        assert self.best is not None
        previous = member.log.epoch_at(start - 1)
        if previous is None or start < self.best.head:
            self.failed = f"this node is too far behind {self._source}; promote that one"
            return
        self._asked = start
        member.send(self._source, Fetch(member.line, self.epoch, start, previous))

    def fetched(self, peer: str, message: Fetched, now: float) -> None:
        """The chosen member sent a part of its log."""
        if self.best is None or self._asked is None or peer != self._source:
            return
        if self.ready or message.epoch != self.epoch:
            return
        member, log = self.member, self.member.log
        if not message.matched:
            # every hint lies below what was asked, so this ends; -1 lies below every head
            hint = min(message.start, log.epoch_start(self._asked - 1))
            self._fetch(hint if hint < self._asked else -1)
            return
        if message.start != self._asked:
            return  # a repeated answer
        as_append = Append(
            member.line, self.epoch, message.start, message.previous, message.entries, 0, 0, 0, 0
        )
        verdict = Receiver(log).judge(as_append)
        assert isinstance(verdict, Accepted), "nobody else changes a candidate's log"
        writes = []
        if verdict.cut is not None:
            writes += member.cut(verdict.cut, verdict.entries[0].record_index, self.epoch)
        if verdict.entries:
            writes += member.append(verdict.start, verdict.entries, verdict.rows)
            member.persist(writes, None, log.tail)
        if (log.last_epoch, log.tail) == (self.best.last, self.best.tail):
            self.ready = True
        else:
            self._fetch(min(message.start + len(message.entries), log.tail))

    # ------------------------------------------------------------------ time

    @property
    def deadline(self) -> float:
        """When `timer` wants to be called."""
        due = min(self._next_try, self.ask.until)
        return due if self.grace_until is None else min(due, self.grace_until)

    def timer(self, now: float) -> None:
        """Ask again whoever has not answered; give up in time."""
        if self.ready or self.failed:
            return
        if now >= self.ask.until:
            self.failed = self._why_not()
            return
        if self.grace_until is not None and now >= self.grace_until:
            self._count(self.member.me, self.promises[self.member.me], now)
        if now < self._next_try:
            return
        self._next_try = now + RETRY_S
        self._retry(now)

    def _retry(self, now: float) -> None:
        if self.best is not None:
            if self._asked is not None:
                self._fetch(self._asked)
            return
        if self.refusals and self.ask.resume:
            self.failed = "another candidate was promised; not taking the place back"
            return
        if self.refusals and self.heard_number >= self.epoch.number:
            self.refusals.clear()
            self._begin(binding=False, now=now)
            return
        if self.binding and not self._promised_here:
            return
        for peer in self.member.others:
            if peer not in self.promises:
                self.member.send(peer, self._seal())

    def _why_not(self) -> str:
        vouching = sorted(peer for peer, p in self.promises.items() if not p.fresh)
        fresh = sorted(peer for peer, p in self.promises.items() if p.fresh)
        silent = [name for name in self.member.members if name not in self.promises]
        if self.best is not None:
            return f"the tail of {self._source} could not be fetched in time"
        return (
            f"{len(vouching)} of the {self.needed} members needed reported"
            f" (reported: {', '.join(vouching) or 'none'}; silent: {', '.join(silent) or 'none'}"
            + (f"; new disks that do not count: {', '.join(fresh)})" if fresh else ")")
        )

    def report(self, now: float) -> Promotion:
        """How it ended, for people."""
        details = {
            "epoch": str(self.epoch),
            "seconds": round(now - self.began, 4),
            "reports": {
                peer: {"epoch": str(p.last), "tail": p.tail, "fresh": p.fresh}
                for peer, p in sorted(self.promises.items())
            },
            "accepted_loss": self.ask.accept_loss,
        }
        return Promotion(self.failed is None, self.failed or "promoted", details)


def promise_of(member: Member, seal: Seal, granted: bool) -> Promise:
    """A member's answer to a seal."""
    log = member.log
    return Promise(
        member.line, seal.epoch, seal.binding, granted, member.promised, log.last_epoch,
        log.head, log.tail, member.fresh,
    )  # fmt: skip
