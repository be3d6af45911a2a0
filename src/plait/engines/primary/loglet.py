"""Primary: the leader–follower loglet, one member's handle.

`check_tail` on the leader asks its followers whether it still leads, so that a deposed leader
cannot give an old tail. After an `acks="leader"` leader was lost, or loss was accepted at a
promotion, a committed suffix can be cut: `on_retracted` tells.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from plait.base.errors import Unavailable
from plait.base.ports import Clock, LogStorage
from plait.engines.primary.driver import PrimaryDriver
from plait.engines.primary.status import status_of
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.line.loglet import Tail
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader
from plait.line.primary.vocabulary import Confirm, PromoteMe, Promotion

CONFIRM_POLL_S = 0.001
CONFIRM_S = 2.0


class PrimaryLoglet(ReplicatedLoglet):
    """One member of a leader–follower line."""

    def __init__(
        self,
        core: PrimaryCore,
        storage: LogStorage,
        send: Callable[[str, Any], None],
        clock: Clock,
    ) -> None:
        super().__init__(core, PrimaryDriver(core, storage, send, clock), storage, clock)
        self.core = core

    async def check_tail(self) -> Tail:
        """The tail, confirmed by enough followers; `NotLeader` elsewhere."""
        self.check()
        self.driver.step(Confirm())
        until = self.clock.monotonic() + CONFIRM_S
        role = self.core.role
        if not isinstance(role, Leader):
            raise self.not_leader()
        committed, round_ = self.committed, role.sender.round
        while not role.confirmed(round_):
            if self.core.role is not role:
                raise self.not_leader()
            if self.clock.monotonic() > until:
                raise Unavailable("too few followers confirmed that this node still leads")
            await asyncio.sleep(CONFIRM_POLL_S)
            committed = max(committed, self.committed)
        return Tail(max(committed, self.committed), self.sealed)

    def doubt(self, doubtful: bool) -> None:
        """While another may lead already, let nobody take what this one committed for all."""
        if self.sender is not None:
            self.sender.doubtful = doubtful

    async def promote(
        self, timeout_s: float, accept_loss: bool = False, resume: bool = False
    ) -> Promotion:
        """Become the leader, or learn why not."""
        self.check()
        until = self.clock.monotonic() + timeout_s
        return await self.promotion(PromoteMe(until, accept_loss, resume))

    def status(self) -> dict[str, Any]:
        """Role, epoch, positions and lag, for people."""
        self.report_applied()
        return status_of(self.core, self.clock.monotonic())
