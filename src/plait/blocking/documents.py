"""Documents without ``await``, usable from any thread.

A `Documents` here forwards every call to the store's loop. What it gives (documents, views,
conflicts) is wrapped the same way: reading an attribute, calling a method or using an operator of
a wrapped object happens on the loop, and plain values come back as they are.

A change belongs to the thread that opened it: its calls run in one context there, so that the
replica knows them for one task, and other threads are told `ChangeOpen`.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any, Final, TypeAlias

from plait.api import documents
from plait.api.documents.change import OpenChange
from plait.api.documents.conflicts import Conflict
from plait.api.documents.presence import Here, Presence, PresenceWatch
from plait.api.documents.view import View
from plait.api.documents.watching import Change
from plait.base.errors import BadCall
from plait.blocking.scopes import Closing
from plait.host.portal import Portal

_HANDLES: Final = (
    documents.Documents, documents.Document, View, Conflict, OpenChange, Presence,
    documents.Cursor, documents.TextBranch, documents.RefusedEdit,
)  # fmt: skip

_Watched: TypeAlias = documents.Watch | PresenceWatch | documents.RefusedWatch


class _Road:
    """The way to the loop; one for each collection."""

    __slots__ = ("portal",)

    def __init__(self, portal: Portal[Any]) -> None:
        self.portal = portal

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call on the loop, in this thread's change if it has one open; wrapped if it must be."""
        context: Context | None = getattr(self.portal.own, "context", None)
        plain = [unwrapped(argument) for argument in arguments]
        named = {name: unwrapped(option) for name, option in options.items()}
        if context is None:
            found = self.portal.call_plain(function, *plain, **named)
        else:
            found = self.portal.call_plain(context.run, function, *plain, **named)
        return self.wrapped(found)

    def wrapped(self, found: Any) -> Any:
        """What a caller in another thread may hold."""
        match found:
            case documents.Watch() | PresenceWatch() | documents.RefusedWatch():
                return Watch(self, found)
            case documents.Documents():
                return Documents(self.portal, found, self)
            case OpenChange():
                return OpenBlockingChange(self, found)
            case tuple() if type(found) is tuple:
                return tuple(self.wrapped(one) for one in found)
            case list():
                return [self.wrapped(one) for one in found]
        if isinstance(found, _HANDLES):
            return Handle(self, found)
        return self.bound(found) if callable(found) and not isinstance(found, type) else found

    def bound(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method that is called on the loop."""

        def call(*arguments: Any, **options: Any) -> Any:
            return self.call(method, *arguments, **options)

        return call

    def enter(self) -> bool:
        """This thread's calls are one task's from now on; False if they are already."""
        if getattr(self.portal.own, "context", None) is not None:
            return False
        self.portal.own.context = copy_context()
        return True

    def leave(self) -> None:
        """The thread's change has ended."""
        self.portal.own.context = None


class Handle:
    """A document or a view, from another thread. What can be done with it there can be done
    here: attributes, ``+=``, ``in``, iteration, `repr`."""

    __slots__ = ("_inner", "_road")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, road: _Road, inner: Any) -> None:
        object.__setattr__(self, "_road", road)
        object.__setattr__(self, "_inner", inner)

    def __getattr__(self, name: str) -> Any:
        return self._road.call(getattr, self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._road.call(setattr, self._inner, name, value)

    def __getitem__(self, name: Any) -> Any:
        return self._road.call(operator.getitem, self._inner, name)

    def __setitem__(self, name: Any, value: Any) -> None:
        self._road.call(operator.setitem, self._inner, name, value)

    def __delitem__(self, name: Any) -> None:
        self._road.call(operator.delitem, self._inner, name)

    def __contains__(self, item: Any) -> bool:
        return bool(self._road.call(operator.contains, self._inner, item))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._road.call(list, self._inner))

    def __repr__(self) -> str:
        return str(self._road.call(repr, self._inner))

    def __str__(self) -> str:
        return str(self._road.call(str, self._inner))

    def __format__(self, spec: str) -> str:
        return str(self._road.call(format, self._inner, spec))

    def __radd__(self, other: Any) -> Any:
        return self._road.call(operator.add, other, self._inner)


def handles(portal: Portal[Any], found: list[Any]) -> list[Handle]:
    """What was read on the loop, for another thread."""
    road = _Road(portal)
    return [Handle(road, one) for one in found]


def unwrapped(value: Any) -> Any:
    """What the loop may hold."""
    return value._inner if isinstance(value, Handle | Documents) else value


def _forward(name: str, function: Callable[..., Any]) -> None:
    def method(self: Handle, *arguments: Any) -> Any:
        return self._road.call(function, self._inner, *arguments)

    method.__name__ = name
    setattr(Handle, name, method)


