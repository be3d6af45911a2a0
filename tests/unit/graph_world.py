"""Random worlds of a graph: replicas with disks that forget what is not durable, connections that
break and lose what is on them, clocks that are wrong, members that come and go.

`GRAPH_SEEDS=a:b` runs other seeds. A failure names its seed.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from graph_machines import FOUNDER, Machine

from plait.base.causality import VersionVector
from plait.base.codec import encode
from plait.graph.event import Batch, Op
from plait.graph.messages import decode_message
from plait.graph.notices import Forked

START_MS = 1_700_000_000_000

BATCHES = msgspec.msgpack.Decoder(Batch)


class World:
    """Machines and the connections between them."""

    def __init__(
        self,
        seed: int,
        count: int = 3,
        history: str = "stable",
        roads: tuple[str, ...] = ("auto",),
    ) -> None:
        self.random = Random(seed)
        self.history = history
        self.roads = roads
        self.now = 0.0
        self.machines: dict[str, Machine] = {}
        self.wires: dict[tuple[str, str], list[bytes]] = {}
        self.ledger: dict[tuple[int, int], bytes] = {}
        self.items: dict[bytes, tuple[int, int]] = {}  # durable elements of the grow-only log
        self.voided: set[bytes] = set()
        self.bytes = 0
        # a retired replica whose disk is turned back as well has lost what nobody may take
        self.backups = self.random.random() < 0.5
        self._ids = FOUNDER
        self._item = 0
        for _ in range(count):
            self.add()

    @property
    def now_ms(self) -> int:
        return START_MS + int(self.now * 1000)

    def fresh(self) -> int:
        self._ids += 1
        return self._ids - 1 if self._ids > FOUNDER + 1 else FOUNDER

    def add(self) -> Machine:
        name = f"m{len(self.machines)}"
        machine = self.machines[name] = Machine(self, name, self.fresh())
        return machine

    # ------------------------------------------------------------------ what must hold

    def durable(self, batch: Batch, where: str) -> None:
        """A batch is on a disk: its dots mean this for ever."""
        key = (batch.replica, batch.first)
        data = encode(batch)
        assert self.ledger.setdefault(key, data) == data, f"a dot was used twice: {key} at {where}"
        for index, op in enumerate(batch.ops):
            if op.path == ("aw:log",):
                self.items[op.body[1]] = (batch.replica, batch.first + index)

    # ------------------------------------------------------------------ connections

    def connect(self, one: str, other: str) -> None:
        if (one, other) in self.wires:
            return
        self.wires[one, other] = []
        self.wires[other, one] = []
        for here, there in ((one, other), (other, one)):
            machine = self.machines[here]
            machine.carry_out(machine.exchange.linked(there, self.now, machine.now_ms))
            machine.leave()

    def cut(self, one: str, other: str) -> None:
        if self.wires.pop((one, other), None) is None:
            return
        self.wires.pop((other, one), None)
        for here, there in ((one, other), (other, one)):
            machine = self.machines[here]
            machine.outbox = [item for item in machine.outbox if item[1].peer != there]
            machine.carry_out(machine.exchange.unlinked(there, self.now))

    def relink(self, machine: Machine) -> None:
        """A machine begins every connection anew."""
        for one, other in list(self.wires):
            if one == machine.name:
                self.cut(one, other)
                self.connect(one, other)

    def send(self, source: str, target: str, data: bytes) -> None:
        if (source, target) in self.wires:
            self.bytes += len(data)
            self.wires[source, target].append(data)

    def deliver(self, source: str, target: str) -> bool:
        wire = self.wires.get((source, target))
        if not wire:
            return False
        message = decode_message(wire.pop(0))
        machine = self.machines[target]
        machine.carry_out(machine.exchange.received(source, message, self.now, machine.now_ms))
        machine.leave()
        return True

    # ------------------------------------------------------------------ what happens

    def element(self) -> bytes:
        self._item += 1
        return b"i%d" % self._item

    def edit(self, machine: Machine) -> None:
        random = self.random
        ops = []
        for _ in range(random.randint(1, 3)):
            key = f"k{random.randrange(4)}"
            element = b"e%d" % random.randrange(3)
            ops.append(
                random.choice(
                    [
                        Op(key, ("aw:set",), ["add", element]),
                        Op(key, ("aw:set",), ["remove", element]),
                        Op(key, ("rw:set",), ["add", element]),
                        Op(key, ("rw:set",), ["ban", element]),
                        Op(key, ("n:count",), ["inc", random.randint(1, 5)]),
                        Op(key, ("aw:log",), ["add", self.element()]),
                    ]
                )
            )
        machine.write(ops)

    def crash(self, machine: Machine) -> None:
        """The process dies; what is not durable is gone."""
        links = [other for one, other in self.wires if one == machine.name]
        for other in links:
            self.cut(machine.name, other)
        machine.start(machine.disk)
        for other in links:
            if self.random.random() < 0.5:
                self.connect(machine.name, other)

    def turn_back(self, machine: Machine) -> None:
        """A backup of its disk is restored: what it had not told anybody is lost."""
        for one, other in list(self.wires):
            if one == machine.name:
                self.cut(one, other)
        assert machine.backup is not None
        machine.start(machine.backup)
        machine.backup = None
        machine.cautious = True
        kept = machine.scope.vector
        others = [other for other in self.machines.values() if other is not machine]
        for author, first in list(self.ledger):
            known = any(other.knows(author, first) for other in others)
            if not known and first > kept.get(author, 0):
                batch = BATCHES.decode(self.ledger.pop((author, first)))
                for op in batch.ops:
                    if op.path == ("aw:log",):
                        self.items.pop(op.body[1], None)

    def step(self) -> None:
        """One random thing."""
        random = self.random
        machine = random.choice(list(self.machines.values()))
        draw = random.random()
        if draw < 0.22:
            self.edit(machine)
        elif draw < 0.62:
            busy = [pair for pair, wire in self.wires.items() if wire]
            if busy:
                self.deliver(*random.choice(busy))
        elif draw < 0.74:
            machine.flush()
        elif draw < 0.84:
            self.now += random.choice([0.01, 0.1, 0.5, 1.1])
            machine.carry_out(machine.exchange.tick(self.now, machine.now_ms))
        elif draw < 0.88:
            self.connect(*random.sample(sorted(self.machines), 2))
        elif draw < 0.91:
            if self.wires:
                self.cut(*random.choice(sorted(self.wires)))
        elif draw < 0.93:
            self.crash(machine)
        elif draw < 0.96:
            machine.scope.collect()
        elif draw < 0.97:
            machine.checkpoint()
        else:
            self.rare(machine, random.randrange(6))

    def rare(self, machine: Machine, which: int) -> None:
        random = self.random
        if which == 0 and len(self.machines) < 5:
            self.add()
        elif which == 1:
            machine.skew_ms = random.choice([0, 0, 200_000, -30_000, -200_000])
        elif which == 2 and machine.name == "m0" and set(self.roads) <= {"auto", "ops"}:
            recent = [
                (batch.replica, batch.first + random.randrange(len(batch.ops)))
                for batch in machine.scope.history.since({})
            ]
            if recent:
                machine.void(random.choice(recent))
        elif which == 3 and machine.name == "m0" and not self.backups:
            others = [m for m in machine.scope.members.remaining() if m != machine.scope.replica]
            if len(others) > 1:
                machine.write([machine.scope.retire(random.choice(others))])
        elif which == 4 and machine.name != "m0" and self.backups:
            if machine.backup is None:
                machine.backup = machine.image()
            elif not machine.disk.again:
                self.turn_back(machine)
        else:
            machine.write_again()

    # ------------------------------------------------------------------ the end

    def heal(self, seconds: float = 90.0) -> None:
        """Connect everybody somehow, set the clocks, and let time pass until all is quiet."""
        names = sorted(self.machines)
        shape = self.random.choice(["ring", "star", "mesh"])
        for index, name in enumerate(names):
            self.machines[name].skew_ms = 0
            if shape == "star" and index:
                self.connect(names[0], name)
            elif shape == "ring" and len(names) > 1:
                self.connect(name, names[(index + 1) % len(names)])
            elif shape == "mesh":
                for other in names[index + 1 :]:
                    self.connect(name, other)
        self.now += 300.0  # what was held for the clock is due
        self.settle(self.converged, 20.0)
        for machine in self.machines.values():
            machine.cautious = False
        self.settle(self.converged, seconds)
        if not self.converged():
            self.retire_silent()
            self.settle(self.converged, seconds)

    def retire_silent(self) -> None:
        """What the limit for silent members does: ids that nobody has any more are retired."""
        judge = self.machines["m0"]
        used = {machine.scope.replica for machine in self.machines.values()}
        for replica in judge.scope.members.remaining():
            if replica not in used:
                judge.write([judge.scope.retire(replica)])

    def settle(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        """Let time pass until `done` holds."""
        stop = self.now + seconds
        while self.now < stop:
            self.run()
            if done():
                return
            self.now += 0.25
            for machine in list(self.machines.values()):
                machine.carry_out(machine.exchange.tick(self.now, machine.now_ms))
                machine.write_again()

    def run(self) -> None:
        """Deliver until nothing is on any wire."""
        busy = True
        while busy:
            busy = False
            for machine in list(self.machines.values()):
                machine.flush()
            for pair in list(self.wires):
                while self.deliver(*pair):
                    busy = True

    def converged(self) -> bool:
        machines = list(self.machines.values())
        first = machines[0].scope.vector
        return all(
            m.scope.vector == first
            and m.scope.writable
            and not m.disk.again
            and not m.scope.voids.unclean
            for m in machines
        )

    def check(self) -> None:
        """Equal vectors, equal bytes, and nothing durable lost."""
        machines = list(self.machines.values())
        for machine in machines:
            state = [(m.name, m.scope.replica, m.scope.writable, m.scope.vector) for m in machines]
            unclean = [(m.name, dict(m.scope.voids.unclean)) for m in machines]
            assert self.converged(), f"not converged: {state}, unclean {unclean}"
            assert not any(isinstance(f, Forked) for f in machine.findings), machine.findings
        cut = VersionVector()
        for machine in machines:
            cut.merge(machine.scope.stable)
        bytes_ = {machine.name: machine.fold.canonical(cut) for machine in machines}
        assert len(set(bytes_.values())) == 1, {n: decode_all(b) for n, b in bytes_.items()}
        present = set()
        for key, path in machines[0].fold.objects:
            if path == ("aw:log",):
                present |= machines[0].fold.items(key, path)
        missing = set(self.items) - present - self.voided_items()
        assert not missing, f"lost: {sorted(missing)}"

    def voided_items(self) -> set[Any]:
        """Elements whose event was voided by a batch that is on some disk."""
        voided = set()
        for data in self.ledger.values():
            batch = BATCHES.decode(data)
            for op in batch.ops:
                if op.path == ("void",):
                    voided.add((op.body[0], op.body[1]))
        return {item for item, dot in self.items.items() if dot in voided}


def decode_all(data: bytes) -> Any:
    return msgspec.msgpack.decode(data)


def storm(seed: int, steps: int = 300, **settings: Any) -> World:
    """A world from its seed after as many random steps."""
    world = World(seed, **settings)
    world.connect("m0", "m1")
    world.connect("m0", "m2")
    world.connect("m1", "m2")
    world.settle(world.converged)
    for _ in range(steps):
        world.step()
    return world


def run_world(seed: int, steps: int = 300, **settings: Any) -> World:
    """One world from its seed, healed and checked."""
    world = storm(seed, steps, **settings)
    world.heal()
    world.check()
    return world
