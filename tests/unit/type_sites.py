"""A few replicas of one object, for unit tests of graph types: events, joins, folds, by hand."""

from random import Random
from typing import Any

from plait.base.causality import VersionVector, descends, meet_all
from plait.base.codec import decode, encode
from plait.base.errors import BadValue, RightsElsewhere
from plait.graph.event import Event
from plait.types.graph_type import GraphType, Happened, Here

# Bodies and data that no honest replica writes, all that MessagePack has.
GARBAGE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**63, 2**64 - 1, -(2**63), 1.5, float("nan"), "", "add", b"",
    b"\xc1", [], [None], [0], [2**64 - 1], [-(2**63)], [1.5], [[]], [[[]]], ["a", False],
    ["a", True], [{}],
    ["a", "b", "c"], [1, 0], [1, -1], [0, 1], [1, 2**64 - 1], [2**64 - 1, 1], [None, None], {},
    {"a": 1}, {1: 2}, [[1, 2, 3]], [[1, 2, 3, 4]], [[1, 1, 2**64 - 1, 0]], [[1, 0, 0, 0]],
    [[-1, -1, -1, -1]],
    [[1, 1, 1, 1], 7], [[b"x"]], [[b"", [1, 1, None]]], [[1, [1, 1, [1, 1, 1]]]],
    [["a", [1, 1, 1]]],
    [[b"\xa1a", [1, 1, True], [1, 1, True]]], [[True, [1, 1, 1]]], [[b"\xc1", [1, 1, True]]],
    [[b"\x91", [1, 1, True]]], [[1, [2, 1, [1, 1, 0]]]], [[1, [1, 1, [2, 1, 0]]]],
    [[b"\x92\x01\x01", [1, 1, 1]]], [[b"", [0, 1, True]]], [[b"", [1, 2**64 - 1, True]]],
)  # fmt: skip


class Site:
    """A replica; `log` is what was written anywhere, in a causal order."""

    def __init__(self, type_: GraphType[Any], replica: int, log: list[tuple[Event, Any]]) -> None:
        self.type, self.replica, self.log = type_, replica, log
        self.state = type_.zero()
        self.vector = VersionVector()

    def mutate(self, *mutation: Any) -> Any:
        """Prepare and apply; the body, which has been through its encoding."""
        body = self.type.prepare(self.state, mutation, Here(self.replica, self.vector))
        if body is not None:
            body = decode(encode(body))
            self.type.apply(self.state, body, self._event(body))
        return body

    def clear(self) -> None:
        """What a store does: what must be said first, then the clear."""
        if self.type.clearing is not None:
            self.mutate(*self.type.clearing)
        self.type.clear(self.state, self._event("clear"))

    def _event(self, body: Any) -> Event:
        seq = self.vector.get(self.replica, 0) + 1
        event = Event(self.replica, seq, len(self.log), self.vector.copy())
        self.log.append((event, body))
        self.vector.saw(self.replica, seq)
        return event

    def hear(self, *authors: "Site") -> None:
        """Events of these authors (of all, if none are named) that can be delivered."""
        names = [site.replica for site in authors]
        for event, body in self.log:
            new = event.seq == self.vector.get(event.replica, 0) + 1
            if new and (not names or event.replica in names):
                if not descends(self.vector, event.context):
                    continue
                if body == "clear":
                    self.type.clear(self.state, event)
                else:
                    self.type.apply(self.state, body, event)
                self.vector.saw(event.replica, event.seq)

    def join(self, other: "Site", whole: bool = True) -> None:
        """The other's state, or only what was touched since."""
        slots = None if whole else other.touched_since(self.vector)
        data = decode(encode(other.type.delta(other.state, slots)))
        if slots is None:
            whole = True
        self.type.join(self.state, data, self.vector.copy(), other.vector.copy(), whole)
        self.vector.merge(other.vector)

    def touched_since(self, since: VersionVector) -> set[Any] | None:
        """The slots of the events that `since` lacks; None: any."""
        slots: set[Any] = set()
        for event, body in self.log:
            if self.vector.contains(event.dot) and not since.contains(event.dot):
                found = None if body == "clear" else self.type.touched(body, event.replica)
                if found is None:
                    return None
                slots.update(found)
        return slots

    @property
    def value(self) -> Any:
        """What people read here."""
        return self.type.value(self.state)

    def history(self) -> list[Happened]:
        """What was seen here, for the specification."""
        return [
            Happened(event.dot, event.hlc, self._past(event), body, body == "clear")
            for event, body in self.log
            if self.vector.contains(event.dot)
        ]

    def _past(self, event: Event) -> frozenset[tuple[int, int]]:
        return frozenset(earlier.dot for earlier, _ in self.log if event.sees(earlier.dot))


def sites(type_: GraphType[Any], count: int = 3) -> list[Site]:
    """Replicas 1, 2, ... of one object."""
    log: list[tuple[Event, Any]] = []
    return [Site(type_, replica, log) for replica in range(1, count + 1)]


def stable(there: list[Site], here: Site) -> VersionVector:
    """What every event that `here` has not seen will have seen."""
    seen = []
    for site in there:
        last = VersionVector()
        for event, _ in here.log:
            if event.replica == site.replica and here.vector.contains(event.dot):
                last = VersionVector(event.context)
                last.saw(*event.dot)
        seen.append(last)
    return meet_all(seen)


def storm(type_: GraphType[Any], seed: int, steps: int = 30, clears: bool = True) -> list[Site]:
    """Random mutations, partitions, roads and folds; at the end everybody has seen everything."""
    random = Random(seed)
    there = sites(type_)
    for _ in range(steps):
        site, other = random.sample(there, 2)
        what = random.randrange(10)
        if what < 5:
            try:
                site.mutate(*type_.gen_op(random, site.state))
            except (BadValue, RightsElsewhere):  # of what the state does not allow just now
                continue
        elif what == 5 and clears:
            site.clear()
        elif what == 6:
            site.join(other, whole=bool(random.getrandbits(1)))
        elif what == 7:
            type_.fold(site.state, stable(there, site))
        else:
            site.hear(other)
        check_site(site)
    for site in there * 2:
        site.hear()
    return there


def check_site(site: Site) -> None:
    """The value is what the specification says, and the encoding is the state."""
    type_, state = site.type, site.state
    assert site.value == type_.specification(site.history())
    assert type_.encode(type_.decode(type_.encode(state))) == type_.encode(state)


def check_equal(there: list[Site]) -> None:
    """All have seen everything, and are the same."""
    cut = there[0].vector
    assert all(site.vector == cut for site in there)
    assert len({site.type.canonical(site.state, cut) for site in there}) == 1
    for site in there:
        check_site(site)
