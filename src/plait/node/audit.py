"""Audits: the replicas of a line compare what their states come to, and who differs is put right.

::

    line's leader                    every replica                       line's leader
    logs Audit, now and then, ─────► notes its hash behind that entry,
    if the line has changed            AuditReport(hash) ──────────────► a majority agrees, and
                                                                         somebody differs:
    whoever noted another hash  ◄────────────────────────────────────────logs Verdict(hash)
    stops: it answers nothing,
    and hands over what it leads
      CopyWanted ──────────────────────────────────────────────────────► streams it a copy, once

The verdict stands in the log, so a replica that was away judges itself when it gets there. A
quarantined replica's *log* is sound: its member acknowledges and votes as before. If its copy
diverges again it stays quarantined until a person has looked and starts the node again. A leader
that finds itself in the minority hands over first, and its successor pronounces the verdict. One
that has no state of use knows nobody's that is: the lead goes round, to whoever can keep it.

Where a shared engine orders a line nobody leads it: `plait.node.company` says who does the leader's
part, and the copy for a diverged replica is one that another puts on the engine, on being asked.

Without a majority nobody can tell who is right: everybody is suspect, loudly, and nothing is done.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from plait.base.errors import Diverged, PlaitError
from plait.base.ports import Clock
from plait.engines.audit import Point
from plait.line.entry import Epoch
from plait.line.outcome import Outcome
from plait.node import company
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost
from plait.node.versions import Versions
from plait.types.commands import AUDITS_SINCE, Audit, Command, Verdict

logger = logging.getLogger("plait.audit")

LOOK_S = 0.1
TELL_S = 1.0  # before a report is repeated,
TELLS_MAX = 10  # so often; a report may be lost, and the leader may be new
COPY_S = 5.0  # before a copy is asked for again
HAND_OVER_S = 5.0
LOG_S = 5.0  # whose own state does not get there does not wait for it, and hands over
ROUND_S = 5.0  # before the lead goes round again: nobody may have a state of use
COST_MAX = 0.01  # the share of time that digests of a large machine may take
TALLIES_MAX = 16  # audits of a line that a leader keeps reports of


class AuditReport(msgspec.Struct, frozen=True, array_like=True, tag=61):
    """What the sender's state of a line came to at an audit."""

    line: str
    point: Point


class CopyWanted(msgspec.Struct, frozen=True, array_like=True, tag=62):
    """The sender's state of a line is of no use: it asks the leader for a copy."""

    line: str


