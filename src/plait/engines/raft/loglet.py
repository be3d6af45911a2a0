"""Raft: the consensus loglet, one member's handle.

`check_tail` and `read_index` work on every member: a follower asks its leader. Nothing committed
is ever retracted.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from plait.base.errors import Closed, Unavailable
from plait.base.ports import Clock, LogStorage, Random
from plait.engines.raft.driver import RaftDriver
from plait.engines.raft.readers import Readers
from plait.engines.raft.status import status_of
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.line.loglet import Tail
from plait.line.membership import Membership, Target
from plait.line.raft.core import RaftCore
from plait.line.raft.vocabulary import AskRead, PeerDown, Reconfigure, StandNow

READ_S = 5.0
LOOK_S = 0.01


class RaftLoglet(ReplicatedLoglet):
    """One member of a line that a majority orders."""

    def __init__(
        self,
        core: RaftCore,
        storage: LogStorage,
        send: Callable[[str, Any], None],
        clock: Clock,
        random: Random,
    ) -> None:
        driver = RaftDriver(core, storage, send, clock)
        super().__init__(core, driver, storage, clock)
        self.core = core
        # ids of an earlier life of this process must not be taken for ours
        first_id = random.getrandbits(40) << 20
        self._readers = Readers(core.member.line, clock, first_id, self._ask)
        driver.on_read = self._readers.answer
        driver.on_members = self._members_changed
        driver.on_halted = self._readers.fail
        self.on_members: Callable[[], None] = lambda: None
        self._begin()

    def _begin(self) -> None:
        """Wake the core for the first time: a group of one need not wait for anybody."""
        if self.membership.members == (self.core.member.me,):
            self.driver.step(StandNow())
        else:
            self.driver.wake()

    # ------------------------------------------------------------------ reading

    async def read_index(self, timeout_s: float = READ_S) -> int:
        """Whoever has applied everything below it sees every write completed before this call."""
        self.check()
        return await self._readers.index(timeout_s)

    def _ask(self, id_: int) -> None:
        if self.driver.halted is not None:
            self._readers.fail(self.driver.halted)
        self.driver.step(AskRead(id_))

    async def check_tail(self) -> Tail:
        """The linearizable tail, from any member."""
        position = await self.read_index()
        while self.committed < position and not self.sealed:
            await self.wait(self.committed)
        return Tail(self.committed, self.sealed)

    # ------------------------------------------------------------------ members

    @property
    def membership(self) -> Membership:
        """Who the members are, as this member's log has it."""
        return self.core.member.membership

    def _members_changed(self) -> None:
        self.on_members()

    async def reconfigure(self, target: Target, timeout_s: float) -> Membership:
        """Go to another membership; returns once it is in force and committed.

        Raises what the core refuses with (`NotLeader`, `Busy`, `BadSettings`), or `Unavailable`
        if a member that is to vote did not catch up in time; the change may go on then.
        """
        self.check()
        refusal = self.core.reconfiguration_refusal(target)
        if refusal is not None:
            raise refusal
        self.driver.step(Reconfigure(target))
        until = self.clock.monotonic() + timeout_s
        while not self._is_at(target):
            self.check()
            if self.core.sender is None and not self._is_at(target):
                raise Unavailable("the leader changed while the members did")
            if self.clock.monotonic() > until:
                raise Unavailable(
                    f"the members of {self.member.line} are not {', '.join(target.voters)} yet"
                )
            await asyncio.sleep(LOOK_S)
        return self.membership

    def _is_at(self, target: Target) -> bool:
        membership, member = self.membership, self.core.member
        there = (
            not membership.joint
            and set(membership.voters) == set(target.voters)
            and set(membership.learners) == set(target.learners)
        )
        return there and member.commit > member.membership_position

    def stand(self) -> None:
        """Stand for election without waiting."""
        self.driver.step(StandNow())

    def peer_down(self, peer: str) -> None:
        """The connections to a peer broke."""
        self.driver.step(PeerDown(peer))

    # ------------------------------------------------------------------ the rest

    async def close(self) -> None:
        """Stop; whatever waits is told that the outcome is open."""
        await super().close()
        self._readers.fail(Closed(f"{self.member.line} is closed"))

    def status(self) -> dict[str, Any]:
        """Role, term, members, positions and lag, for people."""
        self.report_applied()
        return status_of(self.core, self.clock.monotonic())
