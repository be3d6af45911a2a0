"""Small graph types for tests of shelves: made of cells, and not."""

from plait.base.codec import decode
from plait.base.errors import BadFrame
from plait.types.cells import CellType, slot_of
from plait.types.graph_type import GraphType
from plait.types.opaque import Opaque


class SetOfCells(CellType):
    """Adds win."""

    tag = "aw"

    def prepare(self, state, mutation, here):
        name, value = mutation
        return [name, value]

    def apply(self, state, body, event):
        if not (isinstance(body, list) and len(body) == 2):
            return
        slot = slot_of(body[1])
        state.take(slot, event)
        if body[0] == "add":
            state.put(slot, event.dot, None)

    def touched(self, body, replica):
        return [slot_of(body[1])]

    def value(self, state):
        return sorted(decode(slot) for slot in state.slots)

    def partial(self, state, slots):
        return [decode(slot) for slot in slots if slot in state.slots]

    def gen_op(self, random, state):
        return (random.choice(["add", "add", "remove"]), random.randrange(4))


class RegisterOfCells(CellType):
    """The latest write wins."""

    tag = "r"

    def prepare(self, state, mutation, here):
        return [mutation[1]]

    def apply(self, state, body, event):
        if isinstance(body, list) and len(body) == 1:
            state.take(b"", event)
            state.put(b"", event.dot, [event.hlc, body[0]])

    def touched(self, body, replica):
        return [b""]

    def value(self, state):
        cells = state.slots.get(b"")
        return max((hlc, dot, value) for dot, (hlc, value) in cells.items())[2] if cells else None

    def gen_op(self, random, state):
        return ("set", random.randrange(9))


class Touchy(GraphType):
    """Concurrent values, but not made of cells as far as a shelf knows."""

    tag = "z"

    def zero(self):
        return {}

    def prepare(self, state, mutation, here):
        return [mutation[1]]

    def apply(self, state, body, event):
        if isinstance(body, list):
            self.clear(state, event)
            state[event.dot] = body[0]

    def clear(self, state, event):
        for dot in [dot for dot in state if event.sees(dot)]:
            del state[dot]

    def delta(self, state, slots):
        return [[r, s, value] for (r, s), value in sorted(state.items())]

    def join(self, state, data, mine, theirs, whole):
        try:
            there = {(r, s): value for r, s, value in data}
        except (TypeError, ValueError) as error:
            raise BadFrame(str(error)) from None
        for dot in list(state):
            if dot not in there and dot[1] <= theirs.get(dot[0], 0):
                del state[dot]
        for dot, value in there.items():
            if dot[1] > mine.get(dot[0], 0):
                state.setdefault(dot, value)

    def value(self, state):
        return sorted(state.values())

    def alive(self, state):
        return bool(state)

    def gen_op(self, random, state):
        return ("set", random.randrange(9))


class Tally(GraphType):
    """Counts what each replica did; cannot be cleared."""

    tag = "gc"

    def zero(self):
        return {}

    def prepare(self, state, mutation, here):
        return 1

    def apply(self, state, body, event):
        if body == 1:
            state[event.replica] = state.get(event.replica, 0) + 1

    def delta(self, state, slots):
        return sorted(state.items()) if slots is None else [(s, state.get(s, 0)) for s in slots]

    def touched(self, body, replica):
        return [replica]

    def join(self, state, data, mine, theirs, whole):
        for replica, total in data:
            if total > state.get(replica, 0):
                state[replica] = total

    def value(self, state):
        return sum(state.values())

    def alive(self, state):
        return bool(state)

    def gen_op(self, random, state):
        return ("add",)


TYPES = {t.tag: t for t in (SetOfCells(), RegisterOfCells(), Touchy(), Tally())}


def type_of(tag):
    return TYPES.get(tag) or Opaque(tag)
