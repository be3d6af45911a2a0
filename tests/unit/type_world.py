"""A few replicas of one object of a graph type, and the three roads between them."""

import random
from dataclasses import dataclass, field
from typing import Any

from plait.base.causality import VersionVector, descends, meet_all
from plait.base.codec import decode, encode
from plait.base.errors import PlaitError
from plait.base.hlc import HybridClock
from plait.graph.event import Event
from plait.types.graph_type import Happened, Here

IDS = (0x3C1F_77AA_0102_0304, 0x0B00_55EE_1234_5678, 0x7FFF_0000_9999_0001)
CLEAR = object()
ELSEWHERE = object()  # an event on some other object


@dataclass(eq=False)
class Replica:
    id: int
    state: Any
    vector: VersionVector = field(default_factory=VersionVector)
    folded: VersionVector = field(default_factory=VersionVector)
    clock: HybridClock = field(default_factory=HybridClock)


class TypeWorld:
    """Every event, and replicas that have seen some of them."""

    def __init__(self, type_, seed: int = 0, replicas: int = 3) -> None:
        self.type = type_
        self.random = random.Random(seed)
        self.now_ms = 1_000
        self.events: dict[tuple[int, int], tuple[Event, Any]] = {}
        self.replicas = [Replica(id_, type_.zero()) for id_ in IDS[:replicas]]

    # ------------------------------------------------------------------ events

    def do(self, replica: Replica, *mutation: Any) -> tuple[int, int] | None:
        """Write; the event's dot, or None if there was nothing to tell."""
        here = Here(replica.id, replica.vector)
        body = self.type.prepare(replica.state, mutation, here)
        return None if body is None else self.tell(replica, body)

    def tell(self, replica: Replica, body: Any, skew_ms: int = 0) -> tuple[int, int]:
        """An event with this body (or CLEAR, ELSEWHERE), applied at its author."""
        self.now_ms += self.random.randrange(3)
        seq = replica.vector.get(replica.id, 0) + 1
        hlc = replica.clock.stamp(self.now_ms + skew_ms)
        event = Event(replica.id, seq, hlc, replica.vector.copy())
        if body is not CLEAR and body is not ELSEWHERE:
            body = decode(encode(body))
        self.events[event.dot] = (event, body)
        self._happen(replica, event, body)
        return event.dot

    def _happen(self, replica: Replica, event: Event, body: Any) -> None:
        if body is CLEAR:
            self.type.clear(replica.state, event)
        elif body is not ELSEWHERE:
            before = encode(body)
            self.type.apply(replica.state, body, event)
            assert encode(body) == before, "apply changed the body"
        replica.vector.saw(*event.dot)
        replica.clock.observe(event.hlc)

    # ------------------------------------------------------------------ roads

    def ops(self, source: Replica, target: Replica, limit: int = 1_000_000) -> None:
        """Events that `source` has and `target` lacks, in some causal order."""
        while limit:
            ready = [
                (event, body)
                for event, body in self.events.values()
                if event.seq == target.vector.get(event.replica, 0) + 1
                and source.vector.contains(event.dot)
                and descends(target.vector, event.context)
            ]
            if not ready:
                return
            self._happen(target, *self.random.choice(ready))
            limit -= 1

    def delta(self, source: Replica, target: Replica) -> None:
        """The slots that were touched since; everything if that is not legal or not known."""
        since = target.vector
        slots: set[Any] | None = set() if descends(since, source.folded) else None
        for event, body in self.events.values():
            if source.vector.contains(event.dot) and not since.contains(event.dot):
                if body is CLEAR:
                    slots = None
                elif body is not ELSEWHERE and slots is not None:
                    touched = self.type.touched(body, event.replica)
                    slots = None if touched is None else slots | set(touched)
        self._join(source, target, slots)

    def state(self, source: Replica, target: Replica) -> None:
        """Everything."""
        self._join(source, target, None)

    def _join(self, source: Replica, target: Replica, slots: set[Any] | None) -> None:
        data = decode(encode(self.type.delta(source.state, slots)))
        before = encode(data)
        mine, theirs = target.vector.copy(), source.vector.copy()
        self.type.join(target.state, data, mine, theirs, slots is None)
        assert encode(data) == before, "join changed its data"
        target.vector.merge(theirs)
        target.folded.merge(source.folded)
        target.clock.observe(source.clock.last)

    # ------------------------------------------------------------------ stability

    def cut(self, replica: Replica) -> VersionVector:
        """What every event that the replica lacks will have seen."""
        known = []
        for other in self.replicas:
            last = replica.vector.get(other.id, 0)
            if not last:
                return VersionVector()
            event = self.events[other.id, last][0]
            known.append(event.context.merged({other.id: last}))
        return meet_all(known)

    def settle(self) -> None:
        """Everybody has seen everything, and everybody knows."""
        for told in (True, True, False):
            for _ in range(2):
                for replica in self.replicas:
                    for other in self.replicas:
                        self.ops(other, replica)
            for replica in self.replicas if told else ():
                self.tell(replica, ELSEWHERE)

    def fold(self, replica: Replica) -> None:
        """Fold at the stable cut."""
        cut = self.cut(replica)
        before = encode(self.type.value(replica.state))
        self.type.fold(replica.state, cut)
        replica.folded.merge(cut)
        assert encode(self.type.value(replica.state)) == before, "folding changed the value"

    # ------------------------------------------------------------------ judging

    def history(self, vector: VersionVector) -> list[Happened]:
        """What a vector covers, as specifications see it."""
        found = []
        for event, body in self.events.values():
            if body is not ELSEWHERE and vector.contains(event.dot):
                past = frozenset(
                    dot
                    for dot, (_, other) in self.events.items()
                    if event.context.contains(dot) and other is not ELSEWHERE
                )
                cleared = body is CLEAR
                found.append(
                    Happened(event.dot, event.hlc, past, None if cleared else body, cleared)
                )
        return found

    def check(self, replica: Replica) -> None:
        """It reads as specified, and is what somebody is who got the same events one by one."""
        observer = Replica(1, self.type.zero())
        self.ops(replica, observer)
        assert observer.vector == replica.vector
        cut = replica.folded
        assert self.type.canonical(replica.state, cut) == self.type.canonical(observer.state, cut)
        value = self.type.value(replica.state)
        assert encode(value) == encode(self.type.value(observer.state))
        assert encode(value) == encode(self.type.specification(self.history(replica.vector)))
        data = self.type.encode(replica.state)
        assert self.type.encode(self.type.decode(data)) == data

    def run(self, steps: int, clears: bool = True) -> None:
        """A random legal schedule, judged on the way and at the end."""
        chance = self.random
        for _ in range(steps):
            replica, other = chance.sample(self.replicas, 2)
            match chance.randrange(12):
                case 0 | 1 | 2 | 3:
                    self._some_write(replica)
                case 4:
                    self.tell(replica, CLEAR if clears and not chance.randrange(6) else ELSEWHERE)
                case 5 | 6:
                    self.ops(other, replica, chance.randrange(1, 5))
                case 7 | 8:
                    self.delta(other, replica)
                case 9:
                    self.state(other, replica)
                case 10:
                    self.fold(replica)
                case 11:
                    self._dropped_draft(replica)
            if not chance.randrange(6):
                self.check(replica)
        self.heal()

    def _some_write(self, replica: Replica) -> None:
        try:
            self.do(replica, *self.type.gen_op(self.random, replica.state))
        except PlaitError:
            return

    def _dropped_draft(self, replica: Replica) -> None:
        type_, before = self.type, self.type.encode(replica.state)
        mark = type_.mark(replica.state)
        for number in range(1, 4):
            mutation = type_.gen_op(self.random, replica.state)
            body = type_.prepare(replica.state, mutation, Here(replica.id, replica.vector))
            if body is not None:
                seq = replica.vector.get(replica.id, 0) + number
                event = Event(replica.id, seq, replica.clock.last + 1, replica.vector)
                type_.apply(replica.state, body, event)
        replica.state = type_.rollback(replica.state, mark)
        assert type_.encode(replica.state) == before, "a dropped draft left something"

    def heal(self) -> None:
        """Everybody gets everything, by different roads, and all is the same then."""
        roads = [self.ops, self.delta, self.state]
        for _ in range(2):
            for target in self.replicas:
                for source in self.replicas:
                    if source is not target:
                        self.random.choice(roads)(source, target)
        for replica in self.replicas:
            assert replica.vector == self.replicas[0].vector
            self.check(replica)
        cut = meet_all([])
        for replica in self.replicas:
            cut.merge(self.cut(replica))
        found = {self.type.canonical(replica.state, cut) for replica in self.replicas}
        assert len(found) == 1
        for replica in self.replicas:
            self.fold(replica)
            assert self.type.canonical(replica.state, cut) in found


