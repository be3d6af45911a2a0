"""The overlay: what was applied and is not yet in the state file, over what is.

::

    active    changes since the last freeze           consulted first
    frozen    changes being flushed, or nothing
    storage   the state file as of its last commit    consulted last

Invariant: a key's value is the one in the topmost layer that has the key; None there means
removed. While a flush runs its changes stay in `frozen`, so that reads do not care how far it
is. Freezing costs nothing: the sorting is left to whoever iterates the changes, which is the
storage's own thread.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import overload

from plait.base.ports import Change, StateStorage

_PAGE_ROWS = 512  # read from storage at a time by a scan that has to merge
_SORT_KEYS = 4096  # sorted at a time: a longer sort would hold the interpreter lock for too long
_FRESH_KEYS = 64  # inserted one by one into the sorted keys; more are sorted in

_Pair = tuple[bytes, int, bytes | None]  # key, rank of the layer, value


class _Layer:
    """Changes of any space, and their keys in order, which scans bring up to date."""

    def __init__(self) -> None:
        self.spaces: dict[int, dict[bytes, bytes | None]] = {}
        self._sorted: dict[int, list[bytes]] = {}

    def __len__(self) -> int:
        return sum(map(len, self.spaces.values()))

    def keys(self, space: int) -> list[bytes]:
        """The changed keys of a space in order.

        Keys are never taken out of a layer and a dict keeps the order of insertion, so the keys
        that are not sorted yet are its last ones.
        """
        changes = self.spaces.get(space)
        if not changes:
            return []
        keys = self._sorted.setdefault(space, [])
        fresh = list(islice(reversed(changes), len(changes) - len(keys)))
        if len(fresh) <= _FRESH_KEYS:
            for key in fresh:
                insort(keys, key)
        else:
            keys.extend(fresh)
            keys.sort()
        return keys

    def pairs(
        self, space: int, start: bytes, stop: bytes | None, rank: int, reverse: bool
    ) -> Iterator[_Pair]:
        """The changes with start <= key < stop."""
        keys = self.keys(space)
        first = bisect_left(keys, start)
        end = len(keys) if stop is None else bisect_left(keys, stop)
        changes = self.spaces.get(space, {})
        order = range(end - 1, first - 1, -1) if reverse else range(first, end)
        return ((keys[index], rank, changes[keys[index]]) for index in order)

    def touches(self, space: int, start: bytes, stop: bytes | None) -> bool:
        """Whether any key of the range was changed."""
        keys = self.keys(space)
        index = bisect_left(keys, start)
        return index < len(keys) and (stop is None or keys[index] < stop)


class FrozenChanges(Sequence[Change]):
    """The changes of a frozen layer by space and key; sorted when they are first looked at."""

    def __init__(self, spaces: dict[int, dict[bytes, bytes | None]]) -> None:
        self._spaces = spaces
        self._changes: list[Change] | None = None
        self._length = sum(map(len, spaces.values()))

    def _sorted(self) -> list[Change]:
        if self._changes is None:
            self._changes = [
                (space, key, changes[key])
                for space, changes in sorted(self._spaces.items())
                for key in _in_order(list(changes))
            ]
        return self._changes

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Change]:
        return iter(self._sorted())

    @overload
    def __getitem__(self, index: int) -> Change: ...
    @overload
    def __getitem__(self, index: slice) -> list[Change]: ...
    def __getitem__(self, index: int | slice) -> Change | list[Change]:
        return self._sorted()[index]


class Overlay:
    """A `View` of a line's state that holds changes back until they are flushed."""

    def __init__(self, storage: StateStorage) -> None:
        self._storage = storage
        self._active = _Layer()
        self._frozen: _Layer | None = None
        self._stored_counts: dict[int, int] = {}
        self.unfrozen_bytes = 0  # of values put since the last freeze, overwritten ones too

    @property
    def changed(self) -> int:
        """Keys changed since the last freeze."""
        return len(self._active)

    @property
    def flushing(self) -> bool:
        """Whether frozen changes wait for `thaw`."""
        return self._frozen is not None

    def get(self, space: int, key: bytes) -> bytes | None:
        """The value, or None."""
        changes = self._active.spaces.get(space)
        if changes is not None and key in changes:
            return changes[key]
        if self._frozen is not None:
            changes = self._frozen.spaces.get(space)
            if changes is not None and key in changes:
                return changes[key]
        return self._storage.get(space, key)

    def put(self, space: int, key: bytes, value: bytes | None) -> None:
        """Set, or remove with None."""
        changes = self._active.spaces.get(space)
        if changes is None:
            changes = self._active.spaces[space] = {}
        changes[key] = value
        if value is not None:
            self.unfrozen_bytes += len(value)

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, in key order (descending if reverse)."""
        if limit <= 0:
            return []
        layers = [self._active] if self._frozen is None else [self._active, self._frozen]
        layers = [layer for layer in layers if layer.touches(space, start, stop)]
        if not layers:
            return self._storage.scan(space, start, stop, limit, reverse)
        # Ranks make the topmost layer's pair come first among equals, in either direction.
        sign = -1 if reverse else 1
        sources = [
            layer.pairs(space, start, stop, sign * rank, reverse)
            for rank, layer in enumerate(layers)
        ]
        sources.append(self._stored(space, start, stop, limit, sign * len(layers), reverse))
        found: list[tuple[bytes, bytes]] = []
        last: bytes | None = None
        for key, _, value in heapq.merge(*sources, key=_place, reverse=reverse):
            if key == last:
                continue
            last = key
            if value is not None:
                found.append((key, value))
                if len(found) == limit:
                    break
        return found

    def count(self, space: int) -> int:
        """How many keys the space holds.

        Costs one look into storage for each change held back, and after each flush of the space,
        and during one, a count of the stored keys; callers flush first if there are many changes.
        """
        active = self._active.spaces.get(space, {})
        frozen = {} if self._frozen is None else self._frozen.spaces.get(space, {})
        if frozen:  # stored at any moment, and perhaps already: what is stored is asked at once
            held = {**frozen, **active}
            rest = self._storage.count(space, held.keys())
            return rest + sum(value is not None for value in held.values())
        stored = self._stored_counts.get(space)
        if stored is None:
            stored = self._stored_counts[space] = self._storage.count(space)
        for key, value in active.items():
            stored += (value is not None) - (self._storage.get(space, key) is not None)
        return stored

    def unflushed(self, space: int) -> int:
        """About how many changes of a space are held back."""
        frozen = 0 if self._frozen is None else len(self._frozen.spaces.get(space, ()))
        return frozen + len(self._active.spaces.get(space, ()))

    def freeze(self) -> FrozenChanges:
        """Hold the active changes still, so that they can be flushed; `thaw` must follow."""
        assert self._frozen is None, "one flush at a time"
        self._frozen, self._active = self._active, _Layer()
        self.unfrozen_bytes = 0
        return FrozenChanges(self._frozen.spaces)

    def thaw(self, ok: bool) -> None:
        """Let go of the frozen changes: they are stored now, or (not ok) active again."""
        assert self._frozen is not None, "nothing is being flushed"
        frozen, self._frozen = self._frozen, None
        if ok:
            for space in frozen.spaces:
                self._stored_counts.pop(space, None)
            return
        newer, self._active = self._active, frozen
        for space, changes in newer.spaces.items():
            self._active.spaces.setdefault(space, {}).update(changes)
        values = chain.from_iterable(changes.values() for changes in frozen.spaces.values())
        self.unfrozen_bytes = sum(len(value) for value in values if value is not None)

    def drop(self) -> None:
        """Forget every change that is not flushed, and all that is known of the storage."""
        self._active, self._frozen = _Layer(), None
        self._stored_counts.clear()
        self.unfrozen_bytes = 0

    def _stored(
        self, space: int, start: bytes, stop: bytes | None, limit: int, rank: int, reverse: bool
    ) -> Iterator[_Pair]:
        page = min(limit, _PAGE_ROWS)
        while True:
            rows = self._storage.scan(space, start, stop, page, reverse)
            for key, value in rows:
                yield key, rank, value
            if len(rows) < page:
                return
            if reverse:
                stop = rows[-1][0]
            else:
                start = rows[-1][0] + b"\0"


def _place(pair: _Pair) -> tuple[bytes, int]:
    return pair[0], pair[1]


def _in_order(keys: list[bytes]) -> list[bytes]:
    """`keys` sorted, in stretches short enough to let other threads run between them."""
    if len(keys) <= _SORT_KEYS:
        return sorted(keys)
    stretches = len(keys) * 2 // _SORT_KEYS
    sample = sorted(keys[:: max(len(keys) // (stretches * 8), 1)])
    splits = sample[8::8]
    buckets: list[list[bytes]] = [[] for _ in range(len(splits) + 1)]
    for key in keys:
        buckets[bisect_left(splits, key)].append(key)
    return [key for bucket in buckets for key in sorted(bucket)]
