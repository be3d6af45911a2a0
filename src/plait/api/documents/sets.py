"""Views on sets: everything that Python's sets do, as far as the type lets them shrink."""

from collections.abc import Iterable, Iterator, Set
from typing import Any, ClassVar, Generic, Self, TypeVar

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker, shown
from plait.api.documents.view import TypedView, View
from plait.base.errors import BadValue
from plait.types.add_wins_set import AddWinsSet
from plait.types.element import element_slot
from plait.types.element_set import ElementSet
from plait.types.grow_set import GrowSet
from plait.types.paths import Path
from plait.types.remove_wins_set import RemoveWinsSet
from plait.types.two_phase_set import TwoPhaseSet

T = TypeVar("T")


class GrowSetView(TypedView, Generic[T]):
    """A set that only grows."""

    __slots__ = ("_checker",)
    __hash__ = None  # type: ignore[assignment]
    _type: ClassVar[ElementSet] = GrowSet()

    def __init__(self, access: Access, key: str, path: Path, checker: Checker) -> None:
        self._access = access
        self._key = key
        self._path = path
        self._checker = checker

    # ------------------------------------------------------------------ reading

    @property
    def value(self) -> set[T]:
        """Its elements, as a set; those that Python cannot hash raise `BadValue`."""
        elements = self._elements()
        try:
            return set(elements)
        except TypeError:
            raise BadValue(f"{self._where()} has elements that no Python set can hold") from None

    def _elements(self) -> list[T]:
        load = self._checker.load
        return [load(element) for element in super().value]

    def __contains__(self, element: object) -> bool:
        state = self._access.state(self._key, self._path)
        if state is None:
            return False
        try:
            slot = element_slot(self._plain(element))
        except BadValue:
            return False
        return self._type.has(state, slot)

    def __iter__(self) -> Iterator[T]:
        return iter(self._elements())

    def __len__(self) -> int:
        return len(super().value)

    def __bool__(self) -> bool:
        return self._access.alive(self._key, self._path, self._type) and len(self) > 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, View):
            other = other.value
        return isinstance(other, Set) and self.value == other

    def __or__(self, other: Iterable[T]) -> set[T]:
        return self.value | set(other)

    def __and__(self, other: Iterable[T]) -> set[T]:
        return self.value & set(other)

    def __sub__(self, other: Iterable[T]) -> set[T]:
        return self.value - set(other)

    def __xor__(self, other: Iterable[T]) -> set[T]:
        return self.value ^ set(other)

    __ror__ = __or__
    __rand__ = __and__
    __rxor__ = __xor__

    def __rsub__(self, other: Iterable[T]) -> set[T]:
        return set(other) - self.value

    def __le__(self, other: Iterable[T]) -> bool:
        return self.value <= set(other)

    def __lt__(self, other: Iterable[T]) -> bool:
        return self.value < set(other)

    def __ge__(self, other: Iterable[T]) -> bool:
        return self.value >= set(other)

    def __gt__(self, other: Iterable[T]) -> bool:
        return self.value > set(other)

    def isdisjoint(self, other: Iterable[T]) -> bool:
        """Whether they have no element in common."""
        return self.value.isdisjoint(other)

    def copy(self) -> set[T]:
        """Its elements as a set of its own."""
        return self.value

    # ------------------------------------------------------------------ writing

    def add(self, element: T) -> None:
        """Put an element in."""
        plain = element if self._checker.is_plain(element) else self._plain(element)
        self._access.mutate(self._key, self._path, ("add", plain))

    def update(self, *others: Iterable[T]) -> None:
        """Put elements in; all are checked before the first one is."""
        plains = [self._plain(element) for other in others for element in other]
        with self._access.together():
            for plain in plains:
                self._access.mutate(self._key, self._path, ("add", plain))

    def __ior__(self, other: Iterable[T]) -> Self:
        self.update(other)
        return self

    def _plain(self, element: Any) -> Any:
        plain = self._checker.store(element, self._where)
        return _tuple(plain) if type(plain) is list else plain

    def _become(self, elements: Iterable[T]) -> None:
        """What assigning to the field does: these elements and no others."""
        if isinstance(elements, str | bytes) or not isinstance(elements, Iterable):
            raise BadValue(f"{self._where()} is a set; it cannot become {shown(elements)}")
        wanted = {element_slot(plain): plain for plain in map(self._plain, elements)}
        present = {element_slot(plain): plain for plain in super().value}
        self._replace(
            [plain for slot, plain in present.items() if slot not in wanted],
            [plain for slot, plain in wanted.items() if slot not in present],
        )

    def _replace(self, old: list[Any], new: list[Any]) -> None:
        if old:
            raise BadValue(
                f"{self._where()} only grows, and {shown(old[0])} is in it; add with update()"
            )
        with self._access.together():
            for plain in new:
                self._access.mutate(self._key, self._path, ("add", plain))


class SetView(GrowSetView[T]):
    """A set with `remove`."""

    __slots__ = ()

    def discard(self, element: T) -> None:
        """Take an element out, if it is in."""
        plain = element if self._checker.is_plain(element) else self._plain(element)
        self._access.mutate(self._key, self._path, ("remove", plain))

    def remove(self, element: T) -> None:
        """Take an element out; `KeyError` if it is not in."""
        if element not in self:
            raise KeyError(element)
        self.discard(element)

    def difference_update(self, *others: Iterable[T]) -> None:
        """Take elements out; all are checked before the first one is."""
        plains = [self._plain(element) for other in others for element in other]
        self._replace(plains, [])

    def __isub__(self, other: Iterable[T]) -> Self:  # type: ignore[override]
        self.difference_update(list(other))
        return self

    def clear(self) -> None:
        """Take everything out that is in here; what is added elsewhere meanwhile stays."""
        self._replace(list(self._access.read(self._key, self._path, self._type)), [])

    def _replace(self, old: list[Any], new: list[Any]) -> None:
        with self._access.together():
            for plain in old:
                self._access.mutate(self._key, self._path, ("remove", plain))
            for plain in new:
                self._access.mutate(self._key, self._path, ("add", plain))


class TwoPhaseSetView(SetView[T]):
    """A set in which what was removed is never in again."""

    __slots__ = ()
    _type = TwoPhaseSet()


class AddWinsSetView(SetView[T]):
    """An element stays if somebody added it while somebody else removed it."""

    __slots__ = ()
    _type = AddWinsSet()


class RemoveWinsSetView(SetView[T]):
    """An element goes if somebody removed it while somebody else added it."""

    __slots__ = ()
    _type = RemoveWinsSet()


def _tuple(plain: list[Any]) -> tuple[Any, ...]:
    """What cannot be hashed cannot be in a set: arrays are tuples there."""
    return tuple([_tuple(part) if type(part) is list else part for part in plain])
