"""Scopes without a network, for tests of one rule at a time."""

from graph_fold import SmallFold

from plait.graph.event import Batch, Event, Op
from plait.graph.scope import Scope

FOUNDER, SECOND, THIRD = 1, 2, 3
NOW_MS = 1_700_000_000_000


class Site:
    """One replica: a scope and its fold."""

    def __init__(self, replica: int, history: str = "stable") -> None:
        self.fold = SmallFold()
        self.scope = Scope(7, replica, FOUNDER, self.fold, history)

    def write(self, *ops: Op, now_ms: int = NOW_MS) -> Batch:
        scope = self.scope
        hlc = scope.stamp(now_ms)
        for index, op in enumerate(ops):
            if op.key:
                self.fold.apply(op, Event(scope.replica, scope.next_seq + index, hlc, scope.vector))
        return scope.write(ops, hlc)

    def add(self, element: bytes, key: str = "k") -> Batch:
        return self.write(Op(key, ("aw:set",), ["add", element]))

    def receive(self, *batches: Batch, now_ms: int = NOW_MS) -> list[Batch]:
        return self.scope.receive(batches, now_ms)

    @property
    def elements(self) -> set[bytes | int]:
        return self.fold.items("k", ("aw:set",))


def trio(history: str = "stable") -> tuple[Site, Site, Site]:
    """Three members who know each other."""
    sites = [Site(replica, history) for replica in (FOUNDER, SECOND, THIRD)]
    first = sites[0]
    admit = first.write(first.scope.admit(SECOND, "b"), first.scope.admit(THIRD, "c"))
    for site in sites[1:]:
        site.receive(admit)
    return sites[0], sites[1], sites[2]


def share(*sites: Site) -> None:
    """Let everybody have everything."""
    for site in sites:
        for other in sites:
            if other is not site:
                other.receive(*site.scope.history.since(other.scope.vector))
