"""Who the members of a line are, and how one membership becomes another.

::

    learners joining     added without a vote; they copy the log until they have caught up
        │
    voters + outgoing    joint: whatever is decided needs a majority of the voters *and* of the
        │                outgoing voters
    voters               the change is done; who left is retired, and its name never used again

A membership counts from the moment that its entry stands in a member's log, committed or not.
Any number of members can come and go in one change, since both majorities decide meanwhile.
Where a rule asks in which zones copies are, the zones decide with the members; so a voter's zone
changes as the voters do: while joint, each half counts by the zones that it had or will have.

Source: Ongaro's thesis 4.3 (joint consensus) and 4.2.1 (catching up before a vote).
"""

from collections.abc import Callable, Collection

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Corrupt
from plait.line.quorum import NOWHERE, Zones

VOTERS_MAX = 15
MEMBERS_MAX = 64


class Membership(msgspec.Struct, frozen=True, array_like=True):
    """The members of a line; every tuple is sorted."""

    voters: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()  # the voters before, while the change to `voters` is under way
    learners: tuple[str, ...] = ()  # no vote
    joining: tuple[str, ...] = ()  # the learners that get a vote once they have caught up
    witnesses: tuple[str, ...] = ()  # voters that keep the log and no state
    retired: tuple[str, ...] = ()  # names that were members; never again
    addresses: tuple[tuple[str, str], ...] = ()  # where members are found
    staying: tuple[str, ...] = ()  # the outgoing voters that become learners
    zones: tuple[tuple[str, str], ...] = ()  # where members are, of those that have a zone
    outgoing_zones: tuple[tuple[str, str], ...] = ()  # the outgoing voters', as they were

    @property
    def joint(self) -> bool:
        """Whether two majorities decide."""
        return bool(self.outgoing)

    @property
    def members(self) -> tuple[str, ...]:
        """Everybody who gets the log."""
        if not self.outgoing and not self.learners:
            return self.voters  # which are in order
        return tuple(sorted({*self.voters, *self.outgoing, *self.learners}))

    @property
    def halves(self) -> tuple[tuple[str, ...], ...]:
        """The sets of voters that must each agree: one, or two while joint."""
        return (self.voters, self.outgoing) if self.outgoing else (self.voters,)

    @property
    def zoned_halves(self) -> tuple[tuple[tuple[str, ...], Zones], ...]:
        """The halves, each with the zones that it counts by."""
        zones = (dict(self.zones), dict(self.outgoing_zones))
        return tuple(zip(self.halves, zones, strict=False))

    def has_zones(self, zones: Collection[tuple[str, str]]) -> bool:
        """Whether these members are where it is said ("": nowhere)."""
        known = dict(self.zones)
        return all(known.get(name, "") == zone for name, zone in zones)

    def has_voters(self, target: "Target") -> bool:
        """Whether those vote who are to, and are where they are said to be: else a change waits
        for somebody to catch up."""
        return set(self.voters) == set(target.voters) and self.has_zones(target.zones)

    def votes(self, name: str) -> bool:
        """Whether `name` has a vote."""
        return name in self.voters or name in self.outgoing

    def quorum(self, names: Collection[str]) -> bool:
        """Whether `names` are a majority, of both halves while joint."""
        return _majority(names, self.voters) and _majority(names, self.outgoing)

    def decided(self, position_of: Callable[[str], int]) -> int:
        """The position that a majority has reached, of both halves while joint."""
        reached = sorted([position_of(name) for name in self.voters])
        decided = reached[(len(reached) - 1) // 2]
        if self.outgoing:
            before = sorted([position_of(name) for name in self.outgoing])
            decided = min(decided, before[(len(before) - 1) // 2])
        return decided

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        for names in (self.voters, self.outgoing, self.learners, self.joining, self.witnesses):
            assert names == tuple(sorted(set(names)))
        assert not set(self.learners) & {*self.voters, *self.outgoing}
        assert set(self.joining) <= set(self.learners)
        assert set(self.staying) <= set(self.outgoing) - set(self.voters)
        assert set(self.witnesses) <= set(self.members)
        assert not set(self.retired) & set(self.members)
        assert {name for name, _ in self.zones} <= set(self.members)
        assert {name for name, _ in self.outgoing_zones} <= set(self.outgoing)


def _majority(names: Collection[str], half: tuple[str, ...]) -> bool:
    """Whether more than half of them are named; so it is where there is nobody."""
    count = 0
    for name in half:
        if name in names:
            count += 1
    return 2 * count > len(half) or not half


class Target(msgspec.Struct, frozen=True, array_like=True):
    """A membership as it is wanted; a leader goes there step by step."""

    voters: tuple[str, ...]
    learners: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    zones: tuple[tuple[str, str], ...] = ()  # those that change; "" for none any more


def encode_membership(membership: Membership) -> bytes:
    """The payload of a `MEMBERS` entry, and what a copy of the state carries."""
    return encode(membership)


def decode_membership(data: bytes) -> Membership:
    """The membership in `data`; `Corrupt` if it is none."""
    try:
        return decode(data, type=Membership)
    except msgspec.DecodeError as error:
        raise Corrupt(f"a membership cannot be read: {error}") from None


def founding(
    voters: Collection[str],
    addresses: dict[str, str] | None = None,
    zones: Zones = NOWHERE,
) -> Membership:
    """The first membership of a line."""
    return Membership(
        tuple(sorted(voters)),
        addresses=tuple(sorted((addresses or {}).items())),
        zones=tuple(sorted((name, zones[name]) for name in zones if name in voters)),
    )


def check_target(current: Membership, target: Target) -> None:
    """`BadSettings` for a membership that cannot be."""
    if not target.voters:
        raise BadSettings("a line cannot lose its last voter")
    if len(target.voters) > VOTERS_MAX:
        raise BadSettings(f"{len(target.voters)} voters; at most {VOTERS_MAX} are possible")
    if len(target.voters) + len(target.learners) > MEMBERS_MAX:
        raise BadSettings(f"at most {MEMBERS_MAX} members are possible")
    if set(target.voters) <= set(target.witnesses):
        raise BadSettings("somebody must keep the state: every voter would be a witness")
    both = set(target.voters) & set(target.learners)
    if both:
        raise BadSettings(f"{min(both)!r} cannot be a voter and a learner")
    present = {*target.voters, *target.learners} & set(current.members)
    other = (set(target.witnesses) ^ set(current.witnesses)) & present
    if other:
        raise BadSettings(f"{min(other)!r} must leave to become a witness, or to cease to be one")
    again = {*target.voters, *target.learners} & set(current.retired)
    if again:
        raise BadSettings(
            f"{min(again)!r} was a member and left; a name is never used again, choose another"
        )


def next_step(
    current: Membership, target: Target, caught_up: Callable[[str], bool]
) -> Membership | None:
    """The membership that follows `current` on the way to `target`; None: there, or not yet.

    `current` is committed. `caught_up` tells whether a member has answered lately, holds almost
    everything and counts: learners get their votes then, and a majority of the new voters must.
    """
    if current.joint:
        return _settled(current, target)
    known = set(current.members)
    new = {*target.voters, *target.learners} - known
    if new or _address_changes(current, target) or _learners_move(current, target):
        return _with_learners(current, target, new)
    zones = _zones_of(current, target, current.voters)
    if set(target.voters) != set(current.voters) or zones != _zones_of(
        current, None, current.voters
    ):
        gaining = set(target.voters) - set(current.voters)
        able = [name for name in target.voters if caught_up(name)]
        if not gaining <= set(able) or 2 * len(able) <= len(target.voters):
            return None  # nothing could be decided: better to wait while it can
        return _joint(current, target)
    if set(target.learners) != set(current.learners) or current.joining:
        return _settled(current, target)
    return None


def _address_changes(current: Membership, target: Target) -> bool:
    known = dict(current.addresses)
    return any(known.get(name) != address for name, address in target.addresses)


def _learners_move(current: Membership, target: Target) -> bool:
    names = current.learners  # they count for nothing, so where they are changes in one step
    return _zones_of(current, target, names) != _zones_of(current, None, names)


def _zones_of(
    current: Membership, target: Target | None, names: Collection[str]
) -> tuple[tuple[str, str], ...]:
    """The zones of `names`, with what the target says of them."""
    said = () if target is None else target.zones
    zones = dict(current.zones) | dict(said)
    return tuple(sorted((name, zone) for name, zone in zones.items() if zone and name in names))


def _with_learners(current: Membership, target: Target, new: set[str]) -> Membership:
    joining = {*current.joining, *new} & set(target.voters)
    addresses = dict(current.addresses) | dict(target.addresses)
    learners = tuple(sorted({*current.learners, *new}))
    zones = {
        *_zones_of(current, None, current.voters),  # theirs change with a joint step only
        *_zones_of(current, target, learners),
    }
    return msgspec.structs.replace(
        current,
        learners=learners,
        zones=tuple(sorted(zones)),
        joining=tuple(sorted(joining)),
        witnesses=tuple(sorted({*current.witnesses, *(new & set(target.witnesses))})),
        addresses=tuple(sorted(addresses.items())),
    )


def _joint(current: Membership, target: Target) -> Membership:
    voters = tuple(sorted(target.voters))
    learners = tuple(name for name in current.learners if name not in voters)
    return msgspec.structs.replace(
        current,
        voters=voters,
        outgoing=current.voters,
        learners=learners,
        joining=(),
        staying=tuple(sorted((set(target.learners) & set(current.voters)) - set(voters))),
        zones=_zones_of(current, target, {*voters, *learners, *current.voters}),
        outgoing_zones=_zones_of(current, None, current.voters),
    )


def _settled(current: Membership, target: Target) -> Membership:
    """Without the outgoing voters and without learners that nobody wants."""
    joining = tuple(name for name in current.joining if name in target.voters)
    known = {*current.learners, *current.outgoing} - set(current.voters)
    learners = tuple(sorted((set(target.learners) & known) | set(joining)))
    stay = {*current.voters, *learners}
    gone = set(current.members) - stay
    return Membership(
        current.voters,
        learners=learners,
        joining=joining,
        witnesses=tuple(name for name in current.witnesses if name in stay),
        retired=tuple(sorted({*current.retired, *gone})),
        addresses=tuple(pair for pair in current.addresses if pair[0] in stay),
        zones=tuple(pair for pair in current.zones if pair[0] in stay),
    )


def unfinished(current: Membership) -> Target | None:
    """What a leader finds to be finished: a joint membership, or learners that were to vote."""
    if not (current.joint or current.joining):
        return None
    voters = tuple(sorted({*current.voters, *current.joining}))
    learners = tuple(sorted({*current.learners, *current.staying} - set(current.joining)))
    return Target(voters, learners, current.witnesses, current.addresses)
