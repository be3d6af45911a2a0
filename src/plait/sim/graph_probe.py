"""The truths of one collection of documents, at all nodes that hold a replica.

- a dot names one event for ever: streams of one author that end at one number have one hash;
- nobody knows more of an author than the author itself: nothing leaves before it is durable;
- version vectors never fall while a replica runs;
- what is taken for stable, every member has seen.

Absent: replicas of clients (guests); and everybody's word, once a disk has lost what it held: then
a replica writes under an old id until it learns that it must not, and nothing here can be known.
"""

from collections.abc import Sequence
from typing import Protocol

from plait.base.causality import VersionVector
from plait.engines.graph.replica import Replica
from plait.graph.scope import Scope


class Ground(Protocol):
    """What a graph's probe knows of the world."""

    lost: set[str]

    def report(self, line: str, who: tuple[str, ...], what: str) -> None: ...


class GraphProbe:
    """One collection."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._digests: dict[tuple[int, int], tuple[bytes, str]] = {}  # by dot: hash, who had it
        self._vectors: dict[str, tuple[Scope, VersionVector]] = {}
        self._stable: dict[str, VersionVector] = {}

    def look(self, replicas: Sequence[tuple[str, Replica]]) -> None:
        """Look at the replicas that nodes hold now."""
        if self._ground.lost:
            return
        scopes = [(name, replica.parts.scope) for name, replica in replicas]
        name = replicas[0][1].name
        for who, scope in scopes:
            self._look_at(name, who, scope)
        for who, author in scopes:
            last = author.vector.get(author.replica, 0)
            for other, scope in scopes:
                known = scope.vector.get(author.replica, 0)
                if known > last:
                    what = f"{other} has {known} events of {who}, who knows only {last}"
                    self._ground.report(name, (other, who), what)
                if other != who:
                    self._check_stable(name, (other, scope), (who, author))

    def _look_at(self, name: str, who: str, scope: Scope) -> None:
        known = self._vectors.get(who)
        fell: list[int] = []
        if known is not None and known[0] is scope:
            before = known[1]
            if before == scope.vector:
                return
            fell = [author for author, last in before.items() if scope.vector.get(author, 0) < last]
        self._vectors[who] = (scope, VersionVector(scope.vector))
        for author in fell:
            self._ground.report(name, (who,), f"its vector fell at author {author:x}")
        for author, stream in scope.streams.items():
            dot, seen = (author, stream.last), (stream.digest, who)
            # its author may forget it yet, and write another, while nobody was told of it
            own = author == scope.replica
            digest, first = (self._digests.get if own else self._digests.setdefault)(dot, seen)
            if digest != stream.digest:
                what = f"dot {stream.last} of {author:x} names different events"
                self._ground.report(name, (first, who), what)

    def _check_stable(self, name: str, one: tuple[str, Scope], other: tuple[str, Scope]) -> None:
        """What `one` folded as stable, the member `other` has seen."""
        who, scope = one
        member, seen = other
        if not scope.stable or not scope.members.is_member(seen.replica):
            return
        if not seen.members.is_member(seen.replica):
            return
        for author, last in scope.stable.items():
            if seen.vector.get(author, 0) < last:
                what = f"takes event {last} of {author:x} for stable; {member} has not seen it"
                self._ground.report(name, (who, member), what)
                return
