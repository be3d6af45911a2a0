"""Registers with one subtle mistake each; the docstring says which."""

from plait.base.codec import decode, encode
from tests.laws.right_types import MaxRegister, OrMap, Shown


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


class MeanRegister(MaxRegister):
    """Concurrent writes are averaged pairwise, which depends on who meets whom first."""

    def apply(self, state, body, event):
        if type(body) is int:
            state["max"] = (state["max"] + body) // 2

    def join(self, state, data, mine, theirs, whole):
        state["max"] = (state["max"] + data) // 2

    def specification(self, history):
        return NotImplemented
