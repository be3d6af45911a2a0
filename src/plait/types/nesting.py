"""Nesting: maps, documents in documents, JSON objects. All of it is in the paths.

A component with the tag `o` is an object that holds others by name and has no state of its own: it
is there while anything in it is. So concurrent creation merges, removing it is clearing what is in
it, and a concurrent update inside survives.

A list (`l`) has a state, and holds objects as well, by the names of its elements: those are shown
that the state lists. What somebody writes into an element while somebody else deletes it is kept,
and is seen again if the element is.

Invariant: `components[parent]` has a component iff something was written at or below it and has not
been dropped since; no entry is empty.
"""

from collections.abc import Callable, Container, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from plait.base.errors import BadCall
from plait.graph.event import PATH_MAX
from plait.types.paths import Path, tag_of

NEST = "o"
PATH_BYTES_MAX = 4096
CHILDREN_MAX = 1_000_000  # of one object

Alive: TypeAlias = Callable[[Path], bool]


class Nesting:
    """Which children objects have."""

    __slots__ = ("components",)

    def __init__(self) -> None:
        self.components: dict[Path, dict[str, None]] = {}

    def add(self, path: Path) -> None:
        """There is an object at `path`."""
        while path:
            parent, part = path[:-1], path[-1]
            children = self.components.setdefault(parent, {})
            if part in children:
                return
            children[part] = None
            path = parent

    def drop(self, path: Path, objects: Container[Path] = ()) -> None:
        """There is no object at `path` any more; `objects` are those that there are, as a list
        has a state besides what is in it."""
        while path and path not in self.components and path not in objects:
            parent = path[:-1]
            children = self.components[parent]
            del children[path[-1]]
            if children:
                return
            del self.components[parent]
            path = parent

    def below(self, path: Path) -> Iterator[Path]:
        """Paths at and below this one, parents first."""
        waiting = [path]
        while waiting:
            path = waiting.pop()
            yield path
            waiting += [(*path, part) for part in self.components.get(path, ())]

    def alive(self, path: Path, alive: Alive) -> bool:
        """Whether anything at or below the path is alive."""
        return any(alive(below) for below in self.below(path))

    def children(self, path: Path, alive: Alive) -> list[str]:
        """Components of the children that are alive, sorted."""
        children = self.components.get(path, ())
        return [part for part in sorted(children) if self.alive((*path, part), alive)]


@lru_cache(maxsize=4096)
def holds(path: Path) -> bool:
    """Whether an object with a state can stand at this path. Said of every path, at every replica:
    what is written elsewhere has no effect."""
    if not 1 <= len(path) <= PATH_MAX or sum(map(len, path)) > PATH_BYTES_MAX:
        return False
    return (
        tag_of(path[-1]) not in (NEST, "")
        and ":" in path[-1]
        and all(
            part.startswith("o:") or (part.startswith("l:") and after.startswith("o:"))
            for part, after in pairwise(path)
        )
    )


def check_path(path: Path) -> None:
    """Raise `BadCall` for a path at which nothing can be written."""
    if len(path) > PATH_MAX:
        raise BadCall(f"objects nest at most {PATH_MAX} deep, this is {len(path)}")
    if sum(map(len, path)) > PATH_BYTES_MAX:
        raise BadCall(f"the names down to an object have at most {PATH_BYTES_MAX} characters")
    try:
        "".join(path).encode()
    except UnicodeEncodeError as error:
        raise BadCall(f"the name {error.object!r} is not valid Unicode") from None
    if not holds(path):
        raise BadCall(f"nothing can be written at {path!r}")
