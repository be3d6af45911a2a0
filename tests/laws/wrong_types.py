"""Types with one subtle mistake each; the docstring says which. The suite must catch them all."""

from plait.base.codec import decode, encode
from tests.laws.right_types import ByHand, MaxRegister, OrMap, ResetCounter, Shown, pick

# ----------------------------------------------------------------------------- counters


class RevivingCounter(ByHand):
    """Running totals under dots: an increment that has not seen a reset brings all back."""

    def prepare(self, state, mutation, here):
        return ["put", str(here.replica), 1] if mutation[0] == "add" else ["remove", "all"]

    def apply(self, state, body, event):
        if not self.sensible(body):
            return
        if body[0] == "remove":
            self.clear(state, event)
        else:
            key = str(event.replica)
            total = sum(state.pop(key, {}).values())
            state[key] = {event.dot: total + 1}

    def touched(self, body, replica):
        return None

    def value(self, state):
        return sum(sum(cells.values()) for cells in state.values())

    def gen_op(self, random, state):
        return ("add",) if random.getrandbits(2) else ("reset",)


class NegativeReset(MaxRegister):
    """A reset subtracts the value that it sees: two at a time subtract it twice."""

    def zero(self):
        return {}

    def prepare(self, state, mutation, here):
        return mutation[1] if mutation[0] == "add" else -self.value(state) or None

    def apply(self, state, body, event):
        if type(body) is int:
            side = 0 if body > 0 else 1
            sums = state.setdefault(event.replica, [0, 0])
            sums[side] += abs(body)

    def join(self, state, data, mine, theirs, whole):
        for replica, plus, minus in data:
            sums = state.setdefault(replica, [0, 0])
            sums[:] = [max(sums[0], plus), max(sums[1], minus)]

    def delta(self, state, slots):
        return [[replica, *sums] for replica, sums in sorted(state.items())]

    def value(self, state):
        return sum(plus - minus for plus, minus in state.values())

    def gen_op(self, random, state):
        return ("reset",) if random.getrandbits(2) == 0 else ("add", 1)

    def specification(self, history):
        resets = [e for e in history if e.body < 0]
        seen = {dot for reset in resets for dot in reset.past}
        return sum(e.body for e in history if e.body > 0 and e.dot not in seen)


class AddingJoin(ResetCounter):
    """A join adds the other's totals instead of taking the greater."""

    def join_row(self, state, replica, total, floor):
        mine = state.get(replica, (0, 0))
        state[replica] = [mine[0] + total, max(mine[1], floor)]


class ForgettingFloors(ResetCounter):
    """A fold drops replicas whose increments were all taken back: totals start anew."""

    def fold(self, state, cut):
        for replica, (total, floor) in list(state.items()):
            if total == floor and cut.get(replica, 0):
                del state[replica]


class MaxOfSums(NegativeReset):
    """Increments and decrements in one sum per replica, joined by the greater one."""

    def prepare(self, state, mutation, here):
        return mutation[1]

    def apply(self, state, body, event):
        if type(body) is int:
            state.setdefault(event.replica, [0, 0])[0] += body

    def gen_op(self, random, state):
        return ("add", pick(random, (1, -1)))

    def specification(self, history):
        return sum(e.body for e in history)


class LocalTally(ResetCounter):
    """The canonical bytes count what was applied here, and joins are not."""

    def zero(self):
        return _Tally()

    def apply(self, state, body, event):
        super().apply(state, body, event)
        state.applied += 1

    def canonical(self, state, cut):
        return encode([self.delta(state, None), state.applied])


class _Tally(dict):
    applied = 0


# ----------------------------------------------------------------------------- registers


class TwoSiblings(Shown):
    """No more than two concurrent writes are kept."""

    def apply(self, state, body, event):
        super().apply(state, body, event)
        for cells in state.values():
            while len(cells) > 2:
                del cells[min(cells)]


class WallClockRegister(OrMap):
    """The later stamp wins and ties are undecided: whichever cell came first."""

    def winner(self, cells):
        dot = max(cells, key=lambda dot: cells[dot][0])
        return cells[dot][1]


class LastArrival(MaxRegister):
    """The last to arrive wins if its stamp is not older; one cell, ties by arrival."""

    def zero(self):
        return {"at": 0, "max": 0}

    def prepare(self, state, mutation, here):
        return mutation[1]

    def apply(self, state, body, event):
        if type(body) is int and event.hlc >= state["at"]:
            state.update(at=event.hlc, max=body)

    def join(self, state, data, mine, theirs, whole):
        at, number = data
        if at >= state["at"]:
            state.update(at=at, max=number)

    def delta(self, state, slots):
        return [state["at"], state["max"]]

    def specification(self, history):
        return NotImplemented


