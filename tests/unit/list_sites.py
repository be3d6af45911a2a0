"""Replicas of one list by hand: what each wrote, and what they come to when they meet."""

from plait.base.causality import VersionVector
from plait.base.codec import decode, encode
from plait.graph.event import Event
from plait.types.graph_type import Here
from plait.types.lists.type import LIST


class Site:
    """One replica of one list; what it wrote is in `sent`."""

    def __init__(self, replica):
        self.replica = replica
        self.state = LIST.zero()
        self.vector = VersionVector()
        self.sent = []
        self.clock = 0
        self.cut = VersionVector()  # what is folded here

    def do(self, *mutation):
        """Carry out a mutation; the dot, or None if it changes nothing."""
        body = LIST.prepare(self.state, mutation, Here(self.replica, self.vector))
        return None if body is None else self.write(body)

    def write(self, body):
        """An operation of this replica, whatever it says."""
        self.clock += 1
        seq = self.vector.get(self.replica, 0) + 1
        event = Event(self.replica, seq, self.clock, self.vector.copy())
        self.hear(encode(body), event)
        self.sent.append((encode(body), event))
        return event.dot

    def undo_of(self, *mutation):
        """What will take a mutation back that is done now."""
        dot = (self.replica, self.vector.get(self.replica, 0) + 1)
        inverse = LIST.inverse(self.state, mutation, dot)
        self.do(*mutation)
        return inverse

    def hear(self, body, event):
        """An operation of anybody."""
        LIST.apply(self.state, decode(body), event)
        self.vector.saw(*event.dot)
        self.clock = max(self.clock, event.hlc)

    def hear_from(self, other):
        """All that another wrote and this one lacks."""
        for body, event in other.sent:
            if event.seq > self.vector.get(other.replica, 0):
                self.hear(body, event)

    def fold(self, cut):
        """Forget what everybody has seen."""
        LIST.fold(self.state, cut)
        self.cut.merge(cut)

    @property
    def value(self):
        return LIST.value(self.state)


def meet(*sites):
    """Everybody has everything, and reads the same; what it is."""
    for one in sites:
        for other in sites:
            if one is not other:
                one.hear_from(other)
    assert len({encode(site.value) for site in sites}) == 1
    cut = VersionVector()
    for site in sites:
        cut.merge(site.cut)
    assert len({LIST.canonical(site.state, cut) for site in sites}) == 1
    return sites[0].value


def two_of(values):
    """Two replicas of a list with these values."""
    one, two = Site(1), Site(2)
    one.do("insert", 0, list(values))
    meet(one, two)
    return one, two
