"""Plain values inside states: taken over, handed out and compared.

A value that is stored is what MessagePack would give back, never the caller's own object, so what
the caller changes later changes no state; and what is read is the reader's to change.

Two values are the same if they are encoded to the same bytes, with map keys in one order.
"""

from typing import Any

from plait.base.codec import canonical, encode, encode_value
from plait.base.codec import decode as _decode

_IMMUTABLE = frozenset([str, int, float, bool, bytes, type(None)])
_SURELY_SMALL = 1 << 20  # characters or bytes


def taken(value: Any) -> Any:
    """The value as it is stored. `BadValue` for what MessagePack cannot carry or is too large."""
    kind = type(value)
    if kind is str:
        if value.isascii() and len(value) < _SURELY_SMALL:
            return value
    elif kind is int:
        if -(1 << 63) <= value < 1 << 64:
            return value
    elif kind is bytes:
        if len(value) < _SURELY_SMALL:
            return value
    elif kind is float or kind is bool or value is None:
        return value
    return _decode(encode_value(value))


def given(value: Any) -> Any:
    """A stored value for somebody to keep and change."""
    return value if type(value) in _IMMUTABLE else _decode(encode(value))


def same_bytes(value: Any) -> bytes:
    """Bytes that are equal for the same values only."""
    data = encode(value)
    if not isinstance(value, dict | list | tuple):
        return data
    try:
        return canonical(data)
    except TypeError:  # a map with keys that are no strings
        return encode(_ordered(value))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        entries = sorted((same_bytes(key), key, item) for key, item in value.items())
        return {key: _ordered(item) for _, key, item in entries}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value
