"""Nodes come and go: what an operator asks of whoever leads the control line.

A node that joins first copies the control line without a vote; once it has caught up it votes,
and every line takes it in. A node that leaves first loses its vote, then hands over its documents,
then every line lets it go, then the control line does. Its name is never used again: what it once
acknowledged must not be taken for the word of another disk.

Both can be asked again after an unclear answer: they go on from where things are.
"""

import asyncio
from functools import partial
from typing import Any, Protocol

import msgspec

from plait.base.errors import BadSettings, Busy, PlaitError, Unavailable
from plait.base.ids import node_name, zone_name
from plait.base.ports import Clock
from plait.line.membership import Membership, Target
from plait.line.outcome import Outcome
from plait.node.choices import Choices
from plait.node.config import NodeConfig
from plait.node.followers import Followers
from plait.node.graphs import Graphs
from plait.node.group import Group
from plait.node.leaving import take_over
from plait.node.line_host import LineHost
from plait.node.sources import Sources
from plait.node.versions import Versions
from plait.node.zones import NodeZones
from plait.types.commands import ZONES_SINCE, Command, DropNode, SetChoice, SetFollower, SetSource

LOOK_S = 0.02


class Owner(Protocol):
    """The node, as far as its members' coming and going needs it."""

    name: str
    address: str
    clock: Clock
    config: NodeConfig
    control: LineHost
    graphs: Graphs
    followers: Followers
    sources: Sources
    choices: Choices
    versions: Versions
    zones: NodeZones

    @property
    def membership(self) -> Membership: ...

    def hosts(self) -> list[LineHost]: ...

    def not_leader(self, host: LineHost) -> PlaitError: ...

    def addresses(self) -> tuple[tuple[str, str], ...]: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


