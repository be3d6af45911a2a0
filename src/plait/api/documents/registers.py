"""Registers: fields that hold one value, assigned as a whole.

Reading the field gives the value. ``doc.register("title")`` gives a view that knows more: who
wrote it and when, what lost against it, what is undecided.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar, overload

from plait.api.documents.access import Access
from plait.api.documents.checking import Checker, shown
from plait.api.documents.field import Field, Held
from plait.api.documents.resolve import Ask, LastWriterWins, Merge, Resolve
from plait.api.documents.view import View
from plait.base.causality import Dot
from plait.base.errors import BadDocument, BadValue, Refused
from plait.base.hlc import hlc_ms
from plait.types.catalogue import type_of
from plait.types.graph_type import GraphType
from plait.types.kept_writes import SLOT, Writes
from plait.types.merging.functions import MergeFunction
from plait.types.paths import Path
from plait.types.plain import given
from plait.types.register import ASK, MERGE

T = TypeVar("T")
V = TypeVar("V")

_UNSET: Final = object()
_TAGS: Final[Mapping[type[Any], str]] = {LastWriterWins: "r", Merge: "m", Ask: "q"}


class Register(Field, Generic[T]):
    """One value of a type: ``Register(str)`` reads ``str | None``, with ``default=`` it reads str.

    resolve: how values that were written at the same time are read: `LastWriterWins()`,
        `Merge(function)` or `Ask()`. It is part of the field's identity: changed, it is another
        field, and the old one stays readable under its own class.
    alias: the name that the field had before it was renamed.
    """

    __slots__ = ("_default", "_merge", "_type", "checker", "declared", "resolve", "tag")

    @overload
    def __init__(
        self: "Register[Any]", *, resolve: Resolve = ..., alias: str | None = ...
    ) -> None: ...
    @overload
    def __init__(
        self: "Register[V]", declared: type[V], *, default: V, resolve: Resolve = ...,
        alias: str | None = ...,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: "Register[V | None]", declared: type[V], *, resolve: Resolve = ...,
        alias: str | None = ...,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: "Register[Any]", declared: Any, *, default: Any = ..., resolve: Resolve = ...,
        alias: str | None = ...,
    ) -> None: ...  # fmt: skip
    def __init__(
        self,
        declared: Any = Any,
        *,
        default: Any = _UNSET,
        resolve: Resolve = LastWriterWins(),  # noqa: B008 - frozen
        alias: str | None = None,
    ) -> None:
        super().__init__(alias)
        if type(resolve) not in _TAGS:
            raise BadDocument(
                f"Register(resolve={shown(resolve)}) takes LastWriterWins(), Merge(function) or"
                " Ask(), with the parentheses"
            )
        self.declared = declared
        self.resolve = resolve
        self.tag = _TAGS[type(resolve)]
        self._type = super().type
        self._merge = resolve.named() if isinstance(resolve, Merge) else None
        self._default = default
        self.checker = Checker(declared, "Register()")

    def check_declared(self, where: str) -> None:
        """A default must be of the type."""
        if self._default is not _UNSET:
            try:
                self.checker.store(self._default, lambda: f"{where}: default")
            except BadValue as error:
                raise BadDocument(error.message) from None

    @property
    def type(self) -> GraphType[Any]:
        """The graph type of its objects."""
        return self._type

    @property
    def has_default(self) -> bool:
        """Whether something is read where nothing was written."""
        return self._default is not _UNSET

    @overload
    def __get__(self, held: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, held: Held, owner: Any = None) -> T: ...
    def __get__(self, held: Held | None, owner: Any = None) -> Self | T:
        if held is None:
            return self
        return self.at(held._access, held._key, self.place(held))  # type: ignore[no-any-return]

    def __set__(self, held: Held, value: T) -> None:
        self.assign(held._access, held._key, held._path + self._own, value)

    # ------------------------------------------------------------------ at a place

    def at(self, access: Access, key: str, path: Path) -> Any:
        """The value."""
        state = access.state(key, path)
        if state is None or not self._type.alive(state):
            return self._nothing()
        value = self.read(state)
        if self._merge is not None and len(state.heads) > 1 and not access.is_past:
            self._compare(access, key, path, state, self._merge)
        return self.checker.load(value)

    def _compare(
        self, access: Access, key: str, path: Path, state: Writes, merge: MergeFunction
    ) -> None:
        """Have other replicas compare what the function made of these heads, once; tell everybody
        if it raised on them, so that all read the same."""
        heads = state.heads
        if state.told == heads:
            return
        if MERGE.failed(state, merge) is not None:
            with suppress(Refused):  # whoever reads next says so
                access.mutate(key, path, ("contest", heads))
            return
        state.told = list(heads)
        digest = MERGE.merged_hash(state, merge)
        if digest is not None:
            access.replica.merged(key, path, heads, digest)

    def is_merged(self, state: Any) -> bool:
        """Whether what a state shows takes in all values that stand, as far as is known here."""
        if len(standing(state)) < 2:
            return True
        return self._merge is not None and MERGE.merged_hash(state, self._merge) is not None

    def read(self, state: Any) -> Any:
        """The value that a state shows, as it is stored."""
        if self._merge is None:
            return self._type.value(state)
        return MERGE.merged(state, self._merge)

    def assign(self, access: Access, key: str, path: Path, value: Any) -> None:
        """Write a value."""
        if not self.checker.is_plain(value):
            value = self.checker.store(value, partial(access.where, key, path))
        access.mutate(key, path, ("set", value))

    def loaded(self, value: Any) -> Any:
        """A stored value as the declared type."""
        return None if value is None else self.checker.load(value)

    def _nothing(self) -> Any:
        if self._default is _UNSET:
            return None
        # a default that can be changed in place is nobody else's
        return self.checker.load(self.checker.store(self._default, lambda: "default"))


class Loser(NamedTuple):
    """A value that was assigned at the same time as the one that is shown, and lost."""

    value: Any
    who: str
    when: datetime


class RegisterView(View):
    """A register from near; made by `Document.register`."""

    __slots__ = ("_field",)

    def __init__(self, access: Access, key: str, path: Path, field: Register[Any]) -> None:
        super().__init__(access, key, path)
        self._field = field

    @property
    def value(self) -> Any:
        """What the field reads."""
        return self._field.at(self._access, self._key, self._path)

    @property
    def is_set(self) -> bool:
        """Whether anything was written, and not cleared."""
        return self._field.alive(self._access, self._key, self._path)

    def set(self, value: Any) -> None:
        """What assigning to the field does."""
        self._field.assign(self._access, self._key, self._path, value)

    def clear(self) -> None:
        """Back to unset; what is written elsewhere meanwhile stays."""
        self._access.clear(self._key, self._path)

    @property
    def who(self) -> str | None:
        """The replica that wrote what is shown; None if it is not set."""
        written = self._written()
        return written[0][1] if written else None

    @property
    def when(self) -> datetime | None:
        """When that was written; None if it is not set."""
        written = self._written()
        return written[0][2] if written else None

    @property
    def merged(self) -> bool:
        """Whether what is read is all that was assigned: one value, or what the function of
        `Merge` made of several. False: one of several is shown, since nothing merges them here,
        or the function could not, or replicas merged them differently."""
        state = self._access.state(self._key, self._path)
        return state is None or self._field.is_merged(state)

    def losers(self) -> list[Loser]:
        """What was assigned at the same time and is not shown; kept until it is stable."""
        return [Loser(value, who, when) for value, who, when in self._written()[1:]]

    def _written(self) -> list[tuple[Any, str, datetime]]:
        """(value, who, when) of every value that stands, the one shown first."""
        state = self._access.state(self._key, self._path)
        if state is None:
            return []
        replica, load = self._access.replica, self._field.checker.load
        return [
            (load(value), replica.who(*dot), time_of(hlc)) for dot, hlc, value in standing(state)
        ]


def untyped(tag: str) -> Register[Any]:
    """A register of which only the stored form is known, not what its class says of it: if it
    has a merge function, then not which."""
    register: Register[Any] = Register()
    register.tag = tag
    register._type = type_of(tag)
    return register


def standing(state: Any) -> list[tuple[Dot, int, Any]]:
    """(dot, stamp, value) of what was assigned to a register and not replaced, greatest first."""
    if isinstance(state, Writes):
        siblings = ASK.siblings(state).heads
        return [(sibling.dot, sibling.hlc, sibling.value) for sibling in reversed(siblings)]
    cells = [(dot, *cell) for dot, cell in state.slots.get(SLOT, {}).items()]
    cells.sort(key=lambda cell: (cell[1], cell[0]), reverse=True)
    return [(dot, hlc, given(value)) for dot, hlc, value in cells]


def time_of(hlc: int) -> datetime:
    """When an event was stamped, in UTC."""
    return datetime.fromtimestamp(hlc_ms(hlc) / 1000, UTC)
