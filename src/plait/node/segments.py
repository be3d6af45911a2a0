"""Segments of a line at this node: opens the loglets that its chain is made of.

A segment is on the nodes' own disks (`MEMBERS`, a group of the nodes themselves) or on an engine
that they share. Both begin at the segment's origin. `GroupParams` and `SharedParams` say the rest.

Invariant: what a segment holds leaves this node's disk only when this node's state has it.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import msgspec
from msgspec.structs import replace

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Unavailable
from plait.base.ports import Clock, Random, Storage
from plait.engines.lost import LostLoglet
from plait.engines.past import PastLoglet
from plait.engines.primary import PrimaryLoglet
from plait.engines.primary.opening import open_core
from plait.engines.raft import RaftLoglet
from plait.engines.raft.opening import open_raft
from plait.engines.shared import Known
from plait.engines.sharing import public_url
from plait.line.chain import Configuration, Next, Segment
from plait.line.loglet import Loglet, Origin
from plait.line.membership import Membership, founding
from plait.line.quorum import CONSENSUS, NOWHERE, AckRule, Zones
from plait.node.config import NodeConfig
from plait.node.engines import Engines
from plait.types.control import LineRecord

logger = logging.getLogger("plait.line")

MEMBERS = "members"
SHARED = "shared"

MemberLoglet: TypeAlias = PrimaryLoglet | RaftLoglet


class GroupParams(msgspec.Struct, frozen=True, array_like=True):
    """A group of nodes that begins a segment."""

    number: int  # of the segment in its line; none has two with one number
    members: dict[str, str] = {}  # name to address
    witnesses: tuple[str, ...] = ()
    leader: str = ""  # who leads first
    since: int = 0  # in the control line: disks that were admitted later may be new to it
    zones: dict[str, str] = {}  # where members are, of those that have a zone


class SharedParams(msgspec.Struct, frozen=True, array_like=True):
    """A loglet on a shared engine."""

    number: int
    url: str


class Owner(Protocol):
    """The node, as far as opening loglets needs it."""

    name: str
    config: NodeConfig
    storage: Storage
    clock: Clock
    random: Random
    engines: Engines

    def send(self, peer: str, message: Any) -> None: ...


class LineSegments:
    """Opens the segments of one line; implements `plait.engines.opener.Opener`.

    checkpoint: how many entries and records this node's state has, whenever asked.
    admitted_at: where in the control line this node's disk was admitted.
    zones: where the line's founders were.
    dead: its last engine is; nothing but engines is opened, for groups may be in others' hands.
    """

    def __init__(
        self,
        node: Owner,
        record: LineRecord,
        witnesses: tuple[str, ...],
        checkpoint: Callable[[], tuple[int, int]],
        admitted_at: int,
        zones: Zones = NOWHERE,
        dead: bool = False,
    ) -> None:
        self.groups: dict[str, MemberLoglet] = {}  # by the name that their messages bear
        self._node = node
        self._record = record
        self._witnesses = witnesses
        self._checkpoint = checkpoint
        self._admitted_at = admitted_at
        self._zones = zones
        self._dead = dead

    async def prepare(self, following: Next) -> None:
        """See that the engine would take the line, and do there what can be done before."""
        if following.engine == SHARED:
            params = shared_of(following.params)
            engine = await self._node.engines.sound(params.url)
            await engine.prepare(log_name(self._record.line, params.number))
        elif following.engine == MEMBERS:
            group_of(following.params)
        else:
            raise BadSettings(f"there is no engine {following.engine!r}")

    async def open(self, segment: Segment, stop: int | None) -> Loglet:
        """The segment's loglet, or a placeholder for one that this node needs no more."""
        flushed, records = self._checkpoint()
        if stop is not None and flushed >= stop:
            return PastLoglet(stop)
        if segment.engine == MEMBERS:
            if self._dead:
                return LostLoglet(segment.base, Unavailable("it is not for this handle"))
            return self._open_group(segment, flushed)
        if self._node.name in self._witnesses:
            return PastLoglet(segment.base)  # it has no state that could want to read it
        params = shared_of(segment.params)
        known = Known(flushed, records) if flushed > segment.base else None
        name = log_name(self._record.line, params.number)
        try:
            engine = await self._node.engines.get(params.url)
            return await engine.open(name, segment.origin, known)
        except Unavailable as error:
            if stop is None:
                raise
            logger.warning("%s is over, and cannot be read: %s", name, error)
            return PastLoglet(stop, error)  # a copy of the state has what it held

    def _open_group(self, segment: Segment, flushed: int) -> MemberLoglet:
        record, params = self._record, group_of(segment.params)
        first = _founders(params.members, params.witnesses, params.zones)
        if not params.members:  # with which the line itself was founded
            first = _founders(dict.fromkeys(record.members, ""), self._witnesses, self._zones)
        fresh = (params.since or record.created_at) < self._admitted_at
        name = log_name(record.line, params.number)
        opened = self._open_raft if record.acks == CONSENSUS else self._open_primary
        committed = max(flushed, segment.base)
        self.groups[name] = loglet = opened(name, first, fresh, committed, segment.origin)
        return loglet

    def _open_raft(
        self, name: str, first: Membership, fresh: bool, committed: int, origin: Origin
    ) -> MemberLoglet:
        node = self._node
        founders = first if node.name in first.members else Membership()
        core = open_raft(
            node.storage.log, name, node.name, founders, fresh=fresh, committed=committed,
            random=node.random, now=node.clock.monotonic(),
            election_s=node.config.limits.election_s, origin=origin,
        )  # fmt: skip
        return RaftLoglet(core, node.storage.log, node.send, node.clock, node.random)

    def _open_primary(
        self, name: str, first: Membership, fresh: bool, committed: int, origin: Origin
    ) -> MemberLoglet:
        node = self._node
        core = open_core(
            node.storage.log, name, node.name, first, AckRule.parse(self._record.acks),
            fresh=fresh, committed=committed, origin=origin,
        )  # fmt: skip
        return PrimaryLoglet(core, node.storage.log, node.send, node.clock)


def _founders(members: dict[str, str], witnesses: tuple[str, ...], zones: Zones) -> Membership:
    first = founding(members, {name: at for name, at in members.items() if at}, zones)
    return replace(first, witnesses=tuple(name for name in sorted(members) if name in witnesses))


def first_configuration(record: LineRecord) -> Configuration:
    """The chain of a line that never moved."""
    if record.engine:
        return Configuration.beginning(Next(SHARED, encode(SharedParams(0, record.engine))))
    return Configuration.beginning(Next(MEMBERS, b""))


def group_of(params: bytes) -> GroupParams:
    """The parameters of a group; the one that a line is founded with has none of its own."""
    return decode(params, type=GroupParams) if params else GroupParams(0)


def shared_of(params: bytes) -> SharedParams:
    """The parameters of a loglet on a shared engine."""
    return decode(params, type=SharedParams)


def log_name(line: str, number: int) -> str:
    """What a segment's log is called, on disks, on engines and between nodes."""
    return f"{line}@{number}" if number else line


def line_of(name: str) -> str:
    """The line that a log belongs to."""
    return name.partition("@")[0]


def place_of(loglet: Next) -> str:
    """Where a segment is, for people: without secrets, and without what only Plait needs."""
    if loglet.engine == SHARED:
        return public_url(shared_of(loglet.params).url)
    return MEMBERS
