"""Sets and maps with one subtle mistake each; the docstring says which."""

from plait.base.codec import encode
from tests.laws.right_types import ByHand, MaxRegister, OrMap, Shown, pick


class PythonSet(MaxRegister):
    """A grow-only set that is a Python set: 1, 1.0 and True are one element."""

    def zero(self):
        return {}

    def prepare(self, state, mutation, here):
        return [mutation[1]]

    def apply(self, state, body, event):
        if isinstance(body, list) and type(body[0]) in (int, bool, float):
            state.setdefault(body[0])

    def join(self, state, data, mine, theirs, whole):
        for element in data:
            state.setdefault(element)

    def delta(self, state, slots):
        return sorted(state)

    def value(self, state):
        return sorted(state)

    def gen_op(self, random, state):
        return ("add", pick(random, (1, True, 1.0)))

    def specification(self, history):
        return NotImplemented


class UnseenRemove(OrMap):
    """A remove takes away adds that it has not seen."""

    def apply(self, state, body, event):
        if self.sensible(body) and body[0] == "remove":
            state.pop(body[1], None)
        else:
            super().apply(state, body, event)

    def specification(self, history):
        return NotImplemented


class EatingRemove(OrMap):
    """A remove says which stamp it saw and eats every older put, seen or not."""

    def prepare(self, state, mutation, here):
        body = super().prepare(state, mutation, here)
        return body and list(body)

    def apply(self, state, body, event):
        if self.sensible(body) and body[0] == "remove" and type(body[1]) is str:
            cells = state.get(body[1], {})
            kept = {dot: cell for dot, cell in cells.items() if cell[0] > event.hlc}
            state.pop(body[1], None)
            if kept:
                state[body[1]] = kept
        else:
            super().apply(state, body, event)


class UnionJoin(OrMap):
    """A state join is a union: what was removed here comes back from who had not heard."""

    def join(self, state, data, mine, theirs, whole):
        for key, cells in self.read(data).items():
            state.setdefault(key, {}).update(cells)


class ForgottenRemovals(OrMap):
    """A whole state takes nothing away: keys that it lacks stay."""

    def join(self, state, data, mine, theirs, whole):
        super().join(state, data, mine, theirs, False)


class GreedyJoin(OrMap):
    """A join drops what the other lacks, though the other has never seen it."""

    def join(self, state, data, mine, theirs, whole):
        super().join(state, data, mine, mine, whole)


class DeltaAsWhole(OrMap):
    """A delta is joined as if it were everything that the other has."""

    def join(self, state, data, mine, theirs, whole):
        super().join(state, data, mine, theirs, True)


class OneSeqTooMany(OrMap):
    """A join takes the first event that the other has not seen for seen."""

    def join(self, state, data, mine, theirs, whole):
        super().join(state, data, mine, {r: seq + 1 for r, seq in theirs.items()}, whole)


class GuessedContext(OrMap):
    """A join guesses from the data what the other has seen, and does not use its vector."""

    def join(self, state, data, mine, theirs, whole):
        seen = {}
        for _, row in data:
            for r, seq, _ in row:
                seen[r] = max(seq, seen.get(r, 0))
        super().join(state, data, mine, seen, whole)


class EmptySlotsLeftOut(OrMap):
    """A delta leaves out the slots that are empty now."""

    def delta(self, state, slots):
        return [row for row in super().delta(state, slots) if row[1]]


class WrongSlot(OrMap):
    """`touched` forgets that a remove touches its key too."""

    def touched(self, body, replica):
        return super().touched(body, replica) if body and body[0] != "remove" else []


class TwoPhaseFold(MaxRegister):
    """A two-phase set whose fold forgets what was removed, so it can be added again."""

    def zero(self):
        return {}  # {element: is it there}

    def prepare(self, state, mutation, here):
        return list(mutation)

    def apply(self, state, body, event):
        if isinstance(body, list) and len(body) == 2 and body[0] in ("add", "remove"):
            self.join(state, [[body[1], body[0] == "add"]], {}, {}, False)

    def join(self, state, data, mine, theirs, whole):
        for element, there in data:
            state[element] = state.get(element, True) and there

    def delta(self, state, slots):
        return sorted([element, there] for element, there in state.items())

    def value(self, state):
        return sorted(element for element, there in state.items() if there)

    def fold(self, state, cut):
        if cut:
            for element in [e for e, there in state.items() if not there]:
                del state[element]

    def gen_op(self, random, state):
        return (pick(random, ("add", "remove")), pick(random, ("x", "y", "z")))

    def specification(self, history):
        return NotImplemented


class MutatingJoin(OrMap):
    """A join takes the data apart while it reads it."""

    def read(self, data):
        found = super().read(data)
        while data and isinstance(data, list):
            data.pop()
        return found


class KeptArgument(PythonSet):
    """The state keeps the first body that it was given, and adds later elements to it."""

    def zero(self):
        return {"all": []}

    def apply(self, state, body, event):
        if not isinstance(body, list) or not body or type(body[0]) is not int:
            return
        if not state["all"]:
            state["all"] = body
        elif body[0] not in state["all"]:
            state["all"].append(body[0])
            state["all"].sort()

    def join(self, state, data, mine, theirs, whole):
        state["all"] = sorted({*state["all"], *data})

    def delta(self, state, slots):
        return list(state["all"])

    def value(self, state):
        return list(state["all"])

    def gen_op(self, random, state):
        return ("add", random.getrandbits(2))


class ArrivalOrder(Shown):
    """Canonical bytes and value are in the order of arrival."""

    def row(self, cells):
        return [[*dot, payload] for dot, payload in cells.items()]


class KeptContext(ByHand):
    """The state keeps the event's context, which goes on living at its author."""

    def prepare(self, state, mutation, here):
        return ["put", "", 1]

    def apply(self, state, body, event):
        if self.sensible(body):
            self.take(state, "", event)
            state.setdefault("", {})[event.dot] = event.context

    def row(self, cells):
        return [[*dot, sorted(dict(seen).items())] for dot, seen in sorted(cells.items())]

    def touched(self, body, replica):
        return [encode("")] if self.sensible(body) else []

    def join(self, state, data, mine, theirs, whole):
        data = [[slot, [[r, s, dict(seen)] for r, s, seen in row]] for slot, row in data]
        super().join(state, data, mine, theirs, whole)

    def value(self, state):
        return [len(seen) for _, seen in sorted(state.get("", {}).items())]

    def gen_op(self, random, state):
        return ("set",)


class OwnReplica(OrMap):
    """`apply` behaves otherwise at the replica that prepared something."""

    def zero(self):
        return _Remembering()

    def prepare(self, state, mutation, here):
        state.mine = here.replica
        return super().prepare(state, mutation, here)

    def apply(self, state, body, event):
        if state.mine in (None, event.replica) or not self.sensible(body) or body[0] == "put":
            super().apply(state, body, event)


class _Remembering(dict):
    mine = None
