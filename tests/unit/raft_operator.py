"""Does to a Raft cluster whatever people, power and cables do, and heals it in the end."""

from random import Random

from raft_cluster import Cluster
from raft_judge import Node

from plait.line.membership import Membership, Target

NAMES = "abcdefghijklmnop"
VOTERS_MAX = 6


class Operator:
    """One schedule of misfortune; every choice is drawn."""

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self.cluster = cluster
        self.random = random
        self.wipes = random.random() < 0.5
        self.crashes = random.random() < 0.8
        self.changes = random.choice((0.0, 0.02, 0.08))
        self.weights = {
            "_propose": random.choice((10, 40)),
            "_read": random.choice((3, 15)),
            "_hand_over": random.choice((0, 3, 10)),
            "_weather": random.choice((2, 12)),
            "_power": random.choice((2, 12)),
            "_strike": random.choice((1, 6)),
            "_links": random.choice((1, 6)),
            "_upkeep": random.choice((3, 20)),
        }

    # ------------------------------------------------------------------ misfortune

    def act(self) -> None:
        cluster, random = self.cluster, self.random
        node = cluster.nodes[random.choice(sorted(cluster.nodes))]
        if random.random() < self.changes:
            self._change()
        what = random.choices(tuple(self.weights), tuple(self.weights.values()))[0]
        getattr(self, what)(node)
        cluster.run(random.choice((0.0, 0.001, 0.005, 0.01, 0.1, 0.5)))

    def _propose(self, node: Node) -> None:
        for leader in self.cluster.leaders():
            for _ in range(self.random.randint(1, 8)):
                self.cluster.propose(leader)

    def _read(self, node: Node) -> None:
        leaders = self.cluster.leaders()
        for one in leaders if leaders and self.random.random() < 0.5 else [node]:
            if one.alive:
                self.cluster.ask_read(one)

    def _strike(self, node: Node) -> None:
        """A leader is hit while entries are on their way to some of its followers."""
        cluster, random = self.cluster, self.random
        for leader in cluster.leaders():
            for other in sorted(cluster.nodes):
                if random.random() < 0.4:
                    cluster.cut_off(leader, other)
            self._propose(leader)
            cluster.run(random.uniform(0, 0.005))
            if random.random() < 0.5 and leader.alive:
                cluster.crash(leader)
        for _ in range(random.choice((0, 1, 8))):
            cluster.run(0.2)
            self._propose(node)
            self._read(node)
        if random.random() < 0.5:
            cluster.blocked.clear()
        if not node.alive:
            cluster.start(node)

    def _hand_over(self, node: Node) -> None:
        for leader in self.cluster.leaders():
            target = self.random.choice(sorted(self.cluster.nodes))
            self.cluster.hand_over(leader, target, self.random.uniform(0.01, 1))

    def _links(self, node: Node) -> None:
        """Connections break and come back; a member is told to hurry."""
        random, cluster = self.random, self.cluster
        other = cluster.nodes[random.choice(sorted(cluster.nodes))]
        if node.alive and other.alive and node is not other:
            cluster.link_down(node, other)
            cluster.link_up(node, other)
        if node.alive and random.random() < 0.3:
            cluster.stand(node)

    def _upkeep(self, node: Node) -> None:
        if node.alive:
            end = len(node.history)
            self.cluster.flush(node, self.random.choice((end, self.random.randint(0, end))))
            if self.random.random() < 0.7:
                before = self.random.choice((node.flushed, self.random.randint(0, node.flushed)))
                self.cluster.trim(node, before)

    def _weather(self, node: Node) -> None:
        cluster, random = self.cluster, self.random
        match random.randrange(9):
            case 0:
                cluster.loss = random.choice((0.0, 0.05, 0.3))
            case 1:
                cluster.repeat = random.choice((0.0, 0.1, 0.5))
            case 2:
                cluster.delay = random.choice(((0.001, 0.002), (0.0, 0.05), (0.0, 0.8)))
            case 3:
                cluster.disk_delay = random.choice(((0.001, 0.002), (0.0, 0.3)))
            case 4 | 5:
                cluster.blocked.clear()
            case 6:
                node.slow = random.choice((1.0, 4.0, 16.0))
            case 7:
                self._split(node)
            case 8:
                cluster.copy_delay = random.choice(((0.0, 0.01), (0.01, 0.1), (0.1, 1.0)))

    def _split(self, node: Node) -> None:
        """One way, both ways, two halves, or two halves with a bridge between them."""
        cluster, random = self.cluster, self.random
        names = sorted(cluster.nodes)
        if random.random() < 0.5:
            for other in names:
                way = random.randrange(3)
                if way != 0:
                    cluster.blocked.add((node.name, other))
                if way != 1:
                    cluster.blocked.add((other, node.name))
            return
        left = {name for name in names if random.random() < 0.5}
        bridge = {node.name} if random.random() < 0.5 else set()
        for one in names:
            for other in names:
                if (one in left) != (other in left) and not {one, other} & bridge:
                    cluster.blocked.add((one, other))

    def _power(self, node: Node) -> None:
        if not node.alive:
            self.cluster.start(node)
        elif self.crashes:
            wiped = self.wipes and self.random.random() < 0.3 and self.may_lose({node.name})
            self.cluster.crash(node)
            if wiped:
                self.cluster.wipe(node)

    def may_lose(self, lost: set[str]) -> bool:
        """Whether old disks of a majority, and a state, remain in every membership there is."""
        nodes = self.cluster.nodes
        retired = {name for m in self.cluster.memberships() for name in m.retired}
        old = {
            name for name, node in nodes.items() if name not in lost and not node.disk.hard.fresh
        }
        return not lost & retired and all(
            membership.quorum(old) and old & (set(membership.voters) - set(membership.witnesses))
            for membership in self.cluster.memberships()
            if membership.voters
        )

    # ------------------------------------------------------------------ other members

    def _change(self) -> None:
        for leader in self.cluster.leaders():
            target = self.target(leader.core.member.membership)
            if target is not None and self.cluster.reconfigure(leader, target):
                for name in (*target.voters, *target.learners):
                    if name not in self.cluster.nodes:
                        self.cluster.join(name)
                        if self.random.random() < 0.8:
                            self.cluster.start(self.cluster.nodes[name])

    def target(self, now: Membership) -> Target | None:
        """Some other membership: one or several come, go, or change what they are."""
        random = self.random
        unused = [name for name in NAMES if name not in self.cluster.nodes]
        used = [n for n in self.cluster.nodes if n not in now.retired and n not in now.members]
        voters, learners = set(now.voters), set(now.learners)
        witnesses = set(now.witnesses)
        for _ in range(random.choice((1, 1, 2, 3))):
            dice = random.random()
            if dice < 0.45 and (unused or used):
                pool = used if used and random.random() < 0.5 else unused or used
                name = pool.pop(0)
                if random.random() < 0.75:
                    voters.add(name)
                    if random.random() < 0.2:
                        witnesses.add(name)
                else:
                    learners.add(name)
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
        witnesses &= voters | learners
        if not voters or len(voters) > VOTERS_MAX:
            return None
        return Target(tuple(sorted(voters)), tuple(sorted(learners)), tuple(sorted(witnesses)))

    # ------------------------------------------------------------------ the end

    def recover(self) -> None:
        """The world heals: a leader exists, entries commit, changes end, all members agree."""
        cluster, random = self.cluster, self.random
        down = self._stay_down()
        cluster.heal(*down)
        cluster.judge.matching(cluster.alive)
        leader = self._works("with members down" if down else "with everybody up")
        if down:
            self._replace(down)
            cluster.heal()
        leader = self._works("with everybody up")
        assert cluster.run(10.0, lambda: cluster.stable), "a change does not end"
        assert cluster.run(10.0, cluster.converged), "the members do not converge"
        for node in cluster.alive:
            if random.random() < 0.5 and node.name in leader.core.member.membership.members:
                id_ = cluster.ask_read(node)
                assert cluster.run(2.0, lambda id_=id_, node=node: node.heard(id_)), "no answer"

        self._stays(random.random() < 0.5)

    def _stays(self, deaf: bool) -> None:
        """Nobody disturbs a leader at work: not who was removed, nor who cannot hear it."""
        cluster = self.cluster
        cluster.run(2.0)
        leader = cluster.leader
        assert leader is not None
        if deaf:
            others = [name for name in sorted(cluster.nodes) if name != leader.name]
            if len(leader.core.member.membership.voters) > 2:
                cluster.blocked.add((leader.name, self.random.choice(others)))
        term = leader.core.member.term
        cluster.run(4.0)
        assert leader.leads, "a leader at work was deposed"
        assert leader.core.member.term == term

    def _stay_down(self) -> list[Node]:
        """Members whose machines are gone, few enough that the rest can go on."""
        gone: list[Node] = []
        if self.random.random() < 0.5:
            return gone
        for node in self.cluster.nodes.values():
            lost = {node.name, *(other.name for other in gone)}
            if not node.alive and self.may_lose(lost):
                gone.append(node)
        return gone

    def _works(self, when: str) -> Node:
        """A leader exists, and commits what it is given now."""
        cluster = self.cluster
        ordered: dict[int, int] = {}  # by term

        def committed() -> bool:
            leader = cluster.leader
            if leader is None:
                return False
            term = leader.core.member.term
            if term not in ordered:
                position = cluster.propose(leader)
                if position is not None:
                    ordered[term] = position
            return term in ordered and leader.told > ordered[term]

        assert cluster.run(15.0, committed), f"nothing commits {when}"
        leader = cluster.leader
        assert leader is not None
        return leader

    def _replace(self, down: list[Node]) -> None:
        """Put new members in the place of those that will not come back."""
        cluster = self.cluster
        gone = {node.name for node in down}
        asked: list[int] = []  # in which terms

        def replaced() -> bool:
            leader = cluster.leader
            if leader is None:
                return False
            now = leader.core.member.membership
            if cluster.stable and not gone & set(now.members):
                return True
            if asked and asked[-1] == leader.core.member.term:
                return False
            unused = [name for name in NAMES if name not in cluster.nodes]
            new = unused[: len(gone & set(now.voters))]
            target = Target(
                tuple(sorted({*now.voters, *new} - gone)),
                tuple(sorted(set(now.learners) - gone)),
                tuple(sorted(set(now.witnesses) - gone)),
            )
            if leader.core.reconfiguration_refusal(target) is None:
                for name in new:
                    cluster.start(cluster.join(name))
                cluster.reconfigure(leader, target)
                asked.append(leader.core.member.term)
            return False

        assert cluster.run(15.0, replaced), "members that are gone cannot be replaced"
