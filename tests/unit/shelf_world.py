"""For tests of shelves: rows in a dict, replicas that tell each other, random worlds of them."""

from contextlib import suppress
from random import Random

from plait.base.causality import VersionVector, meet_all
from plait.base.codec import decode, encode
from plait.base.errors import BadCall, PlaitError
from plait.graph.event import Event, Op
from plait.graph.fold import Fragment
from plait.types.graph_type import Here
from plait.types.paths import tag_of
from plait.types.shelf import Shelf
from tests.unit.shelf_types import type_of


class DictRows:
    """Rows in memory."""

    def __init__(self):
        self.rows = {}

    def get(self, key):
        return self.rows.get(key)

    def scan(self, start, stop, limit):
        keys = sorted(k for k in self.rows if start <= k and (stop is None or k < stop))
        return [(key, self.rows[key]) for key in keys[:limit]]

    def write(self, changes):
        for key, value in changes:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        return len(changes)


def over_the_wire(fragments):
    """Fragments as they arrive."""
    return [
        Fragment(f[0], tuple(f[1]), f[2], f[3]) for f in decode(encode(list(fragments)))
    ]  # fmt: skip


class Replica:
    """A shelf with what a scope would know around it. Every operation is a batch of its own."""

    def __init__(self, replica, documents_max=20_000, types=type_of):
        self.replica, self.documents_max, self.types = replica, documents_max, types
        self.rows = DictRows()
        self.shelf = Shelf(self.rows, documents_max, types)
        self.vector = VersionVector()
        self.floor = VersionVector()  # below it, batches are not retained
        self.stable = VersionVector()  # what the shelf was folded to
        self.heads = {}  # replica -> (seq, context)
        self.log = []  # (ops, event of the first)
        self.clock = 0

    def here(self):
        return Here(self.replica, self.vector)

    def write(self, ops):
        if not ops:
            return
        first = self.vector.get(self.replica, 0) + 1
        self.clock += 1
        context = self.vector.copy()
        batch = (tuple(ops), Event(self.replica, first, self.clock, context))
        self.deliver(batch)

    def change(self, key, path, *mutation):
        self.write(self.shelf.prepare(key, path, mutation, self.here()))

    def clear(self, key, path=()):
        self.write(self.shelf.prepare_clear(key, path))

    def delete(self, key):
        self.write(self.shelf.prepare_delete(key))

    def beat(self):
        self.write([None])

    def deliver(self, batch):
        ops, event = batch
        self.clock = max(self.clock, event.hlc)
        context = event.context.copy()
        for index, op in enumerate(ops):
            if op is not None:
                self.shelf.apply(decode_op(op), event._replace(seq=event.seq + index))
        last = event.seq + len(ops) - 1
        self.vector.saw(event.replica, last)
        context[event.replica] = last
        self.heads[event.replica] = (last, context)
        self.log.append(batch)

    def receive_ops(self, other):
        """What the other retains and this one lacks, if nothing is missing in between."""
        if not self.vector.descends(other.floor):
            return False
        for batch in other.log:
            if batch[1].seq > self.vector.get(batch[1].replica, 0):
                assert self.vector.descends(
                    {r: s for r, s in batch[1].context.items() if r != batch[1].replica}
                )
                self.deliver(batch)
        return True

    def receive_delta(self, other):
        if not self.vector.descends(other.floor):
            return False
        events = [
            (op, (event.replica, event.seq + index))
            for ops, event in other.log
            for index, op in enumerate(ops)
            if op is not None and event.seq > self.vector.get(event.replica, 0)
        ]
        self._join(other, other.shelf.delta(events), False)
        return True

    def receive_state(self, other):
        self._join(other, other.shelf.state(), True)
        return True

    def _join(self, other, fragments, whole):
        self.shelf.join(over_the_wire(fragments), self.vector.copy(), other.vector.copy(), whole)
        if not self.vector.descends(other.vector):
            self.log = []  # batches that were overtaken are not retained: nor is what it follows
            self.vector.merge(other.vector)
            self.floor = self.vector.copy()
        for replica, (seq, context) in other.heads.items():
            if seq > self.heads.get(replica, (0, None))[0]:
                self.heads[replica] = (seq, context)
        self.clock = max(self.clock, other.clock)
        self.stable.merge(other.stable)
        self.shelf.fold(self.stable)

    def cut(self, members):
        return meet_all(self.heads.get(m, (0, {}))[1] for m in members)

    def collect(self, members):
        cut = self.cut(members)
        if not self.vector.descends(cut):
            return
        self.log = [b for b in self.log if b[1].seq > cut.get(b[1].replica, 0)]
        self.floor.merge(cut)
        self.stable.merge(cut)
        self.shelf.fold(self.stable)

    def save(self):
        self.rows.write(self.shelf.changes())
        self.shelf.evict()

    def restart(self):
        self.save()
        self.shelf = Shelf(self.rows, self.documents_max, self.types)

    def value(self, key, *path):
        state = self.shelf.object(key, path)
        return None if state is None else self.types(tag_of(path[-1])).value(state)


