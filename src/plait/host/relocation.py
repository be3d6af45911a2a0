"""Which rows to write anew, so that an old segment that is nearly empty can go.

A line that is seldom written would pin every segment that one of its rows is in. Once no more
than a quarter of a segment is live, its live rows move into the segment being written, a little
with each commit, in the same frame: no write waits for more than `MOVE_BYTES` of upkeep, and
what upkeep writes is at most a third of what it frees.

Invariant: a segment is moved from its runs' first rows on, so a run never falls into more than
two. Absent: deleting the segment; the catalog sees by itself that nobody needs it any more.
"""

from plait.base.errors import Corrupt
from plait.host.log_catalog import Catalog
from plait.host.log_reader import LogReader
from plait.host.log_records import Relocation

MOVE_BYTES = 64 << 10
_LIVE_SHARE_MAX = 0.25


class Relocator:
    """Empties one old segment at a time."""

    def __init__(self, catalog: Catalog, reader: LogReader) -> None:
        self._catalog = catalog
        self._reader = reader
        self._victim: int | None = None
        self._stuck: set[int] = set()  # segments with a row that cannot be read

    def choose(self) -> None:
        """Look for a segment worth emptying, unless one is being emptied."""
        segments = self._catalog.segments
        if self._victim in segments:
            return
        live = self._catalog.live_bytes()
        self._victim = min(
            (
                number
                for number, note in segments.items()
                if number in live
                and number not in self._stuck
                and live[number] <= note.size * _LIVE_SHARE_MAX
            ),
            key=live.__getitem__,
            default=None,
        )

    def next(self) -> Relocation | None:
        """The rows to move with the next commit."""
        if self._victim is None:
            return None
        for line, rescued, run in self._catalog.owned_runs():
            if run.segment == self._victim:
                try:
                    rows = self._reader.first_rows(line, run, MOVE_BYTES)
                except (
                    Corrupt,
                    OSError,
                ):  # what is bad stays where it is, and says so when it is read
                    self._stuck.add(self._victim)
                    break
                return Relocation(line, rescued, run.start, tuple(rows))
        self._victim = None
        return None
