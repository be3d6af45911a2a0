"""The space–time diagram of a run in text: a column for each replica, time runs down.

::

         A                      B
     1   a1 add('x')            │
     2   ├────────── a1 ───────▶●
     3   a2 remove('x')         │
     4   ●◀───────── state ─────┤

An arrow is named after its road: the names of the events, or delta or state.
"""

from collections.abc import Sequence

from plait.check.laws.world import Mark

COLUMN_MIN = 16
COLUMN_MAX = 60


def draw_diagram(names: Sequence[str], marks: Sequence[Mark]) -> str:
    """The diagram; columns of replicas that do nothing are left out."""
    used = sorted({mark.site for mark in marks} | {m.source for m in marks if m.source is not None})
    columns = {site: place for place, site in enumerate(used)}
    longest = max((len(mark.text) for mark in marks), default=0)
    width = min(COLUMN_MAX, max(COLUMN_MIN, longest + 6))
    lines = ["      " + "".join(names[site].ljust(width) for site in used)]
    for number, mark in enumerate(marks, 1):
        row = list("│".ljust(width) * len(used))
        if mark.source is None:
            _write(row, columns[mark.site] * width, mark.text)
        else:
            _arrow(row, columns[mark.source] * width, columns[mark.site] * width, mark.text)
        lines.append(f"{number:>4}  " + "".join(row))
    return "\n".join(line.rstrip() for line in lines)


def _write(row: list[str], start: int, text: str) -> None:
    """Put text over the row, beyond its end if need be."""
    row[start : start + len(text)] = text


def _arrow(row: list[str], source: int, target: int, text: str) -> None:
    left, right = min(source, target), max(source, target)
    room = max(0, right - left - 3)
    label = f" {text} ".center(room, "─")[: max(room, len(text) + 2)]
    shaft = f"{label}▶" if source < target else f"◀{label}"
    ends = ("├", "●") if source < target else ("●", "┤")
    row[left : right + 1] = ends[0] + shaft.ljust(room + 1, "─")[: right - left - 1] + ends[1]
