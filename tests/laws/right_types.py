"""Types as users write them: the raw contract, no help from the catalogue, and right.

`wrong_types` spoils each of them in a subtle way.
"""

from plait.base.codec import decode, encode
from plait.base.errors import BadFrame, UsageError
from plait.types.graph_type import GraphType

KEYS = ("x", "y")


def pick(random, choices):
    return choices[random.getrandbits(16) % len(choices)]


class MaxRegister(GraphType):
    """The greatest number ever set. Its deltas are whole states."""

    tag = "u.max"

    def zero(self):
        return {"max": 0}

    def prepare(self, state, mutation, here):
        _, number = mutation
        return number if number > state["max"] else None

    def apply(self, state, body, event):
        if type(body) is int:
            state["max"] = max(state["max"], body)

    def join(self, state, data, mine, theirs, whole):
        if type(data) is not int:
            raise BadFrame(f"{data!r} is no maximum")
        state["max"] = max(state["max"], data)

    def delta(self, state, slots):
        return state["max"]

    def value(self, state):
        return state["max"]

    def gen_op(self, random, state):
        return ("set", 1 + random.getrandbits(3))

    def specification(self, history):
        return max((e.body for e in history), default=0)


class ResetCounter(GraphType):
    """Counts up; a reset takes back the increments that it has seen. A slot is a replica."""

    tag = "u.reset"

    def zero(self):
        return {}  # {replica: [all increments, those taken back]}

    def prepare(self, state, mutation, here):
        if mutation[0] == "add":
            return mutation[1]
        return [[replica, total] for replica, (total, _) in sorted(state.items())] or None

    def apply(self, state, body, event):
        if type(body) is int:
            total, floor = state.get(event.replica, (0, 0))
            state[event.replica] = [total + body, floor]
        elif self._is_reset(body):
            for replica, seen in body:
                total, floor = state.get(replica, (0, 0))
                state[replica] = [total, max(floor, seen)]

    def _is_reset(self, body):
        return isinstance(body, list) and all(
            isinstance(pair, list) and len(pair) == 2 and {type(x) for x in pair} == {int}
            for pair in body
        )

    def join(self, state, data, mine, theirs, whole):
        try:
            rows = [(replica, total, floor) for replica, total, floor in data]
        except (TypeError, ValueError):
            raise BadFrame("no totals") from None
        if any(type(x) is not int for row in rows for x in row):
            raise BadFrame("totals are numbers")
        for row in rows:
            self.join_row(state, *row)

    def join_row(self, state, replica, total, floor):
        mine = state.get(replica, (0, 0))
        state[replica] = [max(mine[0], total), max(mine[1], floor)]

    def delta(self, state, slots):
        wanted = sorted(state if slots is None else slots)
        return [[replica, *state.get(replica, (0, 0))] for replica in wanted]

    def touched(self, body, replica):
        if type(body) is int:
            return [replica]
        return [replica for replica, _ in body] if self._is_reset(body) else []

    def value(self, state):
        return sum(total - floor for total, floor in state.values())

    def gen_op(self, random, state):
        return ("reset",) if random.getrandbits(2) == 0 else ("add", 1 + random.getrandbits(1))

    def specification(self, history):
        resets = [e for e in history if isinstance(e.body, list)]
        return sum(
            e.body
            for e in history
            if type(e.body) is int and not any(e.dot in reset.past for reset in resets)
        )