class Members:
    """Changes who the nodes are."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._unheard: dict[str, list[str]] = {}  # by who left, for whoever asks again

    def all(self) -> list[dict[str, Any]]:
        """Every node: its name, address, and what it is."""
        node, membership = self._node, self._node.membership
        addresses, zones = dict(node.addresses()), dict(membership.zones)
        leader = node.name if node.control.leads else node.control.leader
        return [
            {
                "name": name,
                "address": addresses.get(name),
                "zone": zones.get(name),
                "role": _role(membership, name, node.followers.readers),
                "leads_control": name == leader,
            }
            for name in membership.members
        ]

    async def join(
        self, name: str, address: str, timeout_s: float, *, witness: bool = False, zone: str = ""
    ) -> dict[str, Any]:
        """Take a node in; returns once it votes.

        `BadSettings` for a name or address in use, `VersionMismatch` for a program that is too old,
        `RuleUnmet` for one without a zone where a rule asks for it.
        """
        node = self._node
        node_name(name)
        if node.control.group is None:
            raise BadSettings("a node joins this store by being started on its engine")
        membership = self._check_leads()
        if name in membership.retired:
            raise BadSettings(f"{name!r} was a node and left; choose another name")
        addresses = dict(node.addresses())
        if addresses.get(name, address) != address:
            raise BadSettings(f"{name!r} is a node already, at {addresses[name]}")
        if any(a == address and n != name for n, a in addresses.items()):
            raise BadSettings(f"another node is at {address} already")
        until = node.clock.monotonic() + timeout_s
        await node.versions.admit(name, address, timeout_s)
        zones = await self._zones_with(name, zone)
        membership, timeout_s = self._check_leads(), until - node.clock.monotonic()
        _check_nobody_else_joins(membership, name)
        target = Target(
            tuple(sorted({*membership.voters, name})),
            tuple(n for n in membership.learners if n not in membership.joining and n != name),
            tuple(sorted({*membership.witnesses, *((name,) if witness else ())})),
            tuple(sorted((addresses | {name: address}).items())),
            zones,
        )
        await self._control(target, timeout_s)
        return {"members": self.all()}

    async def _zones_with(self, name: str, zone: str) -> tuple[tuple[str, str], ...]:
        """What is to be said of the newcomer's zone, if it is one that the lines can have."""
        node, known = self._node, dict(self._node.membership.zones)
        zones = {name: zone_name(zone)} if zone and name not in known else {}
        if zones:
            await node.versions.wait_for(ZONES_SINCE, "zones")
        node.zones.check((*node.membership.voters, name), known | zones)
        return tuple(zones.items())

    async def leave(self, name: str, timeout_s: float) -> dict[str, Any]:
        """Let a node go, alive or dead; returns once nothing depends on it.

        ``unheard_documents`` are there if it could not be heard: what only it had is gone with it.
        `RuleUnmet` if some line's rule could not be met without it.
        """
        until = self._node.clock.monotonic() + timeout_s
        membership = self._check_leads()
        if name in membership.retired:
            return self._without(name)
        if name not in membership.members:
            await self._node.control.caught_up()  # it may have joined at a leader after this one
            membership = self._check_leads()
            if name not in membership.members:
                raise BadSettings(f"{name!r} is no node of this cluster")
        if self._node.control.group is None:
            await self._node.command(self._node.control.line, DropNode(name))
            return {"members": self.all()}
        self.check_without(name)
        if name in self._node.followers.readers:
            await self._node.command(self._node.control.line, SetFollower(name, votes=True))
        if name in self._node.sources.records:
            await self._node.command(self._node.control.line, SetSource(name, ""))
        if name in self._node.choices.records:
            await self._node.command(self._node.control.line, SetChoice(name, None))
        _check_nobody_else_joins(membership, name)
        rest = tuple(voter for voter in membership.voters if voter != name)
        others = tuple(n for n in membership.learners if n != name and n not in membership.joining)
        if name in membership.voters or membership.joint:
            target = Target(rest, tuple(sorted({*others, name})), membership.witnesses)
            await self._control(target, until - self._node.clock.monotonic())
        if name not in membership.witnesses:
            group = self._node.control.group
            assert group is not None
            knows = partial(self._knows, name, group, group.loglet.member.log.tail)
            self._unheard[name] = await take_over(self._node, name, knows, until)
        while waiting := self._lines_with(name):
            if self._node.clock.monotonic() > until:
                raise Unavailable(f"{name} is still a member of {', '.join(waiting)}")
            await asyncio.sleep(LOOK_S)
            self._check_leads()
        membership = self._check_leads()  # others may have come and gone meanwhile
        if name in membership.retired:
            return self._without(name)
        _check_nobody_else_joins(membership, name)
        rest = tuple(voter for voter in membership.voters if voter != name)
        others = tuple(n for n in membership.learners if n != name and n not in membership.joining)
        await self._control(
            Target(rest, others, membership.witnesses), until - self._node.clock.monotonic()
        )
        return self._without(name)

    def check_without(self, name: str) -> None:
        """Raise `RuleUnmet` if the rule of a line that is open here could not be met without the
        vote of `name`: the line would keep it, and neither come nor go could end."""
        membership = self._node.membership
        rest = [voter for voter in membership.voters if voter != name]
        if len(rest) == len(membership.voters):
            return
        for host in self._node.hosts():
            if host.primary is not None:
                host.primary.core.rule.check(rest, dict(membership.zones))

    async def vote(self, name: str, votes: bool, timeout_s: float) -> None:
        """Give a node its vote, or take it; returns once the control line counts so. The other
        lines follow."""
        membership = self._check_leads()
        _check_nobody_else_joins(membership, name)
        voters = {*membership.voters} - {name} | ({name} if votes else set())
        learners = {*membership.learners} - {name} | (set() if votes else {name})
        target = Target(tuple(sorted(voters)), tuple(sorted(learners)), membership.witnesses)
        await self._control(target, timeout_s)

    def _without(self, name: str) -> dict[str, Any]:
        """Who is left, and of which documents `name` may have taken something with it."""
        unheard = self._unheard.get(name)
        return {"members": self.all()} | ({"unheard_documents": unheard} if unheard else {})

    def _knows(self, name: str, group: Group, position: int) -> bool:
        """Whether a node has the control line below `position` on disk."""
        sender = group.loglet.sender
        progress = None if sender is None else sender.progress.get(name)
        return progress is not None and progress.match >= position

    def _lines_with(self, name: str) -> list[str]:
        """The lines that still have the node, or may: those that this node is no member of yet."""
        return [
            host.line
            for host in self._node.hosts()
            if host is not self._node.control
            and host.group is not None
            and _may_have(host.membership.members, name, self._node.name)
        ]

    def _check_leads(self) -> Membership:
        node = self._node
        if not node.control.leads:
            raise node.not_leader(node.control)
        return node.membership

    async def _control(self, target: Target, timeout_s: float) -> None:
        raft = self._node.control.raft
        assert raft is not None
        witnesses = tuple(
            name for name in target.witnesses if name in (*target.voters, *target.learners)
        )
        await raft.reconfigure(msgspec.structs.replace(target, witnesses=witnesses), timeout_s)


def _may_have(members: tuple[str, ...], name: str, me: str) -> bool:
    """Whether `name` is among a line's members; who is none itself does not know who they are."""
    return name in members or me not in members


def _check_nobody_else_joins(membership: Membership, name: str) -> None:
    """One node comes at a time: another target would let go, for good, who has not arrived yet."""
    others = [other for other in membership.joining if other != name]
    if others:
        raise Busy(f"{others[0]} is joining; wait for it, or give it up with `leave`")


def _role(membership: Membership, name: str, readers: tuple[str, ...]) -> str:
    if name in membership.joining:
        return "joining"
    if name not in membership.voters:
        return "reader" if name in readers else "leaving"
    return "witness" if name in membership.witnesses else "member"
