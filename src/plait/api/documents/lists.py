"""Views on lists: everything that Python's lists do, and `move`.

``List(str)`` holds values. ``List(Task)``, of a document class, holds documents: each element is
one of its own, with a place below the list that moving does not change, so people who edit inside
it at the same time are merged like everywhere else.

Reading is as of a `list`. Writing takes the indexes that are in the list and no others: what is out
of bounds was meant for another list, so it is a `BadCall` and nothing happens.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence, Set
from typing import Any, Final, Generic, Self, SupportsIndex, TypeVar, overload

from plait.api.documents.access import Access
from plait.api.documents.change import OpenChange
from plait.api.documents.checking import Checker, shown
from plait.api.documents.field import Field, Held
from plait.api.documents.view import View
from plait.base.errors import BadCall, BadDocument, BadValue
from plait.types.lists.slots import ElementId, name_of_element
from plait.types.lists.state import ListState
from plait.types.lists.type import LIST
from plait.types.paths import Path, component
from plait.types.plain import given

T = TypeVar("T")

_NOTHING: Final = LIST.zero()


class ListView(MutableSequence[T], View):
    """A list that others edit at the same time; indexes are as of what is known here."""

    __slots__ = ("_field",)
    __hash__ = None
    __repr__ = View.__repr__

    def __init__(self, access: Access, key: str, path: Path, field: "List[T]") -> None:
        self._access = access
        self._key = key
        self._path = path
        self._field = field

    # ------------------------------------------------------------------ reading

    @property
    def value(self) -> list[Any]:
        """Its elements as plain Python values, documents as dicts."""
        if self._field.document is not None:
            return [document.to_dict() for document in self]  # type: ignore[attr-defined]
        return list(self)

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | list[T]:
        state = self._state()
        size = state.size()
        if isinstance(index, slice):
            start, stop, step = index.indices(size)
            if step == 1:
                return self._shown(state, start, max(start, stop))
            return self._shown(state, 0, size)[index]
        at = operator.index(index)
        at = at + size if at < 0 else at
        if not 0 <= at < size:
            raise IndexError(f"{self._where()} has no element {index}, but {size} of them")
        return self._shown(state, at, at + 1)[0]

    def __len__(self) -> int:
        return self._state().size()

    def __iter__(self) -> Iterator[T]:
        """The elements that it has now, whatever happens to it meanwhile."""
        return iter(self[:])

    def __contains__(self, value: object) -> bool:
        return value in self[:]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, View):
            other = other.value
        return isinstance(other, list) and self.value == other

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Where a value first stands; `ValueError` if nowhere."""
        found = self[:]
        return found.index(value, start, len(found) if stop is None else stop)

    def count(self, value: Any) -> int:
        """How often a value stands in it."""
        return self[:].count(value)

    # ------------------------------------------------------------------ writing

    def append(self, value: Any) -> None:
        """Put a value at the end."""
        self._insert(len(self), [value])

    def extend(self, values: Iterable[Any]) -> None:
        """Put values at the end; they stay together."""
        self._insert(len(self), list(values))

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """Put a value before the element at `index`; at the end, if that is the length."""
        size = len(self)
        at = self._number(index)
        at = at + size if at < 0 else at
        if not 0 <= at <= size:
            raise BadCall(f"{self._where()} has no place {index}, but {size} elements")
        self._insert(at, [value])

    def move(self, source: int, target: int) -> None:
        """Let the element at `source` stand at `target`, as what it is: who edits it edits it
        there. Of two moves of it at the same time the later one counts."""
        self._do("move", self._at(source), self._at(target))

    def pop(self, index: int = -1) -> Any:
        """Take an element out, as a plain value."""
        at = self._at(index)
        found = self._plain(at)
        self._delete(at, 1)
        return found

    def remove(self, value: Any) -> None:
        """Take out the first element that is equal; `ValueError` if none is."""
        self._delete(self.index(value), 1)

    def clear(self) -> None:
        """Take everything out that is in here; what is put in elsewhere meanwhile stays."""
        self._delete(0, len(self))

    def reverse(self) -> None:
        """Move the elements to where they stand from the other end, as one edit."""
        self._do("arrange", range(len(self) - 1, -1, -1))

    def sort(self, *, key: Callable[[T], Any] | None = None, reverse: bool = False) -> None:
        """Put the elements in order, as `list.sort` does, by moving as few of them as possible, as
        one edit. What others put in at the same time stands where they put it."""
        values = self[:]
        keys: list[Any] = values if key is None else [key(value) for value in values]
        self._do("arrange", sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse))

    def copy(self) -> list[T]:
        """Its elements as they are now, as a `list`."""
        return self[:]

    def __add__(self, values: "list[Any] | ListView[Any]") -> list[Any]:
        """A `list` of both."""
        return self[:] + values[:] if isinstance(values, list | ListView) else NotImplemented

    def __radd__(self, values: list[Any]) -> list[Any]:
        """A `list` of both."""
        return values + self[:] if isinstance(values, list) else NotImplemented

    @overload
    def __setitem__(self, index: SupportsIndex, value: Any) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Any]) -> None: ...
    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if not isinstance(index, slice):
            self._set(self._at(index), value)
            return
        values = list(value)
        places = range(*index.indices(len(self)))
        if places.step == 1:
            self._replace(places.start, len(places), values)
            return
        if len(values) != len(places):
            raise ValueError(f"{len(values)} values for a slice of {len(places)}")
        with OpenChange(self._access, None):
            for at, one in zip(places, values, strict=True):
                self._set(at, one)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        if not isinstance(index, slice):
            self._delete(self._at(index), 1)
            return
        places = range(*index.indices(len(self)))
        if abs(places.step) == 1:
            self._delete(min(places, default=0), len(places))
            return
        with OpenChange(self._access, None):
            for at in sorted(places, reverse=True):
                self._delete(at, 1)

    def __iadd__(self, values: Iterable[Any]) -> Self:
        self.extend(values)
        return self

    # ------------------------------------------------------------------ inside

    def _state(self) -> ListState:
        state = self._access.state(self._key, self._path)
        return _NOTHING if state is None else state

    def _shown(self, state: ListState, start: int, stop: int) -> list[T]:
        field = self._field
        if field.document is not None:
            return [self._document(id_) for id_ in state.ids(start, stop)]
        return [field.checker.load(given(value)) for value in state.values(start, stop)]

    def _document(self, id_: ElementId) -> Any:
        assert self._field.document is not None
        return self._field.document(self._access, self._key, self._place(id_))

    def _place(self, id_: ElementId) -> Path:
        return (*self._path, component("o", name_of_element(id_)))

    def _plain(self, at: int) -> Any:
        found: Any = self[at]
        return found if self._field.document is None else found.to_dict()

    def _at(self, index: SupportsIndex) -> int:
        """The index of an element that is there."""
        size, at = len(self), self._number(index)
        at = at + size if at < 0 else at
        if not 0 <= at < size:
            raise BadCall(f"{self._where()} has no element {index}, but {size} of them")
        return at

    def _number(self, index: Any) -> int:
        """An index to write to. `BadValue`; a truth value is one to Python, and a mistake here."""
        try:
            if type(index) is not bool:
                return operator.index(index)
        except TypeError:
            pass
        raise BadValue(f"{self._where()}: an index is a number, not {shown(index)}")

    def _do(self, *mutation: Any) -> tuple[int, int] | None:
        return self._access.mutate(self._key, self._path, mutation)

    def _set(self, at: int, value: Any) -> None:
        if self._field.document is None:
            self._do("set", at, self._field.store(value, self._where))
            return
        self._check(value)
        document: Any = self[at]
        if isinstance(value, Held) and (value._path, value._key) == (document._path, self._key):
            return  # what `tasks[0] |= ...` assigns
        with OpenChange(self._access, None):
            _fill(document, _fields_of(value))

    def _insert(self, at: int, values: list[Any]) -> None:
        self._replace(at, 0, values)

    def _replace(self, at: int, count: int, values: list[Any]) -> None:
        if self._field.document is None:
            stored = [self._field.store(value, self._where) for value in values]
            self._do("replace" if count else "insert", at, *([count] if count else []), stored)
            return
        for value in values:
            self._check(value)
        plain = [_fields_of(value) for value in values]
        with OpenChange(self._access, None):
            self._delete(at, count)
            dot = self._do("insert", at, [None] * len(plain))
            for offset, one in enumerate(plain):
                assert dot is not None, "something was inserted"
                _fill(self._document((*dot, offset)), one)

    def _delete(self, at: int, count: int) -> None:
        """Elements go, and with them what is in them as far as that was seen."""
        if self._field.document is None:
            self._do("delete", at, count)
            return
        ids = self._state().ids(at, at + count)
        with OpenChange(self._access, None):
            self._do("delete", at, count)
            for id_ in ids:
                self._access.clear(self._key, self._place(id_))

    def _become(self, values: Any) -> None:
        """Hold these and no others. What is equal at the beginning and at the end stays."""
        if not isinstance(values, Iterable) or isinstance(values, str | bytes | Mapping):
            raise BadValue(f"{self._where()} is a list; it cannot become {shown(values)}")
        new = list(values)
        old, size = self.value, len(self)
        head = 0
        while head < min(size, len(new)) and old[head] == new[head]:
            head += 1
        tail = 0
        while tail < min(size, len(new)) - head and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        self._replace(head, size - tail - head, new[head : len(new) - tail])

    def _check(self, value: Any) -> None:
        """Whether a document can be made of a value. `BadValue`."""
        document = self._field.document
        assert document is not None
        fields = document.fields
        if isinstance(value, document):
            return
        if not isinstance(value, Mapping) or not all(name in fields for name in value):
            raise BadValue(
                f"{self._where()} holds documents of {document.__name__}; give it a mapping of"
                f" some of their fields ({', '.join(fields)}), not {shown(value)}"
            )


