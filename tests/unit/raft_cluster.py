"""A cluster of Raft cores in a false world (`replicated_world`), each with a replica above it.

Copies of the state are streamed as drivers do it: taken from what the leader has flushed, under
way for a while, installed while other things go on. Members come by being named in a target; they
start with an empty disk that knows no membership. `Judge` states what must hold after every step.
"""

from random import Random
from typing import Any

from raft_judge import Judge, Node, new_disk
from replicated_world import LINE, World, same_rows

from plait.base.ports import AppendRows, LogWrite
from plait.line.entry import Entry, Epoch, Kind, decode_entry
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership, Target, encode_membership
from plait.line.raft.invariants import observe
from plait.line.raft.leader import Leader
from plait.line.raft.opening import opened
from plait.line.raft.vocabulary import (
    Applied,
    AskRead,
    Committed,
    Deposed,
    Event,
    HandOver,
    Loaded,
    PeerDown,
    PeerUp,
    Persist,
    Promotion,
    Propose,
    ReadFailed,
    ReadReady,
    Reconfigure,
    Send,
    SnapshotDone,
    SnapshotInstalled,
    StandNow,
    Timer,
    TrimTo,
)
from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend


class Cluster(World):
    """Members, network and time."""

    def __init__(
        self,
        seed: int,
        founders: Membership,
        window: int | None = None,
        origin: Origin = BEGINNING,
    ) -> None:
        super().__init__(seed)
        self.origin = origin
        self.judge = Judge(origin)
        self.window = window
        self.copy_delay = (0.01, 0.1)
        self.proposed = 0
        self.asked = 0
        self.nodes = {name: Node(name, founders, origin) for name in founders.members}
        for node in self.nodes.values():
            self.start(node)

    def process(self, name: str) -> Node | None:
        return self.nodes.get(name)

    @property
    def alive(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.alive]

    # ------------------------------------------------------------------ processes

    def start(self, node: Node) -> None:
        """Open a member from its disk."""
        disk = node.disk
        records = decode_entry(disk.rows[-1]).records_end if disk.rows else disk.hard.base.records
        random = Random(self.random.getrandbits(32))
        node.began()
        node.core = opened(
            LINE, node.name, disk.hard, disk.tail, records, node.flushed, random, self.now
        )
        if self.window is not None:
            node.core.member.log._window_bytes = self.window
        self.judge.stepped(node, None)
        self._apply(node, node.told)
        for other in self.alive:
            if other is not node:
                self.tell(other, PeerUp(node.name))
                self.tell(node, PeerUp(other.name))

    def crash(self, node: Node) -> None:
        """Lose what was not synced; a prefix of the queue may have reached the disk."""
        self.lose_unsynced(node)
        self.judge.deposed(node)
        if self.random.random() < 0.7:
            for other in self.alive:
                self.later(other, lambda: PeerDown(node.name))

    def wipe(self, node: Node) -> None:
        """A new disk in the place of the old one."""
        node.lost_tail = max(node.lost_tail, node.disk.tail)
        if node.founders is not None and node.founders.members == (node.name,):
            # who founded alone and lost everything founds another cluster, under another id
            node.founders = Membership()
        node.disk = new_disk(node.founders, self.origin)
        node.recall()

    def join(self, name: str) -> Node:
        """The process of a member to be, which knows of no membership."""
        node = self.nodes[name] = Node(name, origin=self.origin)
        return node

    # ------------------------------------------------------------------ steps and effects

    def tell(self, node: Node, event: Event) -> None:
        """Step one core, check everything, carry its effects out."""
        before, role = observe(node.core), node.core.role
        node.effects = effects = node.core.step(event, self.now)
        if self.trace is not None:
            self.trace(f"{self.now:9.4f} {node.name} {event} -> {effects}")
        if isinstance(event, Timer) and node.core.role is role:
            assert node.core.deadline > self.now, "a timer that is due again at once"
        known = self.judge.truths.committed
        self.judge.stepped(node, before)
        if self.judge.truths.committed > known:
            self.judge.held(node, before.membership, list(self.nodes.values()))
        for effect in effects:
            self._carry_out(node, effect)
        self.arm(node)

    def _carry_out(self, node: Node, effect: Any) -> None:
        match effect:
            case Send(peer, message) | SendAppend(peer, message):
                self.judge.sent(node, message)
                self.send(node, peer, message)
            case Persist(token, writes):
                self._note_content(node, writes)
                self.submit(node, token, writes)
            case Committed(position):
                self._apply(node, position)
                self.judge.settled(node, effect)
            case LoadEntries(peer, start):
                self.later(node, lambda: Loaded(peer, start, self.rows(node, start)))
            case BeginSnapshot(peer):
                self._begin_copy(node, peer)
            case ReadReady():
                self.judge.answered(effect)
                node.outcomes.append(effect)
            case Promotion() | ReadFailed():
                node.outcomes.append(effect)
            case Deposed():
                self.judge.deposed(node)

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
            self.judge.applied(node, at, row)
            node.history.append(row)
        records = decode_entry(node.history[-1]).records_end if node.history else 0
        self.later(node, lambda: Applied(len(node.history), records))

    def _begin_copy(self, node: Node, peer: str) -> None:
        """What the driver does: take a copy, stream it, install it there, say how it went."""
        role, target, life = node.core.role, self.nodes[peer], node.life
        if not isinstance(role, Leader):
            return  # it stepped down in the very step that asked for the copy
        epoch, target_life = role.epoch, target.life
        history = list(node.history[: node.flushed])
        member = node.core.member
        membership = encode_membership(member.membership_at(len(history)))

        def reachable() -> bool:
            cut = {(node.name, peer), (peer, node.name)} & self.blocked
            return target.alive and target.life == target_life and not cut

        def done(position: int | None) -> None:
            if node.alive and node.life == life:
                self.tell(node, SnapshotDone(peer, position))

        def install() -> None:
            fits = target.alive and target.life == target_life
            if fits and len(history) >= target.core.member.log.head:
                self._install(target, history, membership)
            done(len(history) if fits and reachable() else None)

        def arrive() -> None:
            able = node.name not in member.membership.witnesses
            if able and reachable() and target.core.member.obeys(epoch):
                self.after(self.random.uniform(*self.copy_delay), install)
            else:
                done(None)

        self.after(self.random.uniform(*self.copy_delay), arrive)

    def _install(self, node: Node, history: list[bytes], membership: bytes) -> None:
        last = decode_entry(history[-1]) if history else Entry(b"", 0)
        node.history, node.flushed = list(history), len(history)
        event = SnapshotInstalled(len(history), last.epoch, last.records_end, membership)
        self.tell(node, event)
        self._apply(node, node.told)

    def flush(self, node: Node, to: int) -> None:
        """The state file holds what was applied below `to`."""
        node.flushed = max(node.flushed, min(to, len(node.history)))

    def trim(self, node: Node, before: int) -> None:
        """Trim as a driver does: never above what the state file holds."""
        membership = node.core.member.membership
        before = min(before, node.flushed, node.told)
        if node.name in membership.witnesses:  # nor above what those with a state have in theirs
            keep = [self.nodes[n].flushed for n in membership.members if n in self.nodes]
            before = min(before, *keep)
        if before > node.core.member.log.head:
            records = decode_entry(node.history[before - 1]).records_end
            self.tell(node, TrimTo(before, records))

    # ------------------------------------------------------------------ what people do

    def leaders(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.leads]

    @property
    def leader(self) -> Node | None:
        """The leader of the newest term."""
        return max(self.leaders(), key=lambda node: node.core.member.term, default=None)

    def propose(self, node: Node, payload: bytes | None = None) -> int | None:
        """Order one more entry; its position, None if it was refused."""
        if not node.alive or node.core.refusal() is not None:
            return None
        self.proposed += 1
        if payload is None:
            payload = f"{self.proposed}".encode() * self.random.randint(1, 9)
        position = node.core.member.log.tail
        self.judge.proposed(node, position, payload)
        self.tell(node, Propose(Entry(payload, self.random.randint(1, 3), Kind.DATA)))
        return position

    def ask_read(self, node: Node) -> int:
        """Ask what is committed now; the id of the answer."""
        self.asked += 1
        self.judge.asked(self.asked)
        self.tell(node, AskRead(self.asked))
        return self.asked

    def stand(self, node: Node) -> None:
        self.tell(node, StandNow())

    def link_down(self, one: Node, other: Node) -> None:
        """The connections between two members broke; both notice."""
        self.tell(one, PeerDown(other.name))
        self.tell(other, PeerDown(one.name))

    def link_up(self, one: Node, other: Node) -> None:
        """Fresh connections between two members."""
        self.tell(one, PeerUp(other.name))
        self.tell(other, PeerUp(one.name))

    def hand_over(self, node: Node, target: str, seconds: float = 1.0) -> None:
        self.tell(node, HandOver(target, self.now + seconds))

    def reconfigure(self, node: Node, target: Target) -> bool:
        """Begin to go to another membership; False if it was refused."""
        if not node.alive or node.core.reconfiguration_refusal(target) is not None:
            return False
        self.tell(node, Reconfigure(target))
        return True

    def cut_off(self, node: Node, *others: str) -> None:
        """Break all cables of a member, or those to some others."""
        for other in others or tuple(self.nodes):
            self.blocked |= {(node.name, other), (other, node.name)}

    def heal(self, *but: Node) -> None:
        """A perfect network, quick disks, everybody up but those."""
        self.heal_network()
        self.disk_delay = (0.001, 0.002)
        self.copy_delay = (0.01, 0.1)
        for node in list(self.nodes.values()):
            node.slow = 1.0
            if not node.alive and node not in but:
                self.start(node)
        for one in self.alive:
            for other in self.alive:
                if one is not other:
                    self.tell(one, PeerUp(other.name))

    # ------------------------------------------------------------------ how it is

    def memberships(self) -> list[Membership]:
        """Every membership that anybody may act by."""
        found: list[Membership] = []
        for node in self.nodes.values():
            known = [m for _, m in node.core.member.memberships] if node.alive else []
            found += [m for _, m in node.disk.hard.memberships] + known
        return found

    @property
    def stable(self) -> bool:
        """Whether the membership is committed and nobody is on the way to another."""
        leader = self.leader
        if leader is None or not isinstance(leader.core.role, Leader):
            return False
        member = leader.core.member
        arrived = leader.core.role.target is None and not member.membership.joint
        return (
            arrived and not member.membership.joining and leader.told > member.membership_position
        )

    def founded(self) -> Node:
        """Wait for a leader that has committed."""
        assert self.run(
            5.0, lambda: any(node.told > self.origin.position for node in self.leaders())
        )
        leader = self.leader
        assert leader is not None
        return leader

    def converged(self, *but: Node) -> bool:
        """Whether every member's log is the leader's, as far as both keep it, all committed."""
        leader = self.leader
        if leader is None:
            return False
        log = leader.core.member.log
        members = [self.nodes[name] for name in leader.core.member.membership.members]
        return all(
            node.alive
            and node.core.member.log.tail == log.tail == node.told
            and same_rows(node.disk, leader.disk)
            and node.history == leader.history
            and not node.core.member.fresh
            for node in members
            if node not in but
        )


def epoch_of(node: Node) -> Epoch:
    """The epoch that a leader leads."""
    role = node.core.role
    assert isinstance(role, Leader)
    return role.epoch
