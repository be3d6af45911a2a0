"""Raft: the consensus loglet, one member's handle.

`check_tail` and `read_index` work on every member: a follower asks its leader. Nothing committed
is ever retracted.
"""

from collections.abc import Callable
from typing import Any

from plait.base.errors import Closed
from plait.base.ports import Clock, LogStorage, Random
from plait.engines.raft.driver import RaftDriver
from plait.engines.raft.readers import Readers
from plait.engines.raft.status import status_of
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.line.loglet import Tail
from plait.line.raft.core import RaftCore
from plait.line.raft.vocabulary import AskRead, PeerDown, StandNow

READ_S = 5.0


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
        self._readers = Readers(
            core.member.line, clock, first_id, self._ask, lambda: core.leader is not None
        )
        driver.on_read = self._readers.answer
        driver.on_halted = self._readers.fail
        self._begin()

    def _begin(self) -> None:
        """Wake the core for the first time: a group of one need not wait for anybody."""
        alone = self.membership.members == (self.core.member.me,)
        if alone and self._storage.read_only is None:
            self.driver.step(StandNow())
        else:
            self.driver.wake()

    # ------------------------------------------------------------------ reading

    async def read_index(self, timeout_s: float = READ_S) -> int:
        """Whoever has applied everything below it sees every write completed before this call."""
        self.check()
        return await self._readers.index(timeout_s)

    def received(self, peer: str, message: Any) -> None:
        """See `ReplicatedLoglet`; it may be the first word of a leader, or make us one."""
        super().received(peer, message)
        if self._readers.leaderless and self.core.leader is not None:
            self._readers.wake()

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

    # ------------------------------------------------------------------ leading

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
