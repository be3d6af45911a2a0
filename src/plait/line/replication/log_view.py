"""One member's log, as far as a core must know it: where it begins and ends, which epoch wrote
what, and the recent entries.

::

    head … window … commit … durable … tail
           the recent entries are kept in memory from here on

Invariants (`check`): head <= window start <= tail; durable <= tail; epochs ascend and start where
they say; everything that is not yet durable is in the window. Older entries are on disk only:
whoever needs those asks the driver to load them. Entries before the first listed epoch are of
the base's epoch: a trim need not split one.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from typing import NamedTuple

import msgspec

from plait.line.entry import NO_EPOCH, Entry, Epoch
from plait.line.loglet import Origin

WINDOW_BYTES = 16 << 20
CHECKED = 8  # entries that `check` looks at: a log changes at its end


class Base(msgspec.Struct, frozen=True, array_like=True):
    """What came before the head: enough to match and to count on."""

    position: int = 0
    epoch: Epoch = NO_EPOCH  # of the entry before `position`
    records: int = 0  # in all entries before `position`


def base_at(origin: Origin) -> Base:
    """The base of a log that begins at `origin`: as if a copy of the state had been installed."""
    return Base(origin.position, Epoch(origin.epoch, ""), origin.records)


class Kept(NamedTuple):
    """An entry in the window."""

    entry: Entry
    row: bytes  # its encoding
    bytes_end: int  # bytes of this process's log up to and including it


class LogView:
    """A log's positions, epochs and recent entries."""

    def __init__(self, base: Base, window_bytes: int = WINDOW_BYTES) -> None:
        self.base = base
        self.durable = base.position
        self.window_start = base.position
        self.bytes_trimmed = 0  # bytes_end of the entry before the window
        self._window: deque[Kept] = deque()
        self._window_bytes = window_bytes
        self._epochs: list[Epoch] = []
        self._starts: list[int] = []  # position of the first entry of each epoch, from head on

    # ------------------------------------------------------------------ what it is

    @property
    def head(self) -> int:
        """The first position kept."""
        return self.base.position

    @property
    def tail(self) -> int:
        """The position that the next entry will get."""
        return self.window_start + len(self._window)

    @property
    def last_epoch(self) -> Epoch:
        """The epoch of the last entry."""
        return self._epochs[-1] if self._epochs else self.base.epoch

    @property
    def records(self) -> int:
        """Records in the whole log."""
        return self._window[-1].entry.records_end if self._window else self._records_before_window

    @property
    def bytes_end(self) -> int:
        """Bytes appended in this process."""
        return self._window[-1].bytes_end if self._window else self.bytes_trimmed

    _records_before_window = 0

    def epoch_at(self, position: int) -> Epoch | None:
        """The epoch of the entry at `position`; None if it is unknown (trimmed) or absent."""
        if position == self.base.position - 1:
            return self.base.epoch
        if not self.base.position <= position < self.tail:
            return None
        index = bisect_right(self._starts, position) - 1
        return self._epochs[index] if index >= 0 else self.base.epoch

    @property
    def epochs(self) -> tuple[tuple[Epoch, int], ...]:
        """Epochs that began behind the head, with the position of their first entry."""
        return tuple(zip(self._epochs, self._starts, strict=True))

    def epoch_start(self, position: int) -> int:
        """The first kept position of the epoch that wrote `position`."""
        index = bisect_right(self._starts, position) - 1
        return self._starts[index] if index >= 0 else self.base.position

    def kept(self, position: int) -> Kept | None:
        """The entry at `position` if it is in the window."""
        index = position - self.window_start
        return self._window[index] if 0 <= index < len(self._window) else None

    def rows(self, start: int, bytes_max: int) -> tuple[bytes, ...]:
        """Encoded entries of the window from `start`, at least one if there is one."""
        rows: list[bytes] = []
        size = 0
        window = self._window
        for index in range(start - self.window_start, len(window)):
            row = window[index].row
            if rows and size + len(row) > bytes_max:
                break
            rows.append(row)
            size += len(row)
        return tuple(rows)

    def bytes_before(self, position: int) -> int:
        """Bytes of this process's log before `position`; approximate below the window."""
        if position <= self.window_start:
            return self.bytes_trimmed
        kept = self.kept(position - 1)
        return kept.bytes_end if kept else self.bytes_end

    # ------------------------------------------------------------------ how it changes

    def restore(self, epochs: list[tuple[Epoch, int]], tail: int, records: int) -> None:
        """Take over what the disk holds: epochs with their first positions, ascending."""
        self._epochs = [epoch for epoch, _ in epochs]
        self._starts = [start for _, start in epochs]
        self._window.clear()
        self.window_start = self.durable = tail
        self._records_before_window = records

    def append(self, entry: Entry, row: bytes) -> int:
        """Add an entry at the tail; its position."""
        position = self.tail
        if entry.epoch != self.last_epoch:
            assert entry.epoch > self.last_epoch, "epochs ascend along a log"
            self._epochs.append(entry.epoch)
            self._starts.append(position)
        self._window.append(Kept(entry, row, self.bytes_end + len(row)))
        return position

    def cut(self, start: int, records: int) -> None:
        """Forget every entry at `start` and after; `records` stand before it."""
        assert self.head <= start <= self.tail
        if start < self.window_start:
            self._window.clear()
            self.window_start = start
            self._records_before_window = records
        else:
            while self.tail > start:
                self._window.pop()
        while self._starts and self._starts[-1] >= start:
            self._starts.pop()
            self._epochs.pop()
        self.durable = min(self.durable, start)

    def shrink(self, safe: int) -> None:
        """Drop window entries below `safe` that exceed the memory bound."""
        window = self._window
        while (
            window
            and self.window_start < safe
            and window[-1].bytes_end - window[0].bytes_end > self._window_bytes
        ):
            dropped = window.popleft()
            self.window_start += 1
            self.bytes_trimmed = dropped.bytes_end
            self._records_before_window = dropped.entry.records_end

    def trim(self, base: Base) -> None:
        """Move the head up; `base` describes the entry before it."""
        while self._window and self.window_start < base.position:
            dropped = self._window.popleft()
            self.window_start += 1
            self.bytes_trimmed = dropped.bytes_end
            self._records_before_window = dropped.entry.records_end
        index = bisect_left(self._starts, base.position)
        del self._epochs[:index], self._starts[:index]
        self.base = base

    def reset(self, base: Base) -> None:
        """Begin anew at `base` (a snapshot was installed); durable once the disk says so."""
        self.base = base
        self._window.clear()
        self._epochs.clear()
        self._starts.clear()
        self.window_start = base.position
        self.durable = 0
        self._records_before_window = base.records

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        assert self.head <= self.window_start <= self.tail
        assert self.durable <= self.tail
        assert self._starts == sorted(set(self._starts))
        assert self._epochs == sorted(set(self._epochs))
        assert not self._epochs or self.base.epoch < self._epochs[0]
        assert not self._starts or self.head <= self._starts[0] <= self._starts[-1] < self.tail
        assert self.window_start <= max(self.durable, self.head)
        for position in range(max(self.window_start, self.tail - CHECKED), self.tail):
            assert self.epoch_at(position) == self._window[position - self.window_start].entry.epoch
