"""A document as a shelf holds it: objects by path, markers, and what changed since when.

An object's *live dots* decide whether a deletion covers it. For types made of cells they are the
dots of the cells. Other types do not say which events their state comes from, so the object keeps
its *touches*: the operations on it that no later one has seen. That is a dot store too (an
operation takes the touches that it has seen and puts itself; CLEAR takes those that it has seen),
is joined as one, and so is the same on all three roads. Touches suffice: whoever has seen an
operation has seen all that it had seen.

Life of a change: an object is *quiet* until it is first written after `settle`; that write *wakes*
it, which notes what storage, counts and drafts need. Later writes pay one look at `quiet`.

Invariants: `awake` has the objects that are not quiet; `changed` those whose rows are old;
`nesting` has exactly the paths of `objects`.
"""

from collections.abc import Iterable
from typing import Any

from plait.base.causality import Context, Dot, VersionVector
from plait.graph.event import Event
from plait.types.cells import Cells, CellType
from plait.types.graph_type import GraphType, Here
from plait.types.hiding import Markers, Settled, wiping
from plait.types.nesting import Nesting
from plait.types.opaque import CLEARS, WIPES, Opaque, clear, clearable
from plait.types.paths import Path


class ShelvedObject:
    """One object of a document."""

    __slots__ = ("opaque", "paged", "pages", "quiet", "state", "touches", "type")

    def __init__(self, type_: GraphType[Any], state: Any) -> None:
        self.type = type_
        self.state = state
        self.opaque = not type_.of_cells and isinstance(type_, Opaque)
        self.quiet = True
        self.paged = False  # its slots have rows of their own
        self.pages = 0  # that have rows of their own; see `GraphType.pages`
        self.touches: dict[Dot, None] | None = None if type_.of_cells else {}

    def touch(self, event: Event) -> None:
        """An operation was applied to an object without cells."""
        touches, sees = self.touches, event.sees
        if touches:
            self.touches = touches = {dot: None for dot in touches if not sees(dot)}
            touches[event.dot] = None
        else:
            self.touches = {event.dot: None}

    def say_clearing(self, body: Any, event: Event) -> None:
        """What the author of a clear said for a type that cannot tell what was seen."""
        if self.type.clearing is not None:
            self.type.apply(self.state, body, event)

    def clear(self, event: Event, wipes: bool) -> None:
        """Take back what the event has seen; types that cannot keep it. See `wiping`."""
        type_ = self.type
        if isinstance(type_, Opaque):
            type_.hear(self.state, None, event, WIPES if wipes else CLEARS)
        else:
            clear(type_, self.state, wiping(event) if wipes and not type_.of_events else event)
        if self.touches:
            self.touches = {dot: None for dot in self.touches if not event.sees(dot)}

    def become(self, type_: GraphType[Any], state: Any) -> None:
        """The type is known now."""
        self.type, self.state, self.opaque = type_, state, False
        if isinstance(type_, CellType):
            self.touches = None

    def alive(self) -> bool:
        """Whether anything is there."""
        return self.type.alive(self.state)

    def dots(self) -> Iterable[Dot]:
        """The live dots."""
        if self.touches is not None:
            return self.touches
        assert isinstance(self.type, CellType)
        return self.type.dots(self.state)

    def empty(self) -> bool:
        """Whether it is as if it had never been written."""
        if isinstance(self.state, Cells):
            return not self.state.slots
        type_, state = self.type, self.state
        return not type_.alive(state) and type_.encode(state) == type_.encode(type_.zero())

    def copy(self) -> "ShelvedObject":
        """Another with an equal state."""
        other = ShelvedObject(self.type, self.type.decode(self.type.encode(self.state)))
        if self.touches is not None:
            other.touches = dict(self.touches)
        return other


class ObjectMark:
    """An object before a draft touched it."""

    __slots__ = ("mark", "object", "slots", "touches")

    def __init__(self, object_: ShelvedObject) -> None:
        state = object_.state
        self.object = object_
        self.slots = set(state.dirty) if isinstance(state, Cells) else None
        self.touches = object_.touches
        self.mark = object_.type.mark(state)

    def rollback(self) -> None:
        """As it was."""
        object_ = self.object
        object_.state = object_.type.rollback(object_.state, self.mark)
        object_.touches = self.touches
        if self.slots is not None:
            object_.state.dirty = self.slots

    def keep(self) -> None:
        """The draft was kept."""
        self.object.type.keep(self.object.state, self.mark)


