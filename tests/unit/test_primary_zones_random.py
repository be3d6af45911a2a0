"""Random changes of members and of where they are, under a rule by zones, while the network splits
and others are promoted: nothing acknowledged is ever lost.

A failing schedule says which command replays it. PRIMARY_SEEDS=0:10000 makes a longer campaign.
"""

import os
from random import Random

import pytest
from primary_cluster import Cluster
from test_primary_members_random import Reshaper

from plait.line.membership import Membership, Target
from plait.line.primary.rule import RuleInForce

SHAPES = [
    ("any:1@other-zone", "xyx"), ("any:1@other-zone", "xyz"), ("any:1@other-zone", "xxyy"),
    ("any:1@other-zone", "xxxyy"), ("any:1@other-zone", "xxyyz"), ("any:2@other-zone", "xyzxy"),
]  # fmt: skip
ROUNDS = 8


class Migrant(Reshaper):
    """Changes who the members are, and where."""

    def _target(self, now: Membership) -> Target | None:
        random = self.random
        target = super()._target(now) if random.random() < 0.6 else Target(now.voters)
        if target is None:
            return None
        zones = {name: random.choice("xyz") for name in target.voters}
        for name, zone in now.zones:
            if name in zones and random.random() < 0.5:
                zones[name] = zone
        said = tuple(sorted(zones.items()))
        return Target(target.voters, target.learners, zones=said)


def simulate(seed: int) -> Cluster:
    """One schedule, all of it drawn from the seed."""
    random = Random(seed)
    rule, places = random.choice(SHAPES)
    zones = dict(zip("abcde", places, strict=False))
    cluster = Cluster(seed, len(places), rule, random.choice((None, 200, 2000)), zones)
    cluster.found(random.choice(cluster.names))
    migrant = Migrant(cluster, random)
    for _ in range(random.randint(2, ROUNDS)):
        migrant.act()
    migrant.recover()
    return cluster


def _simulate_all(seeds: range) -> None:
    for seed in seeds:
        simulate(seed)


def _seeds() -> range:
    first, last = os.environ.get("PRIMARY_SEEDS", "0:60").split(":")
    return range(int(first), int(last))


@pytest.mark.turns(2)
@pytest.mark.parametrize("chunk", range(5))
def test_no_random_change_of_zones_loses_what_was_acknowledged(chunk: int) -> None:
    for seed in _seeds()[chunk::5]:
        try:
            simulate(seed)
        except Exception as error:
            test = "tests/unit/test_primary_zones_random.py"
            error.add_note(f"replay: PRIMARY_SEEDS={seed}:{seed + 1} pytest {test}")
            raise


def test_zones_do_change_in_these_worlds() -> None:
    changed = 0
    for seed in range(20):
        for node in simulate(seed).nodes.values():
            seen = {m.zones for _, m in node.core.member.memberships}
            changed += len(seen) > 1
    assert changed > 10


def test_a_promotion_that_only_counts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promises of all but k members, wherever those k are, are enough by any:k and not here."""
    right = RuleInForce._may_promote

    def counts(
        self: RuleInForce, half: tuple[str, ...], zones: dict[str, str], names: list[str]
    ) -> bool:
        return right(self, half, zones, names) or 2 * len(names) > len(half)

    monkeypatch.setattr(RuleInForce, "_may_promote", counts)
    with pytest.raises(AssertionError, match="lacks committed entries"):
        _simulate_all(range(52, 56))


def test_zones_that_count_at_once_and_not_as_members_do_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While zones change, what was committed by the old ones must be met by those."""
    right = Membership.zoned_halves.fget
    assert right is not None

    def at_once(self: Membership) -> object:
        assert right is not None
        return right(self)[:1] if self.voters == self.outgoing else right(self)

    monkeypatch.setattr(Membership, "zoned_halves", property(at_once))
    with pytest.raises(AssertionError, match="lacks committed entries"):
        _simulate_all(range(34, 40))
