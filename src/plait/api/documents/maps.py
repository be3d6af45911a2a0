"""Maps: any number of objects of one kind, by name.

``Map(Counter())`` is a map of counters. Removing a key resets what was seen under it; what others
change there at the same time survives, and with it the key.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Self, overload

from plait.api.documents.access import Access
from plait.api.documents.checking import shown
from plait.api.documents.field import Field, Held
from plait.api.documents.registers import Register
from plait.api.documents.view import View
from plait.base.errors import BadDocument, BadValue
from plait.types.paths import Path, component, name_of


class MapView(MutableMapping[str, Any], View):
    """A mapping from names to what the map's field gives.

    A name that is not there raises `KeyError` where values are registers without a default; where
    they are views it gives an empty one, so that ``doc.stock["apple"] += 1`` works.
    """

    __slots__ = ("_field",)
    __eq__ = View.__eq__
    __hash__ = None
    __repr__ = View.__repr__

    def __init__(self, access: Access, key: str, path: Path, field: Field) -> None:
        self._access = access
        self._key = key
        self._path = path
        self._field = field

    @property
    def value(self) -> dict[str, Any]:
        """It and everything in it, as plain Python values."""
        field = self._field
        return {
            name: field.plain(self._access, self._key, self._place(name)) for name in self._names()
        }

    def __getitem__(self, name: str) -> Any:
        field, place = self._field, self._place(name)
        if (
            isinstance(field, Register)
            and not field.has_default
            and not field.alive(self._access, self._key, place)
        ):
            raise KeyError(name)
        return field.at(self._access, self._key, place)

    def __setitem__(self, name: str, value: Any) -> None:
        self._field.assign(self._access, self._key, self._place(name), value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._access.clear(self._key, self._place(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._field.alive(
            self._access, self._key, self._place(name)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def get(self, name: str, default: Any = None) -> Any:
        """What is under `name`, or `default`."""
        return self[name] if name in self else default  # noqa: SIM401 - this is `get`

    def pop(self, name: str, *default: Any) -> Any:
        """Take out what is under `name`, as plain values; `KeyError` without a default."""
        if name not in self and default:
            return default[0]
        value = self._field.plain(self._access, self._key, self._place(name))
        del self[name]
        return value

    def clear(self) -> None:
        """Remove every key that is in here."""
        with self._access.together():
            for name in self._names():
                self._access.clear(self._key, self._place(name))

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    def _become(self, value: Any) -> None:
        """Hold these keys and no others."""
        if not isinstance(value, Mapping):
            raise BadValue(f"{self._where()} is a map; it cannot become {shown(value)}")
        with self._access.together():
            for name in self._names():
                if name not in value:
                    self._access.clear(self._key, self._place(name))
            for name, one in value.items():
                if (
                    name not in self
                    or self._field.plain(self._access, self._key, self._place(name)) != one
                ):
                    self[name] = one

    def _names(self) -> list[str]:
        prefix = self._field.tag + ":"
        children = self._access.children(self._key, self._path)
        return [name_of(part) for part in children if part.startswith(prefix)]

    def _place(self, name: Any) -> Path:
        if type(name) is not str and not isinstance(name, str):
            raise BadValue(f"{self._where()}: keys of a map are str, not {shown(name)}")
        return (*self._path, component(self._field.tag, name))


class Map(Field):
    """A field that maps names to objects of one kind: ``Map(Counter())``, ``Map(Map(...))``."""

    __slots__ = ("values",)
    tag = "o"

    def __init__(self, values: Field, *, alias: str | None = None) -> None:
        super().__init__(alias)
        self.values = values

    def check_declared(self, where: str) -> None:
        """Its values must be a field."""
        if not isinstance(self.values, Field):
            raise BadDocument(
                f"{where}: Map() takes a field, as in Map(Counter()) or Map(Register(str)), not"
                f" {shown(self.values)}"
            )
        if self.values.name or self.values.alias:
            raise BadDocument(f"{where}: the field in a Map() has no name and no alias of its own")
        self.values.check_declared(f"{where}[...]")

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> MapView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | MapView:
        if held is None:
            return self
        place = self.place(held) if self.alias is not None else held._path + self._own
        return MapView(held._access, held._key, place, self.values)

    def __set__(self, held: Held, value: Mapping[str, Any]) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> MapView:
        """A view."""
        return MapView(access, key, path, self.values)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Hold these keys and no others, where the values can be assigned."""
        view = self.at(access, key, path)
        if not (isinstance(value, View) and view._stands_for(value)):
            view._become(value)

    def alive(self, access: Access, key: str, path: Path) -> bool:
        """Whether it has any key."""
        return bool(access.children(key, path))
