"""The machines of a random world of graphs: a scope, a fold, an exchange, and a disk that forgets
what is not durable. See `graph_world`.
"""

from random import Random
from typing import Any, Protocol

import msgspec
from graph_fold import SmallFold

from plait.base.codec import encode
from plait.base.errors import ClockWrong, HistoryTrimmed, ReadOnly
from plait.graph.event import Batch, Event, Op
from plait.graph.exchange import Exchange
from plait.graph.messages import (
    Adopt,
    Delivered,
    Effect,
    Found,
    Held,
    Joined,
    Restart,
    Send,
    Write,
    encode_message,
)
from plait.graph.parcels import Parcel, join
from plait.graph.records import decode_scope, encode_scope
from plait.graph.scope import Scope

LINEAGE = 0xABCDEF
FOUNDER = 1000

PARCELS = msgspec.msgpack.Decoder(Parcel)

Row = tuple[str, Any]


class Disk:
    """What a machine finds when it starts again."""

    def __init__(self) -> None:
        self.scope = b""
        self.fold: list[Any] = []
        self.batches: list[Batch] = []
        self.held: list[Batch] = []
        self.rows: list[Row] = []
        self.again: list[Batch] = []  # to be written anew


class World(Protocol):
    """The world, as far as its machines need it."""

    random: Random
    now: float
    history: str
    roads: tuple[str, ...]

    @property
    def now_ms(self) -> int: ...

    def fresh(self) -> int: ...

    def durable(self, batch: Batch, where: str) -> None: ...

    def relink(self, machine: "Machine") -> None: ...

    def send(self, source: str, target: str, data: bytes) -> None: ...


class Machine:
    """One replica: a scope, a fold, an exchange, a disk, and an outbox that waits for it."""

    def __init__(self, world: World, name: str, replica: int) -> None:
        self.world = world
        self.name = name
        self.skew_ms = 0
        self.disk = Disk()
        self.fold = SmallFold()
        self.scope = Scope(LINEAGE, replica, FOUNDER, self.fold, world.history)
        self.sync = world.random.choice(world.roads)
        self.exchange = self._exchange()
        self.rows: list[Row] = []  # not durable yet
        self.outbox: list[tuple[int, Send]] = []
        self.links: list[str] = []
        self.findings: list[Any] = []
        self.restarts: list[str] = []
        self.backup: Disk | None = None
        self.cautious = False  # a backup was restored: it writes nothing before it was told
        self.checkpoint()

    def _exchange(self, sponsor: str = "") -> Exchange:
        incarnation = self.world.random.getrandbits(62)
        return Exchange(self.scope, self.sync, self.name, incarnation, sponsor)

    @property
    def now_ms(self) -> int:
        return self.world.now_ms + self.skew_ms

    # ------------------------------------------------------------------ writing

    def write(self, ops: list[Op]) -> bool:
        """An own batch with these operations; False if this replica may not write now."""
        scope = self.scope
        if self.cautious:
            return False
        try:
            hlc = scope.stamp(self.now_ms)
        except (ReadOnly, ClockWrong):
            return False
        for index, op in enumerate(ops):
            if op.key:
                self.fold.apply(op, Event(scope.replica, scope.next_seq + index, hlc, scope.vector))
        batch = scope.write(ops, hlc)
        self.rows.append(("batch", batch))
        self.carry_out(self.exchange.wrote(batch, self.world.now))
        return True

    def void(self, dot: tuple[int, int]) -> bool:
        try:
            return self.write([self.scope.void(dot, "no")])
        except HistoryTrimmed:
            return False

    def write_again(self) -> None:
        """Write anew what an adopted replica had and the others lack."""
        if self.disk.again and self.scope.writable:
            ops = [op for batch in self.disk.again for op in batch.ops if op.key]
            if not ops or self.write(ops):
                self.disk.again = []
                self.flush()

    def knows(self, replica: int, first: int) -> bool:
        """Whether a batch is here for good."""
        stored = any(
            kind == "batch" and (row.replica, row.first) == (replica, first)
            for kind, row in self.disk.rows
        )
        durable = self.scope if not self.rows else decode_scope(self.disk.scope, SmallFold())
        return stored or durable.vector.contains((replica, first))

    # ------------------------------------------------------------------ effects

    def carry_out(self, effects: list[Effect]) -> None:
        assert len(self.restarts) < 20, f"{self.name} gives up one id after the other"
        for effect in effects:
            match effect:
                case Send():
                    self.outbox.append((len(self.rows), effect))
                case Delivered(batches):
                    self.rows += [("batch", batch) for batch in batches]
                case Held(batches):
                    self.rows += [("held", batch) for batch in batches]
                case Joined(parcel):
                    self.rows.append(("parcel", encode(parcel)))
                case Write(ops):
                    self.write(list(ops))
                case Restart(reason, retire):
                    self.restarts.append(reason)
                    self.cautious = False
                    self.scope.renamed(self.world.fresh(), retire)
                    self.exchange.renamed(self.world.random.getrandbits(62))
                    self.checkpoint()
                    self.world.relink(self)
                    return
                case Adopt(reason, lost, peer):
                    self.restarts.append(reason)
                    self.cautious = False
                    self.disk.again += lost
                    self.fold = SmallFold()
                    founder = self.scope.members.founder
                    history = self.world.history
                    self.scope = Scope(LINEAGE, self.world.fresh(), founder, self.fold, history)
                    self.exchange = self._exchange(peer)
                    self.checkpoint()
                    self.world.relink(self)
                    return
                case Found(notice):
                    self.findings.append(notice)

    # ------------------------------------------------------------------ disk

    def flush(self) -> None:
        """What was written becomes durable, and what waited for that leaves."""
        for kind, row in self.rows:
            if kind == "batch":
                self.world.durable(row, self.name)
        self.disk.rows += self.rows
        self.rows = []
        sends, self.outbox = self.outbox, []
        for _, send in sends:
            self.world.send(self.name, send.peer, encode_message(send.message))

    def leave(self) -> None:
        """Only what waited for nothing leaves."""
        while self.outbox and self.outbox[0][0] == 0:
            send = self.outbox.pop(0)[1]
            self.world.send(self.name, send.peer, encode_message(send.message))

    def checkpoint(self) -> None:
        self.flush()
        disk = self.disk
        disk.scope = encode_scope(self.scope)
        disk.fold = self.fold.dump()
        disk.batches = list(self.scope.history.since({}))
        disk.held = self.scope.quarantine.batches()
        disk.rows = []

    def image(self) -> Disk:
        """A copy of the disk."""
        copy = Disk()
        for name, value in vars(self.disk).items():
            setattr(copy, name, list(value) if isinstance(value, list) else value)
        return copy

    def start(self, disk: Disk) -> None:
        """Start from what a disk holds."""
        self.disk = disk
        self.rows, self.outbox = [], []
        self.fold = SmallFold.load(disk.fold)
        self.scope = decode_scope(disk.scope, self.fold)
        assert self.scope.restore(disk.batches) == []
        held = list(disk.held)
        written = [row for kind, row in disk.rows if kind == "batch"]
        self.scope.voids.foretell(written, self.scope.vector)
        for kind, row in disk.rows:
            if kind == "batch":
                self.scope.replay([row])
            elif kind == "held":
                held.append(row)
            else:
                assert join(self.scope, PARCELS.decode(row), None) is not None
        self.exchange = self._exchange()
        late = self.scope.receive(held, self.now_ms)
        self.scope.quarantine.fresh()
        self.rows += [("batch", batch) for batch in late]
