"""Trees: nodes with a parent that can be moved, each with a map of values.

A move that would make a cycle together with somebody else's is ignored, the same way everywhere.
"""

from collections.abc import Iterator
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar, overload

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker
from plait.api.documents.field import Held, ViewField
from plait.api.documents.view import TypedView
from plait.base.errors import BadValue
from plait.types.catalogue import type_of
from plait.types.paths import Path

T = TypeVar("T")

_TREE: Final = type_of("t")


class TreeNode(NamedTuple):
    """A node as it is: its id, its parent (None: a root) and its value."""

    id: str
    parent: str | None
    value: Any


class TreeView(TypedView, Generic[T]):
    """A forest. Nodes are named by their ids, which `create` gives."""

    __slots__ = ("_checker",)
    _type = _TREE

    def __init__(self, access: Access, key: str, path: Path, checker: Checker) -> None:
        super().__init__(access, key, path)
        self._checker = checker
