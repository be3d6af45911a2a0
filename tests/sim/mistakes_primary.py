"""Mistakes in leader–follower lines: promises, promotions, rules, rescue."""

from collections.abc import Callable

import msgspec
from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.base.ports import CutSuffix, LogWrite
from plait.line.entry import Epoch
from plait.line.membership import Membership
from plait.line.primary import candidate
from plait.line.primary.answers import promise_of
from plait.line.primary.candidate import Candidate
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader
from plait.line.primary.member import Member
from plait.line.primary.messages import Promise, Seal
from plait.line.primary.rule import RuleInForce
from plait.line.replication.messages import Append
from plait.node.lease import Lease


def promotes_after_the_survey(patch: Patch) -> None:
    """A promotion does not seal: nobody promised anything when the new leader begins."""
    right = Candidate._enough

    def enough(self: Candidate, now: float) -> bool:
        found = right(self, now)
        if found and not self.binding:
            self.member.promised = self.epoch
            self.member.persist([self.member.hard_state()], None)
            self.binding = self._promised_here = True
        return found

    patch.setattr(Candidate, "_enough", enough)


def one_promise_is_enough(patch: Patch) -> None:
    """A candidate does not wait for the promises that meet every set of acknowledgements."""
    patch.setattr(RuleInForce, "promises_needed", lambda self, half, zones: 1)


def takes_the_shortest_report(patch: Patch) -> None:
    """The candidate takes over the tail of the report that ends first."""
    right = candidate._log_end

    def log_end(promise: Promise) -> tuple[Epoch, int]:
        last, tail = right(promise)
        return Epoch(-last.number, last.candidate), -tail

    patch.setattr(candidate, "_log_end", log_end)


def promises_before_it_is_durable(patch: Patch) -> None:
    """A member answers a seal while its disk still works."""

    def seal(self: PrimaryCore, peer: str, asked: Seal, now: float) -> None:
        member = self.member
        granted = member.would_promise(asked)
        if granted and asked.binding:
            if asked.epoch > member.promised:
                self._step_down(asked.epoch, now)
            member.promised = asked.epoch
            member.persist([member.hard_state()], None)
        member.send(peer, promise_of(member, asked, granted))

    patch.setattr(PrimaryCore, "_seal", seal)


def forgets_what_it_promised(patch: Patch) -> None:
    """A promise is given, and the next leader's append is judged by the one before."""
    right = PrimaryCore._seal

    def seal(self: PrimaryCore, peer: str, asked: Seal, now: float) -> None:
        before = self.member.promised
        right(self, peer, asked, now)
        self.member.promised = before

    patch.setattr(PrimaryCore, "_seal", seal)


def follows_whoever_speaks(patch: Patch) -> None:
    """The epoch of an append is not compared with what was promised."""
    right = PrimaryCore._append

    def append(self: PrimaryCore, peer: str, message: Append, now: float) -> None:
        if message.epoch < self.member.promised:
            self.member.promised = message.epoch
        right(self, peer, message, now)

    patch.setattr(PrimaryCore, "_append", append)


def drops_what_it_cuts(patch: Patch) -> None:
    """The suffix that a new leader cuts is not kept as rescued."""
    right = Member.cut

    def cut(self: Member, start: int, records: int, by: Epoch) -> list[LogWrite]:
        writes = right(self, start, records, by)
        return [CutSuffix(w.line, w.start) if isinstance(w, CutSuffix) else w for w in writes]

    patch.setattr(Member, "cut", cut)


def asks_for_one_follower_less(patch: Patch) -> None:
    """The rule is lowered, and nobody is told."""
    right = RuleInForce.committed

    def committed(
        self: RuleInForce, membership: Membership, leader: str, position_of: Callable[[str], int]
    ) -> int:
        usual, self.rule = self.rule, msgspec.structs.replace(self.rule, text="leader")
        try:
            return right(self, membership, leader, position_of)
        finally:
            self.rule = usual

    patch.setattr(RuleInForce, "committed", committed)


def acknowledges_what_its_own_disk_lacks(patch: Patch) -> None:
    """A leader counts its own entries before they are durable."""
    right = Leader._on_disk

    def on_disk(self: Leader, name: str) -> int:
        return self.member.log.tail if name == self.member.me else right(self, name)

    patch.setattr(Leader, "_on_disk", on_disk)


def commits_an_older_epoch_by_counting(patch: Patch) -> None:
    """What an older leader left is committed before the new epoch is."""
    right = Leader.advance

    def advance(self: Leader, now: float) -> None:
        opening, self.opening = self.opening, -1
        right(self, now)
        self.opening = opening

    patch.setattr(Leader, "advance", advance)


def a_lease_is_not_looked_at(patch: Patch) -> None:
    """A leader that was cut off answers readers for as long as it likes."""
    patch.setattr(Lease, "check", lambda self, host: None)


failing = world("catalogue", kill=1.5, partition=2.0, one_way=2.0, pause=2.0)
slowly = world("catalogue", slow=True, kill=1.0, partition=2.0, power_cut=2.0)
operated = world(
    "catalogue", clients=4, think_s=0.01, slow=True, work_s=12.0, reset=1.0, one_way=3.0
)
banished = world("torrents", work_s=12.0, calm_s=90.0, banish=1.0)

MISTAKES = (
    Mistake(promotes_after_the_survey, operated),
    Mistake(one_promise_is_enough, failing),
    Mistake(takes_the_shortest_report, failing),
    Mistake(promises_before_it_is_durable, failing),
    Mistake(forgets_what_it_promised, operated),
    Mistake(follows_whoever_speaks, failing),
    Mistake(drops_what_it_cuts, failing),
    Mistake(asks_for_one_follower_less, failing),
    Mistake(acknowledges_what_its_own_disk_lacks, slowly),
    Mistake(commits_an_older_epoch_by_counting, failing),
    Mistake(a_lease_is_not_looked_at, banished),
)
