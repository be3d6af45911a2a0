"""A fold small enough to be obviously right: sets of which adds or removes win, and counters.

Path components: `aw:` add-wins set, `rw:` remove-wins set, `n:` counter. Bodies: ["add", bytes],
["remove", bytes], ["inc", number].
"""

from collections.abc import Iterable, Iterator
from typing import Any

from plait.base.causality import NOTHING, Context, Dot
from plait.base.codec import encode
from plait.graph.event import Event, Op
from plait.graph.fold import Fragment
from plait.types.cells import Cells, CellType, covered
from plait.types.graph_type import Slot


class Small(CellType):
    """All three in one: a slot behaves as its object's tag says."""

    tag = "small"

    def prepare(self, state: Cells, mutation: Any, here: Any) -> Any:
        return list(mutation)

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        kind, argument = body
        if kind == "inc":
            mine = state.slots.get(event.replica, {})
            total = sum(mine.values()) + argument
            state.replace(event.replica, {event.dot: total})
            return
        state.take(argument, event)
        if kind in ("add", "ban"):
            state.put(argument, event.dot, kind == "add")

    def fold(self, state: Cells, cut: Context) -> None:
        def keep(slot: Slot, cells: dict[Any, Any]) -> dict[Any, Any]:
            banned = not isinstance(slot, int) and not all(cells.values())
            return {} if banned and all(covered(dot, cut) for dot in cells) else cells

        self.fold_slots(state, keep)

    def value(self, state: Cells) -> Any:
        return {slot for slot, cells in state.slots.items() if all(cells.values())}

    def gen_op(self, random: Any, state: Cells) -> Any:
        raise NotImplementedError


SMALL = Small()


class SmallFold:
    """Documents as dicts of cells."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, tuple[str, ...]], Cells] = {}

    def _at(self, key: str, path: tuple[str, ...]) -> Cells:
        return self.objects.setdefault((key, tuple(path)), Cells())

    def apply(self, op: Op, event: Event) -> None:
        SMALL.apply(self._at(op.key, op.path), op.body, event)

    def delta(self, events: Iterable[tuple[Op, Dot]]) -> Iterator[Fragment]:
        touched: dict[tuple[str, tuple[str, ...]], dict[Slot, None]] = {}
        for op, (author, _) in events:
            slot = author if op.body[0] == "inc" else op.body[1]
            touched.setdefault((op.key, tuple(op.path)), {})[slot] = None
        for (key, path), slots in touched.items():
            yield Fragment(key, path, False, SMALL.delta(self._at(key, path), slots))

    def state(self, keys: Iterable[str] | None = None) -> Iterator[Fragment]:
        wanted = None if keys is None else list(keys)
        for (key, path), cells in sorted(self.objects.items()):
            if wanted is not None and key not in wanted:
                continue
            yield Fragment(key, path, True, SMALL.delta(cells, None))

    def join(
        self, fragments: Iterable[Fragment], mine: Context, theirs: Context, whole: bool
    ) -> None:
        came = set()
        for part in fragments:
            came.add((part.key, tuple(part.path)))
            cells = self._at(part.key, part.path)
            SMALL.join(cells, part.data, mine, theirs, part.whole)
        if whole:
            for place, cells in self.objects.items():
                if place not in came:
                    SMALL.join(cells, [], mine, theirs, True)

    def fold(self, cut: Context) -> None:
        for cells in self.objects.values():
            SMALL.fold(cells, cut)

    def refold(
        self,
        key: str,
        events: Iterable[tuple[Op, Event]],
        fragments: Iterable[Fragment] = (),
        theirs: Context = NOTHING,
    ) -> None:
        for place in [p for p in self.objects if p[0] == key]:
            del self.objects[place]
        self.join(fragments, {}, theirs, False)
        for op, event in events:
            self.apply(op, event)

    def canonical(self, cut: Context) -> bytes:
        return encode(
            [
                [key, path, SMALL.canonical(cells, cut)]
                for (key, path), cells in sorted(self.objects.items())
                if SMALL.canonical(cells, cut) != SMALL.canonical(Cells(), cut)
            ]
        )

    def items(self, key: str, path: tuple[str, ...]) -> set[Slot]:
        """The elements of a set."""
        cells = self.objects.get((key, path))
        return SMALL.value(cells) if cells else set()

    def total(self, key: str, path: tuple[str, ...]) -> int:
        """The value of a counter."""
        cells = self.objects.get((key, path), Cells())
        return sum(sum(slot.values()) for slot in cells.slots.values())

    def dump(self) -> list[Fragment]:
        """Everything, for a restart."""
        return list(self.state())

    @classmethod
    def load(cls, dump: list[Fragment]) -> "SmallFold":
        fold = cls()
        fold.join(dump, {}, {}, True)
        return fold
