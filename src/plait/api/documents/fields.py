"""The fields that a document class declares: counters, flags, sets and users' own types.

::

    class Note(plait.Document):
        likes = Counter()
        tags = AddWinsSet(str)
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker, shown
from plait.api.documents.counters import BoundedCounterView, CounterView, GrowCounterView
from plait.api.documents.field import Field, Held, ViewField, refuse
from plait.api.documents.flags import DisableFlagView, EnableFlagView, FlagView
from plait.api.documents.sets import (
    AddWinsSetView,
    GrowSetView,
    RemoveWinsSetView,
    SetView,
    TwoPhaseSetView,
)
from plait.api.documents.view import CustomView
from plait.base.errors import BadDocument
from plait.types.catalogue import register
from plait.types.graph_type import GraphType
from plait.types.paths import Path

T = TypeVar("T")


class GrowCounter(ViewField):
    """A number that only grows: ``doc.views += 1``."""

    __slots__ = ()
    tag = "gc"
    view = GrowCounterView
    instead = "write += to count more"

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> GrowCounterView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | GrowCounterView:
        if held is None:
            return self
        return GrowCounterView(held._access, held._key, self.place(held))

    def __set__(self, held: Held, value: GrowCounterView) -> None:
        self.assign(held._access, held._key, self.place(held), value)


class Counter(ViewField):
    """A number that goes up and down: ``doc.likes += 1``. Concurrent changes add up."""

    __slots__ = ()
    tag = "c"
    view = CounterView
    instead = "write += or -= to count, or reset()"

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> CounterView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | CounterView:
        if held is None:
            return self
        if self.alias is not None:
            return CounterView(held._access, held._key, self._aliased(held))
        return CounterView(held._access, held._key, held._path + self._own)

    def __set__(self, held: Held, value: CounterView) -> None:
        # what `+=` assigns is told by one look
        if (
            type(value) is CounterView
            and value._path == held._path + self._own
            and value._key == held._key
            and value._access is held._access
        ):
            return
        self.assign(held._access, held._key, self.place(held), value)


class BoundedCounter(ViewField):
    """A number that no replica can bring below `minimum`: stock, seats, credit.

    Spending takes rights, which replicas hold; `transfer` hands them over. It begins at `minimum`.
    """

    __slots__ = ("minimum",)
    tag = "b"
    view = BoundedCounterView
    instead = "write += to add and -= to spend"

    def __init__(self, minimum: int = 0, *, alias: str | None = None) -> None:
        super().__init__(alias)
        if type(minimum) is not int:
            raise BadDocument(f"BoundedCounter(minimum={minimum!r}) takes an int")
        self.minimum = minimum

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> BoundedCounterView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | BoundedCounterView:
        if held is None:
            return self
        return BoundedCounterView(held._access, held._key, self.place(held), self.minimum)

    def __set__(self, held: Held, value: BoundedCounterView) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> BoundedCounterView:
        """A view."""
        return BoundedCounterView(access, key, path, self.minimum)

    def loaded(self, value: Any) -> Any:
        """The count, from its minimum."""
        return self.minimum + value if type(value) is int else value


# ----------------------------------------------------------------------------- flags


class _Flag(ViewField):
    __slots__ = ()
    view: ClassVar[type[FlagView]]
    instead = "assign True or False, or call enable() or disable()"

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Enable or disable."""
        if value is True:
            self.view(access, key, path).enable()
        elif value is False:
            self.view(access, key, path).disable()
        else:
            super().assign(access, key, path, value)

    def __set__(self, held: Held, value: bool | FlagView) -> None:
        self.assign(held._access, held._key, self.place(held), value)


class EnableFlag(_Flag):
    """Yes or no; enabling wins over disabling at the same time."""

    __slots__ = ()
    tag = "ew"
    view = EnableFlagView

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> EnableFlagView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | EnableFlagView:
        if held is None:
            return self
        return EnableFlagView(held._access, held._key, self.place(held))


