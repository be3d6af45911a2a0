"""Merging maps field by field, to any depth.

A field that only some siblings changed takes their value. Where they differ: maps are merged in
turn, an update wins over a removal, and of several updates the greatest sibling's wins. Lists are
values like others. Fields come in the order of their keys' bytes.
"""

from collections.abc import Sequence
from typing import Any

from plait.types.plain import same_bytes


def merge_json(base: Any, siblings: Sequence[Any]) -> Any:
    """Three-way, for any number of siblings."""
    changed = _different([value for value in siblings if same_bytes(value) != same_bytes(base)])
    if not changed:
        return base
    if len(changed) == 1 or not all(isinstance(value, dict) for value in changed):
        return changed[-1]
    before = base if isinstance(base, dict) else {}
    merged: dict[Any, Any] = {}
    for key in _keys([before, *changed]):
        values = [value[key] for value in changed if key in value]
        if key not in before:
            merged[key] = merge_json(None, values) if len(values) > 1 else values[0]
            continue
        updates = [value for value in values if same_bytes(value) != same_bytes(before[key])]
        if updates:
            merged[key] = merge_json(before[key], updates)
        elif len(values) == len(changed):
            merged[key] = before[key]
    return merged


def _different(values: Sequence[Any]) -> list[Any]:
    """Without repetitions; of equal values the greatest sibling's stays."""
    found: dict[bytes, Any] = {}
    for value in values:
        data = same_bytes(value)
        found.pop(data, None)
        found[data] = value
    return list(found.values())


def _keys(maps: Sequence[dict[Any, Any]]) -> list[Any]:
    found = {same_bytes(key): key for item in maps for key in item}
    return [found[data] for data in sorted(found)]