def _fields_of(value: Any) -> Mapping[str, Any]:
    """What a document is filled with; documents are read before anything is written."""
    if not isinstance(value, Held):
        plain: Mapping[str, Any] = value
        return plain
    fields: dict[str, Any] = value.to_dict()  # type: ignore[attr-defined]
    return {name: one for name, one in fields.items() if one is not None}


def _holds_set(value: Any) -> bool:
    """Whether some part of it has no order, so that none can be stored."""
    if isinstance(value, Mapping):
        return any(_holds_set(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_set(one) for one in value)
    return isinstance(value, Set)


def _fill(document: Any, values: Mapping[str, Any]) -> None:
    for name, one in values.items():
        setattr(document, name, one)


class List(Field, Generic[T]):
    """A field that holds a list: ``List(str)`` checks its elements, ``List(Task)``, of a document
    class, makes a document of each."""

    __slots__ = ("checker", "declared", "document")
    tag = "l"

    @overload
    def __init__(self: "List[Any]", *, alias: str | None = ...) -> None: ...
    @overload
    def __init__(self, element: type[T], *, alias: str | None = ...) -> None: ...
    @overload
    def __init__(self: "List[Any]", element: Any, *, alias: str | None = ...) -> None: ...
    def __init__(self, element: Any = Any, *, alias: str | None = None) -> None:
        super().__init__(alias)
        self.declared = element
        self.document: Any = None  # the class of its elements, if they are documents
        if isinstance(element, Field):
            raise BadDocument(
                f"List() takes a type or a document class, as in List(str), not {shown(element)}"
            )
        if isinstance(element, type) and issubclass(element, Held):
            self.document = element
            element = Any
        self.checker = Checker(element, "List()")

    def store(self, value: Any, where: Any) -> Any:
        """A value as it is stored. `BadValue`."""
        if self.checker.is_plain(value):
            return value
        if self.declared is Any and _holds_set(value):
            raise BadValue(
                f"{where()}: a set has no order to be kept, so it cannot be stored: {shown(value)}"
            )
        return self.checker.store(value, where)

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> ListView[T]: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | ListView[T]:
        if held is None:
            return self
        return ListView(held._access, held._key, self.place(held), self)

    def __set__(self, held: Held, value: Iterable[Any]) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> ListView[T]:
        """A view."""
        return ListView(access, key, path, self)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Hold these elements and no others; those that are the same at both ends stay."""
        view = self.at(access, key, path)
        if not view._stands_for(value):
            view._become(value)

    def loaded(self, value: Any) -> Any:
        """The elements as the declared type."""
        if self.document is not None or not isinstance(value, list):
            return value
        return [self.checker.load(one) for one in value]
