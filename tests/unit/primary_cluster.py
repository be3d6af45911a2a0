"""A cluster of primary cores in a false world: one seed, one schedule, no event loop.

The world has virtual time, a network that delays, loses, repeats and reorders, disks with an
ordered group commit whose unsynced part a crash loses, and a replica a member that applies what
is committed. `Judge` states what must hold after every step. What is on the way *to* a process
dies with it, as with a connection; what it sent still arrives.
"""

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from primary_judge import Disk, Judge, Node, same_rows

from plait.base.ports import AppendRows, LogWrite
from plait.line.entry import NO_EPOCH, Entry, Epoch, Kind, decode_entry
from plait.line.primary.core import opened
from plait.line.primary.leader import Leader
from plait.line.primary.messages import Fetched, Message
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
    Persisted,
    PromoteMe,
    Promotion,
    Propose,
    Received,
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

LINE = "line"


class Cluster:
    """Members, network and time."""

    def __init__(self, seed: int, members: int, rule: str, window: int | None = None) -> None:
        self.random = Random(seed)
        self.names = tuple("abcde"[:members])
        self.rule = AckRule.parse(rule)
        self.k = self.rule.followers_needed(members)
        self.needed = self.rule.promises_needed(members)
        self.now = 0.0
        self.judge = Judge()
        self.judge.lossy = self.k == 0 and members > 1
        self.window = window
        self.loss = self.repeat = 0.0
        self.delay = (0.001, 0.002)
        self.disk_delay = (0.001, 0.002)
        self.blocked: set[tuple[str, str]] = set()
        self.proposed = 0
        self.trace: Callable[[str], None] | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._leading: dict[str, Epoch] = {}
        self.nodes = {name: Node(name) for name in self.names}
        for node in self.nodes.values():
            self.start(node)

    # ------------------------------------------------------------------ time

    def after(self, delay: float, action: Callable[[], None]) -> None:
        self.at(self.now + delay, action)

    def at(self, moment: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, action))

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass; True as soon as `until` holds."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            if until is not None and until():
                return True
            at, _, action = heapq.heappop(self._events)
            self.now = max(self.now, at)
            action()
        self.now = end
        return until is not None and until()

    # ------------------------------------------------------------------ processes

    def start(self, node: Node) -> None:
        """Open a member from its disk."""
        disk = node.disk
        records = decode_entry(disk.rows[-1]).records_end if disk.rows else disk.hard.base.records
        node.core = opened(
            LINE, node.name, self.names, self.rule, disk.hard, disk.tail, records, node.flushed
        )
        if self.window is not None:
            node.core.member.log._window_bytes = self.window
        del node.history[node.flushed :]
        node.alive, node.queue, node.syncing = True, [], False
        node.life += 1
        node.timer_at = float("inf")
        node.records = sum(decode_entry(row).records for row in node.history)
        self.judge.stepped(node)
        self.tell(node, Applied(len(node.history), node.records))
        for other in self.nodes.values():
            if other is not node and other.alive:
                self.tell(other, PeerUp(node.name))
                self.tell(node, PeerUp(other.name))

    def crash(self, node: Node) -> None:
        """Lose what was not synced; a prefix of the queue may have reached the disk."""
        for _, writes in node.queue[: self.random.randint(0, len(node.queue))]:
            for write in writes:
                node.disk.apply(write)
        # a promise that only the memory held may be forgotten: nobody was told of it
        self.judge.promised[node.name] = node.disk.hard.promised
        node.alive = False
        node.life += 1
        self._leading.pop(node.name, None)

    def wipe(self, node: Node) -> None:
        """A new disk in the place of the old one."""
        node.disk = Disk()
        node.history, node.flushed = [], 0
        node.lost_life = node.life
        self.judge.forget([n for n in self.nodes.values() if n is not node])
        self.judge.promised.pop(node.name, None)

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
        self._arm(node)

    def _carry_out(self, node: Node, effect: Any) -> None:
        match effect:
            case Send(peer, message) | SendAppend(peer, message):
                self.send(node, peer, message)
            case Persist(token, writes):
                self._submit(node, token, writes)
            case Committed(position):
                self._apply(node, position)
            case Retracted(_, position):
                assert self.judge.lossy, "a commit was retracted"
                del node.history[position:]
                node.flushed = min(node.flushed, position)
                self._applied(node)
            case LoadEntries(peer, start):
                self._later(node, lambda: Loaded(peer, start, self._rows(node, start)))
            case LoadForCandidate(peer, start, previous, epoch):
                rows, log = self._rows(node, start), node.core.member.log
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

    def _later(self, node: Node, event: Callable[[], Event]) -> None:
        life = node.life

        def act() -> None:
            if node.alive and node.life == life:
                self.tell(node, event())

        self.after(self.random.uniform(0, 0.001), act)

    def _rows(self, node: Node, start: int) -> tuple[bytes, ...]:
        return node.disk.read(start, node.core.member.log.durable, self.random.randint(1, 20))

    def _arm(self, node: Node) -> None:
        deadline, life = node.core.deadline, node.life
        if deadline >= node.timer_at or deadline == float("inf"):
            return
        node.timer_at = max(deadline, self.now)

        def fire() -> None:
            if not node.alive or node.life != life or node.timer_at > self.now:
                return
            node.timer_at = float("inf")
            if self.now >= node.core.deadline:
                self.tell(node, Timer())
            else:
                self._arm(node)

        self.at(node.timer_at, fire)

    # ------------------------------------------------------------------ network

    def send(self, node: Node, peer: str, message: Message) -> None:
        """Deliver a message, perhaps late, perhaps twice, perhaps never."""
        for _ in range(2 if self.random.random() < self.repeat else 1):
            if (node.name, peer) in self.blocked or self.random.random() < self.loss:
                continue
            target = self.nodes[peer]
            life, sender_life = target.life, node.life

            def act(
                target: Node = target, life: int = life, sender_life: int = sender_life
            ) -> None:
                lost = isinstance(message, Append) and sender_life < node.lost_life
                if target.alive and target.life == life and not lost:
                    self.tell(target, Received(node.name, message))

            self.after(self.random.uniform(*self.delay) * target.slow, act)

    def heal_network(self) -> None:
        """Every cable is in its place."""
        self.loss = self.repeat = 0.0
        self.delay = (0.001, 0.002)
        self.blocked.clear()

    def heal(self) -> None:
        """A perfect network, quick disks, everybody up."""
        self.heal_network()
        self.disk_delay = (0.001, 0.002)
        for node in self.nodes.values():
            node.slow = 1.0
            if not node.alive:
                self.start(node)

    # ------------------------------------------------------------------ disk

    def _submit(self, node: Node, token: int, writes: tuple[LogWrite, ...]) -> None:
        self._note_content(node, writes)
        node.queue.append((token, writes))
        if not node.syncing:
            self._sync(node)

    def _note_content(self, node: Node, writes: tuple[LogWrite, ...]) -> None:
        log = node.core.member.log
        for write in writes:
            if isinstance(write, AppendRows):
                previous = log.epoch_at(write.start - 1)
                assert previous is not None
                self.judge.appended(write.start, write.rows, previous)

    def _sync(self, node: Node) -> None:
        node.syncing = True
        life, group = node.life, len(node.queue)

        def act() -> None:
            if not node.alive or node.life != life:
                return
            done, node.queue = node.queue[:group], node.queue[group:]
            for _, writes in done:
                for write in writes:
                    node.disk.apply(write)
            hard = node.disk.hard.promised
            self.judge.promised[node.name] = max(hard, self.judge.promised.get(node.name, NO_EPOCH))
            node.syncing = False
            if node.queue:
                self._sync(node)
            for token, _ in done:
                if node.alive and node.life == life:
                    self.tell(node, Persisted(token))

        self.after(self.random.uniform(*self.disk_delay) * node.slow, act)

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
        self._later(node, lambda: Applied(position, records))

    def _snapshot(self, node: Node, peer: str) -> None:
        """What the driver does: stream a copy, install it there, and say how it went."""
        history = list(node.history[: node.flushed])
        position, life = len(history), node.life
        target, target_life = self.nodes[peer], self.nodes[peer].life
        epoch = node.core.role.epoch  # type: ignore[union-attr]

        def reachable() -> bool:
            return (node.name, peer) not in self.blocked and target.life == target_life

        def install() -> None:
            done = None
            role = target.core.role
            follows = target.alive and epoch >= target.core.member.promised
            if target.alive and reachable() and follows and role.name == "follower":
                self._install(target, history)
                done = position
            if node.alive and node.life == life:
                self.tell(node, SnapshotDone(peer, done))

        self.after(self.random.uniform(0.01, 0.1), install)

    def _install(self, node: Node, history: list[bytes]) -> None:
        last = decode_entry(history[-1]) if history else Entry(b"", 0)
        node.history, node.flushed = list(history), len(history)
        self.tell(node, SnapshotInstalled(len(history), last.epoch, last.records_end))
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

    def converged(self) -> bool:
        """Whether every log is the leader's, as far as both keep it, and all is committed."""
        leaders = self.leaders()
        if not leaders:
            return False
        leader = max(leaders, key=lambda node: node.core.role.epoch)  # type: ignore[union-attr]
        log = leader.core.member.log
        return all(
            node.alive
            and node.core.member.log.tail == log.tail == node.core.member.committed_told
            and same_rows(node.disk, leader.disk)
            and node.history == leader.history
            for node in self.nodes.values()
        )