class DisableFlag(_Flag):
    """Yes or no; disabling wins over enabling at the same time."""

    __slots__ = ()
    tag = "dw"
    view = DisableFlagView

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> DisableFlagView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | DisableFlagView:
        if held is None:
            return self
        return DisableFlagView(held._access, held._key, self.place(held))


# ----------------------------------------------------------------------------- sets


class GrowSet(Field, Generic[T]):
    """A set that only grows. ``GrowSet(str)`` checks its elements."""

    __slots__ = ("checker", "declared")
    tag = "gs"
    view: ClassVar[type[GrowSetView[Any]]] = GrowSetView

    @overload
    def __init__(self: "GrowSet[Any]", *, alias: str | None = ...) -> None: ...
    @overload
    def __init__(self, element: type[T], *, alias: str | None = ...) -> None: ...
    @overload
    def __init__(self: "GrowSet[Any]", element: Any, *, alias: str | None = ...) -> None: ...
    def __init__(self, element: Any = Any, *, alias: str | None = None) -> None:
        super().__init__(alias)
        self.declared = element
        self.checker = Checker(element, type(self).__name__)

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> GrowSetView[T]: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | GrowSetView[T]:
        if held is None:
            return self
        return self.view(held._access, held._key, self.place(held), self.checker)

    def __set__(self, held: Held, value: Iterable[T]) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> GrowSetView[T]:
        """A view."""
        return self.view(access, key, path, self.checker)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Let these be the elements: add those that are not in, remove the others."""
        view = self.at(access, key, path)
        if not view._stands_for(value):
            view._become(value)

    def loaded(self, value: Any) -> Any:
        """The elements as the declared type."""
        if not isinstance(value, list | set | frozenset | tuple):
            return value
        return [self.checker.load(element) for element in value]


class _ShrinkingSet(GrowSet[T]):
    __slots__ = ()
    view: ClassVar[type[SetView[Any]]]

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> SetView[T]: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | SetView[T]:
        if held is None:
            return self
        return self.view(held._access, held._key, self.place(held), self.checker)


class TwoPhaseSet(_ShrinkingSet[T]):
    """A set in which what was removed is never in again."""

    __slots__ = ()
    tag = "tp"
    view = TwoPhaseSetView


class AddWinsSet(_ShrinkingSet[T]):
    """A set: an element that is added and removed at the same time stays."""

    __slots__ = ()
    tag = "aw"
    view = AddWinsSetView


class RemoveWinsSet(_ShrinkingSet[T]):
    """A set: an element that is added and removed at the same time goes."""

    __slots__ = ()
    tag = "rw"
    view = RemoveWinsSetView


# ----------------------------------------------------------------------------- users' types


class Custom(Field):
    """A field of a type of your own: ``Custom(MyGraphType())``. See `plait laws`."""

    __slots__ = ("_own_type", "tag")

    def __init__(self, type_: GraphType[Any], *, alias: str | None = None) -> None:
        super().__init__(alias)
        if not isinstance(type_, GraphType):
            raise BadDocument(
                f"Custom() takes an instance of your GraphType, as in Custom(MyType()), not"
                f" {shown(type_)}"
            )
        self._own_type = type_
        self.tag = type_.tag

    def check_declared(self, where: str) -> None:
        """Make the type known in this process."""
        register(self._own_type)

    @property
    def type(self) -> GraphType[Any]:
        """The type that was given."""
        return self._own_type

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> CustomView: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | CustomView:
        if held is None:
            return self
        return CustomView(held._access, held._key, self.place(held), self._own_type)

    def __set__(self, held: Held, value: CustomView) -> None:
        self.assign(held._access, held._key, self.place(held), value)

    def at(self, access: Access, key: str, path: Path) -> CustomView:
        """A view."""
        return CustomView(access, key, path, self._own_type)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Only its own view."""
        refuse(self.at(access, key, path), value, "change it with do()")