class ArrivalValue(Shown):
    """Concurrent writes are read in the order of their arrival."""

    def value(self, state):
        return list(state.get("", {}).values())


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


class ForgetfulEncoding(Shown):
    """Only the winner is encoded: its loser is gone after a restart."""

    def encode(self, state):
        cells = state.get("", {})
        return encode(dict([max(cells.items())]) if cells else {})

    def decode(self, data):
        cells = {tuple(dot): value for dot, value in decode(data, strict=False).items()}
        return {"": cells} if cells else {}


class LoserFold(OrMap):
    """A fold keeps the winner only, though what lost is not stable yet and may yet win."""

    def fold(self, state, cut):
        for key, cells in state.items():
            stable = {dot for dot in cells if dot[1] <= cut.get(dot[0], 0)}
            if stable:
                state[key] = {dot: cells[dot] for dot in stable}


# ----------------------------------------------------------------------------- sets and maps


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


# ----------------------------------------------------------------------------- trees


class CyclicTree(ByHand):
    """Moves are checked where they are made and nowhere else: two at a time make a cycle."""

    NODES = ("x", "y", "z")

    def prepare(self, state, mutation, here):
        _, node, parent = mutation
        above = parent
        while above is not None:
            if above == node:
                return None
            above = self.parent(state, above)
        return ["put", node, parent]

    def parent(self, state, node):
        cells = state.get(node, {})
        return cells[max(cells)][1] if cells else None

    def apply(self, state, body, event):
        if self.sensible(body) and body[1] in self.NODES:
            self.take(state, body[1], event)
            state.setdefault(body[1], {})[event.dot] = [event.hlc, body[2]]

    def value(self, state):
        def below(parent):
            nodes = [node for node in self.NODES if self.parent(state, node) == parent]
            return {node: below(node) for node in nodes}

        return below(None)

    def gen_op(self, random, state):
        return ("move", pick(random, self.NODES), pick(random, (None, *self.NODES)))

    def specification(self, history):
        parents = dict.fromkeys(self.NODES)
        for e in history:
            if e.cleared:
                return NotImplemented
            above = e.body[2]
            while above is not None and above != e.body[1]:
                above = parents[above]
            if above is None:
                parents[e.body[1]] = e.body[2]

        def below(parent):
            return {node: below(node) for node in self.NODES if parents[node] == parent}

        return below(None)


# ----------------------------------------------------------------------------- manners


class ChangingPrepare(OrMap):
    """`prepare` changes the state before everybody else does."""

    def prepare(self, state, mutation, here):
        if mutation[0] == "remove":
            state.pop(mutation[1], None)
        return list(mutation)


class RaisingApply(OrMap):
    """A body that makes no sense raises."""

    def sensible(self, body):
        return body[0] in ("put", "remove")


class LeakyValue(KeptArgument):
    """`value` gives away a part of the state."""

    def apply(self, state, body, event):
        super().apply(state, list(body) if isinstance(body, list) else body, event)

    def value(self, state):
        return state["all"]


class PoorRollback(OrMap):
    """A discarded draft leaves the keys that it added."""

    def mark(self, state):
        return {key: dict(cells) for key, cells in state.items()}

    def rollback(self, state, mark):
        state.update(mark)
        return state


class PartialClear(OrMap):
    """A clear leaves the keys that its author did not write last."""

    def clear(self, state, event):
        for key in list(state):
            if max(state[key])[0] == event.replica:
                self.take(state, key, event)

    def specification(self, history):
        return NotImplemented


class MeanRegister(MaxRegister):
    """Concurrent writes are averaged pairwise, which depends on who meets whom first."""

    def apply(self, state, body, event):
        if type(body) is int:
            state["max"] = (state["max"] + body) // 2

    def join(self, state, data, mine, theirs, whole):
        state["max"] = (state["max"] + data) // 2

    def specification(self, history):
        return NotImplemented


WRONG = [
    MaxOfSums(), LocalTally(), TwoSiblings(), DeltaAsWhole(), OneSeqTooMany(), GuessedContext(),
    RevivingCounter(), NegativeReset(), AddingJoin(), ForgettingFloors(), WallClockRegister(),
    LastArrival(), ArrivalValue(), PythonSet(), ForgetfulEncoding(), LoserFold(), UnseenRemove(),
    EatingRemove(), UnionJoin(), ForgottenRemovals(), GreedyJoin(), EmptySlotsLeftOut(),
    WrongSlot(), TwoPhaseFold(), MutatingJoin(), KeptArgument(), ArrivalOrder(), KeptContext(),
    OwnReplica(), CyclicTree(), ChangingPrepare(), RaisingApply(), LeakyValue(), PoorRollback(),
    PartialClear(), MeanRegister(),
]  # fmt: skip
