"""The state of registers that keep concurrent writes: which write replaced which.

::

    a ◄── b ◄── d         an arrow points to what a write replaced, its *parents*
     ◄─── c               heads: d and c, which no other write replaced; base: a

A *critical* write is one with which every other is comparable: all that is kept is an ancestor or
a descendant of it. The base of several heads is the latest critical one: what their authors last
agreed on. A clear is a write without value, so that it needs no rule of its own.

One slot; cells ``[stamp, parents, value]`` (a write), ``[stamp, parents]`` (a clear) and
``[heads]`` (a contest: while exactly these heads stand, somebody must decide).

Invariants: parents are kept cells, in order; a contest lists the heads that stand, several.

Source: the version graphs of Mercurial and Git; "critical version" as in Gentle, Kleppmann,
"Collaborative Text Editing with Eg-walker" (2025).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from plait.base.causality import Context, Dot
from plait.graph.event import Event
from plait.types.cells import Cells, covered
from plait.types.graph_type import Slot

SLOT = b""

Cell: TypeAlias = list[Any]
CONTEST, CLEAR, WRITE = 1, 2, 3  # lengths of cells


class Place(NamedTuple):
    """A write in a topological order of all."""

    dot: Dot
    critical: bool


class Writes(Cells):
    """Cells that know their heads."""

    __slots__ = ("_heads", "merged", "told")

    def __init__(self) -> None:
        super().__init__()
        self._heads: list[Dot] | None = None
        self.merged: tuple[Any, bytes | None] | None = None  # of which heads, and the outcome
        self.told: list[Dot] = []  # the heads whose outcome other replicas were told last

    def put(self, slot: Slot, dot: Dot, payload: Any) -> None:
        """Add a cell. A write is the greatest head if nothing is concurrent to it."""
        super().put(slot, dot, payload)
        if len(payload) != CONTEST and self._heads is not None:
            cells = self.cells
            parents = payload[1]
            heads = [head for head in self._heads if head not in parents]
            self._heads = sorted([*heads, dot], key=lambda head: (cells[head][0], head))

    def replace(self, slot: Slot, cells: dict[Dot, Any]) -> None:
        """Let the slot hold these cells and no others."""
        self._heads = None
        super().replace(slot, cells)

    @property
    def cells(self) -> dict[Dot, Cell]:
        """All cells; not to be changed."""
        return self.slots.get(SLOT) or {}

    @property
    def heads(self) -> list[Dot]:
        """Writes and clears that none replaced, by (stamp, replica, sequence number)."""
        if self._heads is None:
            self._heads = heads_of(self.cells)
        return self._heads

    @property
    def standing(self) -> list[Dot]:
        """Heads with a value; the last is shown."""
        cells = self.cells
        return [head for head in self.heads if len(cells[head]) == WRITE]

    @property
    def contested(self) -> bool:
        """Whether somebody must decide."""
        return len(self.heads) > 1 and any(len(cell) == CONTEST for cell in self.cells.values())

    def heads_seen(self, event: Event) -> list[Dot]:
        """What were the heads for an event's author.

        What was folded away here is below a write that every later event has seen, so it is no
        head for any of them: every replica finds the same.
        """
        heads = self.heads
        if all(map(event.sees, heads)):
            return heads
        return heads_of({dot: cell for dot, cell in self.cells.items() if event.sees(dot)})


def heads_of(cells: Mapping[Dot, Cell]) -> list[Dot]:
    """Writes and clears that none of these replaced, greatest last."""
    replaced = {dot for cell in cells.values() if len(cell) != CONTEST for dot in cell[1]}
    heads = [
        (cell[0], dot)
        for dot, cell in cells.items()
        if len(cell) != CONTEST and dot not in replaced
    ]
    return [dot for _, dot in sorted(heads)]


def tidy(cells: Mapping[Dot, Cell]) -> dict[Dot, Cell]:
    """The cells with the invariants made true, after some went or came."""
    cells = _without_idle_clears(cells)
    heads: list[Dot] | None = None
    result: dict[Dot, Cell] = {}
    for dot, cell in cells.items():
        if len(cell) == CONTEST:
            heads = heads_of(cells) if heads is None else heads
            if len(heads) > 1 and tuple(sorted(heads)) == cell[0]:
                result[dot] = cell
        elif all(parent in cells for parent in cell[1]):
            result[dot] = cell
        else:
            parents = tuple([parent for parent in cell[1] if parent in cells])
            result[dot] = [cell[0], parents, *cell[2:]]
    return result


def _without_idle_clears(cells: Mapping[Dot, Cell]) -> Mapping[Dot, Cell]:
    """Drop clears that lost every write that they replaced, with the clear of a whole document:
    where that came first, they found nothing to clear and left no cell."""
    while True:
        dot = next((dot for dot in cells if _is_idle_clear(cells, dot)), None)
        if dot is None:
            return cells
        heirs = cells[dot][1]
        kept = {other: cell for other, cell in cells.items() if other != dot}
        for other, cell in kept.items():
            if len(cell) != CONTEST and dot in cell[1]:
                parents = sorted({*cell[1], *heirs} - {dot})
                kept[other] = [cell[0], tuple(parents), *cell[2:]]
        cells = kept


def _is_idle_clear(cells: Mapping[Dot, Cell], dot: Dot) -> bool:
    cell = cells[dot]
    if len(cell) != CLEAR:
        return False
    return all(parent not in cells or len(cells[parent]) == CLEAR for parent in cell[1])


def in_order(cells: Mapping[Dot, Cell]) -> list[Place]:
    """Writes and clears, each after its parents. Empty if that cannot be (nobody honest sends it).

    When a write comes and no other could have come in its place, all that follow descend from
    it; when it is then the only head, all that came descend to it: so it is critical.
    """
    waiting: dict[Dot, int] = {}
    children: dict[Dot, list[Dot]] = {}
    for dot, cell in cells.items():
        if len(cell) != CONTEST:
            waiting[dot] = len(cell[1])
            for parent in cell[1]:
                children.setdefault(parent, []).append(dot)
    ready = [dot for dot, count in waiting.items() if not count]
    heads: set[Dot] = set()
    places: list[Place] = []
    while ready:
        dot = ready.pop()
        heads.difference_update(cells[dot][1])
        heads.add(dot)
        places.append(Place(dot, not ready and len(heads) == 1))
        for child in children.get(dot, ()):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return places if len(places) == len(waiting) else []


def base_of(cells: Mapping[Dot, Cell]) -> Cell | None:
    """The latest critical write below all heads, if there are several; None for none or a clear.

    Folding makes no difference: it drops only what is below a critical write, and drops that one
    too only if it is a clear, and then nothing above it has another base than nothing.
    """
    latest = None
    for place in in_order(cells):
        if place.critical:
            latest = cells[place.dot]
    return latest if latest is not None and len(latest) == WRITE else None


def folded(cells: dict[Dot, Cell], cut: Context) -> dict[Dot, Cell]:
    """Drop what is strictly below the latest critical write that is stable.

    Every event still to come has seen that write, and replaces at least one of its author's heads;
    all those are the write or descend from it. So nothing that comes is concurrent to it or has
    parents below it, and it stays critical: what is below is neither a head nor a base again.
    It is dropped itself if it is a clear: no value, and as a base it is none.
    """
    if len(cells) == 1:
        ((dot, cell),) = cells.items()
        return {} if len(cell) == CLEAR and covered(dot, cut) else cells
    places = in_order(cells)
    for index in range(len(places) - 1, -1, -1):
        dot, critical = places[index]
        if critical and covered(dot, cut):
            last = index + 1 if len(cells[dot]) == CLEAR else index
            break
    else:
        return cells
    if not last:
        return cells
    dropped = {place.dot for place in places[:last]}
    return tidy({dot: cell for dot, cell in cells.items() if dot not in dropped})


def dots_of(pairs: Any) -> tuple[Dot, ...]:
    """Dots as they stand in cells, from pairs; ValueError or TypeError for what is none."""
    dots: list[Dot] = []
    if not isinstance(pairs, list | tuple):
        raise ValueError(f"{pairs!r} are no dots")
    for replica, seq in pairs:
        if type(replica) is not int or type(seq) is not int or replica < 1 or seq < 1:
            raise ValueError(f"({replica!r}, {seq!r}) is no dot")
        dots.append((replica, seq))
    if sorted(set(dots)) != dots:
        raise ValueError("dots out of order")
    return tuple(dots)
