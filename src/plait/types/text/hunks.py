"""What differs between two states of the same sequence, found by its pieces.

A rope changes a piece by putting another in its place, and a string keeps its hash, so pieces that
nobody edited are found at once. Between them the common beginning and end are left out.

Invariant: the hunks, applied one after another to what was, give what is.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from plait.types.text.content import Contents

Hunk: TypeAlias = tuple[int, int, Any]  # position, items deleted there, then what is inserted


def changes_between(was: Sequence[Any], now: Sequence[Any], contents: Contents) -> list[Hunk]:
    """Hunks from one state to another. was, now: pieces."""
    places: dict[Any, list[int]] = {}  # the first one last
    for place in range(len(was) - 1, -1, -1):
        places.setdefault(was[place], []).append(place)
    found: list[Hunk] = []
    pos = done = begun = 0  # items before; pieces of each that were looked at
    for index, piece in enumerate(now):
        found_at = places.get(piece, [])
        while found_at and found_at[-1] < done:
            found_at.pop()
        if not found_at:
            continue
        place = found_at[-1]
        pos = _change(was[done:place], now[begun:index], pos, found, contents)
        pos += len(piece)
        done, begun = place + 1, index + 1
    _change(was[done:], now[begun:], pos, found, contents)
    return found


def _change(
    was: Sequence[Any], now: Sequence[Any], pos: int, found: list[Hunk], contents: Contents
) -> int:
    """Add what differs between pieces that begin at `pos`; where they end."""
    if not was and not now:
        return pos
    before, after = contents.joined(was), contents.joined(now)
    left = _common(before, after, False)
    right = _common(before[left:], after[left:], True)
    gone, come = len(before) - left - right, after[left : len(after) - right]
    if gone or come:
        found.append((pos + left, gone, come))
    return pos + len(after)


def _common(a: Any, b: Any, at_end: bool) -> int:
    """How many items two contents begin (or end) with in common."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if at_end:
            same = a[len(a) - middle :] == b[len(b) - middle :]
        else:
            same = a[:middle] == b[:middle]
        if same:
            low = middle
        else:
            high = middle - 1
    return low
