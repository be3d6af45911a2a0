"""The conflict inbox: registers whose concurrent values wait for a person.

`Ask` registers have a conflict whenever different values were assigned at the same time, `Merge`
registers where their function could not merge, or replicas merged differently. Meanwhile every
replica shows the same value. `resolve` is an ordinary write that replaces all siblings; two people
who resolve at the same time agree, or make one new conflict on the same base.

The tags in the paths say which registers these are, so the inbox is read without the documents'
class too; then values are plain. There is no index: whoever looks through a whole collection reads
its rows once (`GraphView.contended`), which takes about a second for 100,000 documents.

Invariant: `resolve` writes only over the siblings that its caller has seen.
"""

import json
from datetime import datetime
from typing import Any, Final, Literal

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker
from plait.api.documents.naming import field_at, names_of
from plait.api.documents.registers import Register, time_of
from plait.base.causality import Dot
from plait.base.errors import ConflictChanged
from plait.engines.graph_port import GraphReplica
from plait.types.concurrent_register import ConcurrentRegister, Siblings
from plait.types.kept_writes import Writes
from plait.types.paths import Path, tag_of
from plait.types.register import ASK, MERGE

_TYPES: Final[dict[str, ConcurrentRegister]] = {"q": ASK, "m": MERGE}
_ANYTHING: Final = Checker(Any, "a register")


class Sibling:
    """One of the values, who wrote it and when, and whether that was here."""

    __slots__ = ("own", "value", "when", "who")

    def __init__(self, value: Any, who: str, when: datetime, own: bool) -> None:
        self.value = value
        self.who = who
        self.when = when
        self.own = own  # written by this replica, or by the author that it has now

    def __repr__(self) -> str:
        return f"<{self.value!r} by {self.who}, {self.when:%Y-%m-%d %H:%M}>"


class Conflict:
    """One register that waits for a decision, as it was when the inbox was read."""

    __slots__ = ("_access", "_checker", "_heads", "_path", "base", "key", "path", "shown",
                 "versions")  # fmt: skip

    def __init__(
        self, access: Access, key: str, path: Path, state: Writes, found: Siblings, checker: Checker
    ) -> None:
        self._access = access
        self._path = path
        self._checker = checker
        self._heads = tuple(state.heads)
        replica, load = access.replica, checker.load
        self.key = key
        self.path = names_of(path)
        self.base = load(found.base)  # what the authors last agreed on; None if on nothing
        self.shown = load(found.shown)  # what everybody reads meanwhile
        # the newest is last
        self.versions = tuple(
            Sibling(
                load(one.value), replica.who(*one.dot), time_of(one.hlc), _own(replica, one.dot)
            )
            for one in found.heads
        )

    @property
    def collection(self) -> str:
        """The name of the documents that it is in."""
        return self._access.name

    @property
    def field(self) -> str:
        """The path as text: ``"meta.when"``; a name that has a dot itself in quotes."""
        return ".".join(name if _is_plain(name) else json.dumps(name) for name in self.path)

    @property
    def kind(self) -> Literal["ask", "merge"]:
        """Whether the field always asks, or its merge function did not do."""
        return "ask" if tag_of(self._path[-1]) == ASK.tag else "merge"

    @property
    def siblings(self) -> list[Any]:
        """The values, oldest first; the last is shown."""
        return [version.value for version in self.versions]

    @property
    def who(self) -> list[str]:
        """Who wrote each of the siblings."""
        return [version.who for version in self.versions]

    @property
    def when(self) -> list[datetime]:
        """When each of the siblings was written."""
        return [version.when for version in self.versions]

    @property
    def since(self) -> datetime:
        """When the second of the siblings was written: from then on there was something to
        decide."""
        return self.versions[1].when

    def resolve(self, value: Any) -> None:
        """Decide: `value`, one of the siblings or another, replaces them all.

        Raises `ConflictChanged` if there is nothing to decide any more, or if other siblings stand
        here by now; what is written elsewhere at the same time is a conflict with this.
        """
        access, key, path = self._access, self.key, self._path
        type_ = _TYPES[tag_of(path[-1])]
        where = access.where(key, path)
        state = access.state(key, path)
        if state is None or type_.conflict(state) is None:
            raise ConflictChanged(f"the conflict at {where} was resolved meanwhile", key=key)
        if tuple(state.heads) != self._heads:
            raise ConflictChanged(f"there are other values at {where} by now", key=key)
        plain = self._checker.store(value, lambda: where)
        access.mutate(key, path, ("resolve", plain))

    def __repr__(self) -> str:
        values = ", ".join(map(repr, self.versions))
        return f"<Conflict {self.key!r}.{self.field}: {values}, on {self.base!r}>"


def conflicts_in(access: Access, document: Any) -> list[Conflict]:
    """Every conflict of a collection, by key and path. `document`: a class, for the types of its
    fields and their merge functions; None if it is not known."""
    return _conflicts(access, document, None)


def conflicts_of(access: Access, document: Any, key: str) -> list[Conflict]:
    """The conflicts of one document, by path."""
    return _conflicts(access, document, key)


def _conflicts(access: Access, document: Any, key: str | None) -> list[Conflict]:
    access.check()
    found = []
    for at, path in access.view.contended(tuple(_TYPES), key):
        field = field_at(document, path)
        if isinstance(field, Register):
            field.at(access, at, path)  # lets a merge function say that it cannot
        state = access.state(at, path)
        if state is None:
            continue
        siblings = _TYPES[tag_of(path[-1])].conflict(state)
        if siblings is not None:
            checker = field.checker if isinstance(field, Register) else _ANYTHING
            found.append(Conflict(access, at, path, state, siblings, checker))
    return found


def _own(replica: GraphReplica, dot: Dot) -> bool:
    author = replica.author
    return dot[0] == replica.replica or (author is not None and replica.who(*dot) == author)


def _is_plain(name: str) -> bool:
    return bool(name) and not any(character in '."' or character < " " for character in name)
