"""Views on counters: numbers that are changed by adding to them."""

from typing import Any, Final, Self

from plait.api.documents.access import Access
from plait.api.documents.checking import shown
from plait.api.documents.view import TypedView
from plait.base.errors import BadValue, RightsElsewhere
from plait.types.bounded_counter import BoundedCounter
from plait.types.counter import Counter
from plait.types.graph_type import Mutation
from plait.types.grow_counter import GrowCounter
from plait.types.paths import Path

_GROW: Final = GrowCounter()
_COUNTER: Final = Counter()
_BOUNDED: Final = BoundedCounter()


class NumberView(TypedView):
    """A view that reads as an int; `int(view)` takes its value."""

    __slots__ = ()

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, spec: str) -> str:
        return format(int(self), spec)

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _number(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _number(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _number(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _number(other))

    def __add__(self, other: Any) -> Any:
        return self.value + _number(other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.value - _number(other)

    def __rsub__(self, other: Any) -> Any:
        return _number(other) - self.value

    def __mul__(self, other: Any) -> Any:
        return self.value * _number(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self.value / _number(other)

    def __floordiv__(self, other: Any) -> Any:
        return self.value // _number(other)

    def __mod__(self, other: Any) -> Any:
        return self.value % _number(other)

    def __neg__(self) -> int:
        return -int(self)

    def __abs__(self) -> int:
        return abs(int(self))

    def _amount(self, amount: int, doing: str) -> int:
        """An amount to change the counter by; negative ones are another method's."""
        if type(amount) is not int or amount < 0:
            raise BadValue(f"{self._where()}: {doing} takes an int >= 0, not {shown(amount)}")
        return amount


class GrowCounterView(NumberView):
    """A counter that only grows."""

    __slots__ = ()
    _type = _GROW

    def add(self, amount: int = 1) -> None:
        """Count `amount` more."""
        self._access.mutate(
            self._key, self._path, ("add", self._amount(amount, "a counter that only grows"))
        )

    def __iadd__(self, amount: int) -> Self:  # type: ignore[misc]
        self.add(amount)
        return self


class CounterView(NumberView):
    """A counter that goes up and down."""

    __slots__ = ()
    _type = _COUNTER

    def add(self, amount: int = 1) -> None:
        """Count `amount` more (less, if it is negative)."""
        if type(amount) is not int:
            raise BadValue(f"{self._where()} counts in ints, not {shown(amount)}")
        self._access.mutate(self._key, self._path, ("add", amount))

    def subtract(self, amount: int = 1) -> None:
        """Count `amount` less."""
        if type(amount) is not int:
            raise BadValue(f"{self._where()} counts in ints, not {shown(amount)}")
        self._access.mutate(self._key, self._path, ("add", -amount))

    def reset(self) -> None:
        """Back to 0, as far as this replica has seen; what is counted elsewhere meanwhile stays."""
        self._access.mutate(self._key, self._path, ("reset",))

    def __iadd__(self, amount: int) -> Self:  # type: ignore[misc]
        if type(amount) is not int:
            self.add(amount)
        self._access.mutate(self._key, self._path, ("add", amount))
        return self

    def __isub__(self, amount: int) -> Self:  # type: ignore[misc]
        self.subtract(amount)
        return self


class BoundedCounterView(NumberView):
    """A counter that never goes below its minimum, at any replica.

    What may be spent is split into *rights*; a replica spends its own without asking anybody.
    """

    __slots__ = ("_minimum",)
    _type = _BOUNDED

    def __init__(self, access: Access, key: str, path: Path, minimum: int = 0) -> None:
        super().__init__(access, key, path)
        self._minimum = minimum

    @property
    def value(self) -> int:
        """The count; `minimum` before anything was added."""
        return self._minimum + int(self._access.read(self._key, self._path, _BOUNDED))

    def add(self, amount: int = 1) -> None:
        """Count `amount` more; this replica has the right to spend them."""
        self._access.mutate(self._key, self._path, ("add", self._amount(amount, "add()")))

    def spend(self, amount: int = 1) -> None:
        """Count `amount` less. `RightsElsewhere` says who may, if this replica may not.

        Act on it only after `await docs.flush()`: before that a crash may take it back.
        """
        self._give(("spend", self._amount(amount, "spend()")))

    subtract = spend

    def transfer(self, to: int | str, amount: int) -> None:
        """Give another replica (its id, or that in hexadecimal) the right to spend `amount`."""
        try:
            replica = int(to, 16) if isinstance(to, str) else to
        except ValueError:
            raise BadValue(f"{self._where()}: {to!r} is no replica id") from None
        amount = self._amount(amount, "transfer()")
        self._give(("transfer", replica, amount))

    def _give(self, mutation: Mutation) -> None:
        """Give up rights; if they are elsewhere, say where in words that people know."""
        access = self._access
        try:
            access.mutate(self._key, self._path, mutation)
        except RightsElsewhere as error:
            rights: dict[str, int] = error.details["rights"]
            owners = [f"{units} at {access.replica.who(int(r, 16))}" for r, units in rights.items()]
            where = f"{self._where()}: {error.message}; there are {', '.join(owners) or 'none'}"
            raise RightsElsewhere(where, rights=rights) from None

    def rights(self) -> dict[str, int]:
        """Who may spend how much: replica ids in hexadecimal."""
        state = self._access.state(self._key, self._path)
        if state is None:
            return {}
        return {f"{replica:x}": units for replica, units in rights_of(state).items()}

    def __iadd__(self, amount: int) -> Self:  # type: ignore[misc]
        self.add(amount)
        return self

    def __isub__(self, amount: int) -> Self:  # type: ignore[misc]
        self.spend(amount)
        return self


def rights_of(state: Any) -> dict[int, int]:
    """Units that each replica may spend."""
    return _BOUNDED.rights(state)


def _number(other: Any) -> Any:
    return other.value if isinstance(other, NumberView) else other
