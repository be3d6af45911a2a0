"""Documents as fragments, and fragments joined into documents: the delta and state roads.

A fragment is one of three::

    whole, data [objects, markers]           everything at and below the path, as it is: what the
                                             receiver has there and is not listed, the sender lacks
    not whole, data [data, form, touches,    one object: touched slots, or all of it; `markers` are
                     markers]                all of its document (none: the sender has none)
    key "" and data true                     the sender has folded markers (`Shelf.forgot`)

Each stands for itself: fragments may be cut apart anywhere, and joined in any order.

Invariant: a fragment that no replica can have sent raises `BadFrame`; the caller takes back what
was joined before it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from plait.base.causality import Context, Dot
from plait.base.errors import BadFrame
from plait.graph.event import APPLY, Op
from plait.graph.fold import Fragment
from plait.types.graph_type import GraphType, Slot
from plait.types.hiding import dots_joined, read_dots
from plait.types.nesting import holds
from plait.types.opaque import Opaque, read_log, realise
from plait.types.paths import Path, tag_of
from plait.types.shelved_document import ShelvedDocument, ShelvedObject

SLOTS = 0  # forms: some slots of an object
OBJECT = 1  # all of an object
LOG = 2  # what a replica heard that does not know the type

FORGOT = Fragment("", (), False, True)

TypeOf: TypeAlias = Callable[[str], GraphType[Any]]
Wake: TypeAlias = Callable[[ShelvedDocument, Path], ShelvedObject]  # adds it if need be


class Joining(NamedTuple):
    """What a join knows."""

    mine: Context
    theirs: Context
    type_of: TypeOf
    wake: Wake
    wake_document: Callable[[ShelvedDocument], None]


class Touched:
    """What operations touched in one document."""

    __slots__ = ("slots", "whole")

    def __init__(self) -> None:
        self.whole: dict[Path, None] = {}
        self.slots: dict[Path, dict[Slot, None] | None] = {}

    def touch(self, op: Op, dot: Dot, type_of: TypeOf) -> None:
        """Add what an operation touched."""
        if op.kind != APPLY:
            self.whole[op.path] = None
            return
        if not holds(op.path):
            return
        slots = touched_slots(type_of(tag_of(op.path[-1])), op.body, dot)
        known = self.slots.setdefault(op.path, {})
        if slots is None:
            self.slots[op.path] = None
        elif known is not None:
            known.update(dict.fromkeys(slots))

    def fragments(self, document: ShelvedDocument, type_of: TypeOf) -> Iterator[Fragment]:
        """What stands there now."""
        if not self.whole:
            for path, slots in self.slots.items():
                yield _part(document, path, slots, type_of)
            return
        whole = [path for path in self.whole if not any(path[:n] in self.whole for n in _up(path))]
        for path in whole:
            yield bundle(document, path)
        for path, slots in self.slots.items():
            if not any(path[: len(prefix)] == prefix for prefix in whole):
                yield _part(document, path, slots, type_of)


def touched_slots(type_: GraphType[Any], body: Any, dot: Dot) -> list[Slot] | None:
    """`event_slots`, also for bodies that make no sense."""
    try:
        slots = type_.event_slots(body, dot)
        return None if slots is None else list(slots)
    except (TypeError, ValueError, LookupError, AttributeError):
        return None


def bundle(document: ShelvedDocument, prefix: Path) -> Fragment:
    """Everything at and below a path."""
    objects = [
        (path, *_content(object_, None)) for path, object_ in sorted(document.below(prefix))
        if not object_.empty()
    ]  # fmt: skip
    return Fragment(document.key, prefix, True, [objects, document.markers.data()])


def _part(
    document: ShelvedDocument, path: Path, slots: dict[Slot, None] | None, type_of: TypeOf
) -> Fragment:
    object_ = document.objects.get(path)
    if object_ is None:
        type_ = type_of(tag_of(path[-1]))
        object_ = ShelvedObject(type_, type_.zero())
    content = _content(object_, slots)
    return Fragment(document.key, path, False, [*content, document.markers.data()])


def _content(object_: ShelvedObject, slots: dict[Slot, None] | None) -> tuple[Any, int, Any]:
    form = LOG if object_.opaque else OBJECT if slots is None else SLOTS
    touches = None if object_.touches is None else sorted(object_.touches)
    return object_.type.delta(object_.state, slots), form, touches


# ----------------------------------------------------------------------------- joining


def join(document: ShelvedDocument, fragment: Fragment, joining: Joining) -> None:
    """Join one fragment into its document; raises `BadFrame`, perhaps half-way."""
    try:
        if fragment.whole:
            objects, markers = fragment.data
            listed = [(tuple(path), data, form, t) for path, data, form, t in objects]
        else:
            data, form, touches, markers = fragment.data
            listed = [(tuple(fragment.path), data, form, touches)]
    except (TypeError, ValueError) as error:
        raise BadFrame(f"no fragment of a document: {error}") from None
    prefix = tuple(fragment.path)
    for path, data, form, touches in listed:
        if path[: len(prefix)] != prefix or not _is_path(path):
            raise BadFrame(f"{path!r} is no path below {prefix!r}")
        _join_object(joining.wake(document, path), data, form, touches, joining)
    if fragment.whole:
        drop_others(document, prefix, {path for path, *_ in listed}, joining)
    if (document.markers or markers) and markers != document.markers.data():
        joining.wake_document(document)
        document.markers.join(markers, joining.mine, joining.theirs)


def drop_others(
    document: ShelvedDocument, prefix: Path, listed: set[Path], joining: Joining
) -> None:
    """The sender has nothing else below the prefix: what it has seen of that was removed."""
    for path, object_ in document.below(prefix):
        if path not in listed and not object_.empty():
            joining.wake(document, path)
            type_ = object_.type
            if isinstance(type_, Opaque):
                type_.gone(object_.state, joining.theirs)
            else:
                nothing = type_.delta(type_.zero(), None)
                type_.join(object_.state, nothing, joining.mine, joining.theirs, True)
            if object_.touches is not None:
                object_.touches = dots_joined(object_.touches, {}, joining.mine, joining.theirs)


def _join_object(
    object_: ShelvedObject, data: Any, form: Any, touches: Any, joining: Joining
) -> None:
    if form not in (SLOTS, OBJECT, LOG):
        raise BadFrame(f"{form!r} is no form of an object")
    type_, state = object_.type, object_.state
    mine, theirs = joining.mine, joining.theirs
    if isinstance(type_, Opaque):
        if form == LOG:
            type_.join(state, data, mine, theirs, True)
        else:
            type_.take(state, data, theirs, form == OBJECT)
    elif form == LOG:
        known = type_.delta(realise(type_, read_log(data)), None)
        type_.join(state, known, mine, theirs, True)
    else:
        type_.join(state, data, mine, theirs, form == OBJECT)
    if object_.touches is not None:
        # a sender that knows the type as one of cells sends none; so the markers decide alone
        object_.touches = dots_joined(object_.touches, read_dots(touches or ()), mine, theirs)


def _is_path(path: Path) -> bool:
    for part in path:
        if type(part) is not str:
            return False
    return holds(path)


def _up(path: Path) -> Iterable[int]:
    return range(len(path))