def decode_op(op):
    """An operation as it arrives."""
    key, path, body, kind = decode(encode(op))
    return Op(key, tuple(path), body, kind)


PATHS = [
    ("aw:tags",), ("r:title",), ("z:other",), ("o:meta", "r:a"), ("o:meta", "o:in", "aw:b"),
]  # fmt: skip


class Storm:
    """A random world: which things happen how often is itself drawn from the seed."""

    def __init__(self, random: Random, replicas, keys, paths=PATHS):
        self.random, self.replicas, self.keys, self.paths = random, replicas, keys, paths
        actions = [
            self.change, self.delete, self.clear, self.hear, self.hear_delta, self.hear_state,
            self.beats, self.collect, self.save, self.restart, self.discard,
        ]  # fmt: skip
        usual = [8, 2, 1, 4, 3, 0.5, 1.5, 2, 0.5, 0.5, 0.5]
        weights = [weight * random.choice([0, 0.5, 1, 1, 2]) for weight in usual]
        weights[0] = max(weights[0], 1)
        self.actions, self.weights = actions, weights

    def step(self):
        """Something happens at one of the replicas."""
        one, other = self.random.sample(self.replicas, 2)
        self.random.choices(self.actions, self.weights)[0](one, other)

    def change(self, one, other):
        path = self.random.choice(self.paths)
        key, type_ = self.random.choice(self.keys), one.types(tag_of(path[-1]))
        state = one.shelf.object(key, path)
        mutation = type_.gen_op(self.random, type_.zero() if state is None else state)
        with suppress(PlaitError):  # no rights, or nothing like that is to be done there
            one.change(key, path, *mutation)

    def delete(self, one, other):
        one.delete(self.random.choice(self.keys))

    def clear(self, one, other):
        path = self.random.choice([(), ("o:meta",), self.random.choice(self.paths)])
        with suppress(BadCall):  # it cannot be cleared
            one.clear(self.random.choice(self.keys), path)

    def hear(self, one, other):
        one.receive_ops(other) or one.receive_state(other)

    def hear_delta(self, one, other):
        one.receive_delta(other) or one.receive_state(other)

    def hear_state(self, one, other):
        one.receive_state(other)

    def beats(self, one, other):
        """Much becomes stable, somewhere."""
        for writer in self.replicas:
            writer.beat()
            for reader in self.random.sample(self.replicas, 2):
                if reader is not writer:
                    reader.receive_ops(writer) or reader.receive_state(writer)

    def collect(self, one, other):
        one.collect([r.replica for r in self.replicas])

    def save(self, one, other):
        one.save()

    def restart(self, one, other):
        one.restart()

    def discard(self, one, other):
        draft_and_discard(
            one, self.random, self.random.choice(self.keys), self.random.choice(self.paths)
        )


def draft_and_discard(one, random, key, path):
    """A draft that leaves no trace."""
    before = (one.shelf.canonical({}), one.shelf.count(), list(one.shelf.keys(None, None)))
    one.save()
    one.shelf.mark()
    vector = one.vector.copy()
    for _ in range(3):
        type_, state = one.types(tag_of(path[-1])), one.shelf.object(key, path)
        mutation = type_.gen_op(random, type_.zero() if state is None else state)
        seq = vector.get(one.replica, 0) + 1
        ops = ()
        with suppress(PlaitError):
            ops = one.shelf.prepare(key, path, mutation, Here(one.replica, vector))
        for op in ops:
            one.shelf.apply(op, Event(one.replica, seq, one.clock, vector.copy()))
            vector[one.replica] = seq
            seq += 1
    one.shelf.rollback()
    assert one.shelf.changes() == []
    after = (one.shelf.canonical({}), one.shelf.count(), list(one.shelf.keys(None, None)))
    assert before == after
