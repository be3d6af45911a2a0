"""What reading a field gives where the value can be changed in place: a view on one object.

A view holds no value: it reads and writes the replica whenever it is asked. Views equal each other
and plain Python values by what they show, so they cannot be hashed.
"""

from typing import Any, ClassVar, Self

from plait.api.documents.access import Access
from plait.base.errors import BadValue
from plait.types.graph_type import GraphType
from plait.types.paths import Path


class View:
    """One object of a document."""

    __slots__ = ("_access", "_key", "_path")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, access: Access, key: str, path: Path) -> None:
        self._access = access
        self._key = key
        self._path = path

    @property
    def value(self) -> Any:
        """What it shows, as plain Python values."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if isinstance(other, View):
            return bool(self.value == other.value)
        return bool(self.value == other)

    def __repr__(self) -> str:
        return repr(self.value)

    def _stands_for(self, other: object) -> bool:
        """Whether `other` is a view on the same object: ``x.field += 1`` assigns that."""
        return (
            type(other) is type(self)
            and other._path == self._path
            and other._key == self._key
            and other._access is self._access
        )

    def _where(self) -> str:
        return self._access.where(self._key, self._path)


class TypedView(View):
    """A view on an object of one fixed type of the catalogue."""

    __slots__ = ()
    _type: ClassVar[GraphType[Any]]

    @property
    def value(self) -> Any:
        """What it shows, as plain Python values."""
        return self._access.read(self._key, self._path, self._type)


class CustomView(View):
    """A view on an object of a user's own type: ``view.do("method", argument)`` changes it."""

    __slots__ = ("_type",)

    def __init__(self, access: Access, key: str, path: Path, type_: GraphType[Any]) -> None:
        super().__init__(access, key, path)
        self._type = type_

    @property
    def value(self) -> Any:
        """What the type's `value` says."""
        return self._access.read(self._key, self._path, self._type)

    def do(self, method: str, *arguments: Any) -> Self:
        """Prepare and apply the mutation ``(method, *arguments)`` of the type."""
        if not isinstance(method, str):
            raise BadValue(f"{self._where()}: a mutation begins with its name, not {method!r}")
        self._access.mutate(self._key, self._path, (method, *arguments))
        return self
