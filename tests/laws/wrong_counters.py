"""Counters with one subtle mistake each; the docstring says which."""

from plait.base.codec import encode
from tests.laws.right_types import ByHand, MaxRegister, ResetCounter, pick


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
