"""Random histories of shelves, written down for another implementation to follow.

A recording is a list of steps, each with what Python's shelf answered: ``[replica, name,
arguments, answer]``. `shelf_replay.mjs` does the same steps on shelves of the browser replica and
compares the answers, byte for byte.
"""

from contextlib import suppress
from random import Random
from typing import Any

from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame, PlaitError
from plait.graph.event import CLEAR, Event, Op
from plait.types.catalogue import type_of
from plait.types.paths import tag_of
from plait.types.shelf import Shelf
from plait.types.text.storage import MAGIC
from plait.types.text.type import TEXT
from tests.unit.shelf_world import DictRows, Replica, Storm

PATHS = [
    ("gc:views",), ("c:likes",), ("b:stock",), ("r:title",), ("q:when",), ("m:plan",),
    ("ew:done",), ("dw:shown",), ("gs:seen",), ("tp:gone",), ("aw:tags",), ("rw:bans",),
    ("o:meta", "r:a"), ("o:meta", "c:n"), ("o:meta", "o:in", "aw:b"), ("o:meta", "o:in", "q:é"),
    ("x:body",), ("l:tasks",), ("o:meta", "x:body"), ("l:tasks", "o:1.2.0", "r:title"),
]  # fmt: skip
IDS = [3, 1 << 40, (1 << 62) + 5, 77]


class Recorder:
    """The steps so far."""

    def __init__(self):
        self.steps = []

    def add(self, replica, name, arguments, answer):
        self.steps.append([replica, name, arguments, answer])


def pairs(vector):
    return sorted(vector.items())


def event_of(event):
    return [*event[:3], pairs(event.context), event.who, event.message]


