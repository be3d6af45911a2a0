"""The conflict inbox: registers whose concurrent values wait for a person.

`Ask` registers have a conflict whenever different values were assigned at the same time, `Merge`
registers where their function could not merge. Meanwhile every replica shows the same one.
`resolve` is an ordinary write that replaces all siblings; two people who resolve at the same time
agree, or make one new conflict on the same base.

Finding conflicts looks at every register of the documents asked about: there is no index of them.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker
from plait.api.documents.naming import field_at, names_of
from plait.api.documents.registers import Register, time_of
from plait.types.concurrent_register import ConcurrentRegister, Siblings
from plait.types.paths import Path, tag_of
from plait.types.register import ASK, MERGE

_TYPES: Final[dict[str, ConcurrentRegister]] = {"q": ASK, "m": MERGE}
_ANYTHING: Final = Checker(Any, "a register")


class Sibling:
    """One of the values, who wrote it and when."""

    __slots__ = ("value", "when", "who")

    def __init__(self, value: Any, who: str, when: datetime) -> None:
        self.value = value
        self.who = who
        self.when = when

    def __repr__(self) -> str:
        return f"<{self.value!r} by {self.who}, {self.when:%Y-%m-%d %H:%M}>"


class Conflict:
    """One register that waits for a decision, as it was when the inbox was read."""

    __slots__ = ("_access", "_checker", "_path", "base", "key", "path", "shown", "versions")

    def __init__(
        self, access: Access, key: str, path: Path, found: Siblings, checker: Checker
    ) -> None:
        self._access = access
        self._path = path
        self._checker = checker
        replica, load = access.replica, checker.load
        self.key = key
        self.path = names_of(path)
        self.base = load(found.base)  # what the authors last agreed on; None if on nothing
        self.shown = load(found.shown)  # what everybody reads meanwhile
        # the newest is last
        self.versions = tuple(
            Sibling(load(one.value), replica.who(one.dot[0]), time_of(one.hlc))
            for one in found.heads
        )

    @property
    def field(self) -> str:
        """The path as text: ``"meta.when"``."""
        return ".".join(self.path)

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

    def resolve(self, value: Any) -> None:
        """Decide: `value`, one of the siblings or another, replaces all that stands here now."""
        access = self._access
        plain = self._checker.store(value, lambda: access.where(self.key, self._path))
        access.mutate(self.key, self._path, _TYPES[tag_of(self._path[-1])], ("resolve", plain))

    def __repr__(self) -> str:
        values = ", ".join(map(repr, self.versions))
        return f"<Conflict {self.key!r}.{self.field}: {values}, on {self.base!r}>"


def conflicts_in(access: Access, document: Any) -> list[Conflict]:
    """Every conflict of a collection, by key and path."""
    access.check()
    return [
        conflict
        for key in access.view.keys(None, None)
        for conflict in conflicts_of(access, document, key)
    ]


def conflicts_of(access: Access, document: Any, key: str) -> list[Conflict]:
    """The conflicts of one document, by path."""
    found = []
    for path in _registers(access, key, ()):
        type_ = _TYPES[tag_of(path[-1])]
        field = field_at(document, path)
        if isinstance(field, Register) and access.state(key, path) is not None:
            field.at(access, key, path)  # lets a merge function say that it cannot
        state = access.state(key, path)
        siblings = None if state is None else type_.conflict(state)
        if siblings is not None:
            checker = field.checker if isinstance(field, Register) else _ANYTHING
            found.append(Conflict(access, key, path, siblings, checker))
    return found


def _registers(access: Access, key: str, path: Path) -> Iterator[Path]:
    """Paths of the registers that can have conflicts, at and below a path."""
    for part in access.children(key, path):
        tag = tag_of(part)
        if tag in _TYPES:
            yield (*path, part)
        elif tag == "o":
            yield from _registers(access, key, (*path, part))
