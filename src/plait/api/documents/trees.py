"""Views on trees: nodes with a parent, a place among its children, and a value.

Nodes are named by the ids that `create` gives; `ROOT` is above the topmost ones. A move that would
make a cycle together with somebody else's is ignored, the same way everywhere.
"""

from collections.abc import Iterator
from typing import Any, Final, Generic, Self, TypeVar, overload

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker
from plait.api.documents.field import Field, Held, refuse
from plait.api.documents.view import TypedView
from plait.types.graph_type import Here
from plait.types.moves import ROOT
from plait.types.paths import Path
from plait.types.tree import Tree as TreeType

T = TypeVar("T")

_TREE: Final = TreeType()


class TreeView(TypedView, Generic[T]):
    """A forest; iterating gives the ids of all nodes, each before those below it."""

    __slots__ = ("_checker",)
    _type = _TREE

    def __init__(self, access: Access, key: str, path: Path, checker: Checker) -> None:
        super().__init__(access, key, path)
        self._checker = checker

    # ------------------------------------------------------------------ reading

    @property
    def value(self) -> list[dict[str, Any]]:
        """The topmost nodes as ``{"id", "value", "children"}``, and so on below them."""
        nodes: list[dict[str, Any]] = super().value
        return nodes

    def roots(self) -> list[str]:
        """The topmost nodes, in order."""
        return self.children(ROOT)

    def children(self, node: str = ROOT) -> list[str]:
        """The nodes below one, in order."""
        return _TREE.children(self._state(), node)

    def parent(self, node: str) -> str | None:
        """The node above one; None for a topmost one. `KeyError` for one that is not there."""
        return self._parent(node) or None

    def get(self, node: str) -> T:
        """The value of a node. `KeyError` for one that is not there."""
        self._parent(node)
        return self._checker.load(  # type: ignore[no-any-return]
            _TREE.node_value(self._state(), node)
        )

    def __getitem__(self, node: str) -> T:
        return self.get(node)

    def __contains__(self, node: object) -> bool:
        return (
            isinstance(node, str) and node != ROOT and _TREE.parent(self._state(), node) is not None
        )

    def __iter__(self) -> Iterator[str]:
        state = self._state()
        waiting = list(reversed(_TREE.children(state, ROOT)))
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(_TREE.children(state, node)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    # ------------------------------------------------------------------ writing

    def create(self, parent: str | None = None, value: Any = None, index: int | None = None) -> str:
        """A new node below `parent` (None: a topmost one), at `index` among its children; its id.

        `BadCall` for a parent that is not there, `BadValue` for a value of another type.
        """
        plain = None if value is None else self._checker.store(value, self._where)
        replica = self._access.replica
        node = _TREE.next_node(self._state(), Here(replica.replica, replica.vector))
        self._do("create", None, parent or ROOT, plain, index)
        return node

    def move(self, node: str, parent: str | None = None, index: int | None = None) -> None:
        """Put a node, and all below it, below another (None: make it a topmost one)."""
        self._do("move", node, parent or ROOT, index)

    def delete(self, node: str) -> None:
        """Remove a node and all below it, except what somebody moves out at the same time."""
        self._do("delete", node)

    def set(self, node: str, value: T) -> None:
        """Give a node a value."""
        self._do("set", node, self._checker.store(value, self._where))

    def __setitem__(self, node: str, value: T) -> None:
        self.set(node, value)

    def __delitem__(self, node: str) -> None:
        self.delete(node)

    def _do(self, *mutation: Any) -> None:
        self._access.mutate(self._key, self._path, mutation)

    def _parent(self, node: str) -> str:
        parent = _TREE.parent(self._state(), node)
        if parent is None or node == ROOT:
            raise KeyError(node)
        return parent

    def _state(self) -> Any:
        state = self._access.state(self._key, self._path)
        return _TREE.zero() if state is None else state


class Tree(Field, Generic[T]):
    """A field that holds a tree: ``Tree(str)`` checks the values of its nodes."""

    __slots__ = ("checker", "declared")
    tag = "t"

    @overload
    def __init__(self: "Tree[Any]", *, alias: str | None = ...) -> None: ...
    @overload
    def __init__(self, declared: type[T], *, alias: str | None = ...) -> None: ...
    def __init__(self, declared: Any = Any, *, alias: str | None = None) -> None:
        super().__init__(alias)
        self.declared = declared
        self.checker = Checker(declared, "Tree()")

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> TreeView[T]: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | TreeView[T]:
        if held is None:
            return self
        return TreeView(held._access, held._key, self.place(held), self.checker)

    def __set__(self, held: Held, value: TreeView[T]) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> TreeView[T]:
        """A view."""
        return TreeView(access, key, path, self.checker)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Only its own view."""
        refuse(self.at(access, key, path), value, "change it with create(), move() and delete()")
