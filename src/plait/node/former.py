"""Former segments of a line at this node: what is kept of them, and for how long.

A group that ended still answers members that lag, and holds what its members' states may lack. A
node that finds nobody to answer it any more needs a copy of the state instead.

Once this node's state has everything before the last segment, synced, it has *gone over*: where it
came from need not be there any more, not even after a power cut.

Invariant: entries of an ended group leave this node's disk only when its state has them, synced.
"""

import logging
from typing import Any

from plait.base.errors import HistoryTrimmed, PlaitError
from plait.base.ports import Clock, StateStorage
from plait.engines.chain import Chain
from plait.engines.replica import Replica
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.line.chain import Next, Segment
from plait.node.config import Limits
from plait.node.segments import place_of
from plait.node.silent import SilentEngines

logger = logging.getLogger("plait.line")

AGAIN_S = 5.0  # between two tries to read what could not be read when the line was opened
STRANDED_S = 10.0  # without a step forward, below a tail that is known


class Former:
    """What came before the segment that takes a line's entries.

    folds: whether this node keeps a state, which needs it.
    """

    def __init__(
        self,
        chain: Chain,
        replica: Replica,
        state: StateStorage,
        clock: Clock,
        limits: Limits,
        folds: bool = True,
    ) -> None:
        self._chain = chain
        self._replica = replica
        self._state = state
        self._clock = clock
        self._limits = limits
        self._folds = folds
        self._gone_over_to: Segment | None = None  # all before it is in the state, synced
        self._silent = SilentEngines(chain, replica, clock)
        self._ended: dict[str, float] = {}  # since when a group is known here to have ended
        self._stands = (-1, 0.0)  # where the replica stood, and since when
        self._stranded: HistoryTrimmed | None = None
        self._tried = 0.0  # when what could not be read was last tried again

    async def look(self, groups: list[ReplicatedLoglet]) -> None:
        """Trim what nobody needs; see whether this node can go on by itself."""
        for loglet in groups:
            if loglet is not self._chain.last and loglet.sealed:
                try:
                    await self._let_go(loglet)
                except PlaitError as error:
                    logger.info("line %s: %s is kept: %s", self._replica.line, loglet, error)
        self._look_for_help()
        await self._try_again()
        last = self._chain.configuration.last
        if self._replica.applied >= last.base and not self.gone_over:
            try:
                await self._go_over(last)
            except PlaitError as error:
                logger.info("line %s has not gone over: %s", self._replica.line, error)
        await self._silent.look()

    @property
    def gone_over(self) -> bool:
        """Whether nothing before the last segment is needed here, whatever happens."""
        last = self._chain.configuration.last
        return not last.base or not self._folds or last == self._gone_over_to

    async def go_over(self) -> None:
        """Return once the state has everything before the last segment, safe from a power cut."""
        last = self._chain.configuration.last
        await self._replica.wait_applied(last.base)
        await self._go_over(last)

    async def _go_over(self, last: Segment) -> None:
        await self._replica.flush()
        if self._replica.flushed >= last.base:
            await self._state.sync()
            self._gone_over_to = last

    async def _let_go(self, loglet: ReplicatedLoglet) -> None:
        name, end, now = loglet.member.line, loglet.committed, self._clock.monotonic()
        since = self._ended.setdefault(name, now)
        if loglet.head >= end or self._replica.flushed < end:
            return
        sender = loglet.sender
        had = sender is not None and all(
            progress.match > end or progress.parked for peer, progress in sender.progress.items()
        )
        if had or now - since > self._limits.slot_age_s_max:
            await self._state.sync()
            await loglet.trim(end)
            logger.info("%s has ended, and everybody has it: its log is let go", name)

    def _look_for_help(self) -> None:
        replica, now = self._replica, self._clock.monotonic()
        # below a tail that was forced nothing more may come, either
        behind = self._chain.behind or replica.applied < self._chain.configuration.last.base
        late = replica.pace is not None and replica.pace.waits
        if not behind or late or replica.applied != self._stands[0]:
            self._stands = (replica.applied, now)
            if self._stranded is not None and replica.needs_snapshot is self._stranded:
                replica.needs_snapshot = None
            self._stranded = None
        elif now - self._stands[1] > STRANDED_S and replica.needs_snapshot is None:
            what = f"nobody has what stands at {replica.applied} of {replica.line} any more"
            self._stranded = HistoryTrimmed(what, head=self._chain.configuration.last.base)
            replica.needs_snapshot = self._stranded
            logger.warning("line %s needs a copy of the state: %s", replica.line, what)

    async def _try_again(self) -> None:
        """An engine that was away when the line was opened may be back, and no copy may ever be."""
        chain, replica, now = self._chain, self._replica, self._clock.monotonic()
        if replica.needs_snapshot is None or not chain.lacks(replica.applied):
            return
        if now - self._tried < AGAIN_S:
            return
        self._tried = now
        if await chain.reopen(replica.applied):
            logger.info("line %s can read on by itself", replica.line)
            await replica.reload()

    def status(self) -> dict[str, Any]:
        """Where the line is and was, and where it is going, for people."""
        configuration = self._chain.configuration
        intent = configuration.intent
        return {
            "place": place_of(configuration.last.loglet),
            "segments": [
                {"base": segment.base, "place": place_of(segment.loglet)}
                for segment in configuration.segments
            ],
            "moving_to": place_of(intent) if isinstance(intent, Next) else None,
            "gone_over": self.gone_over,
            "forced": [
                {
                    "place": place_of(forced.loglet),
                    "tail": forced.tail,
                    "known": forced.known,
                    "by": forced.by,
                    "time_ms": forced.time_ms,
                    "warning": forced.warning,
                }
                for forced in configuration.forcings
            ],
        } | self._lacks()

    def _lacks(self) -> dict[str, Any]:
        lacking = self._replica.needs_snapshot
        return {} if lacking is None else {"needs_copy": lacking.message}
