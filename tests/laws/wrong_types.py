"""Types with one subtle mistake each; the docstring says which. The suite must catch them all.

Here are trees, and types whose manners are wrong; counters, registers, and sets and maps have files
of their own.
"""

from tests.laws.right_types import ByHand, OrMap, pick
from tests.laws.wrong_counters import (
    AddingJoin,
    ForgettingFloors,
    LocalTally,
    MaxOfSums,
    NegativeReset,
    RevivingCounter,
)
from tests.laws.wrong_registers import (
    ArrivalValue,
    ForgetfulEncoding,
    LastArrival,
    LoserFold,
    MeanRegister,
    TwoSiblings,
    WallClockRegister,
)
from tests.laws.wrong_sets import (
    ArrivalOrder,
    DeltaAsWhole,
    EatingRemove,
    EmptySlotsLeftOut,
    ForgottenRemovals,
    GreedyJoin,
    GuessedContext,
    KeptArgument,
    KeptContext,
    MutatingJoin,
    OneSeqTooMany,
    OwnReplica,
    PythonSet,
    TwoPhaseFold,
    UnionJoin,
    UnseenRemove,
    WrongSlot,
)

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


WRONG = [
    MaxOfSums(), LocalTally(), TwoSiblings(), DeltaAsWhole(), OneSeqTooMany(), GuessedContext(),
    RevivingCounter(), NegativeReset(), AddingJoin(), ForgettingFloors(), WallClockRegister(),
    LastArrival(), ArrivalValue(), PythonSet(), ForgetfulEncoding(), LoserFold(), UnseenRemove(),
    EatingRemove(), UnionJoin(), ForgottenRemovals(), GreedyJoin(), EmptySlotsLeftOut(),
    WrongSlot(), TwoPhaseFold(), MutatingJoin(), KeptArgument(), ArrivalOrder(), KeptContext(),
    OwnReplica(), CyclicTree(), ChangingPrepare(), RaisingApply(), LeakyValue(), PoorRollback(),
    PartialClear(), MeanRegister(),
]  # fmt: skip