class Owner(company.Owner, Protocol):
    """The node, as far as audits need it."""

    clock: Clock
    config: NodeConfig
    versions: Versions

    def hosts(self) -> list[LineHost]: ...

    def host(self, line: str) -> LineHost: ...

    def send(self, peer: str, message: Any) -> None: ...

    def spawn(self, work: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


_Place = tuple[Epoch, int]  # where an audit stands


class _Line:
    """What this node knows of one line's audits."""

    def __init__(self, now: float) -> None:
        self.audited_at = now  # or when the line was first looked at
        self.busy = False  # a command or a hand-over is under way
        self.tallies: dict[_Place, dict[str, Point]] = {}  # by node, while this one leads
        self.judged: set[_Place] = set()  # of them; nothing more is to be said
        self.agreed = -1  # the last audit at which a majority agreed
        self.suspect = ""  # why nobody can be believed
        self.told: tuple[Point, tuple[str, ...]] | None = None  # which audit, to whom
        self.tells = 0
        self.told_at = 0.0
        self.left_at: float | None = None  # when the lead was last handed over
        self.wanted_at: float | None = None  # when a copy was last asked for
        self.wants = 0  # how often, of whom an engine's line needs one
        self.installed: int | None = None  # copies before one was wanted for a diverged state


class Audits:
    """One node's part in it."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._company = company.Company(node)
        self._lines: dict[str, _Line] = {}

    def watch(self) -> None:
        """Look."""
        for host in self._node.hosts():
            self._look(host, self._line(host.line))

    def _line(self, line: str) -> _Line:
        known = self._lines.get(line)
        if known is None:
            known = self._lines[line] = _Line(self._node.clock.monotonic())
        return known

    def _look(self, host: LineHost, line: _Line) -> None:
        replica = host.replica
        if isinstance(replica.halted, Diverged) or replica.needs_snapshot is not None:
            self._recover(host, line)
            return
        if line.wanted_at is not None:
            line.wanted_at = None
            logger.warning("line %s: a copy of the state is in place", host.line)
        if replica.halted is not None:
            return
        leads = host.leads
        self._tell(host, line)
        if leads:
            self._judge(host, line)
            self._propose(host, line)
        else:
            line.tallies.clear()
            line.judged.clear()

    # ------------------------------------------------------------------ every replica

    def _tell(self, host: LineHost, line: _Line) -> None:
        """Report the last audit to the leader, again if that may have been lost."""
        points, told = host.replica.ledger.points, self._company.told(host)
        if not points or not told:
            return
        now = self._node.clock.monotonic()
        if line.told != (points[-1], told):
            if line.told is None or line.told[0] != points[-1]:
                line.audited_at = now
            line.told, line.tells, line.told_at = (points[-1], told), 0, now - TELL_S
        if line.tells == TELLS_MAX or now - line.told_at < TELL_S:
            return
        line.tells, line.told_at = line.tells + 1, now
        for name in told:
            if name == self._node.name:
                self._heard(host.line, name, points[-1])
            else:
                self._node.send(name, AuditReport(host.line, points[-1]))

    def _recover(self, host: LineHost, line: _Line) -> None:
        """The state is of no use: let another lead, and get a copy, once if it had diverged."""
        now = self._node.clock.monotonic()
        if host.leads and host.group is not None:
            if line.left_at is None or now - line.left_at >= ROUND_S:
                self._hand_over(host, line, behind(host.membership.voters, self._node.name))
            return
        if host.replica.halted is not None:
            if line.installed is None:
                line.installed = host.installed
            elif host.installed > line.installed:
                return  # it had its copy
        helper = host.leader
        if host.group is None and host.replica.halted is not None:
            host.take_copy()
            others = behind(sorted(self._company.with_states(host)), self._node.name)
            helper = others[line.wants % len(others)] if others else None
        if helper is not None and (line.wanted_at is None or now - line.wanted_at >= COPY_S):
            line.wanted_at, line.wants = now, line.wants + 1
            logger.warning("line %s: asking %s for a copy of its state", host.line, helper)
            self._node.send(helper, CopyWanted(host.line))

    # ------------------------------------------------------------------ the leader

    def hear(self, peer: str, message: AuditReport | CopyWanted) -> None:
        """A replica told what its state came to, or has none of use."""
        try:
            host = self._node.host(message.line)
        except PlaitError:
            return
        if not host.leads:
            return
        match message:
            case AuditReport(line, point):
                self._heard(line, peer, point)
            case CopyWanted():
                members = self._company.membership(host).members
                if host.replica.halted is None and peer in members:
                    host.offer_copy(peer)

    def _heard(self, name: str, peer: str, point: Point) -> None:
        tallies = self._line(name).tallies
        tallies.setdefault(_place(point), {})[peer] = point
        for place in sorted(tallies)[:-TALLIES_MAX]:
            del tallies[place]
            self._line(name).judged.discard(place)

    def _propose(self, host: LineHost, line: _Line) -> None:
        """Log an audit, if one is due, allowed and of any use."""
        node, replica = self._node, host.replica
        pause_s = max(node.config.limits.audit_s, replica.ledger.took_s / COST_MAX)
        pause_s *= 1 + self._company.turn(host)
        if line.busy or node.clock.monotonic() - line.audited_at < pause_s:
            return
        points = replica.ledger.points
        changed = replica.applied > (points[-1].position + 1 if points else 0)
        others = len(self._company.membership(host).members) > 1
        if changed and others and node.versions.allows(AUDITS_SINCE):
            line.audited_at = node.clock.monotonic()
            last = line.tallies.get(_place(points[-1]), {}) if points else {}
            anew = not replica.ledger.hash or any(not point.hash for point in last.values())
            self._log(host, line, Audit(anew))

    def _judge(self, host: LineHost, line: _Line) -> None:
        """Compare what was reported."""
        if line.tallies.keys() <= line.judged:
            return
        membership = self._company.membership(host)
        for place in sorted(set(line.tallies) - line.judged):
            reports = {n: p for n, p in line.tallies[place].items() if p.hash}
            counts = Counter((p.fold, p.hash) for n, p in reports.items() if membership.votes(n))
            for (fold, hash_), _ in sorted(counts.items(), reverse=True):
                agreeing = [n for n, p in reports.items() if (p.fold, p.hash) == (fold, hash_)]
                if not membership.quorum(agreeing):
                    continue
                others = [n for n, p in reports.items() if p.fold == fold and n not in agreeing]
                self._decided(host, line, Verdict(*place, fold, hash_), agreeing, others)
                break
            else:
                self._undecided(host, line, place, reports)

    def _decided(
        self,
        host: LineHost,
        line: _Line,
        verdict: Verdict,
        agreeing: list[str],
        others: list[str],
    ) -> None:
        position, place = verdict.position, (verdict.epoch, verdict.position)
        line.agreed = max(line.agreed, position)
        line.suspect = ""
        if others and not self._company.pronounces(host, agreeing):
            line.judged.add(place)
        elif self._node.name in others:
            logger.critical(
                "line %s: the state of its leader %s differs from a majority's (%s) as of "
                "position %s", host.line, self._node.name, ", ".join(agreeing), position,
            )  # fmt: skip
            self._hand_over(host, line, agreeing)
        elif others and not line.busy:
            logger.critical(
                "line %s: the state of %s differs from a majority's (%s) as of position %s",
                host.line, ", ".join(others), ", ".join(agreeing), position,
            )  # fmt: skip
            line.judged.add(place)
            self._log(host, line, verdict)
        elif not others and self._company.with_states(host) <= set(agreeing):
            line.judged.add(place)

    def _undecided(
        self, host: LineHost, line: _Line, place: _Place, reports: dict[str, Point]
    ) -> None:
        """Say so if no majority can come about any more."""
        membership = self._company.membership(host)
        folds = {point.fold for point in reports.values()}
        hashes = {point.hash for point in reports.values()}
        silent = sorted(self._company.with_states(host) - set(reports))
        hopeful = any(
            membership.quorum([*silent, *(n for n, p in reports.items() if p.hash == hash_)])
            for hash_ in hashes
        )
        if len(folds) == 1 and len(hashes) > 1 and not hopeful:
            line.judged.add(place)
            line.suspect = (
                f"no majority of the states is equal as of position {place[1]}: "
                + ", ".join(f"{n} has {p.hash.hex()}" for n, p in sorted(reports.items()))
            )
            logger.critical("line %s: everybody is suspect: %s", host.line, line.suspect)

    def _log(self, host: LineHost, line: _Line, command: Audit | Verdict) -> None:
        line.busy = True
        self._node.spawn(self._logged(host, line, command))

    async def _logged(self, host: LineHost, line: _Line, command: Audit | Verdict) -> None:
        try:
            async with asyncio.timeout(LOG_S):
                await self._node.command(host.line, command)
        except (PlaitError, TimeoutError) as error:
            logger.info("line %s: %s was not logged: %r", host.line, command, error)
            if isinstance(command, Verdict):
                line.judged.discard((command.epoch, command.position))
        finally:
            line.busy = False

    def _hand_over(self, host: LineHost, line: _Line, to: Sequence[str]) -> None:
        targets = [name for name in to if name != self._node.name]
        if not line.busy and targets:
            line.busy = True
            self._node.spawn(self._handed_over(host, line, targets))

    async def _handed_over(self, host: LineHost, line: _Line, targets: Sequence[str]) -> None:
        try:
            for target in targets:
                if not host.membership.votes(target):
                    continue
                assert host.group is not None
                promotion = await host.group.loglet.hand_over(target, HAND_OVER_S)
                logger.warning("line %s: handing over to %s: %s", host.line, target, promotion.why)
                if promotion.won:
                    line.left_at = self._node.clock.monotonic()
                    return
        except PlaitError as error:
            logger.warning("line %s cannot be handed over: %s", host.line, error)
        finally:
            line.busy = False

    # ------------------------------------------------------------------ status

    def findings(self) -> str:
        """What a person must know of the lines here; empty if all is well."""
        found: list[str] = []
        for host in self._node.hosts():
            if isinstance(host.replica.halted, Diverged):
                found.append(f"{host.line} is in quarantine: {host.replica.halted.message}")
            suspect = self._line(host.line).suspect
            if suspect and host.leads:
                found.append(f"{host.line}: everybody is suspect: {suspect}")
        return "; ".join(found)

    def status(self, host: LineHost) -> dict[str, Any]:
        """Where a line was last compared."""
        line, points = self._line(host.line), host.replica.ledger.points
        status: dict[str, Any] = {
            "position": points[-1].position if points else None,
            "hash": points[-1].hash.hex() if points else None,
            "quarantined": isinstance(host.replica.halted, Diverged),
            "copies": host.installed,
        }
        if host.leads:
            status |= {"agreed": line.agreed, "suspect": line.suspect or None}
        return status


def behind(names: Sequence[str], me: str) -> list[str]:
    """All others, beginning with the one after `me`: who always asks that one asks everybody."""
    return sorted((name for name in names if name != me), key=lambda name: (name < me, name))


def _place(point: Point) -> _Place:
    return point.epoch, point.position
