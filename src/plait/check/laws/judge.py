"""What must be equal: replicas that saw the same, and what they read as.

Besides the replicas there is an *observer* for every vector: a fresh state that was given the
events one by one. It travelled a legal road too, so whoever has seen the same must agree with it;
that finds a difference at once, and not only when two replicas happen to have seen the same.
"""

from typing import Any

from plait.base.causality import Context, VersionVector
from plait.base.codec import decode
from plait.check.laws.guard import Guard
from plait.check.laws.law import CARRIED, CLEARED, ROADS, SPECIFICATION, VALUES, Broken, Side
from plait.check.laws.past import Past
from plait.check.laws.site import Site

OBSERVER = "the observer"


class Judge:
    """Compares states; raises `Broken` with both sides."""

    def __init__(self, guard: Guard, past: Past) -> None:
        self._guard = guard
        self._past = past
        self._specified = True  # until `specification` says that it says nothing
        self._observed: dict[tuple[tuple[int, int], ...], Any] = {}

    def count(self, law: str) -> None:
        """The law was tried once more."""
        self._guard.count(law)

    def look(self, site: Site, law: str = ROADS) -> None:
        """Compare a replica with the observer of its vector, and with the specification."""
        observer = self.observer(site.vector)
        self.same(law, site.cut, (OBSERVER, observer), (site.name, site.state))
        if not self._specified or self._past.garbage:
            return
        history = self._past.happened(site.vector)
        expected = self._guard.call("specification", history)
        self._specified = expected is not NotImplemented
        if not self._specified:
            return
        self.count(SPECIFICATION)
        value = self._guard.call("value", site.state)
        if self._guard.image("a specification", expected) != self._guard.image("a value", value):
            side = Side("the specification", repr(expected), "")
            text = f"{site.name} reads {value!r}, the specification says {expected!r}"
            raise Broken(SPECIFICATION, text, (side, *self.sides(site)))

    def observer(self, vector: Context) -> Any:
        """A state that was given the events of a vector one by one; not to be changed."""
        key = VersionVector(vector).pairs()
        state = self._observed.get(key)
        if state is None:
            state = self._guard.call("zero")
            for moment in self._past.between({}, vector):
                self._guard.happen(state, moment)
            self._observed[key] = state
        return state

    def same(self, law: str, cut: Context, *states: tuple[str, Any], read: bool = True) -> None:
        """States that saw the same events must have equal canonical bytes, and read the same."""
        self.count(law)
        call = self._guard.call
        names = " and ".join(name for name, _ in states)
        found = [call("canonical", state, cut) for _, state in states]
        if any(type(data) is not bytes for data in found):
            raise Broken(CARRIED, "`canonical` gave no bytes")
        if any(data != found[0] for data in found):
            sides = tuple(self.side(name, state, cut) for name, state in states)
            raise Broken(law, f"{names} have other canonical bytes", sides)
        if read:
            self.count(VALUES)
            values = [self._guard.value_image(state) for _, state in states]
            if any(value != values[0] for value in values):
                sides = tuple(self.side(name, state, cut) for name, state in states)
                raise Broken(VALUES if law == ROADS else law, f"{names} read differently", sides)

    def cleared(self, site: Site) -> None:
        """Its replica was just cleared, and had seen all that it holds."""
        self.count(CLEARED)
        zero = self._guard.call("zero")
        if self._guard.value_image(site.state) != self._guard.value_image(zero):
            sides = (*self.sides(site), self.side("zero()", zero, site.cut))
            raise Broken(CLEARED, f"something is left at {site.name}", sides)

    def sides(self, *sites: Site) -> tuple[Side, ...]:
        """Replicas, for a report."""
        return tuple(self.side(site.name, site.state, site.cut) for site in sites)

    def side(self, name: str, state: Any, cut: Context) -> Side:
        """A state, for a report."""
        data = self._guard.call("canonical", state, cut)
        return Side(name, repr(self._guard.call("value", state)), spell_bytes(data))


def spell_bytes(data: bytes) -> str:
    """MessagePack as people read it, if it is that."""
    try:
        return repr(decode(data))
    except Exception:
        return data.hex(" ", 4)
