"""How the nodes follow, as the control line has it, and what comes of it at this one.

A *delayed* follower stores and acknowledges what every member does, and applies it later, or up
to where it is held. Its acknowledgement and its vote count as any other's. It is *reluctant*: it
hands over whatever line it comes to lead, as soon as there is somebody to take it. If there is
nobody for `STEP_IN_S` it leads after all, and applies at once what it held back of that line: the
service is worth more than the delay. While it is *held* it does not, for somebody reads there.

Invariant: a reluctant leader neither orders nor answers before it has stepped in; meanwhile its
refusals are definite.

A *reader* has no vote, and its acknowledgement counts for nothing: it follows as a learner does.
`placement` makes it one on every line.

Absent: the control line, which every node applies at once, and documents. Of a new disk, or a
follower that the leader's log does not reach any more, the state is a copy of the leader's: it is
as old as its delay only once that has passed.
"""

import logging
from typing import Any, Protocol

from plait.base.errors import NotLeader, PlaitError
from plait.base.ports import Clock
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost
from plait.node.pace import LinePace, settings_of
from plait.node.takeover import best_follower
from plait.types.control_followers import FollowerRecord, followers

logger = logging.getLogger("plait.followers")

LOOK_S = 0.1
STEP_IN_S = 10.0  # without anybody else who could lead
HAND_OVER_S = 5.0


class Owner(Protocol):
    """The node, as far as following needs it."""

    name: str
    clock: Clock
    config: NodeConfig
    control: LineHost
    lines: dict[str, LineHost]

    @property
    def alone(self) -> bool: ...

    def spawn(self, work: Any) -> None: ...


class Followers:
    """One node's part in it."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._records: dict[str, FollowerRecord] = {}  # of nodes that do not apply at once
        self._all: dict[str, FollowerRecord] = {}
        self._read = -1  # how far the control line was read for them
        self._led: dict[str, float] = {}  # since when this node leads a line that it should not
        self._handing_over: dict[str, None] = {}

    @property
    def reluctant(self) -> tuple[str, ...]:
        """Who leads only if nobody else can."""
        self._look()
        return tuple(sorted(self._records))

    @property
    def held(self) -> tuple[str, ...]:
        """Who never leads: they are stopped."""
        self._look()
        return tuple(sorted(name for name, record in self._records.items() if record.hold))

    @property
    def readers(self) -> tuple[str, ...]:
        """Who is to have no vote, for good, and not because it leaves."""
        self._look()
        return tuple(sorted(name for name, record in self._all.items() if not record.votes))

    @property
    def mine(self) -> FollowerRecord | None:
        """How this node follows; None if it applies everything at once. A lone node does."""
        self._look()
        record = self._records.get(self._node.name)
        return None if record is None or self._node.alone else record

    def _look(self) -> None:
        replica = self._node.control.replica
        if self._read == replica.applied:
            return
        self._read = replica.applied
        before = self._records.get(self._node.name)
        self._all = {record.node: record for record in followers(replica.view)}
        self._records = {
            name: record for name, record in self._all.items() if record.delay_ms or record.hold
        }
        if self._records.get(self._node.name) != before:
            self._node.spawn(self._keep())

    async def _keep(self) -> None:
        """A crash must not forget it: until this node heard of it again it would apply too much."""
        try:
            await self._node.control.replica.flush()
        except PlaitError as error:
            logger.warning("how this node follows is not in its state file yet: %s", error)

    # ------------------------------------------------------------------ at this node

    def attach(self, host: LineHost) -> None:
        """A line is being opened here."""
        host.pace = LinePace(host.line, self._node.clock)
        host.pace.record = self.mine
        host.replica.pace = host.pace

    def check(self, host: LineHost) -> None:
        """Raise `NotLeader` if this node must not order or answer as the leader of a line."""
        if host.pace is not None and host.pace.on:
            raise NotLeader(
                f"{self._node.name} applies {host.line} later than others and leads it only if "
                "nobody else can", leader=None,
            )  # fmt: skip

    def watch(self) -> None:
        """Adopt what the control line says, and lead nothing without need."""
        mine = self.mine
        for host in self._node.lines.values():
            if host.pace is not None:
                host.pace.record = mine
                if mine is not None and host.group is not None and host.group.loglet.leads:
                    self._yield(host, host.pace)
                else:
                    self._led.pop(host.line, None)
                    host.pace.opened = False

    def _yield(self, host: LineHost, pace: LinePace) -> None:
        now = self._node.clock.monotonic()
        since = self._led.setdefault(host.line, now)
        target = best_follower(self._node, host, self.reluctant)
        if target is None and pace.held:
            target = best_follower(self._node, host, self.held)  # it steps in, this one cannot
        if target is not None and pace.opened and not _has_all(host, target):
            return  # it is served meanwhile
        if target is not None and host.line not in self._handing_over:
            self._handing_over[host.line] = None
            self._node.spawn(self._hand_over(host, target))
        if now - since > STEP_IN_S and not pace.opened and not pace.held:
            logger.warning(
                "%s leads %s, since nobody else can, and applies now what it held back",
                self._node.name, host.line,
            )  # fmt: skip
            pace.opened = True

    async def _hand_over(self, host: LineHost, target: str) -> None:
        try:
            assert host.group is not None
            promotion = await host.group.loglet.hand_over(target, HAND_OVER_S)
            logger.info("line %s, which is delayed here: %s", host.line, promotion.why)
        except PlaitError as error:
            logger.info("line %s is not handed over: %s", host.line, error)
        finally:
            del self._handing_over[host.line]

    def record(self, name: str) -> FollowerRecord:
        """How a node follows."""
        self._look()
        return self._all.get(name, FollowerRecord(name))

    def status(self) -> dict[str, Any] | None:
        """How this node follows, if it does not apply everything at once."""
        mine = self.mine
        return None if mine is None else settings_of(mine)


def _has_all(host: LineHost, peer: str) -> bool:
    group = host.group
    sender = None if group is None else group.loglet.sender
    if group is None or sender is None or peer not in sender.progress:
        return False
    return sender.progress[peer].caught_up(group.loglet.member.commit)
