"""Random misfortune on leader–follower lines with witnesses: log-only members that acknowledge and
promise, are never promoted, and from whose tails a promoted member fetches what only they have.

A failing schedule says which command replays it. PRIMARY_SEEDS=0:10000 makes a longer campaign.
"""

import os
from random import Random

import pytest
from msgspec.structs import replace
from primary_cluster import Cluster, Node
from primary_operator import Operator, _log_end

from plait.line.membership import Membership, Target, encode_membership, founding
from plait.line.primary.rule import RuleInForce
from plait.line.primary.vocabulary import SnapshotDone, SnapshotInstalled
from plait.line.replication.follower import Follower

SHAPES = [
    ("ab", "c", "majority"), ("ab", "c", "any:1"), ("ab", "c", "any:2"), ("abc", "d", "majority"),
    ("abc", "de", "majority"), ("ab", "cd", "any:2"), ("ab", "c", "leader"),
]  # fmt: skip
ACTS = 60


class Witnessed(Cluster):
    """Some members keep no state."""

    def __init__(self, seed: int, data: str, witnesses: str, rule: str, window: int | None) -> None:
        self.founders = Membership(founding(data + witnesses).voters, witnesses=tuple(witnesses))
        self.witnesses = witnesses
        super().__init__(seed, len(data + witnesses), rule, window)

    def start(self, node: Node) -> None:
        if node.founders is not None and not node.founders.witnesses:
            node.founders = self.founders
            node.disk.hard = type(node.disk.hard)(memberships=((-1, self.founders),))
        if node.name in self.witnesses:  # no state tells what is committed
            node.flushed = node.disk.hard.base.position
            del node.history[node.flushed :]
        super().start(node)

    def trim(self, node: Node, before: int) -> None:
        """A witness: no further than whom it follows says that every state has come."""
        if node.name in self.witnesses:
            leader = self.nodes.get(node.core.leader or "")
            if leader is None or not leader.leads:
                return
            node.flushed = len(node.history)
            before = min(leader.core.member.log.tail, self._checkpointed(leader))
        super().trim(node, before)

    def _checkpointed(self, leader: Node) -> int:
        member, sender = leader.core.member, leader.core.sender
        assert sender is not None
        reached = min(leader.flushed, member.committed_told)
        names = {name for half in member.membership.halves for name in half}
        for name in names - {leader.name, *self.witnesses}:
            progress = sender.progress[name]
            reached = min(reached, 0 if progress.fresh else progress.match, progress.applied)
        return reached

    def _snapshot(self, node: Node, peer: str) -> None:
        if peer not in self.witnesses:
            super()._snapshot(node, peer)
            return
        member, target = node.core.member, self.nodes[peer]
        base = member.log.base
        membership = encode_membership(member.membership_at(base.position))
        history, epoch = list(node.history[: base.position]), node.core.role.epoch  # type: ignore[union-attr]
        lives = node.life, target.life

        def install() -> None:
            done = None
            alive = target.alive and target.life == lives[1]
            if alive and (node.name, peer) not in self.blocked and self._follows(target, epoch):
                role = target.core.role
                assert isinstance(role, Follower)
                verified = role.receiver.verified
                if not target.core.member.continues(base) and base.position > verified:
                    target.history, target.flushed = history, len(history)
                    said = SnapshotInstalled(base.position, base.epoch, base.records, membership)
                    self.tell(target, said)
                    self._apply(target, target.core.member.committed_told)
                done = base.position
            if node.alive and node.life == lives[0]:
                self.tell(node, SnapshotDone(peer, done))

        self.after(self.random.uniform(0.01, 0.1), install)


class Strict(Operator):
    """Promotes whomever; a witness must refuse."""

    def _promote(self, node: Node) -> None:
        told = len(node.promotions)
        super()._promote(node)
        if node.alive and node.name in self.cluster.nodes and _is_witness(node):
            assert len(node.promotions) == told + 1
            assert not node.promotions[-1].won

    def lose_leader(self) -> None:
        """The leader is gone, the others are well: who holds most with a state takes over."""
        cluster, leader = self.cluster, self.cluster.leader()
        if leader is None or cluster.judge.lossy or self.changes:
            return
        cluster.crash(leader)
        cluster.heal_network()
        rest = [node for node in cluster.nodes.values() if node is not leader]
        for node in rest:
            node.slow = 1.0
            if not node.alive:
                cluster.start(node)
        old = {node.name for node in rest if not node.core.member.fresh}
        best = max(rest, key=_log_end)
        membership = best.core.member.membership
        if not RuleInForce(cluster.rule).promised(membership, old):
            return
        able = [n for n in rest if n.name in old and not best.core.member.bar(n.name)]
        if able:
            cluster.run(5.0)  # what was begun before has ended
            node = max(able, key=_log_end)
            node.promotions.clear()
            cluster.promote(node, 5.0)
            assert cluster.run(5.0, lambda: node.leads), node.promotions

    def _may_wipe(self, node: Node) -> bool:
        """With the last state all would be lost, whatever the witnesses have."""
        able = [n for n in self.cluster.nodes.values() if n is not node and not _is_witness(n)]
        voters = [n for n in able if n.core.member.votes and not n.disk.hard.fresh]
        return bool(voters) and super()._may_wipe(node)

    def _target(self, now: Membership) -> Target | None:
        target = super()._target(now)
        if target is None:
            return None
        present = {*target.voters, *target.learners}
        witnesses = tuple(name for name in now.witnesses if name in present)
        return replace(target, witnesses=witnesses)


def _is_witness(node: Node) -> bool:
    return node.name in node.core.member.membership.witnesses


def simulate(seed: int) -> Cluster:
    """One schedule, all of it drawn from the seed."""
    random = Random(seed)
    data, witnesses, rule = random.choice(SHAPES)
    cluster = Witnessed(seed, data, witnesses, rule, random.choice((None, 200, 2000)))
    cluster.found(random.choice(data))
    operator = Strict(cluster, random, random.choice((0.0, 0.0, 0.1)))
    for _ in range(random.randint(5, ACTS)):
        operator.act()
    operator.lose_leader()
    operator.recover()
    return cluster


def _seeds() -> range:
    first, last = os.environ.get("PRIMARY_SEEDS", "0:100").split(":")
    return range(int(first), int(last))


@pytest.mark.turns(2)
@pytest.mark.parametrize("chunk", range(5))
def test_no_schedule_with_witnesses_loses_what_was_acknowledged(chunk: int) -> None:
    for seed in _seeds()[chunk::5]:
        try:
            simulate(seed)
        except Exception as error:
            test = "tests/unit/test_primary_witness_random.py"
            error.add_note(f"replay: PRIMARY_SEEDS={seed}:{seed + 1} pytest {test}")
            raise
