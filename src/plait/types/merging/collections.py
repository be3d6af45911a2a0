"""Merging lists as sets, and picking the greatest or the least.

Elements are compared by their encoded bytes, never by Python's equality. Values of different types
have an order of their own, the same everywhere: None, truth values, numbers, strings, bytes, and
the rest by their bytes.
"""

import math
from collections.abc import Sequence
from typing import Any

from plait.types.plain import same_bytes


def merge_union(base: Any, siblings: Sequence[Any]) -> list[Any]:
    """What any sibling added and none removed, in the order of encoded bytes."""
    before = _elements(base)
    all_of = [_elements(value) for value in siblings]
    found: dict[bytes, Any] = {}
    for elements in [before, *all_of]:
        found.update(elements)
    return [
        found[data]
        for data in sorted(found)
        if data not in before or all(data in elements for elements in all_of)
    ]


def merge_max(base: Any, siblings: Sequence[Any]) -> Any:
    """The greatest sibling; None only if there is nothing else."""
    return max(siblings, key=value_order)


def merge_min(base: Any, siblings: Sequence[Any]) -> Any:
    """The least sibling; None only if there is nothing else."""
    values = [value for value in siblings if value is not None]
    return min(values, key=value_order) if values else None


def value_order(value: Any) -> tuple[int, Any, bytes]:
    """A key that orders any values; equal only for those with equal bytes."""
    data = same_bytes(value)
    match value:
        case None:
            return (0, 0, data)
        case bool():
            return (1, value, data)
        case float() if math.isnan(value):
            return (2, 0, data)
        case int() | float():
            return (3, value, data)
        case str():
            return (4, value.encode(), data)
        case bytes():
            return (5, value, data)
    return (6, data, data)


def _elements(value: Any) -> dict[bytes, Any]:
    if value is None:
        return {}
    if not isinstance(value, list | tuple):
        raise TypeError(f"union merges lists, not {type(value).__name__}")
    return {same_bytes(element): element for element in value}