class ByHand(GraphType):
    """Cells by hand: {key: {dot: payload}}; an event takes away what it saw of its key."""

    def zero(self):
        return {}

    def take(self, state, key, event):
        cells = {d: p for d, p in state.get(key, {}).items() if not event.sees(d)}
        state.pop(key, None)
        if cells:
            state[key] = cells

    def clear(self, state, event):
        for key in list(state):
            self.take(state, key, event)

    def touched(self, body, replica):
        return [encode(body[1])] if self.sensible(body) else []

    def sensible(self, body):
        return (
            isinstance(body, list | tuple)
            and len(body) >= 2
            and body[0] in ("put", "remove")
            and (body[0] == "remove" or len(body) == 3)
        )

    def delta(self, state, slots):
        by_slot = {encode(key): cells for key, cells in state.items()}
        wanted = sorted(by_slot if slots is None else slots)
        return [[slot, self.row(by_slot.get(slot, {}))] for slot in wanted]

    def row(self, cells):
        return [[*dot, payload] for dot, payload in sorted(cells.items())]

    def read(self, data):
        try:
            found = {}
            for slot, row in data:
                for r, s, _ in row:
                    if type(r) is not int or type(s) is not int:
                        raise BadFrame("no dots")
                found[_key(slot)] = {(r, s): payload for r, s, payload in row}
        except (TypeError, ValueError) as error:
            raise BadFrame(f"no cells: {error}") from None
        return found

    def join(self, state, data, mine, theirs, whole):
        found = self.read(data)
        keys = list(found) + [key for key in state if whole and key not in found]
        for key in keys:
            cells, there = state.pop(key, {}), found.get(key, {})
            joined = {d: p for d, p in cells.items() if d in there or d[1] > theirs.get(d[0], 0)}
            joined |= {d: p for d, p in there.items() if d[1] > mine.get(d[0], 0)}
            if joined:
                state[key] = joined


def _key(slot):
    if type(slot) is not bytes:
        raise BadFrame("no slot")
    key = decode(slot)
    if type(key) is not str:
        raise BadFrame("no key")
    return key


class OrMap(ByHand):
    """A map whose remove takes what it saw, and whose concurrent puts are decided by stamps."""

    tag = "u.ormap"

    def prepare(self, state, mutation, here):
        if mutation[0] not in ("put", "remove"):
            raise UsageError(f"a map cannot {mutation[0]}")
        if mutation[0] == "remove" and mutation[1] not in state:
            return None
        return mutation

    def apply(self, state, body, event):
        if not self.sensible(body) or type(body[1]) is not str:
            return
        self.take(state, body[1], event)
        if body[0] == "put":
            state.setdefault(body[1], {})[event.dot] = [event.hlc, body[2]]

    def touched(self, body, replica):
        return super().touched(body, replica) if self.sensible(body) else []

    def read(self, data):
        found = super().read(data)
        for cells in found.values():
            for payload in cells.values():
                if not isinstance(payload, list) or [type(p) for p in payload[:1]] != [int]:
                    raise BadFrame("no stamp")
                if len(payload) != 2:
                    raise BadFrame("no value")
        return found

    def value(self, state):
        return {key: self.winner(cells) for key, cells in state.items()}

    def winner(self, cells):
        dot = max(cells, key=lambda dot: (cells[dot][0], dot))
        return cells[dot][1]

    def gen_op(self, random, state):
        key = pick(random, KEYS)
        return ("put", key, random.getrandbits(2)) if random.getrandbits(2) else ("remove", key)

    def specification(self, history):
        value = {}
        for e in sorted(history, key=lambda e: e.order):
            if e.cleared or e.body[0] == "remove":
                continue
            later = [o for o in history if e.dot in o.past]
            if not any(o.cleared or o.body[1] == e.body[1] for o in later):
                value[e.body[1]] = e.body[2]
        return value


class Shown(ByHand):
    """A register that shows every concurrent write."""

    tag = "u.shown"

    def prepare(self, state, mutation, here):
        return ["put", "", mutation[1]]

    def apply(self, state, body, event):
        if self.sensible(body):
            self.take(state, "", event)
            state.setdefault("", {})[event.dot] = body[2]

    def touched(self, body, replica):
        return [encode("")] if self.sensible(body) else []

    def value(self, state):
        return [payload for _, payload in sorted(state.get("", {}).items())]

    def gen_op(self, random, state):
        return ("set", pick(random, (1, True, 1.0, "1", None)))


RIGHT = [MaxRegister(), ResetCounter(), OrMap(), Shown()]
