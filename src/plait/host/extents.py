"""What one write does to the extent of a line: pure, and the same for every storage.

Invariant: `head <= tail`; a line without rows still has a head, where its first row will go.
Storages call `extent_after` twice: when a write is queued, so that a mistake is raised at the
caller before anything happens, and again when it is carried out.
"""

from typing import TypeAlias

from plait.base.errors import UsageError
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    DropRescued,
    LineExtent,
    PutHardState,
    ResetLine,
    TrimPrefix,
)

LineWrite: TypeAlias = AppendRows | CutSuffix | TrimPrefix | ResetLine | PutHardState

NEW_LINE = LineExtent(head=0, tail=0)


def extent_after(extent: LineExtent, write: LineWrite) -> LineExtent:
    """The line's extent once `write` is done; `UsageError` if it cannot follow on `extent`."""
    head, tail, hard_state = extent.head, extent.tail, extent.hard_state
    match write:
        case AppendRows(start=start, rows=rows):
            if start != tail:
                raise UsageError(
                    f"append to line {write.line!r} at {start}, but its tail is {tail}"
                )
            return LineExtent(head, tail + len(rows), hard_state)
        case CutSuffix(start=start):
            if start < head:
                raise UsageError(f"cut line {write.line!r} at {start}, but its head is {head}")
            return LineExtent(head, min(start, tail), hard_state)
        case TrimPrefix(before=before):
            return LineExtent(max(head, min(before, tail)), tail, hard_state)
        case ResetLine(head=new_head):
            if new_head < 0:
                raise UsageError(f"line {write.line!r} cannot begin at {new_head}")
            return LineExtent(new_head, new_head, hard_state)
        case PutHardState(data=data):
            return LineExtent(head, tail, data)


class Extents:
    """The extents of all lines, moved on by every write in turn."""

    def __init__(self, lines: dict[str, LineExtent]) -> None:
        self.lines = dict(lines)

    def follow(self, writes: "tuple[LineWrite | DropRescued, ...]") -> None:
        """Move on by `writes`, all or none: an error leaves everything as it was."""
        changed: dict[str, LineExtent] = {}
        for write in writes:
            if isinstance(write, DropRescued):
                continue
            line = write.line
            before = changed.get(line) or self.lines.get(line, NEW_LINE)
            changed[line] = extent_after(before, write)
        self.lines.update(changed)
