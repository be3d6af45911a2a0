"""One life of one member of a replicated line: every step that its core makes.

- one leader an epoch; a Raft leader has the votes of a majority that remembers, and all that older
  terms committed; another one has sealed;
- terms, promises and votes never go back, not by a restart either;
- a leader commits what so many disks hold as the rule asks for, at that moment, and nothing but
  beneath the entry that opened its epoch;
- commit indexes never fall, nor what a follower is known to hold;
- members change one step at a time, and any two majorities of two that follow overlap;
- nothing is applied that is not committed.

Where a rule allows loss only epochs, promises and disks are looked at.

Source: Ongaro's thesis, figure 3.2; `line.raft.invariants` has the same for steps of bare cores.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from plait.engines.replicated.driver import Driver
from plait.line.entry import Epoch, Kind, decode_entry
from plait.line.membership import Membership
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader as PrimaryLeader
from plait.line.primary.member import HardState
from plait.line.primary.vocabulary import PromoteMe
from plait.line.quorum import Zones
from plait.line.raft.core import RaftCore
from plait.line.raft.election import Candidate
from plait.line.raft.leader import Leader as RaftLeader
from plait.line.raft.member import RaftMember
from plait.line.replication.messages import AppendReply
from plait.line.replication.vocabulary import Received
from plait.node.line_host import LineHost
from plait.sim.disk_probe import DiskProbe
from plait.sim.line_truth import LineTruth
from plait.sim.moments import Kind as MomentKind
from plait.sim.word_probe import WordProbe

_LEADERS = (RaftLeader, PrimaryLeader)


class MemberProbe:
    """Sees every step from now on."""

    def __init__(self, line: LineTruth, name: str, host: LineHost) -> None:
        self.line = line
        self.name = name
        self.host = host
        assert host.group is not None
        self.driver: Driver = host.group.loglet.driver
        self._core: Any = self.driver.core
        self._member: Any = self._core.member
        self._told = self._member.log.head
        self._commit = self._member.commit
        self._led: Epoch | int | None = None
        self._membership = self._member.membership
        self._position = self._member.membership_position
        self._promised = self._newest()
        self._vote = self._voted()
        self._fresh = self._member.fresh
        self._tail = self._member.log.tail
        self._loaded: int | None = None  # what was applied when it was opened
        self._words = WordProbe(line, name, host)
        self._disk = DiskProbe(line, name, isinstance(self._member, RaftMember))
        self._remembers()
        self.driver.step = self._stepping(self.driver.step)  # type: ignore[assignment,method-assign]
        self._after()

    def look(self) -> None:
        """Look at what no step tells."""
        self._disk.look()
        position, log = self._member.membership_position, self._member.log
        kept = log.kept(position) if position >= log.head else None
        if kept is not None and kept.entry.kind is not Kind.MEMBERS:
            self._report(f"goes by the members of entry {position}, which says nothing of members")
        applied, committed = self.host.replica.applied, self._member.committed_told
        if self._loaded is None:  # a copy that was installed may be ahead of its log, after a crash
            self._loaded = min(applied, self.line.end)
        committed = max(committed, self._loaded)
        folds = self.host.folds and self.host.replica.halted is None
        if folds and applied > committed and not self.line.lossy:
            self._report(f"applied up to {applied}, but only {committed} is committed")

    def _newest(self) -> Any:
        member = self._member
        return member.term if isinstance(member, RaftMember) else member.promised

    def _voted(self) -> str:
        member = self._member
        return member.vote if isinstance(member, RaftMember) else ""

    def _report(self, what: str) -> None:
        self.line.ground.report(self.line.line, (self.name,), what)

    def _remembers(self) -> None:
        """What this member said in an earlier life it still knows."""
        said = self.line.said.get(self.name)
        if said is None or self.name in self.line.ground.lost:
            return
        promised, vote = said
        if self._promised < promised:
            self._report(f"spoke of {promised} before it started again; knows {self._promised} now")
        elif self._promised == promised and vote and self._vote != vote:
            self._report(f"voted for {vote} in {promised} before it started again, and forgot")

    # ------------------------------------------------------------------ steps

    def _stepping(self, step: Callable[[Any], None]) -> Callable[[Any], None]:
        def stepped(event: Any) -> None:
            known, match, role = None, 0, self._core.role
            if isinstance(event, PromoteMe) and event.accept_loss:
                self.line.lossy = True
            elif isinstance(event, Received) and isinstance(event.message, AppendReply):
                sender = self._core.sender
                known = None if sender is None else sender.progress.get(event.peer)
                match = 0 if known is None or known.fresh else known.match
            try:
                step(event)
            except AssertionError as error:
                self._report(f"the core stopped at {_name_of(event)}: {error}")
                raise
            if known is not None and known.match < match and not known.fresh:
                self._report(f"knew that {event.peer} holds {match}, now only {known.match}")
            if isinstance(role, Candidate) and isinstance(self._core.role, RaftLeader):
                self._check_votes(role)
            self._after()

        return stepped

    def _after(self) -> None:
        member, log, role = self._member, self._member.log, self._core.role
        newest = self._newest()
        if newest != self._promised or self._vote:
            self._check_promise(newest)
        if isinstance(role, _LEADERS):
            self._leads(role)
        else:
            self._led = None
        if member.commit != self._commit:
            self._check_commit(role)
        if member.committed_told != self._told:
            self._check_told()
        tail = log.tail
        if self._position >= tail or member.membership_position != self._position:
            self._check_members()
        self._words.look()
        if tail < self._tail or log.head > self._tail:
            self._tell("cut" if tail < self._tail else "copied")
        self._tail = tail
        self._membership = member.membership
        self._fresh = member.fresh

    def _tell(self, kind: MomentKind) -> None:
        self.line.ground.tell(kind, self.name, self.line.line)

    def _check_promise(self, newest: Any) -> None:
        vote, admitted = self._voted(), self._fresh and not self._member.fresh
        if newest < self._promised:
            self._report(f"went back from {self._promised} to {newest}")
        elif newest == self._promised and vote != self._vote and not admitted:
            self._report(f"voted for {self._vote}, then {vote or 'nobody'}, in {newest}")
        self._promised, self._vote = newest, vote

    def _leads(self, role: Any) -> None:
        core = self._core
        epoch = core.member.term if isinstance(core, RaftCore) else role.epoch
        if isinstance(core, PrimaryCore) and core.k == 0:
            self.line.lossy = True
        if epoch == self._led:
            return
        self._led = epoch
        self._tell("leads")
        if self.name not in self.line.ground.lost:  # it may have led before, and forgotten
            self.line.leads(self.name, epoch)
        if isinstance(core, RaftCore):
            self._check_completeness(core.member.term)
        elif not self.line.lossy:
            self._check_seal(role.epoch)

    def _check_votes(self, candidate: Candidate) -> None:
        """Who leads by votes has those of a majority whose disks remember what they promised."""
        votes, me = candidate.votes, () if self._member.fresh else (self.name,)
        counted = [*me, *(peer for peer, vote in votes.items() if not vote.fresh)]
        for half in filter(None, (self._membership.voters, self._membership.outgoing)):
            held = [name for name in half if name in counted]
            founded = all(name == self.name or name in votes for name in half) and not self.line.end
            if 2 * len(held) <= len(half) and not founded:
                who = ", ".join(held) or "nobody"
                self._report(f"leads in {candidate.term} by the word of {who} in {', '.join(half)}")

    def _check_seal(self, epoch: Epoch) -> None:
        """Who leads by promises has so many on disks that nobody commits without them."""
        for half, zones in self._membership.zoned_halves:
            held = [name for name in half if self._has_promised(name, epoch)]
            in_force = self._core.rule_in_force
            if spanning := in_force.spanning(half, zones):
                self._check_places(half, zones, spanning, held, epoch)
                continue
            needed = len(half) - (in_force.k(half, zones) or len(half) // 2)
            if len(held) < needed:
                who = ", ".join(held) or "nobody"
                self._report(f"leads in {epoch}, which {who} promised on disk: {needed} are needed")

    def _check_places(
        self, half: tuple[str, ...], zones: Zones, k: int, held: list[str], epoch: Epoch
    ) -> None:
        """Who has not promised cannot commit by a rule that asks for other zones."""
        rest = [name for name in half if name not in held]
        for one in rest:
            others = [name for name in rest if zones[name] != zones[one]]
            if len(others) >= k:
                self._report(f"leads in {epoch}, and {one} could commit with {', '.join(others)}")

    def _has_promised(self, name: str, epoch: Epoch) -> bool:
        ground = self.line.ground
        data = ground.hard_state(name, self.line.line)
        if name in ground.lost:
            return True
        return data is not None and msgspec.msgpack.decode(data, type=HardState).promised >= epoch

    def _check_completeness(self, term: int) -> None:
        """A leader has everything that older terms committed."""
        line, log = self.line, self._member.log
        stop = line.committed_before(term)
        if log.tail < stop:
            self._report(f"leads in {term} with {log.tail} entries; {stop} were committed before")
        elif stop and stop - 1 in line.ledger:
            found = log.epoch_at(stop - 1)
            wanted = decode_entry(line.ledger[stop - 1]).epoch
            if found is not None and found != wanted:
                self._report(f"leads in {term} with entry {stop - 1} of {found}, not of {wanted}")

    def _check_members(self) -> None:
        """One change at a time, each in two majorities; a membership that was cut is not there."""
        member, role = self._member, self._core.role
        before, position = self._position, member.membership_position
        if position >= member.log.tail:
            self._report(f"goes by the members of entry {position}; it has {member.log.tail}")
        self._position = position
        if position <= before or not isinstance(role, _LEADERS):
            return
        self._tell("members")
        if position >= role.opening and member.commit <= before:
            self._report(f"changed the members at {before}, and at {position} before that counted")
        if not _follows(self._membership, member.membership):
            old, new = self._membership.voters, member.membership.voters
            self._report(f"went from {', '.join(old)} to {', '.join(new)} with one majority")

    # ------------------------------------------------------------------ commits

    def _check_commit(self, role: Any) -> None:
        commit, before = self._member.commit, self._commit
        self._commit = commit
        if commit < before and not self.line.lossy:
            self._report(f"the commit index fell from {before} to {commit}")
        if commit <= before or not isinstance(role, _LEADERS):
            return
        if commit <= role.opening:
            self._report(f"committed {commit}, but its epoch begins at {role.opening}")
        row = self._row(commit - 1)
        if row is None:
            return
        if isinstance(role, RaftLeader):
            ends, term = self.line.ends, self._member.term
            ends[term] = max(ends.get(term, 0), commit)
        if not self.line.lossy:
            self._check_disks(commit - 1, row)

    def _check_disks(self, position: int, row: bytes) -> None:
        """What a leader takes for committed is on as many disks as the rule asks for."""
        core = self._core
        holders = self.line.ground.holders(self.line.line, position, row)
        membership = self._membership  # in which it was counted: the step may have changed it
        for half, zones in membership.zoned_halves:
            having = [name for name in half if name in holders]
            held = len(having)
            if isinstance(core, PrimaryCore):
                in_force = core.rule_in_force
                held += self.name in holders and self.name not in half
                if spanning := in_force.spanning(half, zones):
                    held = _spread(having, zones, self.name if self.name in half else None)
                needed = (spanning or in_force.k(half, zones)) + 1
            else:
                needed = len(half) // 2 + 1
            if held < needed:
                self._report(
                    f"committed {position}, which of {', '.join(half)} only"
                    f" {', '.join(holders) or 'nobody'} has on disk: {needed} are needed"
                )

    def _check_told(self) -> None:
        member, told = self._member, self._member.committed_told
        if told < self._told and not self.line.lossy:
            self._report(f"what it was told to be committed fell from {self._told} to {told}")
        for position in range(max(self._told, member.log.head), told):
            row = self._row(position)
            if row is not None:
                self.line.committed(self.name, position, row)
        self._told = told

    def _row(self, position: int) -> bytes | None:
        kept = self._member.log.kept(position)
        if kept is not None:
            row: bytes = kept.row
            return row
        return self.line.ground.row(self.name, self.line.line, position)


def _spread(names: list[str], zones: Zones, leader: str | None) -> int:
    """The leader, if it is of `names` or of nowhere, and who of them is in another zone."""
    counts = [
        1 + sum(zones[name] != zones[one] for name in names)
        for one in names
        if leader in (one, None)
    ]
    return max(counts, default=0)


def _follows(before: Membership, after: Membership) -> bool:
    """Whether any two majorities of the two memberships overlap."""
    if before.joint:
        return after.voters == before.voters and not after.joint
    return before.voters == (after.outgoing or after.voters)


def _name_of(event: Any) -> str:
    inner = event.message if isinstance(event, Received) else event
    return type(inner).__name__
