"""Where the nodes are: the zone of each, in the control line's membership.

A node says in its greetings where it was told to be. The control leader notes that of whoever has
no zone yet; from then on the control line knows better, and an operator changes it. Every line
that is led takes the zones of its members over (`placement`), as it does the members themselves.

Where leaders are wanted stands there, too (`preference`).

Invariant: nothing is changed after which some line's rule by zones could not be met.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Protocol

from plait.base.errors import BadSettings, Busy, PlaitError
from plait.base.ids import zone_name
from plait.base.ports import Clock
from plait.line.membership import Membership, Target
from plait.line.outcome import Outcome
from plait.line.quorum import CONSENSUS, AckRule, Zones
from plait.line.raft.leader import Leader
from plait.node.config import NodeConfig
from plait.node.followers import Followers
from plait.node.line_host import LineHost
from plait.node.moves import Moves
from plait.node.preference import Preference
from plait.node.throttle import Throttle
from plait.node.versions import Versions
from plait.types.commands import ZONES_SINCE, Command, PreferZones
from plait.types.control import ControlMachine

logger = logging.getLogger("plait.zones")

LOOK_S = 0.25
NOTED_S = 10.0


class Owner(Protocol):
    """The node, as far as places need it."""

    name: str
    clock: Clock
    config: NodeConfig
    control: LineHost
    control_machine: ControlMachine
    followers: Followers
    versions: Versions
    moves: Moves
    down: set[str]

    @property
    def membership(self) -> Membership: ...

    def not_leader(self, host: LineHost) -> PlaitError: ...

    def hosts(self) -> list[LineHost]: ...

    def spawn(self, work: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


class NodeZones:
    """Notes where nodes are, and changes it."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._heard: dict[str, str] = {}
        self._noting = False
        self._preference = Preference(node)
        self._throttles: dict[str, Throttle] = {}

    def note(self, peer: str, zone: str) -> None:
        """A node said where it was told to be."""
        if zone:
            self._heard[peer] = zone_name(zone)

    # ------------------------------------------------------------------ links

    def crosses(self, peer: str) -> bool:
        """Whether a link to `peer` leaves this node's zone."""
        zones = dict(self._node.membership.zones)
        here, there = zones.get(self._node.name), zones.get(peer)
        return here is not None and there is not None and here != there

    def pace(self, peer: str, size: int) -> float:
        """How many seconds a copy, or what somebody missed, waits before `size` bytes of it go."""
        limit = self._node.config.limits.zone_bytes_per_s
        if not limit or not self.crosses(peer):
            return 0.0
        now = self._node.clock.monotonic()
        throttle = self._throttles.get(peer)
        if throttle is None:
            throttle = self._throttles[peer] = Throttle(limit, now)
        return throttle.take(size, now)

    # ------------------------------------------------------------------ noting

    def watch(self) -> None:
        """Look whether somebody's zone is not known yet, if this one leads the control line; and
        whether this node leads what is wanted elsewhere."""
        self._preference.watch()
        if self._noting or not self._node.versions.allows(ZONES_SINCE):
            return
        if self._unknown() is not None:
            self._noting = True
            self._node.spawn(self._note())

    async def _note(self) -> None:
        try:
            target = self._unknown()  # by now: another change may have begun since that look
            if target is not None:
                await self._change(target, NOTED_S)
        except PlaitError as error:
            logger.info("zones wait: %s", error)
        finally:
            self._noting = False

    def _unknown(self) -> Target | None:
        membership = self._node.membership
        if not self._settled():
            return None
        here = self._heard | ({self._node.name: self._node.config.zone})
        known = dict(membership.zones)
        zones = {name: here.get(name, "") for name in membership.members if name not in known}
        zones = {name: zone for name, zone in zones.items() if zone}
        return _there(membership, zones) if zones else None

    def _settled(self) -> bool:
        """Whether this node leads the control line, and nobody's coming or going is under way."""
        raft = self._node.control.raft
        role = None if raft is None else raft.core.role
        if raft is None or not isinstance(role, Leader) or role.target is not None:
            return False
        member, membership = raft.member, raft.membership
        changing = membership.joint or membership.joining
        return not changing and member.commit > max(role.opening, member.membership_position)

    # ------------------------------------------------------------------ changing

    async def set_zone(self, name: str, zone: str, timeout_s: float) -> dict[str, Any]:
        """A node is in `zone` from now on: where it was, and is.

        Only who leads the control line can say so; `RuleUnmet` if a line's rule stands against it.
        """
        node = self._node
        zone_name(zone)
        if node.control.raft is None:
            raise BadSettings(
                "on a shared engine nobody leads and nobody votes: nodes have no zone"
            )
        if not node.control.leads:
            raise node.not_leader(node.control)
        await node.control.caught_up(timeout_s)
        membership = node.membership
        if name not in membership.members:
            raise BadSettings(f"{name!r} is no node of this cluster")
        await node.versions.wait_for(ZONES_SINCE, "zones")
        zones = dict(membership.zones)
        self.check(membership.voters, zones | {name: zone})
        await self._until_settled(timeout_s)
        await self._change(_there(node.membership, {name: zone}), timeout_s)
        return {"node": name, "zone": zone, "before": zones.get(name)}

    async def prefer_zones(
        self, zones: Collection[str], what: str | None, timeout_s: float
    ) -> dict[str, Any]:
        """Leaders of the line that `what` is on, or of all, belong into these zones."""
        node = self._node
        if node.control.raft is None:
            raise BadSettings("on a shared engine nobody leads")
        if not node.control.leads:
            raise node.not_leader(node.control)
        await node.control.caught_up(timeout_s)
        await node.versions.wait_for(ZONES_SINCE, "zones")
        line = what if what in (None, node.control.line) else node.moves.record(what).line
        await node.command(node.control.line, PreferZones(line or "", tuple(zones)))
        return {"line": line, "zones": list(zones)}

    def check(self, voters: Collection[str], zones: Zones) -> None:
        """Raise `RuleUnmet` if some line could not meet its rule with nodes there."""
        node = self._node
        for record in node.control_machine.lines(node.control.replica.view):
            if record.acks != CONSENSUS and (rule := AckRule.parse(record.acks)).by_zone:
                rule.check(voters, zones)

    async def _until_settled(self, timeout_s: float) -> None:
        until = self._node.clock.monotonic() + timeout_s
        while not self._settled() and self._node.control.leads:
            if self._node.clock.monotonic() > until:
                raise Busy("the nodes are changing; wait for that")
            await asyncio.sleep(0.01)

    async def _change(self, target: Target, timeout_s: float) -> None:
        raft = self._node.control.raft
        assert raft is not None
        await raft.reconfigure(target, timeout_s)
        logger.info("nodes are in zones: %s", dict(raft.membership.zones))


def _there(membership: Membership, zones: Zones) -> Target:
    """The same members, in these zones."""
    return Target(
        membership.voters, membership.learners, membership.witnesses, membership.addresses,
        tuple(sorted(zones.items())),
    )  # fmt: skip
