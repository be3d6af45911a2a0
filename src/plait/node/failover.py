"""Automatic fail-over of leader–follower lines: who notices, who decides, who leads.

::

    follower                      control leader                   the appointed follower
    its leader is silent, or
    its connections broke
      Report(what I hold) ──────► waits for every report it can
                                  get, chooses the most advanced
                                  that is eligible, and *logs*
                                  Appoint(line, candidate) ───────► promotes itself: seals the old
                                                                    epoch, fetches the best tail,
                                                                    opens its own

The appointment only says who tries. What keeps every acknowledged write is the promotion itself
(`line.primary`): it seals with enough members, or is refused. So a wrong suspicion costs a
moment, never data.

Vetoes, each visible in `status`: a line whose rule is degraded; followers that were further
behind than the limit when their leader fell silent; members with new disks. A witness reports
and is never appointed: it has no state. Nor is a follower that is held; one that is delayed is
appointed if nobody else can be. Without a majority of the control line nobody is, so two
nodes never fail over by themselves.
"""

import logging
from typing import Any, Protocol

import msgspec

from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.engines.primary import PrimaryLoglet
from plait.line.entry import NO_EPOCH, Epoch
from plait.line.outcome import Outcome
from plait.line.replication.follower import Follower
from plait.node.config import NodeConfig
from plait.node.followers import Followers
from plait.node.known_lines import KnownLines
from plait.node.line_host import LineHost
from plait.node.preference import rank
from plait.types.commands import Appoint, Command
from plait.types.control import Appointment, ControlMachine
from plait.types.control_zones import preferred_zones

logger = logging.getLogger("plait.failover")

LOOK_S = 0.05
GRACE_S = 0.25  # how long the control leader waits for more reports
AGAIN_S = 2.0  # before it appoints again what came to nothing
PROMOTE_S = 2.0
REPORT_AGE_S = 1.0


class Report(msgspec.Struct, frozen=True, array_like=True, tag=60):
    """A follower tells the control leader that its line has no leader, and what it holds."""

    line: str
    leader: str | None  # who led
    last: Epoch  # of its last entry
    tail: int
    behind_s: float  # how far behind it was when the leader fell silent
    fresh: bool


