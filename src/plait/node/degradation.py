"""Degrading a rule: explicitly, visibly, and only after the control line has recorded it.

A line made with ``degrade=True`` whose rule cannot be met for a while gets the strictest rule that
the followers who still answer can meet. The control line commits that first, under its own
majority, so that whoever promotes afterwards knows it; the rule returns when enough followers do.

Invariant: a leader never counts fewer acknowledgements than the control line says.
"""

import contextlib
import logging
from typing import Any, Protocol

from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.engines.primary import PrimaryLoglet
from plait.line.outcome import Outcome
from plait.line.primary.leader import Leader
from plait.line.primary.vocabulary import ChangeRule
from plait.line.quorum import AckRule
from plait.line.replication.sender import SILENT_S
from plait.node.config import NodeConfig
from plait.node.known_lines import KnownLines
from plait.node.line_host import LineHost
from plait.types.commands import Command, SetRule
from plait.types.control import ControlMachine, LineRecord

logger = logging.getLogger("plait.degradation")

LOOK_S = 0.5
CONTROL = "control"


class Owner(Protocol):
    """The node, as far as degrading needs it."""

    config: NodeConfig
    clock: Clock
    control: LineHost
    control_machine: ControlMachine

    def host(self, line: str) -> LineHost: ...

    def spawn(self, work: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


class Degradation:
    """Watches the lines that may be degraded."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._known = KnownLines(node)
        self._unmet_since: dict[str, float] = {}
        self._looking = False

    def watch(self) -> None:
        """Look."""
        if not self._looking:
            records = self._known.records()
            if degradable := [record for record in records if record.degrade]:
                self._looking = True
                self._node.spawn(self._look_at_all(degradable))

    async def _look_at_all(self, records: list[LineRecord]) -> None:
        try:
            for record in records:
                try:
                    await self._look(record)
                except PlaitError as error:
                    logger.info("line %s keeps its rule for now: %s", record.line, error)
        finally:
            self._looking = False

    def adopt(self) -> None:
        """Let every line here count what the control line says, whoever leads."""
        machine, view = self._node.control_machine, self._node.control.replica.view
        for record in machine.lines(view):
            with contextlib.suppress(PlaitError):
                primary = self._node.host(record.line).primary
                if record.degrade and primary is not None:
                    self._adopt(record, primary)

    async def _look(self, record: LineRecord) -> None:
        host = self._node.host(record.line)
        primary = host.primary
        if primary is None:
            return
        members = len(primary.core.member.members)
        usual = AckRule.parse(record.acks).followers_needed(members)
        self._adopt(record, primary)
        role = primary.core.role
        if not isinstance(role, Leader):
            return
        now = self._node.clock.monotonic()
        voters = primary.core.member.membership.voters
        answering = sum(peer in voters for peer in role.sender.heard_within(SILENT_S * 2, now))
        wanted = min(usual, answering)
        if wanted == primary.core.k:
            self._unmet_since.pop(record.line, None)
            return
        since = self._unmet_since.setdefault(record.line, now)
        patience = self._node.config.limits.degrade_after_s if wanted < primary.core.k else LOOK_S
        if now - since < patience:
            return
        acks = record.acks if wanted == usual else f"any:{wanted}" if wanted else "leader"
        await self._node.command(
            CONTROL, SetRule(record.line, role.epoch.number, role.epoch.candidate, acks)
        )
        logger.warning("line %s: the rule in force is now acks=%s", record.line, acks)
        self._unmet_since.pop(record.line, None)
        self._adopt(record, primary)

    def _adopt(self, record: LineRecord, primary: PrimaryLoglet) -> None:
        rule = self._node.control_machine.rule(self._node.control.replica.view, record.line)
        members = len(primary.core.member.members)
        acks = record.acks if rule is None else rule.acks
        said = AckRule.parse(acks).followers_needed(members)
        if said != primary.core.k:
            primary.driver.step(ChangeRule(said))
