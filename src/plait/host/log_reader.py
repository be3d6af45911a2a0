"""Rows read back from their segments, every one checked against its guard.

Neighbours in a line are mostly neighbours on disk: rows are taken from a window of the segment
that is read at once. Invariant: a row that is returned is the one that was appended at that
position of that line; anything else is `Corrupt`.

Absent: extents and locking; whoever asks knows which positions there are.
"""

from plait.base.errors import Corrupt
from plait.base.ports import RescuedSuffix
from plait.host.log_index import LOST, LineIndex, Run
from plait.host.log_records import ROW_HEADER_BYTES, line_seed, row_guard, row_header
from plait.host.segments import Segments

_WINDOW_BYTES_MAX = 256 << 10
_WINDOW_SLACK = 512  # rows differ in size; a little more than the average saves a second read


class LogReader:
    """Reads rows by an index. Every method may raise `Corrupt` or `OSError`."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    def rows(
        self, line: str, index: LineIndex, start: int, stop: int, bytes_max: int
    ) -> list[bytes]:
        """Rows from `start`, before `stop`, up to `bytes_max` but at least one."""
        found: list[bytes] = []
        size, position, seed = 0, start, line_seed(line)
        while position < stop:
            run = index.locate(position)
            run_stop = min(run.stop, stop)
            wanted = min((run_stop - position) * run.row_bytes, bytes_max - size)
            window = _Window(self._segments, run, max(0, wanted))
            while position < run_stop:
                data, guard = window.row(position)
                if found and size + len(data) > bytes_max:
                    return found
                if guard != row_guard(seed, position, data):
                    raise Corrupt(f"row {position} of line {line!r} fails its checksum")
                found.append(data)
                size += len(data)
                position += 1
        return found

    def first_rows(self, line: str, run: Run, bytes_max: int) -> list[bytes]:
        """The first rows of a run, up to `bytes_max` but at least one."""
        return self.rows(line, LineIndex((run,)), run.start, run.stop, bytes_max)

    def measured(self, suffix: RescuedSuffix, index: LineIndex) -> RescuedSuffix:
        """`suffix` with its exact size, or nearly if rows of it cannot be read."""
        size = 0
        try:
            for run in index.runs:
                window = _Window(self._segments, run, run.size)
                size += sum(len(window.row(at)[0]) for at in range(run.start, run.stop))
        except (Corrupt, OSError):
            size = round(sum(run.size for run in index.runs))
        return RescuedSuffix(
            suffix.rescued, suffix.line, suffix.start, suffix.count, size, suffix.note
        )


class _Window:
    """The part of one run's segment that was read last."""

    def __init__(self, segments: Segments, run: Run, wanted: float) -> None:
        self._segments = segments
        self._run = run
        self._count = min(int(wanted) + _WINDOW_SLACK, _WINDOW_BYTES_MAX)
        self._offset = 0
        self._data = b""

    def row(self, position: int) -> tuple[bytes, int]:
        """The row at `position`, and its guard."""
        run = self._run
        offset = run.offsets[position - run.start]
        if offset == LOST:
            raise Corrupt(f"it is lost where row {position} stands")
        start = offset - self._offset + ROW_HEADER_BYTES
        if start < ROW_HEADER_BYTES or start > len(self._data):
            start = self._read(offset, self._count)
        if start <= len(self._data):
            length, guard = row_header(self._data, start - ROW_HEADER_BYTES)
            if start + length > len(self._data):
                start = self._read(offset, ROW_HEADER_BYTES + length)
            if start + length <= len(self._data):
                return self._data[start : start + length], guard
        raise Corrupt(f"row {position} in segment {run.segment} of the log is missing")

    def _read(self, offset: int, count: int) -> int:
        """Move the window to `offset`; where the data of the row there begins in it."""
        self._data = self._segments.read(self._run.segment, offset, count)
        self._offset = offset
        return ROW_HEADER_BYTES
