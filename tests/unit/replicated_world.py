"""The false world under a simulated cluster of cores: one seed, one schedule, no event loop.

Virtual time, a network that delays, loses, repeats and reorders, and disks with an ordered group
commit whose unsynced part a crash loses. What is on the way *to* a process dies with it, as with a
connection; what it sent still arrives. What the members are, and what must hold of them, is for
`primary_cluster` and `raft_cluster` to say.
"""

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from plait.base.codec import decode
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    LogWrite,
    PutHardState,
    ResetLine,
    TrimPrefix,
)
from plait.line.replication.vocabulary import Persisted, Received, Timer

LINE = "line"


class Disk:
    """What survives a crash."""

    def __init__(self, hard: Any) -> None:
        self.hard = hard
        self.head = 0
        self.rows: list[bytes] = []
        self.rescued: list[tuple[int, list[bytes], bytes | None]] = []

    @property
    def tail(self) -> int:
        return self.head + len(self.rows)

    def apply(self, write: LogWrite) -> None:
        match write:
            case AppendRows(_, start, rows):
                assert start == self.tail, "rows are appended at the tail"
                self.rows += rows
            case CutSuffix(_, start, note):
                assert self.head <= start <= self.tail
                self.rescued.append((start, self.rows[start - self.head :], note))
                del self.rows[start - self.head :]
            case TrimPrefix(_, before):
                assert self.head <= before <= self.tail
                del self.rows[: before - self.head]
                self.head = before
            case ResetLine(_, head):
                self.head, self.rows = head, []
            case PutHardState(_, data):
                self.hard = decode(data, type=type(self.hard))
            case _:
                raise AssertionError(write)

    def read(self, start: int, stop: int, count: int) -> tuple[bytes, ...]:
        if start < self.head:
            return ()
        stop = min(stop, start + count)
        return tuple(self.rows[start - self.head : stop - self.head])


def same_rows(one: Disk, other: Disk) -> bool:
    """Whether two disks agree wherever both keep rows, up to one tail."""
    head = max(one.head, other.head)
    return one.tail == other.tail and one.rows[head - one.head :] == other.rows[head - other.head :]


class Process:
    """One process, its disk and its replica."""

    core: Any

    def __init__(self, name: str, disk: Disk) -> None:
        self.name = name
        self.disk = disk
        self.life = 0
        self.alive = False
        self.queue: list[tuple[int, tuple[LogWrite, ...]]] = []  # submitted, not durable
        self.syncing = False
        self.history: list[bytes] = []  # what the replica applied, from position 0
        self.flushed = 0  # of it, what the state file holds
        self.records = 0
        self.timer_at = float("inf")
        self.slow = 1.0

    def __repr__(self) -> str:
        return self.name

    def began(self) -> None:
        """A new life: whatever only the memory of the last one held is gone."""
        del self.history[self.flushed :]
        self.alive, self.queue, self.syncing = True, [], False
        self.life += 1
        self.timer_at = float("inf")


class World:
    """Time, network, disks and processes; `tell` is the cluster's own."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.loss = self.repeat = 0.0
        self.delay = (0.001, 0.002)
        self.disk_delay = (0.001, 0.002)
        self.blocked: set[tuple[str, str]] = set()
        self.trace: Callable[[str], None] | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def tell(self, node: Any, event: Any) -> None:
        """Step one core, check everything, carry its effects out."""
        raise NotImplementedError

    def process(self, name: str) -> Process | None:
        """The process of that name, if there is one."""
        raise NotImplementedError

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

    def arm(self, node: Process) -> None:
        """See to it that a core is woken when it wants to be."""
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
                self.arm(node)

        self.at(node.timer_at, fire)

    def later(self, node: Process, event: Callable[[], Any]) -> None:
        """Tell a process something soon, if it lives so long."""
        life = node.life

        def act() -> None:
            if node.alive and node.life == life:
                self.tell(node, event())

        self.after(self.random.uniform(0, 0.001), act)

    # ------------------------------------------------------------------ network

    def lost(self, node: Process, life: int, message: Any) -> bool:
        """Whether a message that `node` sent in its `life` can no longer arrive."""
        return False

    def send(self, node: Process, peer: str, message: Any) -> None:
        """Deliver a message, perhaps late, perhaps twice, perhaps never."""
        for _ in range(2 if self.random.random() < self.repeat else 1):
            if (node.name, peer) in self.blocked or self.random.random() < self.loss:
                continue
            target = self.process(peer)
            if target is not None:
                self._deliver(node, target, message)

    def _deliver(self, node: Process, target: Process, message: Any) -> None:
        life, sender_life = target.life, node.life

        def act() -> None:
            gone = self.lost(node, sender_life, message)
            if target.alive and target.life == life and not gone:
                self.tell(target, Received(node.name, message))

        self.after(self.random.uniform(*self.delay) * target.slow, act)

    def heal_network(self) -> None:
        """Every cable is in its place."""
        self.loss = self.repeat = 0.0
        self.delay = (0.001, 0.002)
        self.blocked.clear()

    # ------------------------------------------------------------------ disk

    def synced(self, node: Process) -> None:
        """A group of writes reached the disk."""

    def submit(self, node: Process, token: int, writes: tuple[LogWrite, ...]) -> None:
        """Queue writes; they are durable after a while, in order."""
        node.queue.append((token, writes))
        if not node.syncing:
            self._sync(node)

    def _sync(self, node: Process) -> None:
        node.syncing = True
        life, group = node.life, len(node.queue)

        def act() -> None:
            if not node.alive or node.life != life:
                return
            done, node.queue = node.queue[:group], node.queue[group:]
            for _, writes in done:
                for write in writes:
                    node.disk.apply(write)
            self.synced(node)
            node.syncing = False
            if node.queue:
                self._sync(node)
            for token, _ in done:
                if node.alive and node.life == life:
                    self.tell(node, Persisted(token))

        self.after(self.random.uniform(*self.disk_delay) * node.slow, act)

    def lose_unsynced(self, node: Process) -> None:
        """The process ends; a prefix of what it had queued may have reached the disk."""
        for _, writes in node.queue[: self.random.randint(0, len(node.queue))]:
            for write in writes:
                node.disk.apply(write)
        node.alive = False
        node.life += 1

    def rows(self, node: Process, start: int) -> tuple[bytes, ...]:
        """Some durable rows from `start`, as a driver loads them."""
        return node.disk.read(start, node.core.member.log.durable, self.random.randint(1, 20))
