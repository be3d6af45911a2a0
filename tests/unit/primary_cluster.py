"""A cluster of primary cores in a false world (`replicated_world`), each with a replica above it.

Members come by being named in a target; they start with an empty disk that knows no membership.
`Judge` states what must hold after every step.
"""

from typing import Any

from primary_judge import Judge, Node, new_disk
from replicated_world import LINE, Process, World, same_rows

from plait.base.ports import AppendRows, LogWrite
from plait.line.entry import NO_EPOCH, Entry, Epoch, Kind, decode_entry
from plait.line.membership import Membership, Target, encode_membership, founding
from plait.line.primary.core import opened
from plait.line.primary.leader import Leader
from plait.line.primary.messages import Fetched
from plait.line.primary.vocabulary import (
    Applied,
    Committed,
    Confirm,
    Deposed,
    Event,
    HandOver,
    Loaded,
    LoadForCandidate,
    PeerUp,
    Persist,
    PromoteMe,
    Promotion,
    Propose,
    Reconfigure,
    Retracted,
    Send,
    SnapshotDone,
    SnapshotInstalled,
    Timer,
    TrimTo,
)
from plait.line.quorum import AckRule
from plait.line.replication.messages import Append
from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend


class Cluster(World):
    """Members, network and time."""

    def __init__(
        self,
        seed: int,
        members: int,
        rule: str,
        window: int | None = None,
        zones: dict[str, str] | None = None,
    ) -> None:
        super().__init__(seed)
        founders = founding("abcde"[:members], zones=zones or {})
        self.rule = AckRule.parse(rule)
        self.judge = Judge()
        self.judge.lossy = rule == "leader"
        self.window = window
        self.proposed = 0
        self._leading: dict[str, Epoch] = {}
        self.nodes = {name: Node(name, founders) for name in founders.voters}
        for node in self.nodes.values():
            self.start(node)

    def process(self, name: str) -> Node | None:
        return self.nodes.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.nodes))

    # ------------------------------------------------------------------ processes

    def start(self, node: Node) -> None:
        """Open a member from its disk."""
        disk = node.disk
        records = decode_entry(disk.rows[-1]).records_end if disk.rows else disk.hard.base.records
        node.core = opened(LINE, node.name, self.rule, disk.hard, disk.tail, records, node.flushed)
        if self.window is not None:
            node.core.member.log._window_bytes = self.window
        node.began()
        node.records = sum(decode_entry(row).records for row in node.history)
        self.judge.stepped(node)
        self.tell(node, Applied(len(node.history), node.records))
        for other in self.nodes.values():
            if other is not node and other.alive:
                self.tell(other, PeerUp(node.name))
                self.tell(node, PeerUp(other.name))

    def crash(self, node: Node) -> None:
        """Lose what was not synced; a prefix of the queue may have reached the disk."""
        self.lose_unsynced(node)
        # a promise that only the memory held may be forgotten: nobody was told of it
        self.judge.promised[node.name] = node.disk.hard.promised
        self._leading.pop(node.name, None)

    def wipe(self, node: Node) -> None:
        """A new disk in the place of the old one."""
        node.disk = new_disk(node.founders)
        node.history, node.flushed = [], 0
        node.lost_life = node.life
        self.judge.forget(node, [n for n in self.nodes.values() if n is not node])

    def join(self, name: str) -> Node:
        """The process of a member to be, which knows of no membership."""
        node = self.nodes[name] = Node(name)
        self.start(node)
        return node

    # ------------------------------------------------------------------ steps and effects

    def tell(self, node: Node, event: Event) -> None:
        """Step one core, check everything, carry its effects out."""
        before = node.core.role
        effects = node.core.step(event, self.now)
        if self.trace is not None:
            self.trace(f"{self.now:9.4f} {node.name} {event} -> {effects}")
        role = node.core.role
        if isinstance(event, Timer):
            same = role is before
            assert not same or node.core.deadline > self.now, "a timer that is due again at once"
        if isinstance(role, Leader) and self._leading.get(node.name) != role.epoch:
            self._leading[node.name] = role.epoch
            self.judge.opened(node, role)
        self.judge.stepped(node)
        for effect in effects:
            self._carry_out(node, effect)
        self.arm(node)

    def _carry_out(self, node: Node, effect: Any) -> None:
        match effect:
            case Send(peer, message) | SendAppend(peer, message):
                self.send(node, peer, message)
            case Persist(token, writes):
                self._note_content(node, writes)
                self.submit(node, token, writes)
            case Committed(position):
                self._apply(node, position)
            case Retracted(_, position):
                assert self.judge.lossy, "a commit was retracted"
                del node.history[position:]
                node.flushed = min(node.flushed, position)
                self._applied(node)
            case LoadEntries(peer, start):
                self.later(node, lambda: Loaded(peer, start, self.rows(node, start)))
            case LoadForCandidate(peer, start, previous, epoch):
                rows, log = self.rows(node, start), node.core.member.log
                self.send(
                    node,
                    peer,
                    Fetched(LINE, epoch, bool(rows), start, previous, rows, log.tail, log.head),
                )
            case BeginSnapshot(peer):
                self._snapshot(node, peer)
            case Promotion():
                node.promotions.append(effect)
            case Deposed():
                pass

    # ------------------------------------------------------------------ network, disk

    def lost(self, node: Process, life: int, message: Any) -> bool:
        assert isinstance(node, Node)
        return isinstance(message, Append) and life < node.lost_life

    def synced(self, node: Process) -> None:
        hard = node.disk.hard.promised
        self.judge.promised[node.name] = max(hard, self.judge.promised.get(node.name, NO_EPOCH))

    def heal(self) -> None:
        """A perfect network, quick disks, everybody up."""
        self.heal_network()
        self.disk_delay = (0.001, 0.002)
        for node in self.nodes.values():
            node.slow = 1.0
            if not node.alive:
                self.start(node)

    def _note_content(self, node: Node, writes: tuple[LogWrite, ...]) -> None:
        log = node.core.member.log
        for write in writes:
            if isinstance(write, AppendRows):
                previous = log.epoch_at(write.start - 1)
                assert previous is not None
                self.judge.appended(write.start, write.rows, previous)

    # ------------------------------------------------------------------ replica

    def _apply(self, node: Node, position: int) -> None:
        log = node.core.member.log
        for at in range(len(node.history), position):
            kept = log.kept(at)
            row = kept.row if kept is not None else node.disk.read(at, at + 1, 1)[0]
            self.judge.committed(node, at, row)
            node.history.append(row)
        self._applied(node)

    def _applied(self, node: Node) -> None:
        node.records = sum(decode_entry(row).records for row in node.history)
        position, records = len(node.history), node.records
        self.later(node, lambda: Applied(position, records))

    def _snapshot(self, node: Node, peer: str) -> None:
        """What the driver does: stream a copy, install it there, and say how it went."""
        history = list(node.history[: node.flushed])
        position, life = len(history), node.life
        membership = node.core.member.membership_at(position)
        target = self.nodes.get(peer) or Node(peer)
        target_life = target.life
        epoch = node.core.role.epoch  # type: ignore[union-attr]

        def reachable() -> bool:
            return (node.name, peer) not in self.blocked and target.life == target_life

        def install() -> None:
            done = None
            if target.alive and reachable() and self._follows(target, epoch):
                self._install(target, history, membership)
                done = position
            if node.alive and node.life == life:
                self.tell(node, SnapshotDone(peer, done))

        self.after(self.random.uniform(0.01, 0.1), install)

    def _follows(self, node: Node, epoch: Epoch) -> bool:
        return epoch >= node.core.member.promised and node.core.role.name == "follower"

    def _install(self, node: Node, history: list[bytes], membership: Membership) -> None:
        last = decode_entry(history[-1]) if history else Entry(b"", 0)
        node.history, node.flushed = list(history), len(history)
        copied = encode_membership(membership)
        self.tell(node, SnapshotInstalled(len(history), last.epoch, last.records_end, copied))
        told = node.core.member.committed_told
        self._apply(node, told)

    # ------------------------------------------------------------------ what people do

    def leaders(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.leads]

    def propose(self, node: Node) -> int | None:
        """Order one more entry; its position, None if it was refused."""
        if not node.alive or node.core.refusal() is not None:
            return None
        self.proposed += 1
        position = node.core.member.log.tail
        payload = f"{self.proposed}".encode() * self.random.randint(1, 9)
        self.tell(node, Propose(Entry(payload, self.random.randint(1, 3), Kind.DATA)))
        return position

    def reconfigure(self, leader: Node, target: Target) -> bool:
        """Go to other members, if the leader will; who is new begins with an empty disk."""
        if leader.core.reconfiguration_refusal(target) is not None:
            return False
        self.tell(leader, Reconfigure(target))
        for name in (*target.voters, *target.learners):
            if name not in self.nodes:
                self.join(name)
        return True

    def promote(self, node: Node, seconds: float = 2.0, **how: bool) -> None:
        if how.get("accept_loss"):
            self.judge.lossy = True
        self.tell(node, PromoteMe(self.now + seconds, **how))

    def hand_over(self, node: Node, target: str, seconds: float = 1.0) -> None:
        self.tell(node, HandOver(target, self.now + seconds))

    def trim(self, node: Node, before: int) -> None:
        """Trim as a driver does: never above what the state file holds."""
        before = min(before, node.flushed, node.core.member.committed_told)
        if before > node.core.member.log.head:
            records = decode_entry(node.history[before - 1]).records_end
            self.tell(node, TrimTo(before, records))

    def confirm(self, node: Node) -> None:
        self.tell(node, Confirm())

    def found(self, name: str = "a") -> Node:
        """Promote the first leader, and wait until it has committed."""
        node = self.nodes[name]
        self.promote(node, resume=True)
        assert self.run(5.0, lambda: node.leads and node.core.member.committed_told > 0)
        return node

    def leader(self) -> Node | None:
        """Whoever leads in the newest epoch."""
        return max(self.leaders(), key=lambda n: n.core.role.epoch, default=None)  # type: ignore

    def converged(self) -> bool:
        """Whether every member's log is the leader's, as far as both keep it, and committed."""
        leader = self.leader()
        if leader is None:
            return False
        member = leader.core.member
        return all(
            node.alive
            and node.core.member.log.tail == member.log.tail == node.core.member.committed_told
            and same_rows(node.disk, leader.disk)
            and node.history == leader.history
            and node.core.member.membership == member.membership
            for node in map(self.nodes.__getitem__, member.membership.members)
        )

    def settled(self) -> bool:
        """Whether no change of the members is under way, and one of the voters leads."""
        leader = self.leader()
        if leader is None:
            return False
        member, role = leader.core.member, leader.core.role
        return (
            member.membership_position < member.commit
            and not member.membership.joint
            and not member.membership.joining
            and member.votes
            and getattr(role, "target", None) is None
        )
