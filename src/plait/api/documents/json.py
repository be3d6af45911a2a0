"""Free-form values: maps of maps of anything, changed in place.

Every map is an object of its own and every leaf a register of its own, so what two people change
in different places is all kept. A list is a leaf: it is read as a copy and assigned as a whole.

A key that is not there reads as an empty map, so that ``docs["k"]["a"]["b"] = 1`` makes what it
needs; ``in`` and ``get`` tell whether it is there. A map that was assigned stays when its last
key goes; one that only came about with its keys goes with them.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Final, Self, overload

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker, shown
from plait.api.documents.field import Field, Held
from plait.api.documents.view import View
from plait.base.errors import BadValue
from plait.graph.event import PATH_MAX
from plait.types.catalogue import type_of
from plait.types.last_writer_wins import LAST_WRITER_WINS
from plait.types.paths import Path, component, name_of, tag_of

_LEAF: Final = LAST_WRITER_WINS
_ANYTHING: Final = Checker(Any, "Json")
_MISSING: Final = object()


class JsonMapping(MutableMapping[str, Any]):
    """The mapping at a place of a document; `JsonView` and `JsonDocument` are such."""

    __slots__ = ()
    _access: Access
    _key: str
    _path: Path

    # ------------------------------------------------------------------ reading

    def __getitem__(self, name: str) -> Any:
        self._check(name)
        found = self._find(name)
        return JsonView(self._access, self._key, self._inner(name)) if found is _MISSING else found

    def get(self, name: str, default: Any = None) -> Any:
        """What is under `name`, or `default`."""
        found = self._find(name) if isinstance(name, str) else _MISSING
        return default if found is _MISSING else found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not _MISSING

    def __iter__(self) -> Iterator[str]:
        names = [name_of(part) for part in self._access.children(self._key, self._path)]
        return iter(sorted(set(names)))

    def __len__(self) -> int:
        return len({name_of(part) for part in self._access.children(self._key, self._path)})

    def _plain(self) -> dict[str, Any]:
        found = {}
        for name in self:
            value = self._find(name)
            if value is not _MISSING:
                found[name] = value._plain() if isinstance(value, JsonView) else value
        return found

    def _find(self, name: str) -> Any:
        access, key = self._access, self._key
        inner = self._inner(name)
        if access.children(key, inner):  # a map wins over a leaf that was assigned meanwhile
            return JsonView(access, key, inner)
        state = access.state(key, self._leaf(name))
        if state is not None and _LEAF.alive(state):
            value = _LEAF.value(state)
            return JsonView(access, key, inner) if isinstance(value, dict) else value
        return self._find_typed(name)

    def _find_typed(self, name: str) -> Any:
        """What a document class wrote there, as a value."""
        for part in self._access.children(self._key, self._path):
            if name_of(part) == name and tag_of(part) not in ("o", "r"):
                return self._access.read(self._key, (*self._path, part), type_of(tag_of(part)))
        return _MISSING

    # ------------------------------------------------------------------ writing

    def __setitem__(self, name: str, value: Any) -> None:
        self._check(name)
        inner = self._inner(name)
        if isinstance(value, JsonView) and value._path == inner and value._key == self._key:
            return  # what `view["x"] |= {...}` assigns
        writes = list(self._writes(self._path, name, value))  # checked before anything is written
        access, key = self._access, self._key
        with access.together():
            if access.children(key, inner):
                access.clear(key, inner)
            for path, plain in writes:
                access.mutate(key, path, ("set", plain))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        with self._access.together():
            for part in self._access.children(self._key, self._path):
                if name_of(part) == name:
                    self._access.clear(self._key, (*self._path, part))

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        """Take out what is under `name`, as plain values; `KeyError` without a default."""
        found = self.get(name, _MISSING)
        if found is _MISSING:
            if default is _MISSING:
                raise KeyError(name)
            return default
        plain = found._plain() if isinstance(found, JsonView) else found
        del self[name]
        return plain

    def setdefault(self, name: str, default: Any = None) -> Any:
        """What is under `name`; `default` is put there if nothing is."""
        if name not in self:
            self[name] = default
        return self[name]

    def clear(self) -> None:
        """Take out everything that is in here; what is written elsewhere meanwhile stays."""
        with self._access.together():
            for part in self._access.children(self._key, self._path):
                self._access.clear(self._key, (*self._path, part))

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    def _become(self, value: Any) -> None:
        """Hold these keys and no others."""
        if isinstance(value, JsonMapping):
            value = value._plain()
        if not isinstance(value, Mapping):
            raise BadValue(f"{self._where()} is a map; it cannot become {shown(value)}")
        writes = [w for name, one in value.items() for w in self._writes(self._path, name, one)]
        with self._access.together():
            self.clear()
            for path, plain in writes:
                self._access.mutate(self._key, path, ("set", plain))

    def _writes(self, path: Path, name: Any, value: Any) -> Iterator[tuple[Path, Any]]:
        """The leaves of a value; a map is a leaf that holds {}, and what is in it."""
        self._check(name)
        if len(path) >= PATH_MAX - 1:
            raise BadValue(f"{self._where()}: maps nest at most {PATH_MAX} deep")
        if isinstance(value, View | JsonMapping):
            value = value._plain() if isinstance(value, JsonMapping) else value.value
        leaf = (*path, component("r", name))
        if not isinstance(value, Mapping):
            yield leaf, _ANYTHING.store(value, self._where)
            return
        yield leaf, {}
        for inner_name, inner in value.items():
            yield from self._writes((*path, component("o", name)), inner_name, inner)

    # ------------------------------------------------------------------ places

    def _leaf(self, name: str) -> Path:
        return (*self._path, component("r", name))

    def _inner(self, name: str) -> Path:
        return (*self._path, component("o", name))

    def _check(self, name: Any) -> None:
        if not isinstance(name, str):
            raise BadValue(f"{self._where()}: keys of a map are str, not {shown(name)}")

    def _where(self) -> str:
        return self._access.where(self._key, self._path)


class JsonView(JsonMapping, View):
    """A map within a document."""

    __slots__ = ()
    __eq__ = View.__eq__
    __hash__ = None
    __repr__ = View.__repr__

    @property
    def value(self) -> dict[str, Any]:
        """It and everything in it, as plain Python values."""
        return self._plain()


class Json(Field):
    """A field that holds a map of anything: ``doc.data["a"]["b"] = 1``."""

    __slots__ = ()
    tag = "o"

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> JsonView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | JsonView:
        if held is None:
            return self
        return JsonView(held._access, held._key, self.place(held))

    def __set__(self, held: Held, value: Mapping[str, Any]) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> JsonView:
        """A view."""
        return JsonView(access, key, path)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Hold these keys and no others."""
        view = JsonView(access, key, path)
        if not view._stands_for(value):
            view._become(value)

    def alive(self, access: Access, key: str, path: Path) -> bool:
        """Whether it has any key."""
        return bool(access.children(key, path))