def _in_place(name: str, function: Callable[..., Any]) -> None:
    def method(self: Handle, other: Any) -> Handle:
        object.__setattr__(self, "_inner", unwrapped(self._road.call(function, self._inner, other)))
        return self

    method.__name__ = name
    setattr(Handle, name, method)


_SHORT: Final[Mapping[str, Callable[..., Any]]] = {
    "__len__": len, "__bool__": bool, "__int__": int, "__index__": operator.index,
    "__float__": float, "__abs__": abs, "__neg__": operator.neg,
}  # fmt: skip
for _name, _function in _SHORT.items():
    _forward(_name, _function)
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv",
              "mod", "and_", "or_", "xor"):  # fmt: skip
    _forward(f"__{_name.strip('_')}__", getattr(operator, _name))
for _name in ("add", "sub", "and", "or", "xor"):
    _in_place(f"__i{_name}__", getattr(operator, f"i{_name}"))


class OpenBlockingChange:
    """``with docs.change("why"):`` from another thread."""

    __slots__ = ("_inner", "_opened", "_road")

    def __init__(self, road: _Road, inner: OpenChange) -> None:
        self._road = road
        self._inner = inner
        self._opened = False

    def __enter__(self) -> "OpenBlockingChange":
        self._opened = self._road.enter()
        try:
            self._road.call(self._inner.__enter__)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._road.call(self._inner.__exit__, kind, error, trace)
        finally:
            self._end()

    def _end(self) -> None:
        if self._opened:
            self._road.leave()


class Documents:
    """A collection of documents: `plait.Documents`, from any thread."""

    __slots__ = ("_inner", "_road")

    def __init__(
        self, portal: Portal[Any], inner: documents.Documents[Any], road: _Road | None = None
    ) -> None:
        self._road = road or _Road(portal)
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return self._road.call(getattr, self._inner, name)

    def __getitem__(self, key: str) -> Any:
        return self._road.call(operator.getitem, self._inner, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._road.call(operator.setitem, self._inner, key, value)

    def __delitem__(self, key: str) -> None:
        self._road.call(operator.delitem, self._inner, key)

    def __contains__(self, key: object) -> bool:
        return bool(self._road.call(operator.contains, self._inner, key))

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __len__(self) -> int:
        return int(self._road.call(len, self._inner))

    def keys(self, start: str | None = None, stop: str | None = None) -> Iterator[str]:
        """The keys of the documents that are there, in order, all from one moment."""
        return iter(self._road.call(lambda: list(self._inner.keys(start, stop))))

    def values(self, start: str | None = None, stop: str | None = None) -> Iterator[Any]:
        """The documents that are there, in the order of their keys."""
        return (self[key] for key in self.keys(start, stop))

    def items(self, start: str | None = None, stop: str | None = None) -> Iterator[tuple[str, Any]]:
        """Pairs (key, document), in the order of the keys."""
        return ((key, self[key]) for key in self.keys(start, stop))

    def flush(self) -> None:
        """Return when everything written so far is on disk."""
        self._road.portal.call(self._inner.flush())

    def kept(self) -> None:
        """Return when all that has taken effect here so far is on this process's own disk."""
        self._road.portal.call(self._inner.kept())

    def load(self, keys: str | list[str]) -> None:
        """Hold documents in this process."""
        self._road.portal.call(self._inner.load(keys))

    def __repr__(self) -> str:
        return repr(self._inner)


class Watch(Closing):
    """An iterator of `Change` (of `Here` on presence, of refused edits) that waits for each; an
    interrupt loses none."""

    def __init__(self, road: _Road, inner: _Watched) -> None:
        self._road = road
        self._inner = inner

    def __iter__(self) -> "Watch":
        return self

    def __next__(self) -> Any:
        """The next change, however long that takes."""
        change = self._road.portal.call(self._step())
        if change is None:
            raise StopIteration
        return self._road.wrapped(change) if isinstance(change, _HANDLES) else change

    async def _step(self) -> Change | Here | documents.RefusedEdit | None:
        # StopAsyncIteration is no exception that a future may carry.
        return await anext(self._inner, None)

    def batch(self) -> list[Change] | None:
        """The watched changes that took effect together, however long that takes."""
        if not isinstance(self._inner, documents.Watch):
            raise BadCall("these come one by one")
        return self._road.portal.call(self._inner.batch())

    def close(self) -> None:
        """End it; what was not taken is not given any more."""
        self._road.portal.call(self._inner.aclose())

    def __repr__(self) -> str:
        return repr(self._inner)
