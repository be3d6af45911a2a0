"""What an operation did, for those who watch: values before and after, as far as it reached."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from plait.graph.event import DELETE, Event, Op
from plait.types.paths import Path
from plait.types.shelf_roads import touched_slots
from plait.types.shelved_document import ShelvedDocument, ShelvedObject

Observer: TypeAlias = Callable[[str, Path, Op, Event, Any, Any], None]
Told: TypeAlias = tuple[Path, Op, Event, Any, Any]


def tell_apply(
    document: ShelvedDocument, op: Op, event: Event, act: Callable[[], None]
) -> Iterator[Told]:
    """An operation on an object; and, if it revives the document, path () from False to True."""
    hidden = document.hidden()
    object_ = document.objects.get(op.path)
    if object_ is None:
        act()
        object_ = document.objects.get(op.path)
        if object_ is None:
            return
        type_ = object_.type
        slots = touched_slots(type_, op.body, event.dot)
        before = type_.partial(type_.zero(), slots)
    elif object_.type.of_events:
        yield from _tell_patches(document, object_, op, event, act)
        return
    else:
        type_ = object_.type
        slots = touched_slots(type_, op.body, event.dot)
        before = type_.partial(object_.state, slots)
        act()
    if hidden and not document.hidden():
        yield (), op, event, False, True
    yield op.path, op, event, before, type_.partial(object_.state, slots)


def told_anew(
    before: ShelvedDocument | None, after: ShelvedDocument
) -> Iterator[tuple[Path, Any, Any]]:
    """A document was made anew: the objects whose values are others, with both."""
    was = {} if before is None else before.objects
    for path in dict.fromkeys((*was, *after.objects)):
        old, new = was.get(path), after.objects.get(path)
        one = old or new
        assert one is not None, "it is in one of them"
        values = [one.type.value(one.type.zero() if o is None else o.state) for o in (old, new)]
        if values[0] != values[1]:
            yield path, values[0], values[1]


def _tell_patches(
    document: ShelvedDocument, object_: ShelvedObject, op: Op, event: Event, act: Callable[[], None]
) -> Iterator[Told]:
    """Of a sequence: no values, but patches that lead from one to the other."""
    hidden = document.hidden()
    patches = object_.type.watching(object_.state, act)
    if hidden and not document.hidden():
        yield (), op, event, False, True
    yield op.path, op, event, None, patches


def tell_others(
    document: ShelvedDocument, op: Op, event: Event, act: Callable[[], None]
) -> Iterator[Told]:
    """A CLEAR, object by object; or a DELETE, as path () from True to False."""
    if op.kind == DELETE:
        before = document.visible()
        act()
        if before != document.visible():
            yield (), op, event, before, not before
        return
    told = [
        (path, object_, object_.type.value(object_.state))
        for path, object_ in document.below(op.path)
        if object_.alive()
    ]
    act()
    for path, object_, value in told:
        yield path, op, event, value, object_.type.value(object_.state)
