"""Does to a primary cluster whatever people, power and cables do, and heals it in the end."""

from random import Random

from primary_cluster import Cluster, Node

from plait.line.entry import Epoch
from plait.line.membership import Membership, Target
from plait.line.primary.rule import RuleInForce

NAMES = "abcdefghijklmnop"
VOTERS_MAX = 6


class Operator:
    """One schedule of misfortune; every choice is drawn."""

    def __init__(self, cluster: Cluster, random: Random, changes: float = 0.0) -> None:
        self.cluster = cluster
        self.changes = changes  # how often other members are asked for
        self.random = random
        self.accepts_loss = random.random() < 0.15
        self.wipes = random.random() < 0.5
        self.crashes = random.random() < 0.8

    def act(self) -> None:
        cluster, random = self.cluster, self.random
        if self.changes and random.random() < self.changes:
            self._change()
        node = cluster.nodes[random.choice(cluster.names)]
        dice = random.random()
        if dice < 0.45:
            self._propose()
        elif dice < 0.53:
            self._promote(node)
        elif dice < 0.57:
            self._promote(node)
            self._promote(cluster.nodes[random.choice(cluster.names)])
        elif dice < 0.61:
            self._hand_over()
        elif dice < 0.72:
            self._weather(node)
        elif dice < 0.82:
            self._power(node)
        elif dice < 0.92:
            node.flushed = random.randint(node.flushed, len(node.history))
            if node.alive and random.random() < 0.6:
                cluster.trim(node, random.randint(0, node.flushed))
        elif node.alive:
            cluster.confirm(node)
        cluster.run(random.choice((0.0, 0.001, 0.01, 0.1, 0.5)))

    def _propose(self) -> None:
        for leader in self.cluster.leaders():
            for _ in range(self.random.randint(1, 8)):
                self.cluster.propose(leader)

    def _promote(self, node: Node) -> None:
        if node.alive:
            how = self.random.choice(("", "", "resume", "skip_survey", "accept_loss"))
            if how == "accept_loss" and not self.accepts_loss:
                how = ""
            flags = {how: True} if how else {}
            self.cluster.promote(node, self.random.uniform(0.1, 3), **flags)

    def _hand_over(self) -> None:
        for leader in self.cluster.leaders():
            target = self.random.choice(self.cluster.names)
            self.cluster.hand_over(leader, target, self.random.uniform(0.01, 1))

    def _weather(self, node: Node) -> None:
        cluster, random = self.cluster, self.random
        match random.randrange(7):
            case 0:
                cluster.loss = random.choice((0.0, 0.05, 0.3))
            case 1:
                cluster.repeat = random.choice((0.0, 0.1, 0.5))
            case 2:
                cluster.delay = random.choice(((0.001, 0.002), (0.0, 0.05), (0.0, 0.8)))
            case 3:
                cluster.disk_delay = random.choice(((0.001, 0.002), (0.0, 0.3)))
            case 4:
                cluster.blocked.clear()
            case 5:
                node.slow = random.choice((1.0, 4.0, 16.0))
            case 6:
                for other in cluster.names:
                    way = random.randrange(3)
                    if way != 0:
                        cluster.blocked.add((node.name, other))
                    if way != 1:
                        cluster.blocked.add((other, node.name))

    def _power(self, node: Node) -> None:
        if not node.alive:
            self.cluster.start(node)
        elif self.crashes:
            self.cluster.crash(node)
            if self.wipes and self.random.random() < 0.4 and self._may_wipe(node):
                self.cluster.wipe(node)

    def _may_wipe(self, node: Node) -> bool:
        """Whether enough old disks remain, by every membership, to promote without loss."""
        nodes = self.cluster.nodes.values()
        known = [
            m for n in nodes for _, m in (*n.core.member.memberships, *n.disk.hard.memberships)
        ]
        old = {n.name for n in nodes if n is not node and not n.disk.hard.fresh}
        rule = RuleInForce(self.cluster.rule)
        retired = any(node.name in membership.retired for membership in known)
        return not retired and all(rule.promised(membership, old) for membership in known)

    # ------------------------------------------------------------------ other members

    def _change(self) -> None:
        """Ask for other members; sometimes whoever leads falls over that."""
        cluster, random = self.cluster, self.random
        for leader in cluster.leaders():
            target = self._target(leader.core.member.membership)
            if target is None or not cluster.reconfigure(leader, target):
                continue
            if random.random() < 0.6:
                member = leader.core.member
                if random.random() < 0.7:
                    cluster.run(1.0, lambda member=member: member.membership.joint)
                cluster.run(random.choice((0.0, 0.002, 0.005, 0.02, 0.2)))
                self._strike(leader)

    def _strike(self, leader: Node) -> None:
        """The leader reaches some members only, and somebody may take its place."""
        cluster, random = self.cluster, self.random
        for other in cluster.names:
            if random.random() < 0.4:
                cluster.blocked |= {(leader.name, other), (other, leader.name)}
        self._propose()
        cluster.run(random.choice((0.0, 0.005, 0.2)))
        if self.crashes and leader.alive and random.random() < 0.4:
            cluster.crash(leader)
        for _ in range(random.randint(0, 2)):
            self._promote(cluster.nodes[random.choice(cluster.names)])

    def _target(self, now: Membership) -> Target | None:
        """Some other membership: one or several come, go, or change what they are."""
        random = self.random
        unused = [name for name in NAMES if name not in self.cluster.nodes]
        used = [n for n in self.cluster.names if n not in now.retired and n not in now.members]
        voters, learners = set(now.voters), set(now.learners)
        for _ in range(random.choice((1, 1, 2, 3))):
            dice = random.random()
            if dice < 0.5 and (unused or used):
                pool = used if used and random.random() < 0.5 else unused or used
                name = pool.pop(0)
                (voters if random.random() < 0.75 else learners).add(name)
            elif dice < 0.75 and voters:
                name = random.choice(sorted(voters))
                voters.discard(name)
                if random.random() < 0.3:
                    learners.add(name)
            elif learners:
                name = random.choice(sorted(learners))
                learners.discard(name)
                if random.random() < 0.7:
                    voters.add(name)
        learners -= voters
        if not voters or len(voters) > VOTERS_MAX:
            return None
        return Target(tuple(sorted(voters)), tuple(sorted(learners)))

    # ------------------------------------------------------------------ the end

    def recover(self) -> None:
        """The world heals and somebody promotes once: the line works again, all members agree."""
        cluster = self.cluster
        cluster.heal()
        cluster.run(5.0)  # the slowest write of before is done by then
        node = self._promote_best()
        position = cluster.propose(node)
        if position is None:  # a hand-over is under way, and takes at most this long
            position = self._after_hand_over()
        assert cluster.run(5.0, lambda: self._told(position))
        assert cluster.run(20.0, cluster.settled), "a change of the members does not end"
        position = self._after_hand_over()
        assert cluster.run(5.0, lambda: self._told(position))
        assert cluster.run(10.0, cluster.converged), "the members do not converge"

    def _promote_best(self) -> Node:
        cluster = self.cluster
        nodes = list(cluster.nodes.values())
        old = [node for node in nodes if not node.core.member.fresh]
        best = max(old or nodes, key=_log_end).core.member
        able = [node for node in old or nodes if not best.bar(node.name)]
        node = max(able or [n for n in nodes if best.membership.votes(n.name)], key=_log_end)
        enough = RuleInForce(cluster.rule).promised(best.membership, {n.name for n in old})
        cluster.promote(node, 5.0, **{} if (enough or not old) and able else {"accept_loss": True})
        assert cluster.run(5.0, lambda: bool(node.promotions) and node.leads), node.promotions
        return node

    def _after_hand_over(self) -> int:
        positions: list[int | None] = [None]

        def proposed() -> bool:
            leader = self.cluster.leader()
            positions[0] = None if leader is None else self.cluster.propose(leader)
            return positions[0] is not None

        assert self.cluster.run(8.0, proposed), "nobody takes entries"
        assert positions[0] is not None
        return positions[0]

    def _told(self, position: int) -> bool:
        leader = self.cluster.leader()
        return leader is not None and leader.core.member.committed_told > position


def _log_end(node: Node) -> tuple[Epoch, int]:
    log = node.core.member.log
    return log.last_epoch, log.tail
