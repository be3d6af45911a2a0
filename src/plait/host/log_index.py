"""Where the rows of a line are: runs of positions, four bytes a row.

::

    positions   head ........................................ tail
    runs        [segment 3: offsets …][segment 5: offsets ……][segment 7: …]

Invariant: runs are in the order of their positions, without gap or overlap, from head to tail;
none is empty. A run of a segment that is no longer written to only ever shrinks, so what the
manifest noted of it when the segment ended stays good.

Absent: reading the rows, and the head and tail themselves (`log_catalog` keeps both in step).
"""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable

import msgspec

LOST = 0xFFFFFFFF  # the offset of a row whose place is not known any more: beyond any segment


class Run:
    """Rows at consecutive positions in one segment."""

    __slots__ = ("offsets", "row_bytes", "segment", "start")

    def __init__(self, segment: int, start: int, offsets: "array[int]", row_bytes: float) -> None:
        self.segment = segment
        self.start = start
        self.offsets = offsets
        self.row_bytes = row_bytes  # of a row with its header, on average

    @property
    def stop(self) -> int:
        """The position behind the last row."""
        return self.start + len(self.offsets)

    @property
    def size(self) -> float:
        """Bytes of the segment that the run keeps alive, nearly."""
        return len(self.offsets) * self.row_bytes

    def extend(self, offsets: "array[int]", size: int) -> None:
        """Take on the rows that follow."""
        total = self.size + size
        self.offsets.extend(offsets)
        self.row_bytes = total / len(self.offsets)

    def split(self, position: int) -> "Run":
        """Give up the rows from `position` on, as a run of their own."""
        keep = position - self.start
        behind = Run(self.segment, position, self.offsets[keep:], self.row_bytes)
        del self.offsets[keep:]
        return behind


class RunNote(msgspec.Struct, frozen=True, array_like=True):
    """A run as manifests note it."""

    segment: int
    start: int
    count: int
    row_bytes: float
    offsets: bytes = b""  # little-endian, 4 bytes each; b"" if an earlier manifest has them


def pack_offsets(offsets: "array[int]") -> bytes:
    """Offsets as manifests keep them."""
    return _little_endian(offsets).tobytes()


def unpack_offsets(data: bytes) -> "array[int]":
    """Offsets from a manifest."""
    offsets = array("I")
    offsets.frombytes(data)
    return _little_endian(offsets)


def _little_endian(offsets: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        offsets = offsets[:]
        offsets.byteswap()
    return offsets


class LineIndex:
    """The runs of one line, or of one rescued suffix."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.runs = list(runs)

    def append(self, segment: int, start: int, offsets: "array[int]", size: int) -> None:
        """Rows were appended at `start`, the tail."""
        if not offsets:
            return
        last = self.runs[-1] if self.runs else None
        if last is not None and last.segment == segment:
            last.extend(offsets, size)
        else:
            self.runs.append(Run(segment, start, offsets, size / len(offsets)))

    def cut(self, tail: int) -> "LineIndex":
        """Remove the rows from `tail` on; them, as an index of their own."""
        cut: list[Run] = []
        while self.runs and self.runs[-1].stop > tail:
            run = self.runs[-1]
            if run.start < tail:
                cut.append(run.split(tail))
            else:
                cut.append(self.runs.pop())
        return LineIndex(reversed(cut))

    def trim(self, head: int) -> None:
        """Remove the rows before `head`."""
        whole = 0
        while whole < len(self.runs) and self.runs[whole].stop <= head:
            whole += 1
        del self.runs[:whole]
        if self.runs and self.runs[0].start < head:
            self.runs[0] = self.runs[0].split(head)

    def move(self, segment: int, start: int, offsets: "array[int]", size: int) -> None:
        """The rows from `start` on, the first ones of a run, are in `segment` now."""
        at = bisect_right(self.runs, start, key=_start) - 1
        run, stop = self.runs[at], start + len(offsets)
        assert run.start == start, "a relocation begins amid a run"
        assert stop <= run.stop, "a relocation ends beyond its run"
        self.runs[at : at + 1] = [run.split(stop)] if stop < run.stop else []
        before = self.runs[at - 1] if at else None
        if before is not None and before.segment == segment and before.stop == start:
            before.extend(offsets, size)
        else:
            self.runs.insert(at, Run(segment, start, offsets, size / len(offsets)))

    def locate(self, position: int) -> Run:
        """The run that holds `position`, which must lie between head and tail."""
        return self.runs[bisect_right(self.runs, position, key=_start) - 1]


def _start(run: Run) -> int:
    return run.start
