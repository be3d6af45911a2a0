"""Placement: every line's members follow the nodes that the control line says are members.

Who a line's members are, and where, stands in its own log only; this drives one to the other, at
whichever node leads the line. A node that is leaving is a learner of the control line until no line
has it; one that is to have no vote stays one, there and on every line.

Invariant: a line goes from one membership to the next only while the control line's is settled,
and everything before it is applied here: a learner that is not known for a reader yet would be let
go, for good.
"""

import logging
from typing import Protocol

from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.line.membership import Membership, Target
from plait.line.replication.vocabulary import Reconfigure
from plait.node.choices import Choices
from plait.node.followers import Followers
from plait.node.group import Group
from plait.node.line_host import LineHost
from plait.node.segments import line_of

logger = logging.getLogger("plait.placement")

LOOK_S = 0.25


class Owner(Protocol):
    """The node, as far as placing needs it."""

    name: str
    address: str
    clock: Clock
    control: LineHost
    followers: Followers
    choices: Choices

    @property
    def membership(self) -> Membership: ...

    def hosts(self) -> list[LineHost]: ...


class Placement:
    """Drives the lines that are led here."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node

    def watch(self) -> None:
        """Look, and begin what has to be done."""
        control = self._node.control
        if control.group is None:
            return
        member = control.group.loglet.member
        membership = member.membership
        if membership.joint or member.commit <= member.membership_position:
            return
        if control.replica.applied <= member.membership_position:
            return
        for host in self._node.hosts():
            if host.group is not None and host.leads and host is not control:
                self._drive(host.group, membership)

    def _drive(self, group: Group, wanted: Membership) -> None:
        current = group.loglet.membership
        readers = self._readers(group, wanted)
        zones = dict(wanted.zones)
        places = tuple((name, zones.get(name, "")) for name in wanted.voters)
        target = Target(wanted.voters, readers, wanted.witnesses, zones=places)
        settled = not current.joint and current.learners == readers
        if settled and current.voters == wanted.voters and current.has_zones(places):
            return
        if self._node.name not in wanted.voters and len(wanted.voters) == 0:
            return
        refusal = group.loglet.reconfiguration_refusal(target)
        if refusal is not None:
            logger.debug("line %s keeps its members for now: %s", group.line, refusal)
            return
        logger.info("line %s: its members become %s", group.line, _described(places))
        try:
            group.loglet.driver.step(Reconfigure(target))
        except PlaitError as error:
            logger.warning("line %s keeps its members: %s", group.line, error)

    def _readers(self, group: Group, wanted: Membership) -> tuple[str, ...]:
        """Who is to follow without a vote. Who follows other lines only is not taken in, but who
        is a member already stays one: its name could not come back."""
        node, line = self._node, line_of(group.line)
        known = group.loglet.membership.members
        return tuple(
            name
            for name in wanted.learners
            if name in node.followers.readers
            and (name in known or node.choices.follows(line, name))
        )


def _described(places: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} in {zone}" if zone else name for name, zone in places)