class Owner(Protocol):
    """The node, as far as failing over needs it."""

    name: str
    clock: Clock
    config: NodeConfig
    control: LineHost
    control_machine: ControlMachine
    lines: dict[str, LineHost]
    followers: Followers
    down: set[str]

    def send(self, peer: str, message: Any) -> None: ...

    def spawn(self, work: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


class Failover:
    """One node's part in it."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._reports: dict[str, dict[str, tuple[float, Report]]] = {}
        self._vetoes: dict[str, str] = {}
        self._silent: dict[str, float] = {}  # when the first of a line's present reports came
        self._decided: dict[str, tuple[float, Epoch]] = {}  # when, and on which last epoch
        self._obeyed: dict[str, int] = {}  # the appointments that this node has acted on
        self._read: dict[str, int] = {}  # how far the control line was read for them
        self._known = KnownLines(node)
        self._seen: dict[str, float] = {}  # when a line was first looked at here

    def watch(self) -> None:
        """Look, and do what is due now."""
        if not self._node.config.limits.failover_s:
            return  # an operator decides
        applied = self._node.control.replica.applied
        for record in self._known.records():
            host = self._node.lines.get(record.line)
            if host is None or host.primary is None:
                continue
            if self._read.get(record.line) != applied:
                self._read[record.line] = applied
                self._obey(record.line, host.primary)
            report = self._notice(record.line, host.primary)
            if report is not None:
                self._tell(report)
        if self._node.control.leads:
            for line in sorted(self._reports):
                self._decide(line)

    # ------------------------------------------------------------------ noticing

    def _notice(self, line: str, primary: PrimaryLoglet) -> Report | None:
        """What to report, if the line's leader seems to be gone."""
        role, member, node = primary.core.role, primary.member, self._node
        now = node.clock.monotonic()
        seen = self._seen.setdefault(member.line, now)
        if not isinstance(role, Follower) or not member.votes:
            return None
        silent_s = now - max(role.last_heard, seen)
        gone = role.leader in node.down
        if silent_s < node.config.limits.failover_s and not (gone and silent_s > LOOK_S):
            return None
        behind_s = max(0.0, role.last_heard - role.caught_up) if role.last_heard > seen else 0.0
        log = member.log
        return Report(line, role.leader, log.last_epoch, log.tail, behind_s, member.fresh)

    def _tell(self, report: Report) -> None:
        node = self._node
        if node.control.leads:
            self.hear(node.name, report)
        elif node.control.leader is not None:
            node.send(node.control.leader, report)

    # ------------------------------------------------------------------ deciding

    def hear(self, peer: str, report: Report) -> None:
        """A follower reported; only the control leader listens."""
        if self._node.control.leads:
            now = self._node.clock.monotonic()
            self._reports.setdefault(report.line, {})[peer] = (now, report)
            self._silent.setdefault(report.line, now)

    def _decide(self, line: str) -> None:
        node, now = self._node, self._node.clock.monotonic()
        reports = {
            peer: report
            for peer, (at, report) in self._reports[line].items()
            if now - at <= REPORT_AGE_S
        }
        if not reports:
            self._forget(line)
            self._vetoes.pop(line, None)
            return
        host = node.lines.get(line)
        members = host.membership.voters if host is not None else ()
        leaders = {report.leader for report in reports.values()}
        missing = set(members) - set(reports) - leaders - node.down
        if missing and now - self._silent[line] < GRACE_S:
            return
        last = max(report.last for report in reports.values())
        decided, since = self._decided.get(line, (-AGAIN_S, NO_EPOCH))
        if now - decided < AGAIN_S and last <= since:
            return  # it may still come to something; if somebody led since, this is a new silence
        if self._alive(leaders, reports, len(members)):
            return
        veto, chosen = self._choose(line, reports)
        if chosen is None:
            if self._vetoes.get(line) != veto:
                logger.warning("line %s: no automatic fail-over: %s", line, veto)
            self._vetoes[line] = veto
            return
        self._vetoes.pop(line, None)
        self._decided[line] = (now, last)
        node.spawn(self._appoint(line, chosen, reports[chosen]))

    def _alive(self, leaders: set[str | None], reports: dict[str, Report], members: int) -> bool:
        """Whether the line's leader answers this node, and too few miss it to overrule that."""
        control = self._node.control.group
        sender = None if control is None else control.loglet.sender
        if sender is None:
            return True
        lately = sender.heard_within(
            self._node.config.limits.failover_s, self._node.clock.monotonic()
        )
        lately = [*lately, self._node.name]
        reachable = any(
            leader in lately and leader not in self._node.down for leader in leaders if leader
        )
        return reachable and 2 * len(reports) <= members

    def _choose(self, line: str, reports: dict[str, Report]) -> tuple[str, str | None]:
        machine, view = self._node.control_machine, self._node.control.replica.view
        record = next((found for found in self._known.records() if found.line == line), None)
        rule = machine.rule(view, line)
        if record is None:
            return "the line is not known here yet", None
        if rule is not None and rule.acks != record.acks:
            return f"its rule is degraded to acks={rule.acks}; an operator must promote", None
        limit = self._node.config.limits.failover_lag_s_max
        never = {*self._node.control.membership.witnesses, *self._node.followers.held}
        eligible = {
            peer: report
            for peer, report in reports.items()
            if not report.fresh and report.behind_s <= limit and peer not in never
        }
        if not eligible:
            return f"no follower with a known disk was within {limit:g} s of the leader", None
        reluctant = self._node.followers.reluctant
        willing = {peer: report for peer, report in eligible.items() if peer not in reluctant}
        able = willing or eligible
        wanted, zones = preferred_zones(view, line), dict(self._node.control.membership.zones)

        def worth(peer: str) -> tuple[Epoch, int, int, str]:
            found = able[peer]
            return found.last, found.tail, -rank(zones.get(peer), wanted), peer

        best = max(able, key=worth)
        return "", best

    async def _appoint(self, line: str, candidate: str, report: Report) -> None:
        why = f"{report.leader or 'its leader'} fell silent; {candidate} holds most"
        logger.warning("line %s: %s is appointed: %s", line, candidate, why)
        since = report.last
        command = Appoint(line, candidate, since.number, since.candidate, why)
        try:
            await self._node.command(self._node.control.line, command)
        except PlaitError as error:
            logger.warning("line %s: the appointment was not logged: %s", line, error)
        self._forget(line)

    def _forget(self, line: str) -> None:
        """Wait for new reports."""
        self._reports.pop(line, None)
        self._silent.pop(line, None)

    # ------------------------------------------------------------------ obeying

    def _obey(self, line: str, primary: PrimaryLoglet) -> None:
        """Promote this node on the line if it was appointed and nobody leads."""
        node = self._node
        found = node.control_machine.appointment(node.control.replica.view, line)
        if found is None or found.count <= self._obeyed.get(line, 0):
            return
        self._obeyed[line] = found.count
        if found.candidate == node.name and not primary.leads:
            if primary.member.log.last_epoch > found.since:
                return  # somebody led after that: an old appointment, read after a restart
            node.spawn(self._promote(line, primary, found))

    async def _promote(self, line: str, primary: PrimaryLoglet, found: Appointment) -> None:
        try:
            promotion = await primary.promote(PROMOTE_S)
        except PlaitError as error:
            logger.warning("line %s: appointed, but: %s", line, error)
            return
        level = logging.INFO if promotion.won else logging.WARNING
        logger.log(level, "line %s: appointed, and %s", line, promotion.why)

    # ------------------------------------------------------------------ status

    def status(self, line: str) -> dict[str, Any] | None:
        """The last appointment on a line, and what stands in the way of the next."""
        machine, view = self._node.control_machine, self._node.control.replica.view
        found = machine.appointment(view, line)
        veto = self._vetoes.get(line)
        if found is None and veto is None:
            return None
        status: dict[str, Any] = {"veto": veto}
        if found is not None:
            status |= {
                "appointed": found.candidate,
                "in_place_of": found.since.candidate or None,
                "times": found.count,
                "time_ms": found.time_ms,
                "why": found.why,
            }
        return status
