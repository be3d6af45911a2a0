"""One line at this node: its loglet, its replica, and its upkeep.

Who orders the entries is a `Group` that this node is a member of, or a shared engine, where any
node can order (`group` is None). Idle exactly-once sessions are dropped by a logged command.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from plait.base.codec import encode
from plait.base.errors import BadSettings, NotLeader, PlaitError, TooStale, Unavailable
from plait.base.ports import Clock
from plait.engines.primary import PrimaryLoglet
from plait.engines.raft import RaftLoglet
from plait.engines.replica import Answered, Mark, Replica
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.line.entry import Epoch
from plait.line.loglet import Loglet
from plait.line.membership import Membership
from plait.line.outcome import Outcome
from plait.line.quorum import CONSENSUS
from plait.node.commits import Commits
from plait.node.config import Limits
from plait.node.former import Former
from plait.node.group import Group
from plait.node.pace import LinePace
from plait.node.retention import Retention
from plait.types.commands import EvictSession, encode_group
from plait.types.queries import Query

logger = logging.getLogger("plait.line")

UPKEEP_S = 1.0
DUE_S = 0.5  # what is due at a delayed follower, and not applied yet, is waited for so long
_EVICTIONS_AT_ONCE = 256
_NOBODY = Membership()


class Upkeep(Protocol):
    """Whoever keeps a log bounded that no group of members does."""

    installed: int

    async def trim(self, retention: Retention) -> None: ...

    def take_copy(self) -> None: ...

    def offer_copy(self) -> None: ...

    def status(self) -> dict[str, Any]: ...


class LineHost:
    """A line's loglet, replica and upkeep at this node.

    upkeep: of the log while a shared engine takes the entries. former: of a line that moves.
    """

    def __init__(
        self,
        line: str,
        loglet: Loglet,
        replica: Replica,
        clock: Clock,
        limits: Limits,
        group: Group | None,
        upkeep: Upkeep | None = None,
        former: Former | None = None,
    ) -> None:
        self.line = line
        self.loglet = loglet
        self.replica = replica
        self.group = group
        self.limits = limits
        self.folds = True  # whether this node keeps the line's state, and not its log only
        self.groups: Mapping[str, ReplicatedLoglet] = {}  # this node's part in each, by name
        self.check_lease: Callable[[LineHost], None] = lambda host: None
        self.pace: LinePace | None = None  # when entries are applied here, if not at once
        self._clock = clock
        self._upkeep_of_log = upkeep
        self._former = former
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self.retention = Retention(limits)
        self.commits = Commits(clock)  # of groups that were proposed here
        self._had_all_at = -math.inf  # everything that was committed by then is applied here

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Load the checkpoint and follow the log."""
        await self.replica.start()
        if self.group is not None:
            self.group.check_state()
        self._spawn(self._upkeep())

    async def close(self) -> None:
        """Stop everything; the log has what the state has not."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.group is not None:
            await self.group.close()
        await self.replica.close()
        await self.loglet.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    # ------------------------------------------------------------------ who orders

    @property
    def primary(self) -> PrimaryLoglet | None:
        """This node's member of the line, if the line is leader–follower."""
        return None if self.group is None else self.group.primary

    @property
    def raft(self) -> RaftLoglet | None:
        """This node's member of the line, if a majority of members orders it."""
        return None if self.group is None else self.group.raft

    @property
    def membership(self) -> Membership:
        """The members that order the line; none where an engine does."""
        return _NOBODY if self.group is None else self.group.membership

    @property
    def leads(self) -> bool:
        """Whether writes can be taken here."""
        if self.group is None:
            return self.pace is None or not self.pace.on
        return self.group.loglet.leads

    @property
    def leader(self) -> str | None:
        """Who leads, as far as is known here."""
        return None if self.group is None else self.group.loglet.leader

    @property
    def opening(self) -> int:
        """Where what is ordered here began; -1 if nothing is."""
        return 0 if self.group is None else self.group.loglet.opening

    @property
    def epoch(self) -> Epoch:
        """The epoch of the last entry here."""
        return self.replica.epochs.current if self.group is None else self.group.epoch

    @property
    def linearizable(self) -> bool:
        """Whether a read sees every write that was completed before it, at any node."""
        return self.primary is None

    @property
    def ending(self) -> bool:
        """Whether this node's group was told to end: what it knows may be out of date."""
        return self.group is not None and self.group.loglet.member.seal_at is not None

    @property
    def fresh(self) -> bool:
        """Whether this member's disk is new, and what an older one held is not known yet."""
        return self.group is not None and self.group.loglet.member.fresh

    @property
    def halted(self) -> bool:
        """Whether the disk failed this line's log, so that it must be opened again."""
        return any(loglet.driver.halted is not None for loglet in self._groups())

    @property
    def installed(self) -> int:
        """How many copies of the state were installed here."""
        keeper = self.group or self._upkeep_of_log
        return 0 if keeper is None else keeper.installed

    def take_copy(self) -> None:
        """Go on with the copy that the engine keeps of the state, as soon as there is one."""
        if self.group is None and self._upkeep_of_log is not None:
            self._upkeep_of_log.take_copy()

    def offer_copy(self, peer: str) -> None:
        """Help a node whose own state is of no use."""
        if self.group is not None:
            self.group.begin_snapshot(peer)
        elif self._upkeep_of_log is not None:
            self._upkeep_of_log.offer_copy()

    def rule(self) -> str:
        """The rule that an answered write has met."""
        return CONSENSUS if self.group is None else self.group.rule()

    # ------------------------------------------------------------------ writing, reading

    def propose(self, group: bytes) -> "asyncio.Future[Outcome]":
        """Order a group; refuses at once what cannot be ordered here."""
        if self.group is not None:
            self.group.check_orders()
            self.check_lease(self)
        return self.replica.propose(group)

    async def propose_stricter(
        self, group: bytes, acks: str | None, timeout_s: float
    ) -> tuple[Outcome, str]:
        """Order a group and wait for more acknowledgements than the line's rule asks for."""
        if acks is None:
            return await self.propose(group), self.rule()
        members = self.group
        if members is None:
            raise BadSettings(f"acks={acks!r}: {self.line} is an engine's, which has its own rule")
        k, followers = members.followers_asked(acks)
        outcome = await self.propose(group)
        async with asyncio.timeout(timeout_s):
            await members.loglet.acknowledged(outcome.position, k, followers)
        return outcome, acks

    def lag_s(self) -> float:
        """Seconds behind what is committed, as far as is known here."""
        held_back_s = 0.0 if self.pace is None else self.pace.behind_s(self.replica)
        if self.group is None:  # nobody tells it what it has not heard of
            return max(held_back_s, self._clock.monotonic() - self._had_all_at)
        self.group.loglet.report_applied()
        return max(held_back_s, self.group.loglet.lag_s())

    def check_not_late(self, me: str, *, ever: bool = False, due: bool = False) -> None:
        """Raise unless the state here is as new as a follower's can be (`ever`: and will be;
        `due`: once what is due is applied): who reads a delayed one says how far behind it may be.
        """
        if self.pace is None or not self.pace.on:
            return
        if ever or self.pace.waits or (not due and self.replica.applied < self.loglet.committed):
            lag = self.lag_s()
            raise TooStale(f"{me} is a delayed follower, {lag:.3f} s behind on {self.line}",
                           lag_s=lag)  # fmt: skip

    def check_freshness(self, source: str, max_lag_s: float | None, me: str) -> None:
        """Raise unless this node may answer a read from `source` within `max_lag_s`."""
        if source == "leader" and not self.linearizable:
            if not self.leads:
                raise NotLeader(f"{me} does not lead {self.line}", leader=self.leader)
            self.check_lease(self)
        if self.fresh:
            raise TooStale(f"{me} has a new disk and has not caught up on {self.line}")
        if max_lag_s is None:
            self.check_not_late(me)
        else:
            lag = self.lag_s()
            if lag > max_lag_s:
                raise TooStale(f"{me} is {lag:.3f} s behind on {self.line}", lag_s=lag)

    async def read(
        self, queries: Sequence[Query], after: Mark | None, timeout_s: float
    ) -> Answered:
        """Answers from the applied state; a leader's covers what former epochs committed."""
        opening = self.opening
        if self.group is not None and self.replica.applied <= opening:
            await self.replica.wait_applied(opening + 1, timeout_s)
        return await self.replica.read(queries, after, timeout_s)

    def glance(self, queries: Sequence[Query], after: Mark | None) -> Answered | None:
        """The same without waiting; None if it cannot be told so."""
        if self.group is not None and self.replica.applied <= self.opening:
            return None
        return self.replica.answer(queries) if self.replica.covers(after) else None

    async def caught_up(self, timeout_s: float = 10.0, me: str = "this node") -> None:
        """Return once every write that was completed before is applied; `TooStale` at once where
        that is delayed.

        The line is asked, not this node's group: the group may have ended, and not know it.
        """
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                position = (await self.loglet.check_tail()).position
        except TimeoutError:
            raise Unavailable(
                f"nobody told within {timeout_s:g} s how far {self.line} goes"
            ) from None
        if self.replica.applied < position:
            self.check_not_late(me, due=True)
            if self.pace is not None and self.pace.on:
                timeout_s = min(timeout_s, DUE_S)
            await self.replica.wait_applied(position, timeout_s)
        self._had_all_at = max(self._had_all_at, began)

    async def go_over(self) -> None:
        """Return once nothing is needed here of where the line was before."""
        if self._former is not None:
            await self._former.go_over()

    async def fresh_enough(self, max_lag_s: float, timeout_s: float) -> None:
        """Ask an engine how far the line goes, if that was too long ago to know."""
        if self.group is None and self.lag_s() > max_lag_s:
            await self.caught_up(timeout_s)

    async def led(self, timeout_s: float) -> None:
        """Return once this node leads the line, or not in time."""
        until = self._clock.monotonic() + timeout_s
        while not self.leads and self._clock.monotonic() < until:
            await asyncio.sleep(0.005)

    # ------------------------------------------------------------------ peers

    def hear(self, peer: str, message: Any) -> None:
        """A member said something about this line."""
        if self.group is not None and message.line == self.group.line:
            self.group.hear(peer, message)
        else:
            former = self.groups.get(message.line)  # it has ended, and others lag
            if former is not None and not former.closed:
                former.received(peer, message)

    def peer_up(self, peer: str) -> None:
        """A fresh connection to a node exists."""
        for loglet in self._groups():
            loglet.peer_up(peer)
        if self.group is not None:
            self.group.passing.peer_up(peer)

    def peer_down(self, peer: str) -> None:
        """The connections to a node broke."""
        for loglet in self._groups():
            if isinstance(loglet, RaftLoglet):
                loglet.peer_down(peer)

    def _groups(self) -> list[ReplicatedLoglet]:
        """This node's part in the group that orders the line, and in those that did."""
        if self.group is None or self.groups:
            return [loglet for loglet in self.groups.values() if not loglet.closed]
        return [self.group.loglet]

    def moved(self, group: Group | None) -> None:
        """Somebody else orders the entries from now on."""
        former, self.group = self.group, group
        if former is not None:
            self._spawn(former.close())

    # ------------------------------------------------------------------ upkeep

    async def _upkeep(self) -> None:
        while True:
            await asyncio.sleep(UPKEEP_S)
            keeper = self.group or self._upkeep_of_log
            try:
                if self._former is not None:
                    await self._former.look(self._groups())
                if keeper is not None:
                    await keeper.trim(self.retention)
                self._evict_sessions()
            except PlaitError as error:
                logger.info("line %s: upkeep waits: %s", self.line, error)

    def _evict_sessions(self) -> None:
        if not self.leads or self.replica.halted is not None:
            return
        applied = self.replica.applied
        long_ago = self.retention.position_before(
            self._clock.monotonic(), applied, self.limits.session_idle_s
        )
        candidates = self.replica.sessions.eviction_candidates(
            applied, applied - long_ago, self.limits.sessions_max
        )
        for session, last_used in candidates[:_EVICTIONS_AT_ONCE]:
            group = encode_group(0, 0, 0, [encode(EvictSession(session, last_used))])
            self.propose(group).add_done_callback(_ignore)

    # ------------------------------------------------------------------ status

    def status(self) -> dict[str, Any]:
        """What people want to know of the line here."""
        keeper = self.group or self._upkeep_of_log
        status: dict[str, Any] = {
            "flushed": self.replica.flushed,
            "sessions": len(self.replica.sessions),
            "commits": self.commits.status(),
        }
        if self.folds and self.replica.halted is not None:
            status["halted"] = str(self.replica.halted)
        if self._former is not None:
            status |= self._former.status()
        if keeper is not None:
            status |= keeper.status()
        return status if self.pace is None else status | self.pace.status(self.replica)


def _ignore(future: "asyncio.Future[Outcome]") -> None:
    if not future.cancelled():
        future.exception()