def fuzz_value(chance: random.Random, depth: int = 3) -> Any:
    """Some value that MessagePack carries."""
    kind = chance.randrange(10 if depth else 7)
    match kind:
        case 0:
            return None
        case 1:
            return chance.choice([True, False])
        case 2:
            return chance.choice([0, 1, 2, 3, -1, 7, 1 << 63, IDS[0]])
        case 3:
            return chance.choice([0.0, 1.5, float("inf")])
        case 4:
            return chance.choice(["", "~", "a", "1.1", f"{IDS[0]:x}.1", "ß"])
        case 5:
            return chance.choice([b"", b"\x81\x00\x01", b"m1.1", b"v1.1", b"s", b"x"])
        case 6:
            return list(IDS[:2])
        case 7 | 8:
            return [fuzz_value(chance, depth - 1) for _ in range(chance.randrange(6))]
    keys = [1, "a", b"b", None, (1, 2)]
    return {chance.choice(keys): fuzz_value(chance, depth - 1) for _ in range(chance.randrange(3))}


def fuzz_bodies(type_, seed: int, count: int) -> None:
    """Garbage is applied everywhere alike, and never raises."""
    world = TypeWorld(type_, seed)
    chance = world.random
    for _ in range(count):
        replica, other = chance.sample(world.replicas, 2)
        if chance.randrange(2):
            world._some_write(replica)
        else:
            body = fuzz_value(chance)
            if isinstance(body, list) and chance.randrange(2):
                body = [chance.randrange(4), *body]
            world.tell(replica, body)
        chance.choice([world.ops, world.delta, world.state])(other, replica)
        type_.value(replica.state)
    for target in world.replicas:
        for source in world.replicas:
            world.ops(source, target)
    images = {type_.canonical(replica.state, VersionVector()) for replica in world.replicas}
    assert len(images) == 1