class ShelvedDocument:
    """The objects under one key, and what is known of their rows."""

    __slots__ = (
        "awake", "changed", "gone", "key", "markers", "nesting", "objects",
        "shown", "shown_in_row", "spread", "stale", "used",
    )  # fmt: skip

    def __init__(self, key: str) -> None:
        self.key = key
        self.objects: dict[Path, ShelvedObject] = {}
        self.nesting = Nesting()
        self.markers = Markers()
        self.awake: list[ShelvedObject] = []
        self.stale = False  # `shown` may be out of date
        self.shown = False  # counted as visible
        self.changed: dict[Path, None] = {}
        self.gone: dict[bytes, None] = {}  # rows to remove, unless they are written again
        self.shown_in_row = False
        self.spread = False  # its objects have rows of their own
        self.used = True  # since `evict` last looked

    def add(self, path: Path, type_: GraphType[Any]) -> ShelvedObject:
        """A new object."""
        object_ = self.objects[path] = ShelvedObject(type_, type_.zero())
        self.nesting.add(path)
        return object_

    def wake(self, path: Path, object_: ShelvedObject) -> None:
        """The object will change."""
        object_.quiet = False
        self.awake.append(object_)
        self.changed[path] = None

    def settle(self) -> None:
        """The next write to an object wakes it again."""
        for object_ in self.awake:
            object_.quiet = True
        self.awake.clear()
        self.stale = False

    def drop(self, path: Path) -> None:
        """Forget an object."""
        del self.objects[path]
        self.nesting.drop(path, self.objects)

    def below(self, prefix: Path) -> list[tuple[Path, ShelvedObject]]:
        """The objects at and below a path."""
        if not prefix:
            return list(self.objects.items())
        find = self.objects.get
        found = ((path, find(path)) for path in self.nesting.below(prefix))
        return [(path, object_) for path, object_ in found if object_ is not None]

    def alive(self, path: Path) -> bool:
        """Whether the very object is alive."""
        object_ = self.objects.get(path)
        return object_ is not None and object_.alive()

    def clearing(self, prefix: Path, here: Here) -> list[tuple[Path, Any]] | None:
        """The body of a CLEAR of all at and below a path: what types say beside it."""
        said = []
        for path, object_ in self.below(prefix):
            type_ = object_.type
            if type_.clearing is not None:
                body = type_.prepare(object_.state, type_.clearing, here)
                if body is not None:
                    said.append((path, body))
        return said or None

    def clear(self, prefix: Path, body: Any, event: Event) -> None:
        """A CLEAR, with its body; the objects are awake."""
        for path, said in _said(body):
            object_ = self.objects.get(path)
            if object_ is not None and path[: len(prefix)] == prefix:
                object_.say_clearing(said, event)
        for _, object_ in self.below(prefix):
            object_.clear(event, wipes=not prefix)

    def dots(self) -> list[Dot]:
        """The live dots of all that is alive."""
        return [dot for o in self.objects.values() if o.alive() for dot in o.dots()]

    def there(self) -> bool:
        """Whether anything is alive, hidden or not."""
        for object_ in self.objects.values():  # noqa: SIM110 - half the cost of `any`
            if object_.type.alive(object_.state):
                return True
        return False

    def visible(self) -> bool:
        """Whether anything is alive and the document is not hidden."""
        if not self.there():
            return False
        return not self.markers or not self.markers.hide(self.dots())

    def hidden(self) -> bool:
        """Whether the document is deleted."""
        return bool(self.markers) and self.markers.hide(self.dots())

    # ------------------------------------------------------------------ folding

    def settled(self, cut: Context) -> Settled:
        """What folding to the cut does to the markers and what they cover."""
        if not self.markers:
            return Settled.OPEN
        settled = self.markers.settled(self.dots(), cut)
        if settled is Settled.HIDDEN and not all(_can_go(o) for o in self.objects.values()):
            return Settled.OPEN
        return settled

    def image(self, cut: Context) -> list[Any]:
        """The document as canonical data: what it is once it is folded to the cut."""
        settled = self.settled(cut)
        objects = []
        for path, object_ in sorted(self.objects.items()):
            if settled is Settled.HIDDEN:
                object_ = object_.copy()
                object_.clear(seen_by_all(cut), wipes=False)
            type_ = object_.type
            data = type_.canonical(object_.state, cut)
            if data != type_.canonical(type_.zero(), cut):
                objects.append([path, data])
        markers = self.markers
        if settled is not Settled.OPEN:
            stable = markers.stable(cut)
            markers = Markers({dot: c for dot, c in markers.items() if dot not in stable})
        return [self.key, markers.data(), objects] if objects or markers else []


def _said(body: Any) -> list[tuple[Path, Any]]:
    """The body of a CLEAR; nothing for one that makes no sense."""
    try:
        said = [(tuple(path), its) for path, its in body or ()]
    except (TypeError, ValueError):
        return []
    return [(path, its) for path, its in said if all(type(part) is str for part in path)]


def seen_by_all(cut: Context) -> Event:
    """Not an event of any replica: as if somebody who has seen the cut did something."""
    return Event(0, 0, 0, VersionVector(cut))


def _can_go(object_: ShelvedObject) -> bool:
    return not object_.opaque and (clearable(object_.type) or not object_.alive())
