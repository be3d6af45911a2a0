"""What a field may hold: checked when it is written, converted when it is read.

A value that is stored is *plain*: what MessagePack carries and gives back untyped, and nobody
else's object. So a field of ``list[Point]`` stores lists of maps, and reading makes points of them.

Invariant: `store` returns values that `load` takes back; what the caller passed is never kept.
"""

import datetime
import decimal
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, Final

import msgspec

from plait.base.codec import decode, encode_value
from plait.base.errors import BadDocument, BadValue

# Plain, immutable and of no bounds: one look at the exact type is all the check there is.
_AT_A_GLANCE: Final = frozenset({float, bool, bytes, type(None)})
_PLAIN: Final = _AT_A_GLANCE | {str, int}

# Types of their own: a text that reads like a date is no date.
_NATIVE: Final = (
    bytes, bytearray, memoryview, datetime.datetime, datetime.date, datetime.time,
    datetime.timedelta, uuid.UUID, decimal.Decimal,
)  # fmt: skip

_INT_MIN: Final = -(1 << 63)
_INT_MAX: Final = (1 << 64) - 1
_ASCII_MAX: Final = 1 << 20  # a text of so many characters is certainly small enough


class Checker:
    """One declared type."""

    __slots__ = ("_any", "_decoder", "_loads_as_is", "_members", "_type", "title")

    def __init__(self, declared: Any, where: str) -> None:
        self._type = declared
        self._any = declared is Any
        self.title = type_title(declared)
        self._members = _members(declared)
        self._loads_as_is = self._any or self._members <= _PLAIN
        try:
            known = self._any or not _has_custom(msgspec.inspect.type_info(declared))
            self._decoder = msgspec.msgpack.Decoder(declared)
        except TypeError as error:
            raise BadDocument(f"{where} cannot hold {self.title}: {error}") from None
        if not known:
            raise BadDocument(
                f"{where} cannot hold {self.title}; make it a msgspec.Struct or a dataclass,"
                " or declare the field as Json()"
            )

    def is_plain(self, value: Any) -> bool:
        """Whether one look tells that a value is stored as it is."""
        kind = type(value)
        if kind not in self._members:
            return False
        if kind is str:
            return len(value) < _ASCII_MAX and bool(value.isascii())
        if kind is int:
            return bool(_INT_MIN <= value <= _INT_MAX)
        return kind in _AT_A_GLANCE

    def store(self, value: Any, where: Callable[[], str]) -> Any:
        """`value` as it is stored; `BadValue` names the field, what it takes and what it got."""
        if self.is_plain(value):
            return value
        try:
            if not self._any:
                value = msgspec.convert(value, self._type, strict=True, builtin_types=_NATIVE)
            data = encode_value(value)
            if not self._any:
                self._decoder.decode(data)  # what is in a Struct, `convert` does not look at
        except BadValue as error:
            raise BadValue(f"{where()}: {error.message}") from None
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise BadValue(f"{where()} takes {self.title}, not {shown(value)}: {error}") from None
        return decode(data)

    def load(self, value: Any) -> Any:
        """What was stored, as the declared type; as it is if it was written as another type."""
        if self._loads_as_is:
            return value
        try:
            return msgspec.convert(value, self._type)
        except msgspec.ValidationError:
            return value


def shown(value: Any) -> str:
    """A value in a message: how it begins, and its type."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def type_title(declared: Any) -> str:
    """A type as people write it."""
    return declared.__name__ if type(declared) is type else str(declared).replace("typing.", "")


def _members(declared: Any) -> frozenset[Any]:
    """The members of a union, or the one type; what is neither is no member of anything."""
    if declared is None:
        return frozenset({type(None)})
    if typing.get_origin(declared) in (typing.Union, types.UnionType):
        return frozenset(typing.get_args(declared))
    return frozenset({declared})


def _has_custom(info: msgspec.inspect.Type) -> bool:
    """Whether MessagePack would not know what to do with some part of a type."""
    match info:
        case msgspec.inspect.CustomType():
            return True
        case msgspec.inspect.UnionType(types=members):
            return any(_has_custom(member) for member in members)
        case msgspec.inspect.CollectionType(item_type=item):
            return _has_custom(item)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return _has_custom(key) or _has_custom(value)
    return False