def plain_value(value: Any) -> Any:
    """A value as both languages print it: integral floats are ints."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [plain_value(part) for part in value]
    if isinstance(value, dict):
        return {key: plain_value(part) for key, part in value.items()}
    return value


def told(ops):
    """Operations as bytes; what a clear says of several objects has no order of its own."""
    return encode([[op.key, op.path, _said(op), op.kind] for op in ops])


def alike(value):
    """Without what each language packs in its own way: texts as bytes."""
    if isinstance(value, list):
        return [alike(part) for part in value]
    if isinstance(value, bytes) and value.startswith(MAGIC):
        return TEXT.canonical(TEXT.load(value), {})
    return value


def _said(op):
    return sorted(op.body, key=encode) if op.kind == CLEAR and op.body else op.body


class RecordingShelf(Shelf):
    """A shelf that writes down what it is asked and what it says."""

    def __init__(self, recorder, number, replica):
        super().__init__(DictRows())
        self.recorder, self.number, self.owner = recorder, number, replica

    def note(self, name, arguments, answer=None):
        self.recorder.add(self.number, name, arguments, answer)

    def prepare(self, key, path, mutation, here, note=None):
        try:
            ops = super().prepare(key, path, mutation, here, note)
        except PlaitError as error:
            self.note(
                "prepare", [key, path, mutation, here.replica, pairs(here.context)], error.code
            )
            raise
        self.note("prepare", [key, path, mutation, here.replica, pairs(here.context)], told(ops))
        return ops

    def prepare_clear(self, key, path):
        try:
            ops = super().prepare_clear(key, path)
        except BadCall as error:
            self.note("prepareClear", [key, path], error.code)
            raise
        self.note("prepareClear", [key, path], told(ops))
        return ops

    def prepare_delete(self, key):
        ops = super().prepare_delete(key)
        self.note("prepareDelete", [key], told(ops))
        return ops

    def apply(self, op, event):
        super().apply(op, event)
        self.note("apply", [op, event_of(event)])

    def delta(self, events):
        events = list(events)
        fragments = list(super().delta(events))
        self.note("delta", [events], encode(alike(decode(encode(fragments)))))
        return fragments

    def state(self, keys=None):
        fragments = list(super().state(keys))
        # objects of which nothing is left are dropped here when they are saved, and there at once
        there = [one for one in fragments if one.data is True or any(one.data)]
        self.note("state", [], encode(alike(decode(encode(there)))))
        return fragments

    def join(self, fragments, mine, theirs, whole):
        fragments = list(fragments)
        mine = dict(mine)
        super().join(fragments, mine, theirs, whole)
        self.note("join", [fragments, pairs(mine), pairs(theirs), whole])

    def fold(self, cut):
        super().fold(cut)
        self.note("fold", [pairs(cut)])

    def look(self, keys, paths, cut):
        """Write down everything that can be read."""
        self.note("canonical", [pairs(cut)], self.canonical(cut))
        self.note("keys", [], list(self.keys()))
        self.note("count", [], self.count())
        for key in keys:
            self.note("image", [key, pairs(cut)], encode(self.image(key, cut)))
            for path in [(), ("o:meta",)]:
                self.note("children", [key, path], self.children(key, path))
            for path in paths:
                tag = tag_of(path[-1])
                if tag in ("gc", "c", "b", "r", "q", "m", "ew", "dw", "x", "l"):
                    type_, state = type_of(tag), self.object(key, path)
                    value = type_.value(type_.zero() if state is None else state)
                    self.note("value", [key, path], plain_value(value))
                if tag in ("q", "m"):
                    self.note("siblings", [key, path], self.siblings(key, path))

    def siblings(self, key, path):
        type_ = type_of(tag_of(path[-1]))
        state = self.object(key, path) or type_.zero()
        found = type_.siblings(state)
        heads = [[list(head.dot), head.hlc, plain_value(head.value)] for head in found.heads]
        conflict = type_.conflict(state) is not None
        return [plain_value(found.base), heads, plain_value(found.shown), conflict]


class RecordedReplica(Replica):
    """A replica whose shelf is recorded."""

    def __init__(self, recorder, number, replica):
        super().__init__(replica, types=type_of)
        self.shelf = RecordingShelf(recorder, number, replica)

    def save(self):
        """Nothing is stored."""

    def restart(self):
        """The shelf is made anew from its own state."""
        self.shelf._held.unfolded.bounds.clear()  # what a restart forgets
        for document in self.shelf._documents.values():
            for path, object_ in list(document.objects.items()):
                if object_.empty():
                    document.drop(path)
                elif object_.touches is not None:  # sequences remember less then
                    object_.state = object_.type.decode(object_.type.encode(object_.state))
        self.shelf.note("restart", [pairs(self.shelf._meta.seen)])


class RecordedStorm(Storm):
    """A random world of recorded replicas, where some also write what makes no sense."""

    def __init__(self, random: Random, replicas, keys, paths):
        super().__init__(random, replicas, keys, paths)
        self.actions = [*self.actions, self.nonsense, self.look, self.again]
        self.weights = [*self.weights, random.choice([0, 0.4]), 1, 1]

    def nonsense(self, one, other):
        bodies = [
            None, [], [1, 2, 3], {"a": 1}, "x", -1, [0], [2, [[1, 1]]], [[1, 1, 1]], 1.5, True,
            [[3, 1, 1, 0]], [1 << 60], 1 << 60, [0, "v", [[3, 1], [77, 2]]], [1, []],
            [{"no": "element"}, False], [0, 1, 2, 3], [None],
        ]  # fmt: skip
        key, path = self.random.choice(self.keys), self.random.choice(self.paths)
        if self.random.random() < 0.2:
            path = self.random.choice([(), ("r",), ("r:a", "r:b"), ("o:x",), (":x",)])
        op = Op(key, path, self.random.choice(bodies))
        if self.random.random() < 0.2:
            op = Op(key, (), self.random.choice(bodies), CLEAR)
        one.write([op])

    def look(self, one, other):
        one.shelf.look(self.keys, self.paths, one.stable)

    def again(self, one, other):
        """What registers can also be told: to be resolved, or given back."""
        key = self.random.choice(self.keys)
        path = self.random.choice([p for p in self.paths if tag_of(p[-1]) in ("q", "m", "r")])
        state = one.shelf.object(key, path)
        if state is None:
            return
        mutation = ("resolve", "done")
        if self.random.random() < 0.5 and state.slots:
            dot = self.random.choice(list(state.slots[b""]))
            mutation = ("restore", dot, self.random.random() < 0.5, "before")
        with suppress(PlaitError):
            one.change(key, path, *mutation)

    def discard(self, one, other):
        """A draft that leaves no trace."""
        shelf, key, path = one.shelf, self.random.choice(self.keys), self.random.choice(self.paths)
        before = shelf.canonical({})
        shelf.mark()
        shelf.note("mark", [])
        vector, seq = one.vector.copy(), one.vector.get(one.replica, 0)
        type_ = type_of(tag_of(path[-1]))
        for _ in range(3):
            state = shelf.object(key, path)
            mutation = type_.gen_op(self.random, type_.zero() if state is None else state)
            ops = ()
            with suppress(PlaitError):
                ops = shelf.prepare(key, path, mutation, one.here()._replace(context=vector))
            for op in ops:
                seq += 1
                event = one_event(one, seq, vector)
                shelf.apply(op, event)
                vector[one.replica] = seq
        shelf.rollback()
        shelf.note("rollback", [])
        assert shelf.canonical({}) == before


def one_event(one, seq, vector):
    return Event(one.replica, seq, one.clock, vector.copy())


def recording(seed: int, steps: int, paths=PATHS) -> list[Any]:
    """The steps of one random world; at the end all replicas are equal."""
    random = Random(seed)
    recorder = Recorder()
    replicas = [
        RecordedReplica(recorder, n, r) for n, r in enumerate(IDS[: random.choice([2, 3, 4])])
    ]
    keys = ["a", "b", "c\x00d", "\U0001f600"][: random.choice([1, 2, 4])]
    chosen = random.sample(paths, min(len(paths), random.choice([2, 5, len(paths)])))
    if not any(tag_of(path[-1]) in ("q", "m", "r") for path in chosen):
        chosen.append(("r:title",))
    storm = RecordedStorm(random, replicas, keys, chosen)
    try:
        play(storm, replicas, steps)
    except BadFrame:  # who writes nonsense about itself is believed nothing in the end
        assert storm.weights[-3]
        return [list(IDS), recorder.steps]
    for replica in replicas:
        replica.shelf.look(keys, chosen, replica.stable)
    cut = replicas[0].vector
    if not storm.weights[-3]:  # without nonsense
        assert len({replica.shelf.canonical(cut) for replica in replicas}) == 1
    for replica in replicas:
        replica.shelf.look(keys, chosen, cut)
    return [list(IDS), recorder.steps]


def play(storm, replicas, steps):
    """Let things happen, and then everybody hear of everything."""
    for _ in range(steps):
        storm.step()
    for _ in range(2):
        for reader in replicas:
            for writer in replicas:
                if reader is not writer:
                    storm.hear(reader, writer)
