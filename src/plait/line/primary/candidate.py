"""A candidate: seals first, chooses afterwards.

1. *Survey*: would enough members promise? Nobody is disturbed if not.
2. *Seal*: every member durably promises the new epoch, refuses everything older, *then* reports
   the end of its log. Enough promises meet every set of members that can have committed an entry.
3. *Fetch*: the tail of the highest report, eligible or not, becomes the candidate's own. Where
   that brings other voters, it seals anew, with a newer epoch: those promises must suffice too.
4. It opens its epoch.

A member whose disk is new (`fresh`) does not count: it may have forgotten what it acknowledged.
Only while the line is being founded do such members count; then *every* member must report.
While it surveys, it goes on following whom it followed.

Invariant: it becomes leader only with promises that suffice (`RuleInForce.promised`) by the newest
membership in its own log, all of them asked for when that was in its log, unless loss was accepted.

Sealing anew is more than asking the others too. A promise asked for under another membership may
come from a disk that was lost since; the leader then took its owner for a learner and admitted it
without asking us.
"""

from plait.line.entry import Epoch
from plait.line.primary.answers import promise_of
from plait.line.primary.member import Member
from plait.line.primary.messages import Fetch, Fetched, Promise, Seal
from plait.line.primary.rule import RuleInForce
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
        rule: RuleInForce,
        patient: bool,
        now: float,
    ) -> None:
        self.member = member
        self.following = following
        self.ask = ask
        self.rule = rule
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
        self.membership = self.member.membership  # who is asked
        self.voters = sorted({name for half in self.membership.halves for name in half})
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
        if peer not in self.voters:
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
                self._go_binding(now)
            elif self._promised_here:
                self._choose(now)
        elif promise.left and self._surveyed:
            self.failed = promise.bar

    def _go_binding(self, now: float) -> None:
        """Enough would promise: ask in earnest, unless the best log says that we may not lead."""
        bar = max(self.promises.values(), key=_log_end).bar
        if bar and not self.ask.accept_loss:
            self.failed = bar
        else:
            self._begin(binding=True, now=now)

    @property
    def _surveyed(self) -> bool:
        """Whether everybody has answered."""
        return len(self.promises) + len(self.refusals) == len(self.voters)

    def _enough(self, now: float) -> bool:
        everyone = len(self.promises) == len(self.voters)
        if everyone and self._founding():
            return True
        if self.member.fresh and not self.ask.accept_loss:
            return False
        if not self.rule.promised(self.membership, self._vouching()) and not self.ask.accept_loss:
            return False
        if everyone or (self._surveyed and not self.binding):
            return True
        if self.binding and not self.patient:
            return True
        if self.grace_until is None:
            self.grace_until = now + (GRACE_S if self.patient else SURVEY_S)
        return now >= self.grace_until

    def _vouching(self) -> list[str]:
        return sorted(peer for peer, promise in self.promises.items() if not promise.fresh)

    def _founding(self) -> bool:
        """Whether nobody but us can ever have led: no other disk counts, ours has only our own.

        A founder that crashed is non-fresh already while all others still are.
        """
        member, log = self.member, self.member.log
        others = [promise for peer, promise in self.promises.items() if peer != member.me]
        if not member.as_founded:
            return False
        if member.fresh:
            nothing = member.origin.position
            return member.empty and all(p.fresh and p.tail == nothing for p in others)
        ours = member.whole and all(epoch.candidate == member.me for epoch, _ in log.epochs)
        return ours and all(promise.fresh for promise in others)

    # ------------------------------------------------------------------ choosing

    def _choose(self, now: float) -> None:
        self.grace_until = None
        self.best = max(self.promises.values(), key=_log_end)
        self._source = next(peer for peer, p in self.promises.items() if p is self.best)
        member = self.member
        if member.fresh and len(self.promises) == len(self.voters) and self._founding():
            # Durable before anybody holds an entry of ours: else a crash that forgets it all here
            # would leave only new disks of which one is not empty, and no founder.
            member.fresh = False
            member.persist([member.hard_state()], self._founded)
        else:
            self._fetch_best(now)

    def _founded(self, now: float) -> None:
        if not self.failed:
            self._fetch_best(now)

    def _fetch_best(self, now: float) -> None:
        assert self.best is not None
        log = self.member.log
        if _log_end(self.best) <= (log.last_epoch, log.tail):
            self._fetched_best(now)
        else:
            self._fetch(min(log.tail, self.best.tail))

    def _fetched_best(self, now: float) -> None:
        """Our log is the best that was promised; by it, others may have to promise."""
        member = self.member
        bar = member.bar(member.me)
        if bar and not (self.ask.accept_loss and member.votes):
            self.failed = bar
        elif member.membership.zoned_halves == self.membership.zoned_halves:
            self.ready = True
        else:
            self.heard_number = max(self.heard_number, self.epoch.number)
            self._begin(binding=True, now=now)

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
        if (log.last_epoch, log.tail) == _log_end(self.best):
            self._fetched_best(now)
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
        for peer in self.voters:
            if peer not in self.promises and peer != self.member.me:
                self.member.send(peer, self._seal())

    def _why_not(self) -> str:
        if self.best is not None:
            return f"the tail of {self._source} could not be fetched in time"
        vouching = self._vouching()
        fresh = sorted(peer for peer, p in self.promises.items() if p.fresh)
        silent = [name for name in self.voters if name not in self.promises]
        return (
            f"{self.rule.shortfall(self.membership, vouching)}"
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


def _log_end(promise: Promise) -> tuple[Epoch, int]:
    return promise.last, promise.tail
