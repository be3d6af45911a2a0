"""Groups that ended and that nobody leads any more: whoever still has to read them leads them.

After all members of a leader–follower group have started again, none knows what was committed in
it before one of them leads. Nobody else does it for a group that has ended: fail-over and
`takeover.keep_place` see to those that take entries.

Invariant: nothing is taken for committed that the group has not said. Absent: what no group can
tell any more; `former` sees to a copy of the state.
"""

import asyncio
import logging
from typing import Any, Protocol

from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.engines.chain import Chain
from plait.engines.primary import PrimaryLoglet
from plait.line.replication.follower import Follower
from plait.node.line_host import LineHost

logger = logging.getLogger("plait.laggards")

STUCK_S = 3.0  # without anything applied
PROMOTE_S = 2.0


class Owner(Protocol):
    """The node, as far as leading former groups needs it."""

    name: str
    clock: Clock

    def spawn(self, work: Any) -> None: ...


class Laggards:
    """What one node does about it."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._stuck: dict[str, tuple[float, int]] = {}  # by line: since when, and at what

    def look(self, host: LineHost, chain: Chain) -> None:
        """Do what is due now for one line."""
        loglet, now, applied = chain.lagging, self._node.clock.monotonic(), host.replica.applied
        late = host.pace is not None and host.pace.waits  # it is not stuck
        if not isinstance(loglet, PrimaryLoglet) or loglet.closed or not host.folds or late:
            self._stuck.pop(host.line, None)
            return
        since, at = self._stuck.get(host.line, (now, -1))
        first = at != applied
        if first or now - since >= STUCK_S:
            self._stuck[host.line] = (now, applied)
            self._lead(loglet, now, first)

    def _lead(self, former: PrimaryLoglet, now: float, first: bool) -> None:
        """Whoever led it at once, as a group that goes on is led again; others after a while."""
        role, mine = former.core.role, former.member.log.last_epoch.candidate == self._node.name
        if not isinstance(role, Follower) or not former.member.votes or (first and not mine):
            return
        if now - role.last_heard >= STUCK_S or (mine and role.leader is None):
            self._node.spawn(self._promote(former, mine))

    async def _promote(self, former: PrimaryLoglet, mine: bool) -> None:
        try:
            async with asyncio.timeout(2 * PROMOTE_S):
                promotion = await former.promote(PROMOTE_S, resume=mine)
                if mine and not promotion.won:
                    promotion = await former.promote(PROMOTE_S)
            logger.info("%s, which has ended: %s", former.member.line, promotion.why)
        except (PlaitError, TimeoutError) as error:
            logger.info("%s, which has ended, is led by nobody: %s", former.member.line, error)
