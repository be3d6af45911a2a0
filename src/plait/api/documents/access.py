"""The way from a document to its collection: every read and every write goes through here.

`Access` is the present, on this process's replica; `PastAccess` is a version of the past, which
nobody changes. Views hold one of them, a key and a path, and nothing else: they are made anew
whenever a field is read and cost nothing to keep.

Invariant: whatever is written here is either undoable (`plait.api.documents.undo`) or has changed
nothing; but for what is assigned to many documents at once, and where undoing is switched off.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn

from plait.api.documents.undo import Undo, restoring
from plait.base.causality import Dot
from plait.base.codec import encode_key
from plait.base.errors import ReadOnly
from plait.engines.graph_port import GraphReplica, GraphView
from plait.types.graph_type import GraphType, Mutation
from plait.types.paths import Path, name_of


class Access:
    """One collection, as it is now. Every Documents handle has its own, with its own undo."""

    __slots__ = ("_mutate", "check", "name", "replica", "undo", "view", "who")
    is_past: ClassVar[bool] = False

    def __init__(self, replica: GraphReplica, who: str | None = None) -> None:
        self.replica = replica
        self.view: GraphView = replica
        self.who = who
        self.name = replica.name
        self.undo = Undo()
        replica.heed_rollback(self.undo.forget)
        # bound once: these are on the way of every attribute
        self.check = replica.check
        self._mutate = replica.mutate

    # ------------------------------------------------------------------ reading

    def state(self, key: str, path: Path) -> Any | None:
        """The state of an object, for its type; None if nothing was ever written there."""
        self.check()
        return self.view.object(key, path)

    def read(self, key: str, path: Path, type_: GraphType[Any]) -> Any:
        """The value of an object."""
        self.check()
        state = self.view.object(key, path)
        return type_.value(type_.zero() if state is None else state)

    def alive(self, key: str, path: Path, type_: GraphType[Any]) -> bool:
        """Whether anything is there."""
        self.check()
        state = self.view.object(key, path)
        return state is not None and type_.alive(state)

    def children(self, key: str, path: Path) -> list[str]:
        """Components of the children that are alive, sorted."""
        self.check()
        return self.view.children(key, path)

    def exists(self, key: str) -> bool:
        """Whether the document is there. `BadKey`."""
        encode_key(key)
        self.check()
        return self.view.exists(key)

    # ------------------------------------------------------------------ writing

    def mutate(self, key: str, path: Path, mutation: Mutation) -> Dot | None:
        """Change an object; visible here at once. The event, or None if nothing changed.

        Raises what `GraphReplica.mutate` does.
        """
        self.check()
        return self._mutate(key, path, mutation, self.undo.note)

    def assign(self, path: Path, values: Mapping[str, Any]) -> bool:
        """Assign a register of many documents; False: it has to be done one by one."""
        self.check()
        return self.replica.assign(path, values)

    def clear(self, key: str, path: Path) -> None:
        """Reset everything at and below the path."""
        self.check()
        entries = restoring(self.view, key, path)
        self.replica.clear(key, path)
        self.undo.wrote_all(entries)

    def delete(self, key: str) -> None:
        """Hide the document, if it is there."""
        if self.exists(key):
            entries = restoring(self.view, key, ())
            self.replica.delete(key)
            self.undo.wrote_all(entries)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is undone together."""
        opened = self.undo.open()
        try:
            yield
        finally:
            if opened:
                self.undo.close()

    # ------------------------------------------------------------------ messages

    def where(self, key: str, path: Path) -> str:
        """A field in an error message: ``notes['n1'].title``."""
        return f"{self.name}[{key!r}]" + "".join("." + name_of(part) for part in path)


class PastAccess(Access):
    """One collection as it was; whoever writes is told so."""

    __slots__ = ()
    is_past = True

    def __init__(self, replica: GraphReplica, view: GraphView) -> None:
        super().__init__(replica)
        self.view = view

    def mutate(self, key: str, path: Path, mutation: Mutation) -> NoReturn:
        """Refuse."""
        self._refuse(key, path)

    def clear(self, key: str, path: Path) -> NoReturn:
        """Refuse."""
        self._refuse(key, path)

    def delete(self, key: str) -> NoReturn:
        """Refuse."""
        self._refuse(key, ())

    def _refuse(self, key: str, path: Path) -> NoReturn:
        raise ReadOnly(f"{self.where(key, path)} was read from the past, which cannot be changed")
