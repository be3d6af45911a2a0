"""What the log holds, in memory: each line's extent and where its rows are, and the rescued ones.

The catalog is the fold of all records. Each segment begins with it (`Manifest`), so an opening
replays no more than the newest segment. A manifest spells out where the rows of the segment
before it are; for older segments it names the one whose manifest does (`indexed_in`), so that
manifests stay small however long the log is.

Invariant: `apply` gives the same catalog for the same records, whether they were just written or
are replayed. A segment is needed while a live row is in it, or while its manifest is the one that
says where the rows of a needed segment are.

Belongs to the committing thread; others read it under the log's lock. Absent: files.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from plait.base.errors import Corrupt, UsageError
from plait.base.ports import (
    CutSuffix,
    DropRescued,
    LineExtent,
    PutHardState,
    RescuedSuffix,
    ResetLine,
    TrimPrefix,
)
from plait.host.extents import NEW_LINE, extent_after
from plait.host.log_index import LOST, LineIndex, Run, RunNote, pack_offsets, unpack_offsets
from plait.host.log_records import MovedRows, PlacedRows, Record

UNMEASURED = -1  # the size of a suffix just rescued, until somebody has read it


class LineNote(msgspec.Struct, frozen=True, array_like=True):
    """A line in a manifest."""

    name: str
    head: int
    tail: int
    hard_state: bytes | None
    runs: list[RunNote]


class RescuedNote(msgspec.Struct, frozen=True, array_like=True):
    """A rescued suffix in a manifest; its runs are always spelled out."""

    rescued: int
    line: str
    start: int
    count: int
    size: int
    note: bytes
    runs: list[RunNote]


class SegmentNote(msgspec.Struct, frozen=True, array_like=True):
    """A segment that is no longer written to."""

    number: int
    size: int  # bytes up to the end of its last frame
    indexed_in: int  # the segment whose manifest spells out where its rows are


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    """The catalog as of the beginning of a segment."""

    number: int
    lines: list[LineNote]
    rescued: list[RescuedNote]
    rescued_next: int
    segments: list[SegmentNote]


Lookup = Callable[[int], Manifest | None]  # the manifest of a segment, if it can be read


class Catalog:
    """Every line and rescued suffix, and the segments that hold their rows."""

    def __init__(self) -> None:
        self.extents: dict[str, LineExtent] = {}
        self.indexes: dict[str, LineIndex] = {}  # of the same lines
        self.rescued: dict[int, tuple[RescuedSuffix, LineIndex]] = {}
        self.rescued_next = 1
        self.segments: dict[int, SegmentNote] = {}  # without the one being written
        self.shrunk = False  # whole runs went since `forget_dead_segments`

    # ------------------------------------------------------------------------- records

    def apply(self, records: Iterable[Record], segment: int) -> dict[str, LineExtent]:
        """Carry out what stands in `segment`; the extents of the lines that changed."""
        changed: dict[str, LineExtent] = {}
        for record in records:
            if isinstance(record, PlacedRows):
                changed[record.line] = self._append(record, segment)
            elif isinstance(record, DropRescued):
                self.rescued.pop(record.rescued, None)
                self.shrunk = True
            elif isinstance(record, MovedRows):
                index = (
                    self.rescued[record.rescued][1] if record.rescued else self.indexes[record.line]
                )
                index.move(segment, record.start, record.offsets, record.size)
                self.shrunk = True
            else:
                changed[record.line] = self._change(record)
        return changed

    def _append(self, rows: PlacedRows, segment: int) -> LineExtent:
        before = self.extents.get(rows.line, NEW_LINE)
        if rows.start != before.tail:
            raise Corrupt(
                f"the log puts row {rows.start} of line {rows.line!r} behind {before.tail} rows"
            )
        self._index_of(rows.line).append(segment, rows.start, rows.offsets, rows.size)
        after = LineExtent(before.head, before.tail + len(rows.offsets), before.hard_state)
        self.extents[rows.line] = after
        return after

    def _change(self, write: CutSuffix | TrimPrefix | ResetLine | PutHardState) -> LineExtent:
        name = write.line
        before = self.extents.get(name, NEW_LINE)
        try:
            after = self.extents[name] = extent_after(before, write)
        except UsageError as error:
            raise Corrupt(f"the log holds an impossible record: {error}") from error
        index = self._index_of(name)
        runs_before = len(index.runs)
        match write:
            case CutSuffix(rescue=note):
                cut = index.cut(after.tail)
                if note is not None and cut.runs:
                    self._rescue(name, after.tail, before.tail - after.tail, note, cut)
            case TrimPrefix():
                index.trim(after.head)
            case ResetLine():
                index.runs.clear()
            case PutHardState():
                pass  # it is in the extent
        self.shrunk = self.shrunk or len(index.runs) < runs_before
        return after

    def _index_of(self, line: str) -> LineIndex:
        index = self.indexes.get(line)
        if index is None:
            index = self.indexes[line] = LineIndex()
        return index

    def _rescue(self, line: str, start: int, count: int, note: bytes, cut: LineIndex) -> None:
        number, self.rescued_next = self.rescued_next, self.rescued_next + 1
        suffix = RescuedSuffix(number, line, start, count, UNMEASURED, note)
        self.rescued[number] = (suffix, cut)

    # ------------------------------------------------------------------------- segments

    def owned_runs(self) -> Iterator[tuple[str, int, Run]]:
        """Every run with its line and, if it is of a rescued suffix, the number of that."""
        for line, index in self.indexes.items():
            for run in index.runs:
                yield line, 0, run
        for number, (suffix, index) in self.rescued.items():
            for run in index.runs:
                yield suffix.line, number, run

    def live_bytes(self) -> dict[int, float]:
        """How much of each segment is live, nearly; without those of which nothing is."""
        live: dict[int, float] = {}
        for _, _, run in self.owned_runs():
            live[run.segment] = live.get(run.segment, 0.0) + run.size
        return live

    def forget_dead_segments(self) -> list[int]:
        """Drop the segments that nobody needs any more; their numbers."""
        self.shrunk = False
        live = self.live_bytes()
        needed = set(live)
        needed |= {self.segments[number].indexed_in for number in live & self.segments.keys()}
        dead = [number for number in self.segments if number not in needed]
        for number in dead:
            del self.segments[number]
        return dead

    def missing(self, present: Iterable[int]) -> str | None:
        """Which live rows cannot be there, given the segments that are; None if all can."""
        there = set(present)
        for line, _, run in self.owned_runs():
            if run.segment not in there:
                return f"segment {run.segment} of the log is missing, with rows of line {line!r}"
            if run.offsets[0] == LOST:
                return f"it is lost where segment {run.segment} has its rows of line {line!r}"
        return None

    # ------------------------------------------------------------------------- manifests

    def manifest(self, number: int, ended: SegmentNote | None) -> Manifest:
        """The catalog as segment `number` begins with it; `ended` is the segment before."""
        segments = dict(self.segments)
        if ended is not None:
            segments[ended.number] = ended
        live = self.live_bytes()
        for note in list(segments.values()):
            # An index kept by a segment that is otherwise dead moves on, so that one can go.
            if note.indexed_in not in live:
                segments[note.number] = SegmentNote(note.number, note.size, number)
        spelled_out = {note.number for note in segments.values() if note.indexed_in == number}
        lines = [
            LineNote(
                name, extent.head, extent.tail, extent.hard_state,
                [_note(run, run.segment in spelled_out) for run in self.indexes[name].runs],
            )
            for name, extent in self.extents.items()
        ]  # fmt: skip
        rescued = [
            RescuedNote(
                suffix.rescued, suffix.line, suffix.start, suffix.count, suffix.size, suffix.note,
                [_note(run, True) for run in index.runs],
            )
            for suffix, index in self.rescued.values()
        ]  # fmt: skip
        return Manifest(number, lines, rescued, self.rescued_next, list(segments.values()))

    @classmethod
    def from_manifest(cls, manifest: Manifest, lookup: Lookup) -> "Catalog":
        """The catalog that `manifest` notes. Rows that it cannot place are `LOST`."""
        catalog = cls()
        catalog.rescued_next = manifest.rescued_next
        catalog.segments = {note.number: note for note in manifest.segments}
        spelled_out = _SpelledOut(manifest, catalog.segments, lookup)
        for line in manifest.lines:
            catalog.extents[line.name] = LineExtent(line.head, line.tail, line.hard_state)
            catalog.indexes[line.name] = LineIndex(
                spelled_out.run(line.name, note) for note in line.runs
            )
        for kept in manifest.rescued:
            suffix = RescuedSuffix(
                kept.rescued, kept.line, kept.start, kept.count, kept.size, kept.note
            )
            index = LineIndex(spelled_out.run(kept.line, note) for note in kept.runs)
            catalog.rescued[kept.rescued] = (suffix, index)
        return catalog


def _note(run: Run, spelled_out: bool) -> RunNote:
    offsets = pack_offsets(run.offsets) if spelled_out else b""
    return RunNote(run.segment, run.start, len(run.offsets), run.row_bytes, offsets)


class _SpelledOut:
    """Finds the offsets that a manifest leaves to earlier ones."""

    def __init__(
        self, manifest: Manifest, segments: dict[int, SegmentNote], lookup: Lookup
    ) -> None:
        self._segments = segments
        self._lookup = lookup
        self._notes: dict[int, dict[tuple[str, int], list[RunNote]]] = {}
        self._read(manifest)

    def run(self, line: str, note: RunNote) -> Run:
        """The run that `note` stands for."""
        offsets = note.offsets or self._find(line, note)
        return Run(note.segment, note.start, unpack_offsets(offsets), note.row_bytes)

    def _find(self, line: str, note: RunNote) -> bytes:
        """Live rows of an ended segment only grow fewer: part of one earlier note has them."""
        segment = self._segments.get(note.segment)
        if segment is not None:
            if segment.indexed_in not in self._notes:
                self._read(self._lookup(segment.indexed_in), segment.indexed_in)
            for earlier in self._notes[segment.indexed_in].get((line, note.segment), ()):
                skipped = note.start - earlier.start
                if skipped >= 0 and skipped + note.count <= earlier.count:
                    return earlier.offsets[4 * skipped : 4 * (skipped + note.count)]
        return LOST.to_bytes(4, "little") * note.count

    def _read(self, manifest: Manifest | None, number: int = 0) -> None:
        notes: dict[tuple[str, int], list[RunNote]] = {}
        for line in manifest.lines if manifest is not None else ():
            for note in line.runs:
                if note.offsets:
                    notes.setdefault((line.name, note.segment), []).append(note)
        self._notes[manifest.number if manifest is not None else number] = notes
